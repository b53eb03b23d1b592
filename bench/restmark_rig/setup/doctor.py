"""What this machine means for a measurement: one line a topic, with a verdict in plain words. Read-only."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..backends import back_ends
from ..contestants import requirements
from ..contestants.contestant import Contestant, Requirement
from ..host import idle_latency, machine, pinning
from ..load import load_program
from ..model import cpulist
from ..model.errors import EnvironmentFault
from ..model.workloads import CACHE, DATABASE

OK, NOTE, WARNING = "ok", "note", "warning"

# Nofile: a sweep over 1000 connections needs them twice, in the client and in a server.
_WANTED_FILES = 4096
_LOOPBACK_MTU = 65536

# The rig's own tools, beside those of the contestants.
_TOOLS = (
    Requirement("/usr/lib/python3/dist-packages/msgpack/__init__.py", ("python3-msgpack",), "reads datasets"),
)


@dataclass(frozen=True)
class Line:
    """One finding. advice: what to do about it, empty when all is well."""

    topic: str
    verdict: str
    value: str
    advice: str = ""


def examine(contestants: Sequence[Contestant]) -> list[Line]:
    """All lines about this machine and the tools of these contestants."""
    lines: list[Line] = []
    for topic in _TOPICS:
        lines += topic()
    return [*lines, *_load_generator(), *_back_ends(), *_toolchains(contestants)]


def _cpu() -> Iterator[Line]:
    yield Line("cpu", OK, machine.cpu_model() or "unknown model")
    allowed = machine.allowed_cpus()
    value = f"{machine.online_cpus()} in the machine, usable here: {cpulist.render(allowed)}"
    if len(allowed) < 2:
        yield Line("cpus", WARNING, value, "server and client have to share one CPU; use a machine with 2 or more")
    elif len(allowed) < 4:
        yield Line(
            "cpus",
            NOTE,
            value,
            "one CPU each for server and client; the client limits the cheap workloads: trust CPU per request",
        )
    else:
        yield Line("cpus", OK, value)
    quota = machine.cpu_quota()
    if quota is not None:
        yield Line("cpu quota", WARNING, f"{quota:g} CPUs", "the control group is throttled; run outside of it")


def _smt() -> Iterator[Line]:
    active = machine.smt_active()
    if active is None:
        yield Line("smt", NOTE, "unknown", "the kernel does not tell; CPUs may share cores")
    elif active:
        yield Line("smt", NOTE, "on", "two CPUs share a core; server and client get whole cores where there are two or more")
    else:
        yield Line("smt", OK, "off")
    pins = pinning.halves()
    if pins.server and pins.client:
        value = f"server {cpulist.render(pins.server)}, client {cpulist.render(pins.client)}"
        doubts = pinning.remarks(pins)
        yield Line("cpu sides", WARNING if doubts else OK, value, "; ".join(doubts))


def _frequency() -> Iterator[Line]:
    governors = machine.governors()
    if not governors:
        yield Line(
            "governor",
            NOTE,
            "not visible",
            "frequencies are the host's business; interleaved rounds average them",
        )
    elif governors == {"performance"}:
        yield Line("governor", OK, "performance")
    else:
        yield Line(
            "governor",
            WARNING,
            ", ".join(sorted(governors)),
            "frequencies follow the load: cpupower frequency-set -g performance",
        )
    turbo = machine.turbo_enabled()
    if turbo is None:
        yield Line("turbo", NOTE, "not visible", "clocks may vary with temperature and with neighbours")
    elif turbo:
        yield Line(
            "turbo",
            NOTE,
            "on",
            "clocks vary with temperature and busy cores; switch it off for the steadiest figures",
        )
    else:
        yield Line("turbo", OK, "off")
    if idle_latency.settable():
        yield Line("idle states", OK, "left out while a run measures")
    else:
        yield Line(
            "idle states",
            NOTE,
            "not ours to limit",
            f"CPUs that fall asleep come back slowly; a run keeps them awake if it may write {idle_latency.DEVICE}, as root may where the kernel has it",
        )


def _virtualisation() -> Iterator[Line]:
    name = machine.virtualisation()
    if name == "none":
        yield Line("virtualisation", OK, "none")
    else:
        yield Line(
            "virtualisation",
            NOTE,
            name or "unknown",
            "neighbours may take CPU time away; look at the spread of the rounds",
        )


def _kernel() -> Iterator[Line]:
    yield Line("kernel", OK, f"{platform.system()} {platform.release()} {platform.machine()}")
    found = machine.mitigations()
    active = [name for name, state in found.items() if "Mitigation" in state]
    open_ones = [name for name, state in found.items() if state.startswith("Vulnerable")]
    value = f"{len(active)} active ({', '.join(active) or 'none'}); open: {', '.join(open_ones) or 'none'}"
    yield Line("mitigations", NOTE, value, "they make system calls dearer: compare only machines with equal ones")
    source = machine.clock_source()
    if source in ("tsc", "arch_sys_counter", "kvm-clock"):
        yield Line("clock source", OK, source)
    else:
        yield Line("clock source", WARNING, source or "unknown", "reading the time is slow with it, for servers, too")
    if not machine.has_schedstat():
        yield Line("schedstat", NOTE, "not in this kernel", "verify's 'idle' can not subtract waiting for a CPU")


def _limits() -> Iterator[Line]:
    mtu = machine.loopback_mtu()
    if mtu == _LOOPBACK_MTU:
        yield Line("loopback mtu", OK, str(mtu))
    else:
        yield Line(
            "loopback mtu",
            NOTE,
            str(mtu or "unknown"),
            f"{_LOOPBACK_MTU} is usual; large bodies cost differently here",
        )
    soft, hard = machine.file_limits()
    value = f"{soft} (at most {hard})"
    if soft >= _WANTED_FILES:
        yield Line("open files", OK, value)
    else:
        yield Line("open files", WARNING, value, f"too few for many connections: ulimit -n {min(hard, 65536)}")


def _activity() -> Iterator[Line]:
    load = os.getloadavg()[0]
    busy, steal = machine.busy_processes()
    quiet = load < 0.1 * machine.online_cpus() + 0.2
    yield Line(
        "load",
        OK if quiet else WARNING,
        f"{load:.2f} over the last minute",
        "" if quiet else "wait until the machine is quiet",
    )
    if busy:
        names = ", ".join(f"{b.name} ({b.pid}) {b.percent:.0f} %" for b in busy[:5])
        yield Line("busy processes", WARNING, names, "stop them, they take CPU time from what is measured")
    else:
        yield Line("busy processes", OK, "none")
    if steal >= 1.0:
        yield Line("steal", WARNING, f"{steal:.1f} % of the last second", "the hypervisor gives CPU time to others")


def _cgroups() -> Iterator[Line]:
    versions = " and ".join(f"v{version}" for version in machine.cgroup_versions()) or "none"
    usable = machine.may_make_cgroups()
    if usable:
        yield Line("cgroups", OK, f"{versions}; v{usable.version} will be used")
    else:
        yield Line(
            "cgroups",
            NOTE,
            f"{versions}, none that this user may write",
            "process trees are used instead, and CPU time of short-lived children is lost; run as root, or within "
            "systemd-run --user --scope -p Delegate=yes",
        )


def _load_generator() -> Iterator[Line]:
    topic = f"tool {load_program.NAME}"
    try:
        yield Line(topic, OK, f"{load_program.path()} (for the rig)")
    except EnvironmentFault as fault:
        buildable = [made for made in load_program.unmet() if not requirements.missing(made)]
        if buildable:
            yield Line(topic, OK, "is built when it is first needed (for the rig)")
        else:
            yield Line(topic, WARNING, fault.message, fault.remedy)


def _back_ends() -> Iterator[Line]:
    """Whether a database and a cache can be started for the workloads that ask them."""
    for name, groups in ((DATABASE, "db, orm"), (CACHE, "cache")):
        what, _, remedy = back_ends.unmet(name).partition("; remedy: ")
        if what:
            yield Line(name, NOTE, f"{what}; without it: no --workload {groups}", remedy)
        else:
            yield Line(name, OK, f"can be started for --workload {groups}")


_TOPICS: tuple[Callable[[], Iterator[Line]], ...] = (
    _cpu,
    _smt,
    _frequency,
    _virtualisation,
    _kernel,
    _limits,
    _activity,
    _cgroups,
)


def _toolchains(contestants: Sequence[Contestant]) -> Iterator[Line]:
    """Every required command or file once (and once for each version that is asked for), with those who need it."""
    needed: dict[tuple[str, str], list[str]] = {}
    first: dict[tuple[str, str], tuple[Requirement, str | None]] = {}
    asked = [(requirement, c.search_path, c.name) for c in contestants for requirement in c.requires]
    for requirement, search_path, user in [*asked, *((tool, None, "the rig") for tool in _TOOLS)]:
        key = (requirement.command, requirement.minimum_version)
        first.setdefault(key, (requirement, search_path))
        needed.setdefault(key, []).append(user)
    for key, (requirement, search_path) in sorted(first.items(), key=lambda item: item[0]):
        users = ", ".join(needed[key])
        command = requirement.command
        # The path of a required file says less than the package that brings it.
        label = (
            requirement.packages[0].split("|")[0]
            if command.startswith("/") and requirement.packages
            else Path(command).name
        )
        if problem := requirements.shortfall(requirement, search_path):
            missing = problem if requirements.locate(requirement, search_path) else f"{command} is missing"
            yield Line(f"tool {label}", NOTE, f"{missing}; without it: no {users}", requirements.remedy_of(requirement))
        else:
            yield Line(f"tool {label}", OK, f"{requirements.locate(requirement, search_path)} (for {users})")
