"""Runs a study: each claim's experiment in turn, its rule upon what was measured, and all of it as results."""

from __future__ import annotations

import datetime
import platform
import socket
import time
from collections.abc import Callable, Sequence

from .. import __version__
from ..contestants import versions
from ..host import machine, pinning
from ..model import cpulist
from ..model.budget import clock
from ..model.errors import EnvironmentFault
from .forecast import Forecast
from .judging import untold
from .lab import Lab
from .record import FORMAT, VERSION, Cell, ClaimRecord, Finding, StudyResults, Subject
from .study import CannotTell, Claim, Study


def run(study: Study, claims: Sequence[Claim], lab: Lab, say: Callable[[str], None]) -> StudyResults:
    """All of the claims. What an experiment lacks costs its claim the verdict, and the others go on."""
    started, began = datetime.datetime.now().astimezone().isoformat(timespec="seconds"), time.monotonic()
    records = []
    lab.forecast = Forecast([planned_s(claim, lab) for claim in claims])
    if text := plan(claims, lab):
        say(text)
    for number, claim in enumerate(claims, 1):
        lab.forecast.begin()
        say(f"[{number}/{len(claims)}] claim {claim.number}: {claim.sentence}")
        records.append(_run_claim(claim, lab))
        say(f"        {records[-1].finding.verdict}: {records[-1].finding.why}")
    return StudyResults(
        format=FORMAT,
        version=VERSION,
        study=study.name,
        title=study.title,
        notice=study.notice,
        lead=study.lead,
        rig_version=__version__,
        started=started,
        duration_s=round(time.monotonic() - began, 1),
        quick=lab.quick,
        machine=_machine(lab),
        subjects=[Subject(one.name, one.title, versions.collect(one, lab.cache.build_dir(one))) for one in lab.contestants],
        remarks=[f"{remark}." for remark in pinning.remarks(lab.pins)],
        claims=records,
    )


def planned_s(claim: Claim, lab: Lab) -> float | None:
    """How long its experiment is planned to take, seconds; None where nobody has said."""
    return None if claim.planned is None else claim.planned(lab.contestants, lab.quick)


def plan(claims: Sequence[Claim], lab: Lab) -> str:
    """What the claims are planned to take, for people; empty where nobody has said."""
    lengths = [(claim, planned_s(claim, lab)) for claim in claims]
    told = [f"claim {claim.number} {clock(seconds)}" for claim, seconds in lengths if seconds is not None]
    if not told:
        return ""
    whole = clock(sum(seconds or 0.0 for _, seconds in lengths))
    apart = [str(claim.number) for claim, seconds in lengths if seconds is None]
    more = f"; not counted: claim{'s' if len(apart) > 1 else ''} {', '.join(apart)}" if apart else ""
    return f"planned, on a quiet machine: {whole} ({', '.join(told)}{more})"


def _run_claim(claim: Claim, lab: Lab) -> ClaimRecord:
    began = time.monotonic()
    cells: list[Cell] = []
    try:
        cells = claim.measure(lab)
        finding = claim.judge(cells)
    except CannotTell as reason:
        finding = untold(str(reason))
    except EnvironmentFault as fault:
        finding = untold(fault.message)
    return record_of(claim, finding, cells, time.monotonic() - began)


def record_of(claim: Claim, finding: Finding, cells: list[Cell], duration_s: float) -> ClaimRecord:
    """The claim's texts with what was found."""
    return ClaimRecord(
        number=claim.number,
        key=claim.key,
        sentence=claim.sentence,
        source=claim.source,
        method=claim.method,
        rule=claim.rule,
        misleads=claim.misleads,
        finding=finding,
        cells=cells,
        duration_s=round(duration_s, 1),
    )


def _machine(lab: Lab) -> dict[str, str]:
    def side(cpus: frozenset[int] | None) -> str:
        return cpulist.render(cpus) if cpus else "any"

    return {
        "host": socket.gethostname(),
        "kernel": f"{platform.system()} {platform.release()}",
        "cpu": machine.cpu_model() or platform.machine(),
        "cpus": f"{len(machine.allowed_cpus())} CPUs: servers on {side(lab.pins.server)}, load on {side(lab.pins.client)}",
    }
