# -DRESTMARKD_STATIC_MICROHTTPD=ON: the library within the program, whose archive still names functions of GnuTLS; here they are what NoGnutls.cmake writes.

# Makes `target` of the archive. Needs what pkg-config found of the library.
function(restmark_static_microhttpd target)
  find_library(archive NAMES libmicrohttpd.a HINTS ${dep_microhttpd_LIBRARY_DIRS} "${dep_microhttpd_LIBDIR}" REQUIRED NO_CACHE)
  execute_process(COMMAND "${CMAKE_NM}" --undefined-only "${archive}" OUTPUT_VARIABLE undefined ERROR_QUIET COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "gnutls_[a-z0-9_]+" names "${undefined}")
  list(REMOVE_DUPLICATES names)
  list(SORT names)
  restmark_write_no_gnutls("${PROJECT_BINARY_DIR}/no_gnutls.c" "${names}" "")
  add_library(${target}_gnutls STATIC "${PROJECT_BINARY_DIR}/no_gnutls.c")
  add_library(${target} INTERFACE)
  find_package(Threads REQUIRED)
  target_include_directories(${target} SYSTEM INTERFACE ${dep_microhttpd_INCLUDE_DIRS})
  target_link_libraries(${target} INTERFACE "${archive}" ${target}_gnutls Threads::Threads)
  message(STATUS "microhttpd is linked statically, without GnuTLS: ${archive}")
endfunction()
