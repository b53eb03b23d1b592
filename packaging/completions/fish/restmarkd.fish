# Fish completion of restmarkd, restmarkctl, restmark-rss and restmark-load. Options and commands are read from the program's own --help, so that they are
# those of the installed version.

# Prints WORD<tab>DESCRIPTION for what may come next.
function __restmark_words
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program $words[1]
    switch $words[-1]
        case -c --config -s --socket --control --write-dataset --write-config --proc --mix --body --expect --hdr-log
            __fish_complete_path $current
            return
        case -o --option
            $program --write-config - 2>/dev/null | awk '
                /^\[/ { section = substr($1, 2, length($1) - 2) }
                /^;[a-z-]+ =/ { print section "." substr($1, 2) "=" }'
            return
        case --unit
            systemctl list-units --plain --no-legend --type=service 2>/dev/null | awk '{ print $1 }'
            return
        case --name
            ps -eo comm=
            return
        case --pid
            ps -eo pid=,comm= | awk '{ print $1 "\t" $2 }'
            return
    end
    if contains -- --merge $words; and not string match -q -- '-*' $current # files, all that follow
        __fish_complete_path $current
        return
    end
    set -l kind a
    string match -q -- '-*' $current; and set kind -
    set -l found ($program --help 2>/dev/null | awk -v kind=$kind '
        kind == "-" && /^ *-/ {
            sub(/^ +/, "")
            text = match($0, /  +/) ? substr($0, RSTART + RLENGTH) : ""
            sub(/  .*/, "")
            n = split($0, words, /,? /)
            for (i = 1; i <= n; i++)
                if (words[i] ~ /^-/)
                    print words[i] "\t" text
        }
        kind == "a" && /^  [a-z]/ {
            word = $1
            sub(/^ +/, "")
            print word "\t" (match($0, /  +/) ? substr($0, RSTART + RLENGTH) : "")
        }')
    if test $kind = a # one command is enough
        for word in $words[2..]
            string match -q -- $word\t'*' $found; and return
        end
    end
    string join -- \n $found
end

for program in restmarkd restmarkctl restmark-rss restmark-load
    complete -c $program -f -a '(__restmark_words)'
end
