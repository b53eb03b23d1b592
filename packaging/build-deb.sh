#!/bin/sh
# build-deb.sh: builds the Debian packages restmarkd and restmark from this checkout, see --help.
set -eu

cd "$(dirname "$0")/.."
no_install='' version='' output=build/packages lintian=yes
usage() {
        echo "Usage: packaging/build-deb.sh [--no-install] [--no-lintian] [--version VERSION] [--output FOLDER]"
        echo
        echo "Builds restmarkd_VERSION_ARCH.deb and restmark_VERSION_ARCH.deb into build/packages/,"
        echo "or FOLDER, and checks them with lintian. Installs what the build needs, unless told"
        echo "--no-install. --version builds as another version: for tests of an upgrade."
        echo "DEB_BUILD_OPTIONS=nocheck leaves the unit tests out."
}
while [ $# -gt 0 ]; do
        case $1 in
        --no-install) no_install=--no-install ;;
        --no-lintian) lintian=no ;;
        --version | --output)
                [ $# -gt 1 ] || { echo "build-deb.sh: $1 needs a value" >&2; exit 1; }
                if [ "$1" = --version ]; then version=$2; else output=$2; fi
                shift
                ;;
        -h | --help)
                usage
                exit 0
                ;;
        *)
                echo "build-deb.sh: unknown option $1; try --help" >&2
                exit 1
                ;;
        esac
        shift
done

# shellcheck disable=SC2086 # empty or one word
bench/need-packages.sh $no_install \
        git build-essential cmake ninja-build pkgconf debhelper dh-python lintian scdoc python3 systemd libcmocka-dev \
        zlib1g-dev libjson-c-dev libmicrohttpd-dev 'libmsgpack-c-dev|libmsgpack-dev' libsystemd-dev libpq-dev libhiredis-dev
# systemd.pc, which says where units go, is in systemd on Debian 12 and in systemd-dev later.
# shellcheck disable=SC2086 # empty or one word
pkg-config --exists systemd || bench/need-packages.sh $no_install systemd-dev

mkdir -p "$output"
output=$(cd "$output" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
SOURCE_DATE_EPOCH=$(packaging/export-sources.sh "$work/restmark" "$version")
export SOURCE_DATE_EPOCH
cd "$work/restmark"
# dpkg wants the folder at the top.
mv packaging/debian debian
dpkg-buildpackage --build=binary --no-sign >"$output/build-deb.log" 2>&1 || {
        tail -n 40 "$output/build-deb.log" >&2
        echo "build-deb.sh: the build failed; the whole log is $output/build-deb.log" >&2
        exit 1
}
cd "$work"
if [ "$lintian" = yes ]; then
        allow_root=
        [ "$(id -u)" != 0 ] || allow_root=--allow-root
        # The changelog's bug number is of those who upload to Debian.
        # shellcheck disable=SC2086 # empty or one word
        lintian $allow_root --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs ./*.changes
fi
cp ./*.deb ./*.buildinfo ./*.changes "$output"
ls -l "$output"/*.deb
