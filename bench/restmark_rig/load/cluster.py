"""Load by restmark-load on many machines, that a Locust master has together: a load engine made of it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from ..model.errors import EnvironmentFault, UsageFault
from ..model.load_machines import LoadMachine, MachineRound
from . import load, machine_failures, merging
from .load import LoadPlan, LoadResult
from .master import OTHER_LOCUSTFILE, THEN, Master
from .merging import Part

MACHINES = "/restmark/machines"
_PREPARE_S = 240.0
_GRACE_S = 120.0
_THEIR_LOGS = "the logs of the Locust master and its workers"


def _unknown(_: str) -> str:
    return ""


@dataclass
class ClusterEngine:
    """A load engine: each load is made by all machines together. lost: who is not there any more, and why.

    ending: how the process of a machine's worker ended that the run has started here; empty while it runs, and where it has started none.
    A machine that was lost stays so: what the others do without it is told in each load's result, with a MachineRound that says why.
    """

    master: Master
    machines: dict[str, LoadMachine]  # by the client's name at the master
    lost: dict[str, str] = field(default_factory=dict)
    ending: Callable[[str], str] = _unknown

    def run(self, plan: LoadPlan, begin: Callable[[], None] | None = None) -> LoadResult:
        """See LoadEngine. plan.cpus is not heeded: where the load runs is the machines' own. Raises EnvironmentFault when all are lost."""
        if plan.every_s is not None:
            raise UsageFault("how far a load is can not be told of several machines", "leave every_s out")
        self._prepare(plan)
        if begin is not None:
            begin()
        longest_s = plan.duration_s + 2 * plan.timeout_s
        outcome = self.master.ask("/restmark/go", {"wait_s": longest_s}, longest_s + _GRACE_S)
        return self._result(outcome["machines"])

    def _prepare(self, plan: LoadPlan) -> None:
        """Has all that are left open their connections: who can not is lost, and the others are asked again, for the whole load."""
        words, files = _with_digests(plan)
        document = {"words": words, "connections": plan.connections, "files": files, "timeout_s": plan.timeout_s}
        while True:
            present = {client: machine.cpus for client, machine in self.machines.items() if client not in self.lost}
            if not present:
                raise EnvironmentFault(f"all load machines are lost: {self._told_lost()}", self._after_loss())
            told = self.master.ask("/restmark/load", {**document, "clients": present}, _PREPARE_S + 3 * plan.timeout_s)
            if "failed" not in told:
                raise EnvironmentFault("the Locust master has restmark's locustfile of another version", OTHER_LOCUSTFILE)
            failures = machine_failures.read(told["failed"])
            if not failures:
                return
            for client, why in machine_failures.own(failures).items():
                self._lose(client, why)
            machine_failures.require_answers(failures)

    def _result(self, told: list[dict[str, Any]]) -> LoadResult:
        earlier = [MachineRound(self.machines[client].name, why) for client, why in self.lost.items()]
        for entry in told:
            if entry["result"] is None:
                self._lose(entry["client"], entry["lost"] or "it brought no result")
        parts = [_part(entry, self.lost.get(entry["client"], "")) for entry in told]
        if all(part.document is None for part in parts):
            raise EnvironmentFault(f"all load machines were lost during a load: {self._told_lost()}", self._after_loss())
        result = merging.merge(parts)
        return replace(result, machines=(*result.machines, *earlier))

    def _lose(self, client: str, why: str) -> None:
        ending = self.ending(self.machines[client].name)
        self.lost[client] = f"{why} ({ending})" if ending else why

    def _told_lost(self) -> str:
        return "; ".join(f"{self.machines[client].name}: {why}" for client, why in self.lost.items())

    def _after_loss(self) -> str:
        return f"see {self.master.logs or _THEIR_LOGS}; {THEN}"


def _part(entry: dict[str, Any], lost: str) -> Part:
    late_ns = entry["start_late_ns"]
    return Part(entry["name"], entry["result"], lost, None if late_ns is None else round(late_ns / 1e3), round(entry["clock_offset_ns"] / 1e3))


def _with_digests(plan: LoadPlan) -> tuple[list[str], dict[str, str]]:
    """The words of a plan with @DIGEST in place of each file, and the files; who has one already is not sent it again."""
    files: dict[str, str] = {}

    def digest(data: bytes) -> str:
        name = hashlib.sha256(data).hexdigest()
        files[name] = base64.b64encode(data).decode()
        return f"@{name}"

    words = load.words(plan)
    for option, path in (("--expect=", plan.expect), ("--body=", plan.body)):
        if path is not None:
            words[words.index(f"{option}{path}")] = option + digest(path.read_bytes())
    return words, files


def join(master: Master) -> ClusterEngine:
    """An engine of all machines that somebody else's master has now. Raises EnvironmentFault if that is none, or one can not make load."""
    master.require_page()
    return of_machines(master, master.ask(MACHINES))


def of_machines(master: Master, told: list[dict[str, Any]], ending: Callable[[str], str] = _unknown) -> ClusterEngine:
    """The same of those that it has told of. ending: see ClusterEngine."""
    machines = {entry["client"]: _machine(entry) for entry in told}
    if not machines:
        raise EnvironmentFault("the Locust master has no workers", "start some: locust -f - --worker --master-host HOST")
    for machine in machines.values():
        if not machine.tool.startswith("restmark-load "):
            raise EnvironmentFault(f"{machine.name} has no restmark-load: {machine.tool.removeprefix('none: ')}", "install restmark there, or name it by load=")
    versions = {machine.tool for machine in machines.values()}
    if len(versions) > 1:
        which = "; ".join(f"{machine.name}: {machine.tool}" for machine in machines.values())
        raise EnvironmentFault(f"the load machines have different versions: {which}", "install the same restmark on all of them")
    return ClusterEngine(master, machines, ending=ending)


def _machine(entry: dict[str, Any]) -> LoadMachine:
    return LoadMachine(
        name=entry["name"],
        hostname=entry["hostname"],
        kernel=entry["kernel"],
        architecture=entry["architecture"],
        cpus=entry["cpus"],
        tool=entry["version"],
        clock_offset_us=round(entry["clock_offset_ns"] / 1e3),
        clock_error_us=round(entry["clock_error_ns"] / 1e3),
    )
