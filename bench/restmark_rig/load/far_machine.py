"""What a load machine is asked before its worker starts: by which address it sees this one, which CPUs it has, and to keep restmark-load."""

from __future__ import annotations

import hashlib
import shlex
import subprocess
from collections.abc import Sequence

from ..host import ssh
from ..model import cpulist
from ..model.errors import EnvironmentFault, UsageFault
from . import load_program, locust_program
from .host_file import LoadHost

_ANSWER_S = 60.0
# Before each answer, so that what the shell there prints by itself is told from it.
_MARK = "restmark:"
_ADDRESS = f'printf "{_MARK}%s\\n" "$SSH_CONNECTION"'
# All that the kernel lets a process there have, whatever this shell itself was bound to.
_CPUS = (
    'c=$(taskset -c "$(cat /sys/devices/system/cpu/online)" sed -n "s/^Cpus_allowed_list:[[:space:]]*//p" /proc/self/status) || exit; '
    f'printf "{_MARK}%s\\n" "$c"'
)
_CAN_NOT_KEEP = 73  # EX_CANTCREAT
_KEEP = (
    'd="${RESTMARK_CACHE:-$HOME/.cache/restmark}/load"; f="$d/restmark-load-$1"; '
    'mkdir -p "$d" && { [ -x "$f" ] || { cat >"$f.$$" && chmod 755 "$f.$$" && mv "$f.$$" "$f"; }; } || '
    f'{{ rm -f "$f.$$"; printf "restmark-load can not be kept in %s\\n" "$d" >&2; exit {_CAN_NOT_KEEP}; }}; printf "{_MARK}%s\\n" "$f"'
)
_KEEP_REMEDY = (
    "let that folder be writable, or have that user's shell there set RESTMARK_CACHE to another one; or name a restmark-load that is there already by load="
)


def address_of_this(host: LoadHost) -> str:
    """The address of this machine that one behind ssh sees. Raises EnvironmentFault."""
    told = _asked(host, _ADDRESS).split()
    if not told:
        raise EnvironmentFault(f"{host.name} does not tell by which address it sees this machine", "say it: --listen ADDRESS")
    return told[0]


def require_cpus(host: LoadHost) -> None:
    """Raises UsageFault if the host file names CPUs that the machine has not: taskset there would heed the others alone."""
    if host.cpus is None:
        return
    has = _asked(host, _CPUS)
    missing = cpulist.numbers(host.cpus) - cpulist.numbers(has)
    if missing:
        raise UsageFault(f"{host.where}: cpus={host.cpus}: {host.name} has no CPU {cpulist.render(missing)}", f"choose out of {has}")


def keep_load_program(host: LoadHost) -> str:
    """Sees to it that restmark-load of this rig is in the cache of the machine, where it stays; its path there. Raises EnvironmentFault."""
    mine = load_program.path().read_bytes()
    return _asked(host, _KEEP, hashlib.sha256(mine).hexdigest()[:16], given=mine)


def _asked(host: LoadHost, script: str, *words: str, given: bytes = b"") -> str:
    """What the script says behind the mark. Raises EnvironmentFault."""
    argv = ["sh", "-c", script, "sh", *words]
    if host.target is not None:
        argv = ssh.ssh_command(host.target, argv, reads_stdin=True)
    done = _run(host, argv, given)
    if done.returncode != 0:
        raise _refusal(host, done)
    before, mark, answer = done.stdout.decode(errors="replace").partition(_MARK)
    if before.strip() or not mark:
        said = before.strip().partition("\n")[0]
        raise EnvironmentFault(
            f"the shell of {host.name} prints {said!r} on standard output, where only answers may stand",
            "let its start-up files (such as ~/.bashrc) print nothing in a shell that is not interactive",
        )
    return answer.partition("\n")[0].strip()


def _run(host: LoadHost, argv: Sequence[str], given: bytes) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(argv, input=given, capture_output=True, timeout=_ANSWER_S, check=False)
    except subprocess.TimeoutExpired:
        raise EnvironmentFault(f"{host.name} did not answer in {_ANSWER_S:.0f} s: {shlex.join(argv)}", "run it by hand") from None
    except FileNotFoundError:
        raise EnvironmentFault(f"there is no {argv[0]} on this machine", f"restmark setup {locust_program.NAME}") from None


def _refusal(host: LoadHost, done: subprocess.CompletedProcess[bytes]) -> EnvironmentFault:
    said = done.stderr.decode(errors="replace").strip() or f"exit code {done.returncode}"
    if host.target is not None and done.returncode == ssh.FAILED:
        return EnvironmentFault(f"{host.name} can not be reached: {said}", f"try: {ssh.by_hand(host.target)}")
    return EnvironmentFault(f"{host.name} can not be used: {said}", _KEEP_REMEDY if done.returncode == _CAN_NOT_KEEP else "mend there what it says")
