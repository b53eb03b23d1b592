# Fish completion of restmark, which says itself what may come next.

function __restmark_rig
    for line in (env COMP_WORDS=(commandline -cp) COMP_CWORD=(commandline -t) _RESTMARK_COMPLETE=fish_complete restmark)
        set -l parts (string split -m 1 , $line)
        switch $parts[1]
            case dir
                __fish_complete_directories (commandline -t)
            case file
                __fish_complete_path (commandline -t)
            case plain
                echo $parts[2]
        end
    end
end

complete -c restmark -f -a '(__restmark_rig)'
