# The libraries, by the names that Debian 12 and 13 (and others) give their pkg-config files.

find_package(PkgConfig REQUIRED)
include("${CMAKE_CURRENT_LIST_DIR}/Elf.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/NoGnutls.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/StaticMicrohttpd.cmake")

function(restmark_dependency target)
  foreach(candidate IN LISTS ARGN)
    pkg_check_modules(dep_${target} QUIET IMPORTED_TARGET "${candidate}")
    if(dep_${target}_FOUND)
      # Debian 13's msgpack-c.pc names the folder "include", relative to nothing; the compiler looks in the real one anyway.
      get_target_property(folders PkgConfig::dep_${target} INTERFACE_INCLUDE_DIRECTORIES)
      if(folders)
        list(FILTER folders INCLUDE REGEX "^/")
        set_target_properties(PkgConfig::dep_${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${folders}")
      endif()
      if(target STREQUAL microhttpd AND RESTMARKD_STATIC_MICROHTTPD)
        restmark_static_microhttpd(microhttpd_within)
        add_library(dep::microhttpd ALIAS microhttpd_within)
      else()
        add_library(dep::${target} ALIAS PkgConfig::dep_${target})
      endif()
      message(STATUS "${target}: ${dep_${target}_VERSION}")
      return()
    endif()
  endforeach()
  message(FATAL_ERROR
    "No pkg-config module for ${target} (tried: ${ARGN}). On Debian: apt-get install "
    "libmicrohttpd-dev libmsgpack-dev (Debian 13: libmsgpack-c-dev) libjson-c-dev libsystemd-dev zlib1g-dev, and libpq-dev libhiredis-dev "
    "unless you build with -DRESTMARKD_STORES=OFF")
endfunction()

restmark_dependency(microhttpd "libmicrohttpd>=0.9.75")
# Debian 12 ships "msgpack" (4.x), Debian 13 "msgpack-c" (6.x).
restmark_dependency(msgpack "msgpack-c" "msgpack")
restmark_dependency(jsonc "json-c>=0.15")
restmark_dependency(systemd "libsystemd>=247")
restmark_dependency(zlib "zlib>=1.2.9")

# Loaded by their names when a configuration wants them, never linked: what is needed of them here is their headers, and that name.
function(restmark_soname target ret)
  list(GET dep_${target}_LIBRARIES 0 name)
  # pkg-config's folder first: another version may be among the system's.
  find_library(library NAMES "${name}" HINTS ${dep_${target}_LIBRARY_DIRS} "${dep_${target}_LIBDIR}" REQUIRED NO_CACHE)
  restmark_dynamic("${library}" SONAME soname)
  if(NOT soname)
    message(FATAL_ERROR "${library} has no SONAME, by which it could be loaded")
  endif()
  message(STATUS "${target} is loaded as ${soname}")
  set(${ret} "${soname}" PARENT_SCOPE)
endfunction()

if(RESTMARKD_STORES)
  restmark_dependency(libpq "libpq>=14") # pipeline mode
  restmark_dependency(hiredis "hiredis>=0.14")
  restmark_soname(libpq RESTMARK_LIBPQ_SONAME)
  restmark_soname(hiredis RESTMARK_HIREDIS_SONAME)
endif()
