#!/bin/sh
# contestant-needs.sh [DIRECTORY]: what the contestants below DIRECTORY (default: peers, beside this file) need, for need-packages.sh
# --needs, where no Python is there yet to ask `restmark setup`, which says the same (a test compares the two).
#
# Reads the [[requires]] tables of each contestant.toml, one key to a line.
set -eu
peers=${1:-$(dirname "$0")/peers}
awk '
        function value(line) { sub(/^[^=]*= */, "", line); gsub(/[]["]/, "", line); gsub(/, */, " ", line); return line }
        function pinned(file, line, text) {
                text = ""
                while ((getline line < file) > 0) if (line ~ /^[^#]*==/) { sub(/ .*/, "", line); text = line " by pip" }
                close(file)
                return text
        }
        function finish(key) {
                if (command == "") return
                if (minimum != "-" && version == "-") version = command " --version"
                key = command "\t" minimum "\t" version "\t" (packages == "" ? "-" : packages)
                rest = fallback == "-" ? "-\t-" : fallback "\tpython3-venv ca-certificates"
                if (!(key in users)) { order[++count] = key; rests[key] = rest }
                if (users[key] !~ ("(^|, )" name "$")) users[key] = users[key] (users[key] == "" ? "" : ", ") name
                command = ""
        }
        # Optional ones are not wanted by those who name nobody. The key stands above all tables.
        FNR == 1 { finish(); within = optional = 0; name = FILENAME; sub(/\/contestant\.toml$/, "", name); sub(/.*\//, "", name); folder = FILENAME; sub(/[^\/]*$/, "", folder) }
        !within && /^optional *= *true/ { optional = 1 }
        optional { next }
        /^\[/ { finish(); within = /^\[\[requires\]\]/; minimum = version = fallback = "-"; packages = "" }
        !within { next }
        # What the build makes is nothing to be installed.
        /^command *=/ { command = value($0); if (command ~ /^[{]build[}]/) command = "" }
        /^minimum_version *=/ { minimum = value($0) }
        /^version_command *=/ { version = value($0) }
        /^packages *=/ { packages = value($0) }
        /^pip_requirements *=/ { fallback = pinned(folder value($0)) }
        END { finish(); for (i = 1; i <= count; i++) print order[i] "\t" users[order[i]] "\t" rests[order[i]] }
' "$peers"/*/contestant.toml
