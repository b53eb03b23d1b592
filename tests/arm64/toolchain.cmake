# Debian's compiler for arm64, with the libraries in RESTMARK_ARM64_ROOT, and an emulator that runs what it makes. See run.sh.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_READELF aarch64-linux-gnu-readelf)

set(RESTMARK_ARM64_ROOT "" CACHE PATH "Where packages for arm64 have been unpacked")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES RESTMARK_ARM64_ROOT)
set(CMAKE_SYSROOT "${RESTMARK_ARM64_ROOT}")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)

set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L "${RESTMARK_ARM64_ROOT}")
