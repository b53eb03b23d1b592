# The libraries, by the names that Debian 12 and 13 (and others) give their pkg-config files.

find_package(PkgConfig REQUIRED)

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
      add_library(dep::${target} ALIAS PkgConfig::dep_${target})
      message(STATUS "${target}: ${dep_${target}_VERSION}")
      return()
    endif()
  endforeach()
  message(FATAL_ERROR
    "No pkg-config module for ${target} (tried: ${ARGN}). On Debian: apt-get install "
    "libmicrohttpd-dev libmsgpack-dev (Debian 13: libmsgpack-c-dev) libjson-c-dev libsystemd-dev zlib1g-dev")
endfunction()

restmark_dependency(microhttpd "libmicrohttpd>=0.9.75")
# Debian 12 ships "msgpack" (4.x), Debian 13 "msgpack-c" (6.x).
restmark_dependency(msgpack "msgpack-c" "msgpack")
restmark_dependency(jsonc "json-c>=0.15")
restmark_dependency(systemd "libsystemd>=247")
restmark_dependency(zlib "zlib>=1.2.9")
