#!/bin/sh
# need-packages.sh [--no-install] PACKAGE…: sees to it that these Debian packages are installed.
#
# A word may name alternatives, "new-name|old-name", of which the first that this release of Debian knows is meant. What is
# missing is named, then installed with apt-get (as root, else through sudo); with --no-install it is only named.
# Exit code: 0 all there, 3 something is missing and may not or cannot be installed.
set -eu

install=yes
if [ "${1:-}" = --no-install ]; then
        install=no
        shift
fi

is_installed() {
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Words of which no alternative is installed.
missing=
for word in "$@"; do
        found=no
        for name in $(printf '%s' "$word" | tr '|' ' '); do
                if is_installed "$name"; then
                        found=yes
                fi
        done
        [ "$found" = yes ] || missing="$missing $word"
done
[ -n "$missing" ] || exit 0

if [ "$install" = no ]; then
        echo "missing packages:$missing" >&2
        echo "install them, or leave out --no-install" >&2
        exit 3
fi
if ! command -v apt-get >/dev/null; then
        echo "missing packages (by their Debian names):$missing" >&2
        echo "there is no apt-get here: install what they are called on this system, then run this again" >&2
        exit 3
fi
if [ "$(id -u)" = 0 ]; then
        as_root=
elif command -v sudo >/dev/null; then
        as_root=sudo
else
        echo "missing packages:$missing" >&2
        echo "to install them become root, or install sudo" >&2
        exit 3
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Runs a command whose output matters only if it fails.
quietly() {
        if ! "$@" >"$log" 2>&1; then
                tail -n 30 "$log" >&2
                echo "failed: $*" >&2
                exit 3
        fi
}

echo "installing (this may take a few minutes):$missing" >&2
quietly $as_root apt-get update
names=
for word in $missing; do
        chosen=
        for name in $(printf '%s' "$word" | tr '|' ' '); do
                if [ -z "$chosen" ] && apt-cache show "$name" >/dev/null 2>&1; then
                        chosen=$name
                fi
        done
        if [ -z "$chosen" ]; then
                echo "this system's package sources have no package $word" >&2
                exit 3
        fi
        names="$names $chosen"
done
# shellcheck disable=SC2086 # a list of words
quietly $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $names
echo "installed" >&2
