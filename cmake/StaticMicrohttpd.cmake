# -DRESTMARKD_STATIC_MICROHTTPD=ON: the library within the program, and without GnuTLS and the eight libraries that this brings, which restmarkd never calls: it asks
# for no TLS. The library's archive still names functions of GnuTLS; here each of these is one that ends the process, but for the two of its start and end.

set(RESTMARK_TLS_CALLS_AT_START gnutls_global_init gnutls_global_deinit)

# Writes the functions that an archive wants of GnuTLS into a file.
function(restmark_write_no_tls archive file)
  execute_process(COMMAND "${CMAKE_NM}" --undefined-only "${archive}" OUTPUT_VARIABLE undefined ERROR_QUIET COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "gnutls_[a-z0-9_]+" names "${undefined}")
  list(REMOVE_DUPLICATES names)
  list(REMOVE_ITEM names ${RESTMARK_TLS_CALLS_AT_START})
  list(SORT names)
  set(text "/* Made by cmake/StaticMicrohttpd.cmake of ${archive}. */\n#include <stdlib.h>\n\n")
  string(APPEND text "int gnutls_global_init(void);\nint gnutls_global_init(void) {\n        return 0;\n}\n\n")
  string(APPEND text "void gnutls_global_deinit(void);\nvoid gnutls_global_deinit(void) {\n}\n")
  foreach(name IN LISTS names)
    string(APPEND text "\n_Noreturn void ${name}(void);\n_Noreturn void ${name}(void) {\n        abort();\n}\n")
  endforeach()
  file(CONFIGURE OUTPUT "${file}" CONTENT "${text}")
endfunction()

# Makes `target` of the archive. Needs what pkg-config found of the library.
function(restmark_static_microhttpd target)
  find_library(archive NAMES libmicrohttpd.a HINTS ${dep_microhttpd_LIBRARY_DIRS} "${dep_microhttpd_LIBDIR}" REQUIRED NO_CACHE)
  restmark_write_no_tls("${archive}" "${PROJECT_BINARY_DIR}/no_tls.c")
  add_library(${target}_tls STATIC "${PROJECT_BINARY_DIR}/no_tls.c")
  add_library(${target} INTERFACE)
  find_package(Threads REQUIRED)
  target_include_directories(${target} SYSTEM INTERFACE ${dep_microhttpd_INCLUDE_DIRS})
  target_link_libraries(${target} INTERFACE "${archive}" ${target}_tls Threads::Threads)
  message(STATUS "microhttpd is linked statically, without TLS: ${archive}")
endfunction()
