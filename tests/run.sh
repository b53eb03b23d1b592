#!/bin/sh
# Runs all tests: installs what they need, builds release and asan, runs ctest on both; or tests the packages, or the first command,
# if asked. Ends with the summaries; the exit code is 0 only if everything passed.
set -eu

cd "$(dirname "$0")/.."
no_install='' parts=builds
for option in "$@"; do
        case $option in
        --no-install) no_install=--no-install ;;
        --packaging) parts=packaging ;;
        --long) parts=long ;;
        -h | --help)
                echo "Usage: tests/run.sh [--no-install] [--packaging | --long]"
                echo
                echo "Installs what the tests need (and says what), builds the presets release and"
                echo "asan with warnings as errors, and runs every test on both; then every fuzzer"
                echo "for 30 seconds, and two minutes of soak of the release build. With --packaging"
                echo "builds the Debian and rpm packages instead, and tests them on a booted system"
                echo "in a container; what needs one is skipped, with a word, where none can be had."
                echo "With --long, as root: makes a bare Debian 12 and a bare Debian 13, runs the"
                echo "README's first command in each to its end, and looks at its answer; lets the"
                echo "release build soak for an hour; measures twice beside neighbours that come and"
                echo "go; decides 6000 simulated runs whose truth is known; then tests the packages of"
                echo "both releases. Two hours and a half."
                exit 0
                ;;
        *)
                echo "run.sh: unknown option $option; try --help" >&2
                exit 1
                ;;
        esac
done

if [ "$parts" = long ]; then
        # shellcheck disable=SC2086 # empty or one word
        bench/need-packages.sh $no_install --for "the tests" git debootstrap python3 python3-pytest
        /usr/bin/python3 -B -m pytest -q -p no:cacheprovider -rs tests/first_command
fi
# shellcheck disable=SC2086 # empty or one word
bench/need-packages.sh $no_install zsh fish nginx haproxy varnish python3-requests python3-httpx python3-aiohttp perl
if [ "$parts" = packaging ]; then
        # shellcheck disable=SC2086 # empty or one word
        bench/need-packages.sh $no_install \
                git build-essential debhelper dh-python lintian man-db rpm rpmlint systemd systemd-container debootstrap
        # systemd.pc, which the packages' builds ask, is in systemd on Debian 12 and in systemd-dev later.
        # shellcheck disable=SC2086 # empty or one word
        pkg-config --exists systemd || bench/need-packages.sh $no_install systemd-dev
fi
# shellcheck disable=SC2086 # empty or one word
bench/need-packages.sh $no_install \
        cmake ninja-build gcc g++ pkgconf libmicrohttpd-dev 'libmsgpack-c-dev|libmsgpack-dev' libjson-c-dev libsystemd-dev \
        zlib1g-dev libcmocka-dev python3 python3-pytest python3-click python3-rich python3-jinja2 python3-numpy \
        python3-psutil python3-jsonschema python3-msgpack python3-prometheus-client prometheus wrk iproute2 util-linux procps strace valgrind \
        shellcheck scdoc man-db gawk busybox tmux clang libclang-rt-dev \
        chromium uwsgi-core uwsgi-plugin-python3 python3-werkzeug python3-pip python3-venv nodejs pypy3

status=0
if [ "$parts" = packaging ]; then
        exec /usr/bin/python3 -B -m pytest -q -p no:cacheprovider -rs tests/packaging
fi
if [ "$parts" = long ]; then
        cmake --preset release -DRESTMARK_WERROR=ON
        cmake --build --preset release
        tests/soak --minutes 60
        /usr/bin/python3 -B -m pytest -q -p no:cacheprovider -rs tests/hog
        RESTMARK_SIMULATED_RUNS=125 /usr/bin/python3 -B -m pytest -q -s -p no:cacheprovider tests/rig/test_simulated_runs.py -k wrong_way_round
        # shellcheck disable=SC2086 # empty or one word
        RESTMARK_PACKAGING_RELEASES='bookworm trixie' exec tests/run.sh $no_install --packaging
fi
for preset in release asan; do
        cmake --preset "$preset" -DRESTMARK_WERROR=ON
        cmake --build --preset "$preset"
done
# Most tests wait more than they work; those whose subject is time run alone (RUN_SERIAL).
jobs=$(($(nproc) + 1))
for preset in release asan; do
        echo "== tests of the $preset build, $jobs at a time"
        ctest --preset "$preset" -j "$jobs" || status=1
done
echo "== fuzzers"
tests/fuzz/run.sh || status=1
echo "== two minutes of soak of the release build"
tests/soak --minutes 2 || status=1
exit $status
