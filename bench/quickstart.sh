#!/bin/sh
# From a fresh checkout to a comparison: installs what is missing, builds all contestants, proves that they do the same work, measures.
set -eu

usage() {
        cat <<'END'
Usage: bench/quickstart.sh [--no-install] [--few] [--duration SECONDS]
       bench/quickstart.sh --setup [NAME...]

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
  --setup [NAME...]   install what the rig needs, then do as "restmark setup NAME..."
                      does, and nothing else: on a machine that has no Python yet
  -h, --help          print this

Exit codes: 0 done, 1 usage, 2 an answer is wrong, 3 something is missing; the
last lines say what.
END
}

here=$(cd "$(dirname "$0")" && pwd)
install=yes
duration=3
few=no
setup=no
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
        --setup)
                setup=yes
                shift
                break
                ;;
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
if [ "$setup" = yes ] && [ "$install" = no ]; then
        echo "quickstart.sh: --setup installs, and --no-install forbids it" >&2
        exit 1
fi

# Says what comes now, and after how many minutes and seconds.
began=$(date +%s)
stage() {
        seconds=$(($(date +%s) - began))
        printf '\n%d:%02d  %s\n' $((seconds / 60)) $((seconds % 60)) "$1" >&2
}

# own OPTION...: need-packages.sh, for what the rig itself needs, and restmarkd
own() {
        "$here/need-packages.sh" "$@" \
                --for 'restmarkd and the load generator' cmake ninja-build gcc g++ pkgconf libmicrohttpd-dev 'libmsgpack-c-dev|libmsgpack-dev' \
                libjson-c-dev libsystemd-dev zlib1g-dev libpq-dev libhiredis-dev \
                --for 'the rig' python3 python3-click python3-rich python3-jinja2 python3-numpy python3-jsonschema \
                python3-msgpack
}

stage "what is missing"
if [ "$setup" = yes ]; then
        own
        exec "$here/restmark" setup "$@"
fi
if [ "$install" = no ]; then
        own --no-install
elif [ "$few" = yes ]; then
        own
elif ! own --no-install 2>/dev/null; then
        # One list of all, with what all contestants need, made without the rig, which can not run yet. Where it can, `restmark setup` makes the list.
        needs=$(mktemp)
        trap 'rm -f "$needs"' EXIT
        trap 'exit 130' INT
        trap 'exit 143' TERM
        "$here/contestant-needs.sh" >"$needs"
        own --needs "$needs"
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
