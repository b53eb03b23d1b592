"""restmark attach: finds the service, looks, and tells."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...attach import bounds, classing, finding, profile, requests, service
from ...attach.finding import Finding, Memory
from ...attach.profile import Profile
from ...attach.requests import AccessLog, Status
from ...contestants.settings import Settings
from ...host import energy, proctree
from ...model import traffic
from ...model.errors import ExitCode, UsageFault
from ...model.results import ContestantRecord, Results
from ...report import gains
from ...report.analysis import Analysis
from ...server import memory_look
from ...store import results_file
from ...terminal import console

# What the frames of a service have in them -> the contestant that is most like it.
_LIKE = (("granian", "python-granian"), ("fastapi", "python-fastapi"), ("flask", "python-flask"), ("blacksheep", "python-blacksheep"))


@dataclass(frozen=True)
class Asked:
    """What the command line says."""

    pid: int | None
    unit: str | None
    seconds: float
    access_log: Path | None
    admin: str | None
    run: Path | None
    like: str | None


def attach(settings: Settings, asked: Asked, as_json: bool) -> int:
    """Prints what is seen."""
    if (asked.pid is None) == (asked.unit is None):
        raise UsageFault("which service?", "give either --pid or --unit")
    if asked.access_log is not None and asked.admin is not None:
        raise UsageFault("--access-log and --admin count the same requests", "leave one of them out")
    if asked.like is not None and asked.run is None:
        raise UsageFault("--like names a contestant of --run, which is not given", "give --run DIR")
    results = results_file.read(asked.run) if asked.run else None
    if results is not None and asked.like is not None:
        traffic.baseline_name(asked.like, [record.name for record in results.contestants], "name one that took part", "--like")
    pid = asked.pid if asked.pid is not None else service.main_pid(asked.unit or "")
    service.require(pid)
    found = _looked(settings, asked, pid)
    if results is not None and found.shares:
        like = _like(results, asked.like, found.profile)
        found.bounds = bounds.of_shares(found.shares, Analysis(results), like)
        found.wholes = bounds.wholes(found.bounds)
        found.like = like.language
        found.unseen.append(f"whether the service's work is like that of {like.title} in {asked.run}, by which the savings are reckoned; --like names another")
    if as_json:
        console.show_json(json.dumps(_document(found), indent=2, ensure_ascii=False))
        return ExitCode.OK
    for line in finding.lines(found):
        console.plain(console.out, line)
    console.plain(console.out, "\nNot seen:")
    for line in found.unseen:
        console.plain(console.out, f"- {line}")
    return ExitCode.OK


def _looked(settings: Settings, asked: Asked, pid: int) -> Finding:
    counter = AccessLog(asked.access_log) if asked.access_log else Status(asked.admin) if asked.admin else None
    pids = [one.pid for one in service.processes(pid)]
    language = service.language(pids)
    with profile.sampling(pid, pids, language, asked.seconds, settings.cache) as collected, console.progress() as progress:
        before = energy.read()
        window = service.watched(pid, asked.seconds, lambda left: progress.progress(f"looking at process {pid}: {left:.0f} s left"))
        after = energy.read()
        counted = counter.end() if counter else requests.by_calls(window)
        memory = [Memory(one.pid, proctree.command_name(one.pid), one.pss_kib) for one in memory_look.of_tree(pid)]
        seen = collected()
    line_of = profile.line_of([use.pid for use in window.uses])
    found = Finding(window, counted, memory, seen, energy.joules(before, after))
    if not seen.unseen:
        found.shares = finding.shares(seen, window, line_of)
        found.waiting = finding.waiting(seen, line_of)
    found.unseen = [*_unseen(found), *([f"energy: {after.unseen}"] if after.unseen else [])]
    return found


def _unseen(found: Finding) -> list[str]:
    told = []
    if found.profile.unseen:
        told.append(f"where its CPU time goes: {found.profile.unseen}")
    elif not found.shares:
        told.append("where its CPU time goes: no stack was seen in this window, in which it used hardly any")
    if found.waiting is None:
        asynchronous = finding.is_asynchronous(found.profile.all)
        why = "an event loop runs in it, and what its requests wait for is on no stack" if asynchronous else "only the stacks of CPython's threads show it"
        told.append(f"how long requests wait for others: {why}")
    if found.window.ended:
        told.append(f"the last CPU time of {found.window.ended} processes that ended in the window")
    if any(one.kib is None for one in found.memory):
        told.append("the memory of processes that belong to another user")
    told.append("what the service asks of databases and other services; those have CPUs and memory of their own")
    return told


def _like(results: Results, named: str | None, seen: Profile) -> ContestantRecord:
    if named is not None:
        return results.contestant(named)
    names = {record.name for record in results.contestants}
    files = " ".join({frame.file for stack in seen.active for frame in stack.frames})
    for word, name in _LIKE:
        if f"/{word}/" in files and name in names:
            return results.contestant(name)
    found = gains.baseline(results)
    if found is None:
        raise UsageFault("no contestant of the run is known to be like the service", f"name one with --like: {', '.join(sorted(names))}")
    return found


def _document(found: Finding) -> dict[str, Any]:
    titles = classing.table().titles
    return {
        "format": "restmark-attach",
        "version": 1,
        "seconds": found.window.seconds,
        "cpu_s": found.window.cpu_s,
        "cpu_us_per_request": found.cpu_us_per_request,
        "requests": found.requests.count,
        "requests_by": found.requests.note,
        "package_joules": found.joules,
        "routes": dict(found.requests.routes.most_common()),
        "waiting_share": found.waiting,
        "processes": [dataclasses.asdict(use) for use in found.window.uses],
        "memory": [dataclasses.asdict(one) for one in found.memory],
        "sampled_by": found.profile.how,
        "classes": [{**dataclasses.asdict(share), "title": titles[share.key]} for share in found.shares],
        "bounds": [{"class": bound.share.key, "savings": [dataclasses.asdict(one) for one in bound.savings]} for bound in found.bounds],
        "stacks": [dataclasses.asdict(whole) for whole in found.wholes],
        "not_seen": found.unseen,
    }
