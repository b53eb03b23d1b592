"""The machine and the tools of a run, for its record."""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Iterator, Sequence

from .. import __version__
from ..contestants.contestant import Contestant
from ..host import identity
from ..load import load_program
from ..model import cpulist
from ..model.results import Machine, MachineFinding
from ..setup import doctor


def describe(contestants: Sequence[Contestant]) -> Machine:
    """Where this runs, with the doctor's lines; takes a second."""
    findings = [
        MachineFinding(line.topic, line.verdict, line.value, line.advice) for line in doctor.examine(contestants)
    ]
    return dataclasses.replace(identity.read(), findings=findings)


def differences(was: Machine, now: Machine) -> Iterator[str]:
    """Why figures of both may not stand in one run, a line each; none if they may."""
    facts = (
        ("the machine", was.hostname, now.hostname),
        ("the kernel", was.kernel, now.kernel),
        ("the architecture", was.architecture, now.architecture),
        ("the CPU", was.cpu_model, now.cpu_model),
        ("CPUs online", was.cpus_online, now.cpus_online),
        ("CPUs that may be used", cpulist.render(set(was.cpus_allowed)), cpulist.render(set(now.cpus_allowed))),
    )
    yield from (f"{what}: {one}, now {other}" for what, one, other in facts if one != other)


def tools() -> dict[str, str]:
    """Versions of what makes the load and of the rig."""
    return {
        "restmark": __version__,
        "Python": platform.python_version(),
        load_program.NAME: load_program.version(),
    }
