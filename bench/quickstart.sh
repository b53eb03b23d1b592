#!/bin/sh
# From a fresh checkout to figures: installs what is missing, builds restmarkd, checks its answers, measures each route.
set -eu

usage() {
        cat <<'END'
Usage: bench/quickstart.sh [--no-install] [--duration SECONDS] [--restmarkd-only]

Installs what is missing (and says what), builds restmarkd, starts it, checks
every route byte for byte, measures each with wrk, shows speed and memory and
stops it. Then it builds every other contestant whose toolchain is here,
verifies that all of them do the same work, and compares them, which takes some
ten minutes more; the report is a folder restmark-DATE-TIME here. Root installs
by itself; others are asked by sudo, for the installation alone.

  --no-install        install nothing; stop if something is missing
  --duration SECONDS  how long each route is measured (default: 10)
  --restmarkd-only    leave the other contestants out
  -h, --help          print this

Exit codes: 0 done, 1 usage, 2 an answer is wrong, 3 something is missing.
END
}

here=$(cd "$(dirname "$0")" && pwd)
no_install=
duration=10
others=yes
while [ $# -gt 0 ]; do
        case $1 in
        --no-install) no_install=--no-install ;;
        --restmarkd-only) others=no ;;
        --duration)
                [ $# -ge 2 ] || { echo "quickstart.sh: --duration needs a number of seconds" >&2; exit 1; }
                duration=$2
                shift
                ;;
        --duration=*) duration=${1#*=} ;;
        -h | --help)
                usage
                exit 0
                ;;
        *)
                echo "quickstart.sh: unknown option $1; try --help" >&2
                exit 1
                ;;
        esac
        shift
done
case $duration in
'' | *[!0-9]*)
        echo "quickstart.sh: --duration is a whole number of seconds, not \"$duration\"" >&2
        exit 1
        ;;
esac

# shellcheck disable=SC2086 # empty or one word
"$here/need-packages.sh" $no_install \
        cmake ninja-build gcc g++ pkg-config libmicrohttpd-dev 'libmsgpack-c-dev|libmsgpack-dev' libjson-c-dev libsystemd-dev \
        libinih-dev zlib1g-dev wrk python3 python3-click python3-rich python3-jinja2 python3-numpy python3-psutil \
        python3-jsonschema python3-msgpack

"$here/restmark" quick -C restmarkd --duration "$duration"
[ "$others" = yes ] || exit 0

echo >&2
echo "building and verifying every contestant whose toolchain is here" >&2
"$here/restmark" verify --all
echo
"$here/restmark" list
echo >&2
echo "comparing them: restmark run --quick" >&2
"$here/restmark" run --quick
