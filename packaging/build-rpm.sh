#!/bin/sh
# build-rpm.sh: builds the .rpm packages restmarkd and restmark from this checkout, see --help.
set -eu

cd "$(dirname "$0")/.."
no_install='' version='' output=build/packages
usage() {
        echo "Usage: packaging/build-rpm.sh [--no-install] [--version VERSION] [--output FOLDER]"
        echo
        echo "Builds restmarkd-VERSION.ARCH.rpm, restmark-VERSION.ARCH.rpm and the source package"
        echo "into build/packages/, or FOLDER, and checks them with rpmlint. On Debian, what the"
        echo "build needs is installed unless told --no-install, and is not looked up in rpm's"
        echo "database, which is empty there. --version builds as another version."
}
while [ $# -gt 0 ]; do
        case $1 in
        --no-install) no_install=--no-install ;;
        --version | --output)
                [ $# -gt 1 ] || { echo "build-rpm.sh: $1 needs a value" >&2; exit 1; }
                if [ "$1" = --version ]; then version=$2; else output=$2; fi
                shift
                ;;
        -h | --help)
                usage
                exit 0
                ;;
        *)
                echo "build-rpm.sh: unknown option $1; try --help" >&2
                exit 1
                ;;
        esac
        shift
done

no_deps=
if [ -e /etc/debian_version ]; then
        # shellcheck disable=SC2086 # empty or one word
        bench/need-packages.sh $no_install \
                git rpm rpmlint build-essential cmake ninja-build pkgconf scdoc python3 systemd libcmocka-dev libjson-c-dev \
                libmicrohttpd-dev 'libmsgpack-c-dev|libmsgpack-dev' libsystemd-dev zlib1g-dev libpq-dev libhiredis-dev
        no_deps=--nodeps
fi

mkdir -p "$output"
output=$(cd "$output" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
SOURCE_DATE_EPOCH=$(packaging/export-sources.sh "$work/export" "$version")
export SOURCE_DATE_EPOCH
spec=$work/export/packaging/rpm/restmark.spec
name=restmark-$(sed -n 's/^Version: *//p' "$spec")
mkdir -p "$work/SOURCES"
tar --create --gzip --sort=name --owner=0 --group=0 --numeric-owner --directory="$work/export" --transform="s,^\.,$name," \
        --file="$work/SOURCES/$name.tar.gz" .
rpmbuild -ba $no_deps --define "_topdir $work" "$spec" >"$output/build-rpm.log" 2>&1 || {
        tail -n 40 "$output/build-rpm.log" >&2
        echo "build-rpm.sh: the build failed; the whole log is $output/build-rpm.log" >&2
        exit 1
}
cd "$work"
rpmlint --strict --rpmlintrc "$work/export/packaging/rpm/rpmlintrc" "$spec" SRPMS/*.rpm RPMS/*/*.rpm
cp SRPMS/*.rpm RPMS/*/*.rpm "$output"
ls -l "$output"/*.rpm
