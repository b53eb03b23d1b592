"""Takes machines away that were made of network namespaces: what runs there, control groups, links, folders; also those that a killed script has left.

All of it says by its name whose it is: restmark-PID-N, restmark-far-PID. Whatever is gone already is fine.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import shared_folder
from stopping import Fault, say, wait_until

from restmark_rig.host import cgroup, proctree
from restmark_rig.host.cgroup import Cgroup

PACKAGES = ("openssh-server", "openssh-client", "iproute2", "util-linux")
SPACES = Path("/run/netns")
GROUP_PARENTS = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/cpu"))  # of version 2, and of version 1's CPU controller
SCRIPTS = (b"namespaces", b"behind_ssh.py")
# Servers end by themselves when their agent does, and that when its input does, for which they get their grace.
OWN_END_S = 30.0
KILLED_S = 30.0

_NAME = re.compile(r"restmark-(?:far-)?(\d+)(?:-.+)?")
_LINK = re.compile(r"rm(?:-near)?(\d+)(?:n\d+)?")
_SERVER_GROUP = re.compile(r"restmark-.+-(\d+)-[0-9a-f]{6}")  # as host/supervised.py names them, by who has started the server
_CONTROLLERS = ("cpuacct", "memory", "cpu")
_SHOWN_CHARACTERS = 60


def run(*argv: str | Path, check: bool = True) -> str:
    """The output of a command, which no Ctrl-C reaches. Raises Fault."""
    words = list(map(str, argv))
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, start_new_session=True)
    except FileNotFoundError:
        raise Fault(f"{argv[0]} is not installed; apt-get install {' '.join(PACKAGES)}") from None
    if check and done.returncode != 0:
        raise Fault(f"{shlex.join(words)}: {done.stderr.strip() or f'exit code {done.returncode}'}")
    return done.stdout


def machine(space: str, device: str) -> None:
    """Ends all that runs in a namespace, and takes it away, with its link and the control groups of what ran there. Whatever fails, the rest is done."""
    started_by = set(pids_in(space))
    with ExitStack() as rest:  # from its end on
        for parent in GROUP_PARENTS:
            rest.callback(Cgroup(0, parent / space).remove)
        rest.callback(_delete, space)
        rest.callback(link, device)
        rest.callback(_remove_groups_of, started_by)
        _end_sessions(space)
        wait_until(lambda: not pids_in(space), OWN_END_S)
        _kill(space)


def _delete(space: str) -> None:
    if (SPACES / space).exists():
        run("ip", "netns", "delete", space)


def _remove_groups_of(pids: set[int]) -> None:
    """Those of servers that these have started."""
    for group in list(_server_groups()):
        if _owner(_SERVER_GROUP, group.path.name) in pids:
            group.kill()
            group.remove()


def link(device: str) -> None:
    """The end of a link that is on this side, and with it the other one, without waiting for the kernel to notice."""
    if Path("/sys/class/net", device).exists():
        run("ip", "link", "delete", device, check=False)  # the kernel may have been quicker


def folder(path: Path) -> None:
    """With all that is in it."""
    if path.exists():
        shutil.rmtree(path)


def pids_in(space: str) -> list[int]:
    """The processes in a namespace, zombies left out."""
    found = []
    with suppress(FileNotFoundError):
        wanted = (SPACES / space).stat()
        for pid in proctree.all_pids():
            with suppress(FileNotFoundError, ProcessLookupError, PermissionError):  # it has ended, or is none of ours
                if os.path.samestat(wanted, os.stat(f"/proc/{pid}/ns/net")):
                    found.append(pid)
    return found


def _end_sessions(space: str) -> None:
    """Ends every sshd there. What runs behind a session learns of it by the end of its input, also where the line is dead and its far end would notice
    nothing for a minute."""
    for pid in pids_in(space):
        if proctree.command_name(pid).startswith("sshd"):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)


def _kill(space: str) -> None:
    """Whatever has not ended by itself, by name but for sshd. Raises Fault."""
    told: set[int] = set()

    def ended() -> bool:
        for pid in (pids := pids_in(space)):
            if pid not in told and not proctree.command_name(pid).startswith("sshd"):
                say(f"still running in {space}, and killed: {command(pid)} (pid {pid})")
            told.add(pid)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not pids

    if not wait_until(ended, KILLED_S):
        raise Fault(f"processes {', '.join(map(str, pids_in(space)))} in {space} do not end; once they have: namespaces clean")


def command(pid: int) -> str:
    """The beginning of its command line, on one line: a program may stand there with all its text."""
    try:
        words = Path("/proc", str(pid), "cmdline").read_bytes().decode(errors="replace").split("\0")
    except (FileNotFoundError, ProcessLookupError):
        words = []
    text = " ".join(" ".join(words).split()) or proctree.command_name(pid)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"


def _server_groups() -> Iterator[Cgroup]:
    """All that were made for servers, whoever has started them."""
    seen = set()
    for controller in _CONTROLLERS:
        for mount in cgroup.hierarchies(controller):
            for path, _, _ in os.walk(mount.root):
                if path not in seen and _SERVER_GROUP.fullmatch(os.path.basename(path)):
                    seen.add(path)
                    yield Cgroup(mount.version, Path(path))


def _owner(pattern: re.Pattern[str], name: str) -> int | None:
    """The pid in a name; None if it is not of that kind."""
    found = pattern.fullmatch(name)
    return int(found[1]) if found else None


def is_leftover(pattern: re.Pattern[str], name: str) -> bool:
    """Whether the script that has made something of this name is gone, however that went; another process may have its number."""
    pid = _owner(pattern, name)
    if pid is None:
        return False
    try:
        line = Path("/proc", str(pid), "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return not any(script in line for script in SCRIPTS)


def clean(temporary: Path) -> None:
    """All whose script has ended; whatever of that fails, the rest is done. temporary: where the folders are."""
    with ExitStack() as rest:  # from its end on
        rest.callback(shared_folder.clean)
        for name in _leftovers(_NAME, temporary):
            rest.callback(folder, temporary / name)
        rest.callback(_clean_groups)
        for device in _leftovers(_LINK, Path("/sys/class/net")):
            rest.callback(link, device)
        for space in sorted(_leftovers(_NAME, SPACES), reverse=True):
            rest.callback(_clean_machine, space)


def _clean_machine(space: str) -> None:
    machine(space, _device(space))
    say(f"removed {space}")


def _clean_groups() -> None:
    for parent in GROUP_PARENTS:
        for name in _leftovers(re.compile(r"restmark-(\d+)-\d+"), parent):
            group = Cgroup(0, parent / name)
            group.kill()
            group.remove()
    for group in list(_server_groups()):
        if not group.pids() and not Path("/proc", str(_owner(_SERVER_GROUP, group.path.name))).exists():
            group.remove()


def _leftovers(pattern: re.Pattern[str], parent: Path) -> Iterable[str]:
    return [name for name in os.listdir(parent) if is_leftover(pattern, name)] if parent.is_dir() else []


def _device(space: str) -> str:
    """Of the link that leads to it."""
    _, _, rest = space.partition("-")
    return f"rm-near{rest.removeprefix('far-')}" if rest.startswith("far-") else f"rm{rest.replace('-', 'n')}"
