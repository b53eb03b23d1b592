"""Which machine this is, for the record of a run."""

from __future__ import annotations

import platform
import socket

from ..model.results import Machine
from . import machine


def read() -> Machine:
    """This machine, without the doctor's findings."""
    return Machine(
        hostname=socket.gethostname(),
        os=_os_name(),
        kernel=f"{platform.system()} {platform.release()}",
        architecture=platform.machine(),
        cpu_model=machine.cpu_model(),
        cpus_online=machine.online_cpus(),
        cpus_allowed=sorted(machine.allowed_cpus()),
        memory_total_kib=machine.memory_total_kib(),
        virtualisation=machine.virtualisation(),
        findings=[],
    )


def _os_name() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()
