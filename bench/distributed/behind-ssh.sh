#!/bin/sh
# behind-ssh.sh [OPTION…]: restmark run with its servers behind ssh, in a network namespace of their own; both are removed afterwards.
#
# Shows on one machine what `restmark run --server ssh://…` does on two. The namespace is joined to this one by a pair of veth devices;
# in it runs an sshd of its own, with keys, configuration and port of its own, that is no unit and lets in nobody else. Options are
# those of `restmark run` (default: --quick -C restmarkd -C epoll-limit); --resume DIR goes on with an interrupted one. What is built there is kept in
# $RESTMARK_FAR_CACHE; if that is not set, in /var/cache/restmark-far, which is removed. As root. Exit code: that of restmark run.
# What one that was killed has left, `namespaces clean` takes away.
set -eu

case ${1-} in
-h | --help)
        sed -n '2,/^set -eu/{/^set -eu/d;s/^# \{0,1\}//;p;}' "$0"
        exit 0
        ;;
esac
here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
exec /usr/bin/python3 "$here/behind_ssh.py" "$0" "$@"
