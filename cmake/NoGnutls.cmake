# libmicrohttpd is linked to GnuTLS, which brings eight libraries more. restmarkd asks for no TLS, so none of them is used; but linking them takes most of a start, and their
# pages are most of the master's memory. In their place there is a library of GnuTLS's name, with all of its functions and objects, which the loader finds first: in a folder
# of restmark's own, where no other program looks. libmicrohttpd itself stays the system's, and its updates arrive as ever.

set(RESTMARK_PRIVATE_LIB_DIR "${CMAKE_INSTALL_LIBDIR}/restmark") # a relative path, as all of these are unless somebody says otherwise
set(RESTMARK_GNUTLS_START_AND_END gnutls_global_init gnutls_global_deinit)
# What GnuTLS has as pointers to functions of the C library, and others may use to free what they have of it.
set(RESTMARK_GNUTLS_ALLOCATORS
    "void *(*gnutls_malloc)(size_t) = malloc" "void *(*gnutls_secure_malloc)(size_t) = malloc"
    "void *(*gnutls_calloc)(size_t, size_t) = calloc" "void *(*gnutls_realloc)(void *, size_t) = realloc"
    "char *(*gnutls_strdup)(const char *) = strdup" "void (*gnutls_free)(void *) = free")

# Writes `file`: functions of the names in `functions`, and objects as "NAME=BYTES" in `objects`.
function(restmark_write_no_gnutls file functions objects)
  set(FUNCTIONS "")
  set(OBJECTS "")
  list(REMOVE_ITEM functions ${RESTMARK_GNUTLS_START_AND_END})
  foreach(name IN LISTS functions)
    string(APPEND FUNCTIONS "int ${name}(void) __attribute__((alias(\"restmark_no_gnutls\")));\n")
  endforeach()
  foreach(object IN LISTS objects)
    string(REGEX MATCH "^(.+)=(.+)$" matched "${object}")
    set(name "${CMAKE_MATCH_1}")
    set(declaration "const char ${name}[0x${CMAKE_MATCH_2}] __attribute__((aligned(16)))")
    foreach(pointer IN LISTS RESTMARK_GNUTLS_ALLOCATORS)
      if(pointer MATCHES "[*]${name}[)]")
        set(declaration "${pointer}")
      endif()
    endforeach()
    string(APPEND OBJECTS "${declaration};\n")
  endforeach()
  configure_file("${CMAKE_CURRENT_FUNCTION_LIST_DIR}/no_gnutls.c.in" "${file}" @ONLY)
endfunction()

# The SONAME, or with NEEDED the list of libraries that it needs.
function(restmark_dynamic library what ret)
  execute_process(COMMAND "${CMAKE_READELF}" --wide --dynamic "${library}" OUTPUT_VARIABLE dynamic COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "\\(${what}\\)[^\n]*\\[[^]\n]+\\]" lines "${dynamic}")
  list(TRANSFORM lines REPLACE "^.*\\[(.+)\\]$" "\\1")
  set(${ret} "${lines}" PARENT_SCOPE)
endfunction()

# Where libmicrohttpd needs GnuTLS, makes `program` find what stands in its place. Needs what pkg-config found of libmicrohttpd, and GnuTLS's own library, whose names it has
# all of, with their versions: another library within the process that is linked to GnuTLS (libldap, which libpq brings) is linked to this one, too, and gets errors.
function(restmark_no_gnutls program)
  find_library(microhttpd NAMES microhttpd HINTS ${dep_microhttpd_LIBRARY_DIRS} "${dep_microhttpd_LIBDIR}" REQUIRED NO_CACHE)
  restmark_dynamic("${microhttpd}" NEEDED needed)
  list(FILTER needed INCLUDE REGEX "^libgnutls\\.so")
  if(NOT needed)
    message(STATUS "GnuTLS: ${microhttpd} does not need it")
    return()
  endif()
  find_library(gnutls NAMES "${needed}" gnutls HINTS ${dep_microhttpd_LIBRARY_DIRS} "${dep_microhttpd_LIBDIR}" NO_CACHE)
  if(NOT gnutls)
    message(FATAL_ERROR "${needed}, which ${microhttpd} needs, is not where libraries are; install it (on Debian: libgnutls28-dev), or pass -DRESTMARKD_LOAD_GNUTLS=ON")
  endif()
  restmark_dynamic("${gnutls}" SONAME soname)
  if(NOT soname STREQUAL needed)
    message(FATAL_ERROR "${microhttpd} needs ${needed}, and ${gnutls} is ${soname}; install what belongs together, or pass -DRESTMARKD_LOAD_GNUTLS=ON")
  endif()
  restmark_read_exports("${gnutls}" functions objects script)
  restmark_write_no_gnutls("${PROJECT_BINARY_DIR}/no_gnutls.c" "${functions}" "${objects}")
  file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/no_gnutls.map" CONTENT "${script}" @ONLY)

  add_library(no_gnutls SHARED "${PROJECT_BINARY_DIR}/no_gnutls.c")
  string(REGEX MATCH "\\.so(\\..*)?$" suffix "${soname}")
  set_target_properties(no_gnutls PROPERTIES OUTPUT_NAME gnutls SUFFIX "${suffix}" INTERPROCEDURAL_OPTIMIZATION OFF
    LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/${RESTMARK_PRIVATE_LIB_DIR}" LINK_DEPENDS "${PROJECT_BINARY_DIR}/no_gnutls.map")
  target_link_options(no_gnutls PRIVATE "LINKER:-soname,${soname}" "LINKER:--version-script=${PROJECT_BINARY_DIR}/no_gnutls.map" LINKER:-z,relro,-z,now,-z,noexecstack)
  # restmarkd itself calls nothing of it.
  target_link_options(${program} PRIVATE LINKER:--push-state,--no-as-needed "$<TARGET_FILE:no_gnutls>" LINKER:--pop-state)
  add_dependencies(${program} no_gnutls)
  # The same in the build tree and where it is installed, so that the program is the same bytes wherever it is built, and installing changes nothing in it. CMake's own way of
  # changing it leaves an empty folder in the build tree's, which is the current one.
  set_target_properties(${program} PROPERTIES BUILD_WITH_INSTALL_RPATH ON INSTALL_RPATH "$ORIGIN/../${RESTMARK_PRIVATE_LIB_DIR}"
    LINK_DEPENDS "$<TARGET_FILE:no_gnutls>")
  install(TARGETS no_gnutls LIBRARY DESTINATION "${RESTMARK_PRIVATE_LIB_DIR}")
  message(STATUS "GnuTLS: not loaded; ${soname} of ${RESTMARK_PRIVATE_LIB_DIR} in its place")
endfunction()

# All that a library exports: the functions' names, the objects as "NAME=BYTES", and a version script that gives them their versions.
function(restmark_read_exports library ret_functions ret_objects ret_script)
  execute_process(COMMAND "${CMAKE_NM}" --dynamic --defined-only --with-symbol-versions --print-size "${library}"
    OUTPUT_VARIABLE exports COMMAND_ERROR_IS_FATAL ANY)
  # "ADDRESS SIZE TYPE NAME@@VERSION"; the versions themselves are of type A, and have no size.
  string(REGEX MATCHALL "[0-9a-f]+ [TWiDRBVG] [^\n@ ]+@+[^\n@ ]+" lines "${exports}")
  set(functions "")
  set(objects "")
  set(versions "")
  foreach(line IN LISTS lines)
    string(REGEX MATCH "^([0-9a-f]+) (.) ([^@]+)@+(.+)$" matched "${line}")
    set(size "${CMAKE_MATCH_1}")
    set(type "${CMAKE_MATCH_2}")
    set(name "${CMAKE_MATCH_3}")
    set(version "${CMAKE_MATCH_4}")
    if(type MATCHES "[TWi]")
      list(APPEND functions "${name}")
    else()
      list(APPEND objects "${name}=${size}")
    endif()
    list(APPEND versions "${version}")
    string(APPEND names_of_${version} " ${name};")
  endforeach()
  if(NOT functions)
    message(FATAL_ERROR "${library} exports no functions that ${CMAKE_NM} can tell; pass -DRESTMARKD_LOAD_GNUTLS=ON")
  endif()
  list(REMOVE_DUPLICATES versions)
  list(GET versions 0 first)
  set(script "RESTMARK { global: restmark_no_gnutls; };\n") # by which restmarkd -V knows it
  foreach(version IN LISTS versions)
    set(rest "")
    if(version STREQUAL first)
      set(rest " local: *;")
    endif()
    string(APPEND script "${version} { global:${names_of_${version}}${rest} };\n")
  endforeach()
  set(${ret_functions} "${functions}" PARENT_SCOPE)
  set(${ret_objects} "${objects}" PARENT_SCOPE)
  set(${ret_script} "${script}" PARENT_SCOPE)
endfunction()
