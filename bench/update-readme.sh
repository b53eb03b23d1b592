#!/bin/sh
# update-readme.sh [QUICKSTART OPTION…]: puts the output of a real `bench/quickstart.sh --few` into README.md, between its markers.
set -eu
cd "$(dirname "$0")/.."
output=$(mktemp)
trap 'rm -f "$output"' EXIT
{
        echo '    $ bench/quickstart.sh --few'
        bench/quickstart.sh --few "$@" | sed 's/^/    /; s/ *$//'
} >"$output"
awk -v output="$output" '
        /^<!-- quickstart -->/ { print; print ""; while ((getline line < output) > 0) print line; print ""; skipping = 1; next }
        /^<!-- \/quickstart -->/ { skipping = 0 }
        !skipping' README.md >README.md.new
mv README.md.new README.md
