#!/bin/sh
# make-page.sh SCDOC SOURCE PAGE: makes a man page of its source.
#
# scdoc writes tables for tbl and leaves out the first line that tells man so; without it, some readers do not run tbl.
set -eu

scdoc=$1
source=$2
page=$3
"$scdoc" <"$source" >"$page.part"
if grep -q '^\.TS' "$page.part"; then
        sed -i "1i '\\\\\" t" "$page.part"
fi
mv "$page.part" "$page"
