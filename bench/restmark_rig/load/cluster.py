"""Load by restmark-load on many machines, that a Locust master has together: what is asked of the master, and a load engine made of it.

The master is bench/distributed/master.py; this is the other end of its routes below /restmark, over HTTP on the port of Locust's page.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from ..host import ports
from ..model.errors import EnvironmentFault, UsageFault
from ..model.load_machines import LoadMachine, MachineRound
from . import load, merging
from .load import LoadPlan, LoadResult, NotAnswered
from .merging import Part

_PREPARE_S = 240.0
_ASK_S = 60.0
_GRACE_S = 120.0
_AFTER_LOSS = "see their logs; then start the run again, or --resume it"
_NOT_ANSWERED = 69  # exit code of restmark-load


class MasterGone(EnvironmentFault):
    """The master does not answer."""


@dataclass(frozen=True)
class Master:
    """A Locust master with restmark's locustfile. host, port: of its page."""

    host: str
    port: int

    def ask(self, path: str, document: Any = None, timeout_s: float = _ASK_S) -> Any:
        """Its answer. Raises MasterGone; NotAnswered or EnvironmentFault with what it says is wrong."""
        url = f"http://{ports.address(self.host, self.port)}{path}"
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=timeout_s) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise _fault(url, error) from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise MasterGone(f"the Locust master at {url} does not answer: {error}", "see its log, and whether its locustfile is restmark's") from None


def _fault(url: str, error: urllib.error.HTTPError) -> Exception:
    try:
        told = json.load(error)
    except ValueError:
        return EnvironmentFault(f"{url} answers {error.code}", "start the master with bench/distributed/locustfile.py of this version")
    text = str(told["fault"]).removeprefix("restmark-load: ")
    if told["code"] == _NOT_ANSWERED:
        return NotAnswered(text)
    return EnvironmentFault(f"a load machine can not make the load: {text}", "restmark-load there has to be of this rig's version")


@dataclass
class ClusterEngine:
    """A load engine: each load is made by all machines together. lost: who is not there any more, and why.

    A machine that was lost stays so: what the others do without it is told in each load's result, with a MachineRound that says why.
    """

    master: Master
    machines: dict[str, LoadMachine]  # by the client's name at the master
    lost: dict[str, str] = field(default_factory=dict)

    def run(self, plan: LoadPlan, begin: Callable[[], None] | None = None) -> LoadResult:
        """See LoadEngine. plan.cpus is not heeded: where the load runs is the machines' own. Raises EnvironmentFault when all are lost."""
        if plan.every_s is not None:
            raise UsageFault("how far a load is can not be told of several machines", "leave every_s out")
        present = {client: machine for client, machine in self.machines.items() if client not in self.lost}
        if not present:
            raise EnvironmentFault(f"all load machines are lost: {self._told_lost()}", _AFTER_LOSS)
        words, files = _with_digests(plan)
        asked = {client: machine.cpus for client, machine in present.items()}
        document = {"words": words, "connections": plan.connections, "files": files, "clients": asked, "timeout_s": plan.timeout_s}
        self.master.ask("/restmark/load", document, _PREPARE_S + 3 * plan.timeout_s)
        if begin is not None:
            begin()
        longest_s = plan.duration_s + 2 * plan.timeout_s
        outcome = self.master.ask("/restmark/go", {"wait_s": longest_s}, longest_s + _GRACE_S)
        return self._result(outcome["machines"])

    def _result(self, told: list[dict[str, Any]]) -> LoadResult:
        earlier = [MachineRound(self.machines[client].name, why) for client, why in self.lost.items()]
        parts = []
        for entry in told:
            if entry["result"] is None:
                self.lost[entry["client"]] = entry["lost"] or "it brought no result"
            parts.append(_part(entry))
        if all(part.document is None for part in parts):
            raise EnvironmentFault(f"all load machines were lost during a load: {self._told_lost()}", _AFTER_LOSS)
        result = merging.merge(parts)
        return replace(result, machines=(*result.machines, *earlier))

    def _told_lost(self) -> str:
        return "; ".join(f"{self.machines[client].name}: {why}" for client, why in self.lost.items())


def _part(entry: dict[str, Any]) -> Part:
    late_ns = entry["start_late_ns"]
    return Part(entry["name"], entry["result"], entry["lost"], None if late_ns is None else round(late_ns / 1e3), round(entry["clock_offset_ns"] / 1e3))


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
    """An engine of all machines that the master has now. Raises EnvironmentFault if that is none, or one can not make load."""
    told = master.ask("/restmark/machines")
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
    return ClusterEngine(master, machines)


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
