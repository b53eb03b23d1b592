#!/bin/sh
# need-packages.sh [--no-install|--dry-run] [--needs FILE] [--for TEXT] [PACKAGE…] [--for TEXT PACKAGE…]…
#
# Sees to it that these Debian packages are installed; the one place of restmark that installs any. A word may name alternatives,
# "new-name|old-name", of which the first that this release of Debian knows is meant. --for says what the words after it are for.
#
# --needs FILE: what contestants need, a line each, of fields with a tab between them and "-" for an empty one: a command or file; the
# oldest version that will do; the command that prints its version; packages, of which the first has that version; who needs it; what
# else would bring it where no package is new enough; packages which that needs. What is there and new enough is left alone. What can
# not be had is named, and the rest goes on.
#
# One list of what and why is printed before anything is installed (root's own package lists are renewed first); --dry-run ends there.
# Root installs; others do by one call of sudo, or are told the one line that root has to run. Nothing is started by an
# installation, nor enabled for the next boot: policy-rc.d forbids it meanwhile (one that is there already is left in force). Nor does
# PostgreSQL make a cluster of its own, as it does when it is first installed: a file in createcluster.d forbids that meanwhile.
#
# Exit code: 0 all PACKAGEs are there, 3 one is missing and may not or can not be installed, 128 + signal.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
self=$here/${0##*/}
mode=install listed=no needs='' reason=''
policy=/usr/sbin/policy-rc.d
mark='written by need-packages.sh of restmark, which removes it'
no_cluster=/etc/postgresql-common/createcluster.d/restmark-need-packages.conf
policy_is_ours=no no_cluster_is_ours=no ticker=''

clean_up() {
        code=$?
        [ -z "$ticker" ] || kill "$ticker"
        if [ "$code" != 0 ] && [ "$code" -le 2 ] && ! has_room; then
                no_room
                code=3
        fi
        [ "$policy_is_ours" = no ] || rm -f "$policy"
        [ "$no_cluster_is_ours" = no ] || allow_clusters
        rm -rf "$work"
        exit "$code"
}

say() { printf '%s\n' "$*" >&2; }

# Whether what this needs can be written. The shell itself says no more of it than "I/O error".
has_room() { head -c 65536 /dev/zero 2>/dev/null >"$work/room"; }

no_room() { say "need-packages.sh: nothing can be written in ${TMPDIR:-/tmp}; make room there, or name another folder with TMPDIR"; }

if ! work=$(mktemp -d); then
        no_room
        exit 3
fi
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
if ! has_room; then
        exit 1
fi

is_installed() {
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Prints the installed one of the alternatives in $1; fails if there is none.
installed_of() {
        for name in $(printf '%s' "$1" | tr '|' ' '); do
                if is_installed "$name"; then
                        printf '%s\n' "$name"
                        return
                fi
        done
        return 1
}

# is_least VERSION MINIMUM
is_least() { dpkg --compare-versions "$1" ge "$2"; }

# Sets $chosen to the first of the alternatives in $1 that the package sources have in version $2 ("-": any), else to nothing and
# $refused to why not.
choose() {
        chosen='' refused=''
        for name in $(printf '%s' "$1" | tr '|' ' '); do
                # The version as its authors number it: without Debian's epoch and revision.
                version=$(LC_ALL=C apt-cache policy "$name" 2>/dev/null | sed -n 's/^  Candidate: //p' | sed 's/^[0-9]*://; s/[-~+].*//')
                case $version in
                '' | '(none)') ;;
                *)
                        if [ "$2" = - ] || is_least "$version" "$2"; then
                                chosen=$name
                                return
                        fi
                        refused="$refused${refused:+, }$name $version"
                        ;;
                esac
        done
        refused=${refused:+"the package sources have only $refused"}
        refused=${refused:-"the package sources have no package $1"}
}

# is_met COMMAND MINIMUM VERSION_COMMAND
is_met() {
        case $1 in
        /*) [ -e "$1" ] || return 1 ;;
        *) command -v "$1" >/dev/null || return 1 ;;
        esac
        [ "$2" != - ] || return 0
        # shellcheck disable=SC2086 # a list of words
        version=$($3 2>&1 | head -n 1 | grep -Eo '[0-9]+(\.[0-9]+)+' | head -n 1) || return 1
        is_least "$version" "$2"
}

# Adds the packages in $2 that are missing to the plan, for $1. $3: the version that the first must have.
plan_packages() {
        wanted='' least=$3
        for word in $2; do
                if ! installed_of "$word" >/dev/null || [ "$least" != - ]; then
                        choose "$word" "$least"
                        [ -n "$chosen" ] || return 1
                        wanted="$wanted $chosen"
                fi
                least=-
        done
        for name in $wanted; do
                printf '%s\t%s\n' "$name" "$1" >>"$work/plan"
        done
}

plan_needs() {
        while IFS='	' read -r command minimum version_command packages users fallback fallback_packages; do
                if is_met "$command" "$minimum" "$version_command"; then
                        continue
                fi
                refused='no package is known to have it'
                if [ "$packages" != - ] && plan_packages "$users" "$packages" "$minimum"; then
                        continue
                fi
                if [ "$fallback" != - ] && plan_packages "$users" "$fallback_packages" -; then
                        printf '%s\t%s\n' "$fallback" "$users" >>"$work/fallback"
                        continue
                fi
                [ "$minimum" = - ] || command="$command $minimum or newer"
                printf '%s\t%s (%s)\n' "$command" "$users" "$refused" >>"$work/without"
        done <"$needs"
}

# The plan for the words of the command line, in $work/words as "WORD<tab>REASON".
plan_words() {
        while IFS='	' read -r word text; do
                if ! installed_of "$word" >/dev/null; then
                        choose "$word" -
                        printf '%s\t%s\n' "${chosen:-$word}" "$text" >>"$work/plan"
                        [ -n "$chosen" ] || printf '%s\n' "$refused" >>"$work/lacking"
                fi
        done <"$work/words"
}

make_plan() {
        for file in plan fallback without lacking; do
                : >"$work/$file"
        done
        plan_words
        [ -z "$needs" ] || plan_needs
        names=$(cut -f 1 "$work/plan" | awk '!seen[$0]++' | tr '\n' ' ')
}

# Lines "WHAT<tab>FOR" as "WHAT…: for FOR, FOR", each what and each reason once. $1: a heading.
show() {
        [ -s "$2" ] || return 0
        say "$1"
        awk -F '\t' '
                { split($2, given, ", "); for (i = 1; i in given; i++) if (!(($1, given[i]) in has)) { has[$1, given[i]]; users[$1] = users[$1] (users[$1] == "" ? "" : ", ") given[i] } }
                !($1 in listed) { listed[$1]; order[++count] = $1 }
                END {
                        for (i = 1; i <= count; i++) {
                                text = users[order[i]]
                                if (!(text in whats)) { texts[++lines] = text }
                                whats[text] = whats[text] " " order[i]
                        }
                        for (i = 1; i <= lines; i++) print " " whats[texts[i]] (texts[i] == "" ? "" : ": for " texts[i])
                }' "$2" | fold -s -w 100 | sed '/^  /!s/^/      /' >&2
}

show_plan() {
        show 'to be installed from Debian, nothing of it started:' "$work/plan"
        show 'to be fetched from a language registry into the cache:' "$work/fallback"
        show 'can not be had here:' "$work/without"
        if [ -n "$names" ] && [ ! -s "$work/lacking" ]; then
                # shellcheck disable=SC2086 # a list of words
                sizes=$(LC_ALL=C apt-get install --assume-no --no-install-recommends -o Debug::NoLocking=1 $names 2>/dev/null |
                        sed -n '
                                s/^Need to get \(.*\) of archives\.$/\1 to fetch/p
                                s/^After this operation, \(.*\) of additional disk space will be used\.$/\1 on disk/p
                                s/^ *Download size: \(.*\)$/\1 to fetch/p
                                s/^ *Space needed: \(.*\) \/.*$/\1 on disk/p' | paste -s -d '|' | sed 's/|/, /')
                [ -z "$sizes" ] || say "in all $sizes"
        fi
}

# Runs a command and tells now and then how far it is; what it says is shown if it fails.
quietly() {
        : >"$work/log"
        : >"$work/ticking"
        # A signal that reaches a subshell before it has put its parent's traps away is lost: it also looks whether it is still wanted.
        (
                seconds=0
                while sleep 1 >/dev/null 2>&1 && kill -0 $$ 2>/dev/null && [ -e "$work/ticking" ]; do
                        seconds=$((seconds + 1))
                        if [ $((seconds % 15)) = 0 ] || { [ -t 2 ] && [ $((seconds % 5)) = 0 ]; }; then
                                say "  $seconds s: $(tail -n 1 "$work/log" | cut -c 1-90)"
                        fi
                done
        ) &
        ticker=$!
        status=0
        "$@" >"$work/log" 2>&1 || status=$?
        rm "$work/ticking"
        kill "$ticker"
        ticker=''
        if [ "$status" != 0 ]; then
                tail -n 30 "$work/log" >&2
                say "failed: $*"
                exit 3
        fi
}

forbid_starts() {
        # One of ours that a killed run has left behind is not anybody's wish.
        if [ -e "$policy" ] && ! grep -q "$mark" "$policy"; then
                return
        fi
        policy_is_ours=yes
        printf '#!/bin/sh\n# %s\nexit 101\n' "$mark" >"$policy"
        chmod 755 "$policy"
}

# PostgreSQL that is installed for the first time makes a cluster, which is started with the system. Nobody has asked for that one.
forbid_clusters() {
        case " $names" in
        *' postgresql'*) ;;
        *) return ;;
        esac
        no_cluster_is_ours=yes
        mkdir -p "${no_cluster%/*}"
        printf '# %s\ncreate_main_cluster = false\n' "$mark" >"$no_cluster"
}

allow_clusters() {
        rm -f "$no_cluster"
        [ -n "$(ls -A "${no_cluster%/*}")" ] || rmdir "${no_cluster%/*}"
}

# Services that start with the system.
enabled_services() {
        find /etc/systemd/system/multi-user.target.wants -name '*.service' 2>/dev/null | sort
}

# What the packages have enabled for the next boot, against a list of before in $1.
disable_new_services() {
        enabled_services | comm -13 "$1" - >"$work/enabled"
        while read -r link; do
                unit=${link##*/}
                if command -v systemctl >/dev/null; then
                        systemctl disable --quiet "$unit"
                else
                        rm -f "$link"
                fi
                say "$unit is installed, and neither started nor enabled"
        done <"$work/enabled"
}

# shellcheck disable=SC2086 # a list of words
install_packages() {
        exec 9>/run/restmark-need-packages.lock
        flock 9
        enabled_services >"$work/enabled-before"
        forbid_starts
        forbid_clusters
        say "installing:$(printf ' %s' $names)"
        quietly env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -y --no-install-recommends $names
        disable_new_services "$work/enabled-before"
        say "installed"
}

# As another user: one call of sudo, or the line that would do. What is missing was found out as that user: root has another PATH.
# shellcheck disable=SC2086 # a list of words
install_through_root() {
        if command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
                say "sudo installs them:"
                sudo "$self" --listed $names
                return
        fi
        say "to install them, run this line as root (here is no sudo, or no terminal for it to ask on), then what you ran again:"
        say "    $self$(printf " '%s'" $names | sed "s/'\([a-z0-9.+-]*\)'/\1/g")"
        exit 3
}

: >"$work/words"
while [ $# -gt 0 ]; do
        case $1 in
        --no-install) mode=check ;;
        --dry-run) mode=plan ;;
        --listed) listed=yes ;;
        --needs)
                needs=$2
                shift
                ;;
        --for)
                reason=$2
                shift
                ;;
        -*)
                say "need-packages.sh: unknown option $1; its first lines name those there are"
                exit 1
                ;;
        *) printf '%s\t%s\n' "$1" "$reason" >>"$work/words" ;;
        esac
        shift
done

if ! command -v apt-get >/dev/null; then
        : >"$work/lacking"
        say "there is no apt-get here; by their Debian names these are needed, unless they are there already:"
        say " $(cut -f 1 "$work/words" | tr '\n' ' ')"
        [ -z "$needs" ] || say " $(cut -f 4 "$needs" | grep -vx -e - | tr '\n' ' ')"
        [ ! -s "$work/words" ] || [ "$mode" = plan ] || exit 3
        exit 0
fi
make_plan
if [ "$mode" = check ]; then
        [ -n "$names" ] || exit 0
        say "missing packages: $names"
        say "install them, or leave out --no-install"
        exit 3
fi
if [ "$mode" = install ] && [ "$(id -u)" = 0 ] && [ -n "$names$(cat "$work/without")" ]; then
        say "renewing the package lists"
        quietly apt-get -o DPkg::Lock::Timeout=600 update
        make_plan
fi
[ "$listed" = yes ] || show_plan
if [ "$mode" = plan ] || [ -z "$names" ]; then
        exit 0
fi
if [ "$(id -u)" != 0 ]; then
        install_through_root
        exit 0
fi
if [ -s "$work/lacking" ]; then
        cat "$work/lacking" >&2
        exit 3
fi
install_packages
