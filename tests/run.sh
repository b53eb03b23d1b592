#!/bin/sh
# Runs all tests: installs what they need, builds release and asan, runs each test on the one that tells most; or the quick ones, or
# tests the packages, or what takes hours, if asked. Ends with the times; the exit code is 0 only if everything passed. Budgets: tests/README.md.
set -eu

cd "$(dirname "$0")/.."
no_install='' parts=all
for option in "$@"; do
        case $option in
        --no-install) no_install=--no-install ;;
        --quick) parts=quick ;;
        --packaging) parts=packaging ;;
        --long) parts=long ;;
        -h | --help)
                echo "Usage: tests/run.sh [--no-install] [--quick | --packaging | --long]"
                echo
                echo "Installs what the tests need (and says what), builds the presets release and"
                echo "asan with warnings as errors, and runs every test on one of them (tests/README.md"
                echo "says which), every fuzzer for 4 seconds, and one round of the soak of the release"
                echo "build; the timed tests come last, by themselves. Says what each stage took, and"
                echo "which tests took longest; what ran beside others is logged in build/*.log. With"
                echo "--quick builds the release alone, and runs what starts no servers: the unit"
                echo "tests, the rooms, and most of the rig's; installs only what these need."
                echo "With --packaging builds the packages and images instead, and tests them on a"
                echo "booted system in a container; what needs one is skipped, with a word, where none"
                echo "can be had. With --long, as root: makes a bare Debian 12 and a bare Debian 13,"
                echo "runs the README's first command in each to its end, and looks at its answer;"
                echo "sets up back ends, pipelining and costs in another, and makes their quick runs;"
                echo "runs on both builds what is run on one else, and on one with libmicrohttpd within the"
                echo "program what asks the daemon; builds and tests every contestant;"
                echo "keeps the client programs busy for a minute each; lets the release build soak"
                echo "for an hour; fuzzes for ten minutes a target; compares the texts of a hundred"
                echo "million doubles with the C++ library's; tests the codecs on an emulated arm64"
                echo "processor; measures twice beside neighbours that come and go; decides 6000"
                echo "simulated runs whose truth is known; then tests the packages of both releases."
                echo "Five hours."
                exit 0
                ;;
        *)
                echo "run.sh: unknown option $option; try --help" >&2
                exit 1
                ;;
        esac
done

need() {
        # shellcheck disable=SC2086 # empty or one word
        bench/need-packages.sh $no_install "$@"
}

if [ "$parts" = long ]; then
        need --for "the tests" git debootstrap python3 python3-pytest
        /usr/bin/python3 -B -m pytest -q -p no:cacheprovider -rs tests/first_command
fi
if [ "$parts" = packaging ]; then
        need git build-essential debhelper dh-python lintian man-db rpm rpmlint systemd systemd-container debootstrap \
                umoci binutils curl util-linux apparmor apt-utils gnupg debian-archive-keyring
        # The image of the other architecture is cross-compiled.
        case $(dpkg --print-architecture) in
        amd64) need gcc-aarch64-linux-gnu g++-aarch64-linux-gnu ;;
        arm64) need gcc-x86-64-linux-gnu g++-x86-64-linux-gnu ;;
        esac
        # systemd.pc, which the packages' builds ask, is in systemd on Debian 12 and in systemd-dev later.
        pkg-config --exists systemd || need systemd-dev
fi
need cmake ninja-build gcc g++ pkgconf libmicrohttpd-dev 'libmsgpack-c-dev|libmsgpack-dev' libjson-c-dev libsystemd-dev \
        zlib1g-dev libpq-dev libhiredis-dev libcmocka-dev python3 python3-pytest python3-pytest-xdist python3-click python3-rich python3-jinja2 python3-numpy \
        python3-psutil python3-jsonschema python3-msgpack python3-packaging python3-yaml shellcheck scdoc wrk iproute2 util-linux procps
[ "$parts" = quick ] || need zsh fish nginx haproxy varnish apache2-bin nghttp2-client openssl python3-requests python3-httpx python3-aiohttp perl \
        python3-prometheus-client prometheus strace valgrind man-db gawk busybox tmux clang libclang-rt-dev \
        chromium uwsgi-core uwsgi-plugin-python3 python3-werkzeug python3-pip python3-venv python3-setuptools python3-wheel nodejs pypy3 \
        postgresql redis-server python3-psycopg python3-redis

[ "$parts" != long ] || need openssh-server openssh-client

if command -v ccache >/dev/null; then
        export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache
fi

status=0 times='' fuzzers='' soak=''
began=$(date +%s)

# stage NAME COMMAND…: runs it, and notes its time and whether it failed
stage() {
        name=$1 from=$(date +%s) ended=ok
        shift
        echo "== $name"
        "$@" || status=1 ended=FAILED
        times="$times$(printf '%5d s  %-6s  %s' $(($(date +%s) - from)) "$ended" "$name")
"
}

build() {
        for preset in "$@"; do
                # Where the sanitizers look at the unit tests, they are linked but once.
                units=ON
                if [ "$parts" = all ] && [ "$preset" = release ]; then
                        units=OFF
                fi
                cmake --preset "$preset" -DRESTMARK_WERROR=ON -DRESTMARK_TEST_UNITS="$units" && cmake --build --preset "$preset" || return
        done
}

# beside PID LOG: waits for a stage that runs beside another one, and shows what it said
# shellcheck disable=SC2317 # stage calls it
beside() {
        code=0
        wait "$1" || code=$?
        cat "$2"
        return "$code"
}

# Background jobs of a shell without job control do not hear of Ctrl-C, unless they are begun through this.
hears='env --default-signal=INT,QUIT'
# shellcheck disable=SC2317 # the traps call it
stop() {
        for pid in $fuzzers $soak; do
                if kill -0 "$pid" 2>/dev/null; then
                        kill "$pid"
                fi
        done
        exit "$1"
}

finish() {
        if [ -e build/release/Testing/Temporary/LastTest.others.log ]; then
                echo "== the ten slowest tests"
                /usr/bin/python3 -B tests/slowest.py build/*/Testing/Temporary/LastTest*.log
        fi
        echo "== times"
        printf '%s%5d s  in all\n' "$times" $(($(date +%s) - began))
        exit $status
}

# Most tests wait far more than they work, so that two or three at a time leave CPUs idle; those whose subject is time run alone, at the end.
jobs=$((5 * $(nproc)))

rm -f build/*/Testing/Temporary/LastTest*.log
if [ "$parts" = quick ]; then
        stage "build: release" build release
        [ $status = 0 ] || finish
        stage "unit tests and rooms, $jobs at a time" ctest --preset release -L quick -j "$jobs"
        export RESTMARK_BUILD="$PWD/build/release" RESTMARK_LOAD="$PWD/build/release/bench/load/restmark-load"
        stage "the rig's quick tests" /usr/bin/python3 -B -m pytest -q -p no:cacheprovider --durations=10 \
                -m "not slow and not timed" -n auto --dist loadgroup tests/rig
        finish
fi
if [ "$parts" = packaging ]; then
        # The image is tested by the daemon's own tests, whose helpers are built with them.
        stage "build: release" build release
        [ $status = 0 ] || finish
        # Packages are built in roots of their own, where there is no ccache.
        unset CMAKE_C_COMPILER_LAUNCHER CMAKE_CXX_COMPILER_LAUNCHER
        stage "packages, images and charts" /usr/bin/python3 -B -m pytest -q -p no:cacheprovider -rs tests/packaging
        finish
fi
if [ "$parts" = long ]; then
        build release asan static
        export RESTMARK_LONG=1
        ctest --preset release -LE '^timed$' -j "$jobs"
        ctest --preset asan -L '^twice$' -j "$jobs"
        ctest --preset static -R '^integration\.' -LE '^timed$' -j "$jobs"
        tests/soak --minutes 60
        tests/fuzz/run.sh --minutes 10 --jobs "$(nproc)"
        build/release/tests/unit/unit_double_agreement 100
        # shellcheck disable=SC2086 # empty or one word
        [ "$(uname -m)" = aarch64 ] || tests/arm64/run.sh $no_install
        /usr/bin/python3 -B -m pytest -q -p no:cacheprovider -rs tests/hog
        RESTMARK_SIMULATED_RUNS=125 /usr/bin/python3 -B -m pytest -q -s -p no:cacheprovider tests/rig/test_simulated_runs.py -k wrong_way_round
        # shellcheck disable=SC2086 # empty or one word
        RESTMARK_PACKAGING_RELEASES='bookworm trixie' exec tests/run.sh $no_install --packaging
fi
stage "build: release, asan and the fuzzers" build release asan fuzz
[ $status = 0 ] || finish
trap 'stop 130' INT
trap 'stop 143' TERM
stage "tests of the release build, $jobs at a time" ctest --preset release -LE '^(timed|twice)$' -j "$jobs"
mv build/release/Testing/Temporary/LastTest.log build/release/Testing/Temporary/LastTest.others.log
echo "== beside the next stage: the fuzzers, for 4 seconds each, and a round of the soak of the release build"
# shellcheck disable=SC2086 # words
$hears nice -n 10 tests/fuzz/run.sh --seconds 4 --jobs $(($(nproc) + 1)) >build/fuzzers.log 2>&1 &
fuzzers=$!
# shellcheck disable=SC2086 # words
$hears tests/soak --minutes 0.5 >build/soak.log 2>&1 &
soak=$!
few=$((3 * $(nproc))) # for the soak is beside them, whose clients wait for their answers
stage "tests of the asan build, $few at a time" ctest --preset asan -LE '^twice$' -j "$few"
stage "soak: what was left to do of it" beside "$soak" build/soak.log
soak=''
stage "fuzzers: what was left to do of them" beside "$fuzzers" build/fuzzers.log
fuzzers=''
stage "timed tests, one after the other and nothing beside them" ctest --preset release -L '^timed$'
finish
