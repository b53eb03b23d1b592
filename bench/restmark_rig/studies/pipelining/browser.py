"""Debian's Chromium and Firefox, which load a page; what Chromium writes down of it, and what its log says of requests and connections."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...contestants.cache import make_folder
from ...contestants.contestant import Requirement
from ...contestants.versions import first_line
from ...host.supervised import ProcessSpec, SupervisedProcess, tail
from ...model.errors import StartFailed
from ..lab import Lab

REQUIREMENT = Requirement("/usr/bin/chromium", ("chromium",))
FIREFOX = Requirement("/usr/bin/firefox-esr", ("firefox-esr",))
_TIMEOUT_S = 60.0
_QUIET = (
    "--headless=new", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--ignore-certificate-errors", "--no-proxy-server",
)  # fmt: skip
_HOST = "127.0.0.1:"
_BEGIN, _END = 1, 2
Event = tuple[str, int, int, Mapping[str, Any]]  # kind, phase, source, parameters


@dataclass(frozen=True)
class Traffic:
    """Of requests to 127.0.0.1. connections: that carried any; outstanding_max: of one connection, sent and not answered yet."""

    requests: int
    connections: int
    outstanding_max: int


def version(browser: Requirement = REQUIREMENT) -> str:
    """What it says of itself."""
    return first_line((browser.command, "--version"), Path("/"))


def load(lab: Lab, url: str, place: Path) -> Traffic:
    """Loads the page with a fresh profile in that folder, on the load's CPUs. Raises StartFailed if it does not end well, or its log is not understood."""
    log = place / "net-log.json"
    sandbox = () if os.getuid() else ("--no-sandbox",)  # which root can not have
    options = (f"--user-data-dir={place / 'profile'}", f"--log-net-log={log}", "--dump-dom")
    _run(lab, place, [REQUIREMENT.command, *_QUIET, *sandbox, *options, url])
    if not log.exists():
        raise StartFailed(f"chromium wrote no {log.name}", f"{version()} writes none")
    try:
        return traffic(json.loads(log.read_text(encoding="utf-8")))
    except (ValueError, KeyError) as error:
        raise StartFailed(f"the log of chromium's network is not understood: {error!r}", f"{version()} writes it otherwise") from None


def load_in_firefox(lab: Lab, url: str, place: Path) -> None:
    """The same in Firefox, of which nothing is written down. Raises StartFailed if it does not end well."""
    profile = make_folder(place / "profile")
    _run(lab, place, [FIREFOX.command, "--headless", "--no-remote", "--profile", str(profile), "--screenshot", str(place / "page.png"), url])


def _run(lab: Lab, place: Path, argv: list[str]) -> None:
    output, name = place / "output", Path(argv[0]).name
    output.touch()
    spec = ProcessSpec(label=name, argv=argv, env={"HOME": str(place)}, cwd=place, log=output, cpus=lab.pins.client)
    with SupervisedProcess(spec) as process:
        status = process.wait(_TIMEOUT_S)
    if status != 0:
        raise StartFailed(f"{name} did not load {argv[-1]} in {_TIMEOUT_S:g} s (exit code {status}):\n{tail(output)}", "run it by hand")


def traffic(log: Mapping[str, Any]) -> Traffic:
    """What a net log says of requests to 127.0.0.1. Raises KeyError if it is not one."""
    kinds = {number: name for name, number in log["constants"]["logEventTypes"].items()}
    events = [(kinds[event["type"]], event["phase"], event["source"]["id"], event.get("params", {})) for event in log["events"]]
    ours = {source for kind, _, source, params in events if kind == "REQUEST_ALIVE" and f"//{_HOST}" in str(params.get("url", ""))}
    outstanding: dict[str, int] = defaultdict(int)
    most = requests = 0
    for connection, change in (*_of_http1(events, ours), *_of_http2(events)):
        outstanding[connection] += change
        requests += change > 0
        most = max(most, outstanding[connection])
    return Traffic(requests, len(outstanding), most)


def _of_http1(events: Iterable[Event], ours: set[int]) -> Iterator[tuple[str, int]]:
    """(connection, 1 or -1) for each of our requests when it is sent, and when its answer has come."""
    jobs: dict[int, int] = {}  # a request's
    sockets: dict[int, int] = {}  # a job's
    under_way: dict[int, str] = {}
    for kind, phase, source, params in events:
        if kind == "HTTP_STREAM_REQUEST_BOUND_TO_JOB":
            jobs[source] = params["source_dependency"]["id"]
        elif kind == "SOCKET_POOL_BOUND_TO_SOCKET":
            sockets[source] = params["source_dependency"]["id"]
        elif kind == "HTTP_TRANSACTION_SEND_REQUEST_HEADERS" and source in ours and jobs.get(source) in sockets:
            under_way[source] = f"socket {sockets[jobs[source]]}"
            yield under_way[source], 1
        elif kind == "HTTP_TRANSACTION_READ_BODY" and phase == _END and source in under_way:
            yield under_way.pop(source), -1  # of small ones all comes at once


def _of_http2(events: Iterable[Event]) -> Iterator[tuple[str, int]]:
    """The same of streams."""
    ours: set[int] = set()
    under_way: set[tuple[int, int]] = set()
    for kind, phase, source, params in events:
        if kind == "HTTP2_SESSION" and phase == _BEGIN and str(params["host"]).startswith(_HOST):
            ours.add(source)
        elif kind == "HTTP2_SESSION_SEND_HEADERS" and source in ours:
            under_way.add((source, params["stream_id"]))
            yield f"session {source}", 1
        elif kind in ("HTTP2_SESSION_RECV_DATA", "HTTP2_SESSION_RECV_HEADERS") and params["fin"]:
            stream = (source, params["stream_id"])
            if stream in under_way:
                under_way.remove(stream)
                yield f"session {source}", -1
