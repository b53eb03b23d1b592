# Compiler and linker flags of every target; the warning list is docs/DESIGN.md's.

add_library(restmark_flags INTERFACE)

set(warnings -Wall -Wextra -Wshadow -Wconversion -Wformat=2 -Wundef -Wvla -Wpointer-arith)
if(RESTMARK_WERROR)
  list(APPEND warnings -Werror)
endif()
target_compile_options(restmark_flags INTERFACE ${warnings} -fno-common
  $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition>)
target_compile_definitions(restmark_flags INTERFACE _GNU_SOURCE)

if(RESTMARK_ASAN)
  set(sanitizers -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_compile_options(restmark_flags INTERFACE ${sanitizers})
  target_link_options(restmark_flags INTERFACE ${sanitizers})
endif()

# Hardening. FORTIFY needs optimisation and does not go with the sanitizers; packagers may bring their own level.
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
target_compile_options(restmark_flags INTERFACE -fstack-protector-strong)
target_link_options(restmark_flags INTERFACE -pie -Wl,-z,relro,-z,now,-z,noexecstack)
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g")
if(NOT RESTMARK_ASAN AND NOT "${CMAKE_C_FLAGS}" MATCHES "FORTIFY_SOURCE")
  target_compile_options(restmark_flags INTERFACE
    $<$<CONFIG:Release>:-U_FORTIFY_SOURCE>)
  target_compile_definitions(restmark_flags INTERFACE $<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
endif()

if(RESTMARK_LTO AND CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT RESTMARK_ASAN)
  include(CheckIPOSupported)
  check_ipo_supported(RESULT lto_works OUTPUT lto_why LANGUAGES C CXX)
  if(lto_works)
    set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
  else()
    message(STATUS "Link-time optimisation is off: ${lto_why}")
  endif()
endif()
