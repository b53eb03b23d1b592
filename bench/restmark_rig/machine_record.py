"""The machine and the tools of a run, for its record."""

from __future__ import annotations

import platform
import shutil
import socket
from collections.abc import Sequence
from pathlib import Path

import psutil

from . import __version__, doctor, machine, versions
from .contestant import Contestant
from .results import Machine, MachineFinding


def describe(contestants: Sequence[Contestant]) -> Machine:
    """Where this runs, with the doctor's lines; takes a second."""
    return Machine(
        hostname=socket.gethostname(),
        os=_os_name(),
        kernel=f"{platform.system()} {platform.release()}",
        architecture=platform.machine(),
        cpu_model=machine.cpu_model(),
        cpus_online=machine.online_cpus(),
        cpus_allowed=sorted(machine.allowed_cpus()),
        memory_total_kib=psutil.virtual_memory().total // 1024,
        virtualisation=machine.virtualisation(),
        findings=[
            MachineFinding(line.topic, line.verdict, line.value, line.advice) for line in doctor.examine(contestants)
        ],
    )


def same(a: Machine, b: Machine) -> bool:
    """Whether figures of both may stand in one run."""
    keys = ("hostname", "kernel", "architecture", "cpu_model", "cpus_online")
    return all(getattr(a, key) == getattr(b, key) for key in keys)


def tools(with_h2load: bool) -> dict[str, str]:
    """Versions of what makes the load and of the rig."""
    found = {
        "restmark": __version__,
        "Python": platform.python_version(),
        "wrk": versions.first_line(("wrk", "-v"), Path("/")),
    }
    if with_h2load and shutil.which("h2load"):
        found["h2load"] = versions.first_line(("h2load", "--version"), Path("/"))
    return found


def _os_name() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()
