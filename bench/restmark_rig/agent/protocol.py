"""What the rig and its agent say to each other, in lines of JSON.

    rig     {"id": 7, "call": "cpu_ns", "with": {"server": 1}}     one call at a time
            {"alive": true}                                       every few seconds, whatever else is going on
    agent   {"progress": text}, {"say": text}                     while a call takes long
            {"id": 7, "value": …} or {"id": 7, "fault": {"kind", "message", "remedy"}}
            {"alive": true}                                       in answer to the same

The agent begins with {"hello": …}. It ends, with all that it has started, when its input does, or when nothing has come for SILENCE_S:
so a machine that vanishes leaves nothing running on the other one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..contestants.back_end_access import BackEndAccess
from ..model.errors import BuildFailed, EnvironmentFault, ManifestError, RigError, StartFailed, UsageFault
from ..model.limits import Limits
from ..model.results import Machine

ALIVE_EVERY_S = 5.0
SILENCE_S = 60.0
_KINDS = {kind.__name__: kind for kind in (BuildFailed, EnvironmentFault, ManifestError, StartFailed, UsageFault, RigError)}
_SYSTEM = "OSError"


@dataclass(frozen=True)
class Hello:
    """Who answers. rig_sha256: of the agent's own sources; address: by which it was reached, empty if it can not tell; boot_id: of the
    kernel that it runs on."""

    version: str
    rig_sha256: str
    address: str
    boot_id: str
    machine: Machine


@dataclass(frozen=True)
class ContestantThere:
    """A contestant among the folders that were copied. tree: which one; path: its folder below that; target: a name of targets.NAMES."""

    tree: str
    path: str
    target: str


@dataclass(frozen=True)
class StartThere:
    """launcher.StartOptions, with the dataset by the tree and the name under which it was copied."""

    dataset_tree: str
    dataset_name: str
    host: str
    workers: int
    cpus: frozenset[int] | None
    stop_grace_s: float
    back_ends: BackEndAccess
    limits: Limits


@dataclass(frozen=True)
class StartedThere:
    """A server that is ready. number: by which it is asked for."""

    number: int
    port: int
    pid: int
    log: str
    accounting: str
    accounting_caveat: str
    limited_by: str


def fault_to(error: RigError | OSError) -> dict[str, Any]:
    """An error as the agent tells of it."""
    if isinstance(error, OSError):
        return {"kind": _SYSTEM, "errno": error.errno, "message": f"{error.filename or ''} {error.strerror or error}".strip(), "remedy": ""}
    kind = next(cls.__name__ for cls in type(error).__mro__ if cls.__name__ in _KINDS)
    return {"kind": kind, "message": error.message, "remedy": error.remedy}


def fault_from(told: dict[str, Any], where: str) -> RigError | OSError:
    """The error that an agent told of. where: the machine."""
    if told["kind"] == _SYSTEM:
        return OSError(told["errno"], f"on {where}: {told['message']}")
    return _KINDS[told["kind"]](told["message"], told["remedy"])
