"""Command lines that run a program on another machine by OpenSSH's client, and end it there when the connection is lost.

Nothing is configured here that ssh_config(5) can say: keys, jump hosts and aliases are the user's own, or those of a file that is named.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..model.errors import UsageFault

FAILED = 255  # ssh's exit code where it did not get as far as the command
CONNECT_TIMEOUT_S = 15
# A connection over which nothing comes for so many intervals is lost: see ServerAliveInterval in ssh_config(5).
ALIVE_INTERVAL_S = 5
ALIVE_COUNT = 3
CONTROL_PERSIST_S = 30
KILL_AFTER_S = 5  # what does not heed SIGTERM on the far side gets SIGKILL
PORT_MAX = 65535

_SCHEME = "ssh://"
_TARGET = re.compile(r"(?:(?P<user>[^@\s]+)@)?(?:\[(?P<literal>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[^:@\s\[\]/]+))(?::(?P<port>\d+))?/?")

# The command gets a session, and so a process group, of its own. Who waits for the end of standard input learns of a lost connection,
# because sshd closes it then. `setsid` does not fork here: the shell's background process leads no group, so that its pid is the group's.
_GUARD = (
    'exec 3<&0; setsid "$@" </dev/null 3<&- & child=$!; '
    f'{{ cat <&3; kill -s TERM -- "-$child"; sleep {KILL_AFTER_S}; kill -s KILL -- "-$child"; }} >/dev/null 2>&1 & watch=$!; exec 3<&-; '
    'wait "$child"; status=$?; kill "$watch" 2>/dev/null; kill -s KILL -- "-$child" 2>/dev/null; exit "$status"'
)


@dataclass(frozen=True)
class SshTarget:
    """A machine to reach. host: a name, an address, or an alias of ssh_config; user, port: None for what ssh_config says.

    config: a file in place of the user's ssh_config; control: a folder, short and private, in which connections are shared among
    commands to the same machine, None for a connection each. A shared one outlives its last command by CONTROL_PERSIST_S, or until
    close_command().
    """

    host: str
    user: str | None = None
    port: int | None = None
    config: Path | None = None
    control: Path | None = None

    @property
    def text(self) -> str:
        """As parse() reads it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        user = f"{self.user}@" if self.user else ""
        return f"{user}{host}" + (f":{self.port}" if self.port else "")


def parse(text: str, config: Path | None = None, control: Path | None = None) -> SshTarget:
    """[ssh://][USER@]HOST[:PORT]; IPv6 addresses stand in brackets. Raises UsageFault."""
    found = _TARGET.fullmatch(text.removeprefix(_SCHEME))
    if not found:
        raise UsageFault(f"{text!r} names no machine", "write [USER@]HOST[:PORT], an IPv6 address in brackets")
    host, user, port = found["literal"] or found["host"], found["user"], found["port"]
    if host.startswith("-") or (user or "").startswith("-"):
        raise UsageFault(f"{text!r}: a name that begins with - would be an option of ssh", "write [USER@]HOST[:PORT]")
    if port and not 1 <= int(port) <= PORT_MAX:
        raise UsageFault(f"{text!r}: there is no port {port}", f"ports are 1 to {PORT_MAX}")
    return SshTarget(host, user, int(port) if port else None, config, control)


def ssh_command(target: SshTarget, argv: Sequence[str], reads_stdin: bool = False) -> list[str]:
    """The words that run argv on the machine; never asks for a password. Its exit code is the command's, or 255 if ssh itself failed.

    argv gets no input, and it and all that stays in its process group are ended when the connection is lost, or standard input ends: so
    keep that open for as long as it is to run. reads_stdin: it gets standard input instead, and has itself to end when that does.
    """
    return [*_ssh(target), "-T", "--", target.host, shlex.join(argv) if reads_stdin else guarded(argv)]


def by_hand(target: SshTarget) -> str:
    """What to type to see whether ssh itself gets there."""
    return shlex.join(["ssh", *_place(target), target.host, "true"])


def guarded(argv: Sequence[str]) -> str:
    """A line for any shell: runs argv in a process group of its own until standard input ends."""
    return shlex.join(guarded_words(argv))


def guarded_words(argv: Sequence[str]) -> list[str]:
    """The same as words, for this machine."""
    return ["sh", "-c", _GUARD, "sh", *argv]


def close_command(target: SshTarget) -> list[str]:
    """The words that close the shared connection, which has to be one; whoever is still using it is cut off."""
    return [*_ssh(target), "-O", "exit", "--", target.host]


def _ssh(target: SshTarget) -> list[str]:
    options = {
        "BatchMode": "yes",
        "ConnectTimeout": CONNECT_TIMEOUT_S,
        "ServerAliveInterval": ALIVE_INTERVAL_S,
        "ServerAliveCountMax": ALIVE_COUNT,
        "ControlMaster": "auto" if target.control else "no",
        "ControlPath": target.control / "%C" if target.control else "none",
        "ControlPersist": CONTROL_PERSIST_S if target.control else "no",
    }
    words = ["ssh"]
    for name, value in options.items():
        words += ["-o", f"{name}={value}"]
    return words + _place(target)


def _place(target: SshTarget) -> list[str]:
    """Which machine, but for its name: by whose configuration, as whom, at which port."""
    words = ["-F", str(target.config)] if target.config else []
    if target.user:
        words += ["-l", target.user]
    if target.port:
        words += ["-p", str(target.port)]
    return words
