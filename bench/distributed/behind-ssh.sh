#!/bin/sh
# behind-ssh.sh [OPTION…]: restmark run with its servers behind ssh, in a network namespace of their own; both are removed afterwards.
#
# Shows on one machine what `restmark run --server ssh://…` does on two. The namespace is joined to this one by a pair of veth devices;
# in it runs an sshd of its own, with keys, configuration and port of its own, that is no unit and lets in nobody else. Options are
# those of `restmark run` (default: --quick -C restmarkd -C epoll-limit). What is built there is kept in $RESTMARK_FAR_CACHE, and removed if that is not set.
# As root. Exit code: that of restmark run.
set -eu

bench=$(cd "$(dirname "$0")/.." && pwd)
case ${1-} in
-h | --help)
        sed -n '2,/^set -eu/{/^set -eu/d;s/^# \{0,1\}//;p;}' "$0"
        exit 0
        ;;
esac
if [ "$(id -u)" != 0 ]; then
        echo "behind-ssh.sh: root alone may make a network namespace; run it as root" >&2
        exit 3
fi
"$bench/need-packages.sh" openssh-server openssh-client iproute2 util-linux

# Of the network that RFC 2544 keeps for benchmarks. By the process id, so that two of these do not meet.
net=198.18.$(($$ / 63 % 256)).$(($$ % 63 * 4))
near=${net%.*}.$((${net##*.} + 1)) far=${net%.*}.$((${net##*.} + 2)) port=2222
name=restmark-far-$$
work=$(mktemp -d) sshd='' run='' made_folder=no

# end PID: asks it to end, and waits until it has
# shellcheck disable=SC2317 # the trap calls it
end() {
        if kill "$1" 2>/dev/null; then
                code=0
                wait "$1" || code=$?
        fi
}

# Prints the pids in the namespace, but for sshd's, whose sessions end with it.
# shellcheck disable=SC2317 # the trap calls it
in_namespace() {
        for pid in $(ip netns pids "$name"); do
                if comm=$(cat "/proc/$pid/comm" 2>/dev/null) && [ "$comm" != sshd ]; then
                        printf '%s ' "$pid"
                fi
        done
}

# shellcheck disable=SC2317 # the trap calls it
clean_up() {
        trap '' INT TERM HUP
        [ -z "$run" ] || end "$run"
        [ -z "$sshd" ] || end "$sshd"
        if [ -e "/run/netns/$name" ]; then
                # An agent whose connection was cut has to end its servers by itself, for which they get their time.
                looks=0
                while [ -n "$(in_namespace)" ] && [ $((looks += 1)) -le 200 ]; do
                        sleep 0.1 # between two looks: nobody tells of the end of processes that are not one's own
                done
                for pid in $(in_namespace); do
                        echo "behind-ssh.sh: still running, and killed: $(tr '\0' ' ' <"/proc/$pid/cmdline")" >&2
                        kill -KILL "$pid"
                done
                ip netns delete "$name"
        fi
        [ "$made_folder" = no ] || rmdir /run/sshd
        rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

ip netns add "$name"
ip link add "rm-near$$" type veth peer name eth0 netns "$name"
ip address add "$near/30" dev "rm-near$$"
ip link set "rm-near$$" up
ip -netns "$name" address add "$far/30" dev eth0
ip -netns "$name" link set eth0 up
ip -netns "$name" link set lo up

for key in host user; do
        ssh-keygen -q -t ed25519 -N '' -C "restmark $key" -f "$work/$key"
done
echo "[$far]:$port $(cat "$work/host.pub")" >"$work/known_hosts"
cat >"$work/sshd_config" <<END
Port $port
ListenAddress $far
HostKey $work/host
AuthorizedKeysFile $work/user.pub
PidFile none
UsePAM no
StrictModes no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
SetEnv RESTMARK_CACHE=${RESTMARK_FAR_CACHE:-$work/cache}
END
cat >"$work/ssh_config" <<END
Host *
IdentityFile $work/user
IdentitiesOnly yes
UserKnownHostsFile $work/known_hosts
GlobalKnownHostsFile /dev/null
StrictHostKeyChecking yes
END
if [ ! -d /run/sshd ]; then
        mkdir /run/sshd # which it wants, and a unit would have made
        made_folder=yes
fi
# Not `ip netns exec`: that hides the control groups below /sys, by which CPU time is accounted for.
nsenter --net="/run/netns/$name" /usr/sbin/sshd -D -e -f "$work/sshd_config" 2>"$work/sshd.log" &
sshd=$!
until ssh -F "$work/ssh_config" -o ConnectTimeout=5 -p "$port" "root@$far" true 2>"$work/ssh.log"; do
        if ! kill -0 "$sshd" 2>/dev/null || [ "$((tries = ${tries:-0} + 1))" -gt 50 ]; then
                echo "behind-ssh.sh: sshd does not let in its own user:" >&2
                cat "$work/sshd.log" "$work/ssh.log" >&2
                exit 3
        fi
        sleep 0.1 # between two looks: an sshd tells nobody when it listens
done

[ $# -gt 0 ] || set -- --quick -C restmarkd -C epoll-limit
"$bench/restmark" run --server "ssh://root@$far:$port" --ssh-config "$work/ssh_config" "$@" &
run=$!
code=0
wait "$run" || code=$?
run=''
exit "$code"
