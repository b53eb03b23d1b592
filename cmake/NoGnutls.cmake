# libmicrohttpd is linked to GnuTLS, which brings eight libraries more. restmarkd asks for no TLS, so none of them is used; but linking them takes a third of a start, and leaves
# pages with the master. In their place there is a library of GnuTLS's name, with all of its functions and objects, which the loader finds first: in a folder of restmark's own,
# where no other program looks. libmicrohttpd itself stays the system's, and gets its updates; but one that needs a newer GnuTLS than was there when restmark was built takes a new build.

set(RESTMARK_GNUTLS_OURS gnutls_global_init gnutls_global_deinit gnutls_strerror gnutls_strerror_name) # of no_gnutls.c.in
# What GnuTLS has as pointers to functions of the C library, and others may use to free what they have of it.
set(RESTMARK_GNUTLS_ALLOCATORS
    "void *(*gnutls_malloc)(size_t) = malloc" "void *(*gnutls_secure_malloc)(size_t) = malloc"
    "void *(*gnutls_calloc)(size_t, size_t) = calloc" "void *(*gnutls_realloc)(void *, size_t) = realloc"
    "char *(*gnutls_strdup)(const char *) = strdup" "void (*gnutls_free)(void *) = free")

# Those functions of GnuTLS's headers whose failure is to return nothing: what returns an address, and what returns an unsigned number, a size, or yes or no.
function(restmark_gnutls_empty ret)
  find_path(headers gnutls/gnutls.h HINTS ${dep_microhttpd_INCLUDE_DIRS} "${dep_microhttpd_INCLUDEDIR}" NO_CACHE)
  set(text "")
  if(headers)
    file(GLOB files "${headers}/gnutls/*.h")
    foreach(file IN LISTS files)
      file(READ "${file}" more)
      string(APPEND text "${more}")
    endforeach()
  endif()
  string(REGEX MATCHALL "(\\*|unsigned|unsigned int|size_t|bool|time_t)[ \t\n]*_?gnutls_[a-z0-9_]+[ \t\n]*\\(" found "${text}")
  list(TRANSFORM found REPLACE "^.*[^a-z0-9_](_?gnutls_[a-z0-9_]+)[ \t\n]*\\($" "\\1")
  set(${ret} "${found}" PARENT_SCOPE)
endfunction()

# Writes `file`: functions of the names in `functions`, and objects as "NAME=BYTES" in `objects`.
function(restmark_write_no_gnutls file functions objects)
  restmark_gnutls_empty(empty)
  set(FUNCTIONS "")
  set(OBJECTS "")
  list(REMOVE_ITEM functions ${RESTMARK_GNUTLS_OURS})
  foreach(name IN LISTS functions)
    if(name IN_LIST empty)
      string(APPEND FUNCTIONS "void *${name}(void) __attribute__((alias(\"restmark_no_gnutls_object\")));\n")
    else()
      string(APPEND FUNCTIONS "int ${name}(void) __attribute__((alias(\"restmark_no_gnutls\")));\n")
    endif()
  endforeach()
  foreach(object IN LISTS objects)
    string(REGEX MATCH "^(.+)=(.+)$" matched "${object}")
    set(name "${CMAKE_MATCH_1}")
    set(declaration "const char ${name}[${CMAKE_MATCH_2}] __attribute__((aligned(16)))")
    foreach(pointer IN LISTS RESTMARK_GNUTLS_ALLOCATORS)
      if(pointer MATCHES "[*]${name}[)]")
        set(declaration "${pointer}")
      endif()
    endforeach()
    string(APPEND OBJECTS "${declaration};\n")
  endforeach()
  configure_file("${CMAKE_CURRENT_FUNCTION_LIST_DIR}/no_gnutls.c.in" "${file}" @ONLY)
endfunction()

# The library of GnuTLS that libmicrohttpd needs, and its SONAME; empty if it needs none. Needs what pkg-config found of libmicrohttpd.
function(restmark_find_gnutls ret_library ret_soname)
  set(places HINTS ${dep_microhttpd_LIBRARY_DIRS} "${dep_microhttpd_LIBDIR}")
  find_library(microhttpd NAMES microhttpd ${places} REQUIRED NO_CACHE)
  restmark_dynamic("${microhttpd}" NEEDED needed)
  list(FILTER needed INCLUDE REGEX "^libgnutls\\.so")
  set(${ret_library} "" PARENT_SCOPE)
  set(${ret_soname} "${needed}" PARENT_SCOPE)
  if(NOT needed)
    message(STATUS "GnuTLS: ${microhttpd} does not need it")
    return()
  endif()
  find_library(gnutls NAMES "${needed}" gnutls ${places} NO_CACHE)
  if(NOT gnutls)
    message(FATAL_ERROR "${needed}, which ${microhttpd} needs, is not where libraries are; install it (on Debian: libgnutls28-dev), or pass -DRESTMARKD_LOAD_GNUTLS=ON")
  endif()
  restmark_dynamic("${gnutls}" SONAME soname)
  if(NOT soname STREQUAL needed)
    message(FATAL_ERROR "${microhttpd} needs ${needed}, and ${gnutls} is ${soname}; install what belongs together, or pass -DRESTMARKD_LOAD_GNUTLS=ON")
  endif()
  set(${ret_library} "${gnutls}" PARENT_SCOPE)
endfunction()

# Where libmicrohttpd needs GnuTLS, makes `program` find what stands in its place. That has all of GnuTLS's names with their versions, as another library within the process may be
# linked to it (libldap, which libpq brings), which then is linked to this one, too, and gets errors.
function(restmark_no_gnutls program)
  restmark_find_gnutls(gnutls soname)
  if(NOT gnutls)
    return()
  endif()
  restmark_exports("${gnutls}" functions objects script)
  if(NOT functions)
    message(FATAL_ERROR "${gnutls} exports no functions that ${CMAKE_READELF} can tell; pass -DRESTMARKD_LOAD_GNUTLS=ON")
  endif()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${gnutls}")
  restmark_write_no_gnutls("${PROJECT_BINARY_DIR}/no_gnutls.c" "${functions}" "${objects}")
  # The name of ours is what restmarkd -V knows it by.
  file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/no_gnutls.map" CONTENT "RESTMARK { global: restmark_no_gnutls; };\n${script}" @ONLY)

  # The same way from the program to it in the build tree and where it is installed, so that the program is the same bytes wherever it is built, and installing changes nothing in
  # it: CMake's own way of changing it leaves an empty folder in the build tree's, which is the current one. The whole path is for who is told no origin: a program with capabilities, or one that runs
  # where there is no /proc.
  set(folder "${CMAKE_INSTALL_FULL_LIBDIR}/restmark")
  file(RELATIVE_PATH way "${CMAKE_INSTALL_FULL_SBINDIR}" "${folder}")
  if(NOT way MATCHES "^\\.\\./[^.]")
    message(FATAL_ERROR "${folder} is not in a folder beside ${CMAKE_INSTALL_FULL_SBINDIR}; choose other folders, or pass -DRESTMARKD_LOAD_GNUTLS=ON")
  endif()
  add_library(no_gnutls SHARED "${PROJECT_BINARY_DIR}/no_gnutls.c")
  string(REGEX MATCH "\\.so(\\..*)?$" suffix "${soname}")
  set_target_properties(no_gnutls PROPERTIES OUTPUT_NAME gnutls SUFFIX "${suffix}" INTERPROCEDURAL_OPTIMIZATION OFF
    LIBRARY_OUTPUT_DIRECTORY "$<1:${CMAKE_CURRENT_BINARY_DIR}/${way}>" LINK_DEPENDS "${PROJECT_BINARY_DIR}/no_gnutls.map")
  target_link_options(no_gnutls PRIVATE "LINKER:-soname,${soname}" "LINKER:--version-script=${PROJECT_BINARY_DIR}/no_gnutls.map" LINKER:-z,relro,-z,now,-z,noexecstack)
  # restmarkd itself calls nothing of it.
  target_link_options(${program} PRIVATE LINKER:--push-state,--no-as-needed "$<TARGET_FILE:no_gnutls>" LINKER:--pop-state)
  add_dependencies(${program} no_gnutls)
  set_target_properties(${program} PROPERTIES BUILD_WITH_INSTALL_RPATH ON INSTALL_RPATH "$ORIGIN/${way};${folder}" LINK_DEPENDS "$<TARGET_FILE:no_gnutls>")
  install(TARGETS no_gnutls LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}/restmark")
  message(STATUS "GnuTLS: not loaded; ${soname} of ${folder} in its place")
endfunction()
