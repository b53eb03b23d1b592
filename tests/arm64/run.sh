#!/bin/sh
# Builds the codecs' unit tests for arm64 on another processor, and runs them on an emulated one. See --help.
set -eu

cd "$(dirname "$0")/../.."
no_install='' millions=''
while [ $# -gt 0 ]; do
        case $1 in
        --no-install) no_install=--no-install ;;
        --doubles)
                case ${2:-} in
                '' | *[!0-9]* | 0*)
                        echo "run.sh: --doubles needs a whole number of millions from 1; try --help" >&2
                        exit 2
                        ;;
                esac
                millions=$2
                shift
                ;;
        -h | --help)
                echo "Usage: tests/arm64/run.sh [--no-install] [--doubles MILLIONS]"
                echo
                echo "Builds the unit tests of everything that uses the codecs with Debian's compiler"
                echo "for arm64, and runs them under qemu. What they are linked with is Debian's for"
                echo "arm64: apt fetches it into build/arm64/root, and changes nothing of this system."
                echo "The compiler and qemu are installed if they are missing, except with --no-install;"
                echo "then the exit code is 3, and what is missing is named. --doubles also compares the"
                echo "texts of so many million doubles with those of the C++ library (half a second a million)."
                echo "Exit code: 0 all passed, 1 a test failed or something did not build, 2 a wrong"
                echo "command line or an arm64 processor, where tests/run.sh tells the same, 3 see above."
                exit 0
                ;;
        *)
                echo "run.sh: unknown option $1; try --help" >&2
                exit 2
                ;;
        esac
        shift
done
if [ "$(uname -m)" = aarch64 ]; then
        echo "run.sh: this processor is an arm64 one; tests/run.sh tests the codecs on it" >&2
        exit 2
fi
# shellcheck disable=SC2086 # empty or one word
bench/need-packages.sh $no_install --for "building for arm64, and running what was built" g++-aarch64-linux-gnu qemu-user cmake ninja-build pkgconf

root=$PWD/build/arm64/root
packages='libc6-dev libstdc++6 libcmocka-dev libjson-c-dev libmicrohttpd-dev libsystemd-dev zlib1g-dev'
if apt-cache policy libmsgpack-c-dev | grep -q '^  Candidate: [0-9]'; then
        packages="$packages libmsgpack-c-dev"
else
        packages="$packages libmsgpack-dev"
fi

# An apt of its own, for another architecture: this system's sources and keys, and nothing of what is installed here.
fetch_root() {
        state=$PWD/build/arm64/apt
        rm -rf "$root" "$state"
        mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$root.part"
        : >"$state/status"
        cat >"$state/apt.conf" <<END
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
Acquire::Languages "none";
Dir::State::lists "$state/lists";
Dir::State::status "$state/status";
Dir::Cache "$state/cache";
Debug::NoLocking "true";
END
        export APT_CONFIG="$state/apt.conf"
        apt-get update -qq
        # shellcheck disable=SC2086 # words
        apt-get install -qq --yes --download-only --no-install-recommends $packages
        unset APT_CONFIG
        for file in "$state"/cache/archives/*.deb; do
                dpkg-deb --extract "$file" "$root.part"
        done
        printf '%s\n' "$packages" >"$root.part/packages"
        mv "$root.part" "$root"
        rm -rf "$state"
}

if [ "$(cat "$root/packages" 2>/dev/null)" != "$packages" ]; then
        echo "== packages for arm64 into ${root#"$PWD"/}"
        rm -rf "$root.part"
        fetch_root
fi
build=build/arm64/release
export PKG_CONFIG_SYSROOT_DIR="$root" PKG_CONFIG_LIBDIR="$root/usr/lib/aarch64-linux-gnu/pkgconfig:$root/usr/share/pkgconfig"
cmake -S . -B $build -G Ninja -DCMAKE_TOOLCHAIN_FILE=tests/arm64/toolchain.cmake -DRESTMARK_ARM64_ROOT="$root" -DCMAKE_BUILD_TYPE=Release -DRESTMARK_WERROR=ON \
        -DRESTMARK_LOAD=OFF -DRESTMARK_BENCH=OFF -DRESTMARKD_STORES=OFF -DRESTMARK_TEST_RIG=OFF
cmake --build $build --target codec_tests
ctest --test-dir $build -L '^codec$' --output-on-failure --no-tests=error -j "$(nproc)"
if [ -n "$millions" ]; then
        qemu-aarch64 -L "$root" $build/tests/unit/unit_double_agreement "$millions"
fi
