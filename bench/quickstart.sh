#!/bin/sh
# From a fresh checkout to a comparison: installs what is missing, builds all contestants, proves that they do the same work, measures.
set -eu

usage() {
        cat <<'END'
Usage: bench/quickstart.sh [--no-install] [--few] [--duration SECONDS]

Lists what is missing and why, installs it, and builds restmarkd and its peers in
Python, PyPy, Go and Rust. Measures restmarkd's routes once, so that there is
something to see; then verifies that all contestants do the same work, compares
them, and writes the report into a folder restmark-DATE-TIME here. On two quiet
CPUs that takes some 15 minutes, on a machine that has nothing yet.

Packages come from Debian (root installs by itself, others through one call of
sudo) and are neither started nor enabled; Go, where Debian's is too old, Rust's
and Python's libraries come from their registries into the cache folder. A
contestant that can not be had is named, and the rest goes on.

  --few               restmarkd alone: a minute
  --no-install        install nothing; compare what this machine has the tools for
  --duration SECONDS  how long each route of restmarkd is measured (default: 3)
  -h, --help          print this

Exit codes: 0 done, 1 usage, 2 an answer is wrong, 3 something is missing; the
last lines say what.
END
}

here=$(cd "$(dirname "$0")" && pwd)
install=yes
duration=3
few=no
while [ $# -gt 0 ]; do
        case $1 in
        --no-install) install=no ;;
        --few) few=yes ;;
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

# Says what comes now, and after how many minutes and seconds.
began=$(date +%s)
stage() {
        seconds=$(($(date +%s) - began))
        printf '\n%d:%02d  %s\n' $((seconds / 60)) $((seconds % 60)) "$1" >&2
}

# What the rig itself needs, and restmarkd; then, unless there are to be few, what all contestants need.
set -- \
        --for 'restmarkd and the load generator' cmake ninja-build gcc g++ pkgconf libmicrohttpd-dev 'libmsgpack-c-dev|libmsgpack-dev' \
        libjson-c-dev libsystemd-dev zlib1g-dev libpq-dev libhiredis-dev \
        --for 'the rig' python3 python3-click python3-rich python3-jinja2 python3-numpy python3-jsonschema \
        python3-msgpack
stage "what is missing"
if [ "$install" = no ]; then
        "$here/need-packages.sh" --no-install "$@"
elif [ "$few" = yes ]; then
        "$here/need-packages.sh" "$@"
elif ! "$here/need-packages.sh" --no-install "$@" 2>/dev/null; then
        # One list of all, made without the rig, which can not run yet. Where it can, `restmark setup` makes the list.
        needs=$(mktemp)
        trap 'rm -f "$needs"' EXIT
        trap 'exit 130' INT
        trap 'exit 143' TERM
        "$here/contestant-needs.sh" >"$needs"
        "$here/need-packages.sh" --needs "$needs" "$@"
fi

# What does not succeed for a contestant is told again at the end.
status=0
if [ "$few" = no ] && [ "$install" = yes ]; then
        "$here/restmark" setup >&2 || status=$?
        [ "$status" = 0 ] || [ "$status" = 3 ] || exit "$status"
fi

stage "restmarkd alone"
"$here/restmark" quick -C restmarkd --duration "$duration"
[ "$few" = no ] || exit 0

stage "building all contestants (the longest part)"
"$here/restmark" build >&2 || status=$?
[ "$status" = 0 ] || [ "$status" = 3 ] || exit "$status"

stage "comparing them: restmark run --quick, which verifies them first"
echo
status=0
"$here/restmark" run --quick || status=$?

if "$here/restmark" list --not-ready --json | grep -q '"name"'; then
        stage "not all contestants could take part:"
        "$here/restmark" list --not-ready >&2
        [ "$status" != 0 ] || status=3
fi
stage "done"
exit "$status"
