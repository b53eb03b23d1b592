#!/bin/sh
# update-options.sh OPTION_LIST: writes the option list into restmarkd.ini.5.scd, between its markers.
set -eu
page=$(dirname "$0")/restmarkd.ini.5.scd
"$1" >"$page.options"
awk -v options="$page.options" '
        /^; begin of the list/ { print; print ""; while ((getline line < options) > 0) print line; skipping = 1; next }
        /^; end of the list/ { skipping = 0 }
        !skipping' "$page" >"$page.new"
mv "$page.new" "$page"
rm "$page.options"
