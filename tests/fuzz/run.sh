#!/bin/sh
# Builds the fuzzers with clang and runs each, or the named ones, two at a time. See README.md.
set -u

usage() {
        echo "Usage: tests/fuzz/run.sh [--seconds N | --minutes N] [--jobs N] [TARGET…]"
        echo
        echo "Builds the fuzzers with clang and runs each TARGET (all, if none is named) for N"
        echo "seconds (30), two of them at a time. Says for each how often it ran, how fast,"
        echo "how much of the code it has reached and how many inputs it has kept. What was"
        echo "found stays in build/fuzz/found, with the command that repeats it. Exit code: 0"
        echo "if nothing was found, 1 if something was or a fuzzer did not run, 2 for a wrong"
        echo "command line."
        echo
        echo "Targets: $all"
}

wrong() {
        echo "run.sh: $*; try --help" >&2
        exit 2
}

number() {
        case ${2:-} in
        '' | *[!0-9]* | 0*) wrong "$1 needs a whole number from 1" ;;
        esac
}

cd "$(dirname "$0")/../.." || exit 1
all=$(cd tests/fuzz && printf '%s\n' fuzz_*.c | sed 's/^fuzz_\(.*\)\.c$/\1/' | tr '\n' ' ')
all=${all% }
seconds=30 jobs=2 targets=''
while [ $# -gt 0 ]; do
        case $1 in
        --seconds)
                number "$@"
                seconds=$2
                shift
                ;;
        --minutes)
                number "$@"
                seconds=$(($2 * 60))
                shift
                ;;
        --jobs)
                number "$@"
                jobs=$2
                shift
                ;;
        -h | --help)
                usage
                exit 0
                ;;
        -*) wrong "unknown option $1" ;;
        *)
                [ -e "tests/fuzz/fuzz_$1.c" ] || wrong "there is no fuzzer $1 (there are: $all)"
                targets="$targets $1"
                ;;
        esac
        shift
done
[ -n "$targets" ] || targets=$all

# What is configured stays as it is: the preset's flags would build all of it anew where tests/run.sh has made warnings errors.
[ -e build/fuzz/build.ninja ] || cmake --preset fuzz >&2 || exit 1
cmake --build --preset fuzz >&2 || exit 1
mkdir -p build/fuzz/found

# What a run has learned is kept in build/fuzz/corpus/TARGET, from which the next one goes on; the corpus in tests/fuzz is only read.
run() {
        dict=tests/fuzz/$1.dict
        [ -e "$dict" ] || dict=''
        exec build/fuzz/tests/fuzz/"fuzz_$1" -max_total_time="$seconds" -max_len=2000 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
                -artifact_prefix="build/fuzz/found/$1-" ${dict:+"-dict=$dict"} "build/fuzz/corpus/$1" "tests/fuzz/corpus/$1" >"build/fuzz/$1.log" 2>&1
}

report() {
        log=build/fuzz/$1.log
        last=$(grep -a ' cov: [0-9]' "$log" | tail -n 1)
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")
        coverage=$(printf '%s\n' "$last" | sed -n 's/.* cov: \([0-9]*\).*/\1/p')
        kept=$(printf '%s\n' "$last" | sed -n 's/.* corp: \([0-9]*\).*/\1/p')
        printf '%-9s %10s runs  %6s/s  coverage %5s  corpus %5s  ' "$1" "${runs:-?}" "${rate:-?}" "${coverage:-?}" "${kept:-?}"
        if [ "$2" = 0 ] && [ "${runs:-0}" -gt 0 ]; then
                echo "nothing found"
                return 0
        fi
        input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
        echo "FOUND: $(grep -aE '^fuzz: |ERROR: |runtime error' "$log" | head -n 1)"
        echo "          the input: ${input:-none; see $log}"
        [ -z "$input" ] || echo "          again:     build/fuzz/tests/fuzz/fuzz_$1 $input"
        return 1
}

# Background jobs of a shell without job control do not hear of Ctrl-C.
pids=''
# shellcheck disable=SC2317 # the traps call it
stop() {
        # shellcheck disable=SC2086 # words
        [ -z "$pids" ] || kill $pids
        exit "$1"
}
trap 'stop 130' INT
trap 'stop 143' TERM

status=0
# shellcheck disable=SC2086 # words
set -- $targets
while [ $# -gt 0 ]; do
        now='' pids=''
        while [ $# -gt 0 ] && [ "$(printf '%s' "$now" | wc -w)" -lt "$jobs" ]; do
                now="$now $1"
                mkdir -p "build/fuzz/corpus/$1"
                run "$1" &
                pids="$pids $!"
                shift
        done
        # shellcheck disable=SC2086 # words
        set -- $pids -- "$@"
        for target in $now; do
                code=0
                wait "$1" || code=$?
                shift
                report "$target" "$code" || status=1
        done
        shift # the --
done
exit $status
