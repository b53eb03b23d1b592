"""The file of --load-from: which machines make the load.

A line is [USER@]HOST[:PORT], and behind it, where the defaults will not do, NAME=VALUE: name (by which it is called; the host's),
cpus (a list: where its load runs; all), load and locust (paths of the programs there). # begins a comment. Instead of a host, "local" is a worker
on this machine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..host import ssh
from ..host.ssh import SshTarget
from ..model import cpulist
from ..model.errors import UsageFault

LOCAL = "local"
_KEYS = ("name", "cpus", "load", "locust")


@dataclass(frozen=True)
class LoadHost:
    """A machine to be asked to make load. target: None for this one; cpus: a list as of
    taskset(1), where its load may run; None: everywhere. load, locust: the
    programs there, None for those that are found. where: FILE:LINE that names it."""

    name: str
    target: SshTarget | None
    cpus: str | None = None
    load: str | None = None
    locust: str | None = None
    where: str = field(default="", compare=False)


def read(path: Path, config: Path | None = None) -> list[LoadHost]:
    """The machines of a file, at least one, their names different. config: an ssh_config in place of the user's. Raises UsageFault."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageFault(f"{path}: can not be read: {error}", "name a file with a machine on each line") from None
    found: list[LoadHost] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        where = f"{path}:{number}"
        host = _host(words, where, config)
        if any(other.name == host.name for other in found):
            raise UsageFault(f"{where}: there is a {host.name} already", "give one of them another name=")
        found.append(host)
    if not found:
        raise UsageFault(f"{path}: names no machine", "write one on each line: [USER@]HOST[:PORT]")
    return found


def _host(words: list[str], where: str, config: Path | None) -> LoadHost:
    address, *rest = words
    values: dict[str, str] = {}
    for word in rest:
        key, separator, value = word.partition("=")
        if key not in _KEYS or not separator or not value:
            raise UsageFault(f"{where}: {word!r} is not known", f"behind a machine stand {', '.join(f'{one}=' for one in _KEYS)} with a value")
        if key in values:
            raise UsageFault(f"{where}: {key}= is there twice", "leave one out")
        values[key] = value
    try:
        target = None if address == LOCAL else ssh.parse(address, config)
    except UsageFault as fault:
        raise UsageFault(f"{where}: {fault.message}", fault.remedy) from None
    try:
        cpulist.numbers(values.get("cpus", "0"))
    except UsageFault as fault:
        raise UsageFault(f"{where}: cpus={values['cpus']} is no list of CPUs", fault.remedy) from None
    name = values.get("name") or (target.host if target else LOCAL)
    return LoadHost(name, target, values.get("cpus"), values.get("load"), values.get("locust"), where)
