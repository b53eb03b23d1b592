"""Claim 5: no browser sends a request on a connection of HTTP/1.1 before the last one is answered."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from ...contestants import requirements
from ...model.errors import StartFailed
from ...report import numbers
from ...server.http_probe import ProbeError
from .. import judging, neighbour, proxy, scratch
from ..lab import Lab
from ..neighbour import Neighbour
from ..record import HOLDS, HOLDS_NOT, OPEN, Cell, Chart, FigureTable, Finding, Point, Series
from ..study import CannotTell, Claim
from . import browser, recorder, recording, streams, texts

PLAIN, MULTIPLEXED = "HTTP/1.1", "HTTP/2 over TLS, through nginx"
QUICK_LOADS, FULL_LOADS, FIREFOX_LOADS = 3, 10, 2
WAYS = 3  # which share the time that there is
ACCESS_LOG = "requests.log"


def measure(lab: Lab) -> list[Cell]:
    """Chromium loads the page some times in both ways; what it and the servers have written down of each."""
    if requirements.locate(browser.REQUIREMENT) is None:
        raise CannotTell(f"{browser.REQUIREMENT.command} is not installed: restmark setup pipelining")
    version, loads = browser.version(), QUICK_LOADS if lab.quick else FULL_LOADS
    with recording.recorder(lab) as behind:
        plain = f"http://127.0.0.1:{behind.port}{recorder.PAGE}"
        cells = [_cell(lab, PLAIN, version, loads, behind, plain, None), _in_firefox(lab, behind, plain)]
        try:
            front = streams.front()
        except CannotTell as lacking:
            return [*cells, Cell({"way": MULTIPLEXED}, lost=str(lacking))]
        with scratch.folder(lab, "front-log") as place:
            values = {"PLAIN_PORT": neighbour.free_port(), "ACCESS_LOG": f"{place / ACCESS_LOG} times"}
            with proxy.before(lab, front, behind.port, more=values) as running:
                url = f"https://127.0.0.1:{running.port}{recorder.PAGE}"
                return [*cells, _cell(lab, MULTIPLEXED, version, loads, behind, url, place / ACCESS_LOG)]


def _in_firefox(lab: Lab, behind: Neighbour, url: str) -> Cell:
    """What the recorder sees of the other browser, which is slow to start and has no log that could be set beside it."""
    if requirements.locate(browser.FIREFOX) is None:
        return Cell({"way": PLAIN, "browser": "Firefox"}, lost=f"{browser.FIREFOX.command} is not installed: restmark setup pipelining")
    labels: dict[str, str] = {"way": PLAIN, "browser": browser.version(browser.FIREFOX)}
    rounds: list[dict[str, float]] = []
    began = time.monotonic()
    for _ in range(FIREFOX_LOADS):
        if rounds and time.monotonic() - began > lab.pace.budget_s / WAYS:
            break
        lab.tell(f"{labels['browser']} loads a page")
        try:
            recording.recorded(behind)
            with scratch.folder(lab, "browser") as place:
                browser.load_in_firefox(lab, url, place)
            seen = recording.recorded(behind)
        except (StartFailed, ProbeError) as fault:
            return Cell(labels, lost=str(fault))
        if seen["requests"] < recorder.RESOURCES + 1:
            return Cell(labels, lost=f"it asked for {seen['requests']} of {recorder.RESOURCES + 1} things only")
        rounds.append({f"server_{name}": float(value) for name, value in seen.items()})
    return Cell(labels, rounds)


def _cell(lab: Lab, way: str, version: str, loads: int, behind: Neighbour, url: str, log: Path | None) -> Cell:
    """log: where the front writes its requests down; None where the recorder is asked directly."""
    labels: dict[str, str] = {"way": way, "browser": version}
    rounds: list[dict[str, float]] = []
    began = time.monotonic()
    for number in range(loads):
        if rounds and time.monotonic() - began > lab.pace.budget_s / WAYS:
            break  # a machine with much to do starts browsers slowly
        lab.tell(f"the browser loads a page by {way}: {number + 1} of {loads}")
        try:
            recording.recorded(behind)
            if log is not None and log.exists():
                log.write_bytes(b"")  # which the front goes on appending to
            with scratch.folder(lab, "browser") as place:
                told = browser.load(lab, url, place)
            seen = recording.recorded(behind)
        except (StartFailed, ProbeError) as fault:
            return Cell(labels, lost=str(fault))
        if seen["requests"] < recorder.RESOURCES + 1:
            return Cell(labels, lost=f"the browser asked for {seen['requests']} of {recorder.RESOURCES + 1} things only")
        if log is not None:
            seen = overlaps(log.read_text(encoding="ascii"))
        rounds.append(
            {
                "browser_requests": float(told.requests),
                "browser_connections": float(told.connections),
                "browser_outstanding_max": float(told.outstanding_max),
                "server_requests": float(seen["requests"]),
                "server_connections": float(seen["connections"]),
                "server_outstanding_max": float(seen["outstanding_max"]),
            }
        )
    return Cell(labels, rounds)


def overlaps(log: str) -> dict[str, int]:
    """What nginx's lines say, each with connection, time of the end and length of a request in seconds: requests, connections, and the most under way
    on one at the same time. Ends that come in the same millisecond as another's begin count as before it."""
    steps: list[tuple[str, int, int]] = []
    for line in log.splitlines():
        connection, end, length = line.split()
        ended = round(float(end) * 1000)
        steps += [(connection, ended, -1), (connection, ended - round(float(length) * 1000), 1)]
    most = under_way = 0
    last = ""
    for connection, _, change in sorted(steps):
        under_way = change + (under_way if connection == last else 0)
        last = connection
        most = max(most, under_way)
    return {"requests": len(steps) // 2, "connections": len({step[0] for step in steps}), "outstanding_max": most}


def judge(cells: Sequence[Cell]) -> Finding:
    """The rule of the claim."""
    plain, multiplexed = judging.standing(cells, way=PLAIN), judging.the(cells, way=MULTIPLEXED)
    charts, tables, notes = [_chart(cells)], [_table(cells)], judging.lost(cells)
    if not plain:
        return Finding(OPEN, "no browser loaded the page", charts, tables, notes)
    why = f"{recorder.RESOURCES} small pictures by HTTP/1.1, so many outstanding on a connection at most: " + "; ".join(
        f"{cell.labels['browser']} {_most(cell)}, on {_connections(cell)}" for cell in plain
    )
    if max(map(_most, plain)) > 1:
        return Finding(HOLDS_NOT, why, charts, tables, notes)
    if multiplexed is None:
        return Finding(OPEN, f"{why}; whether they would ask for more at a time if they could, HTTP/2 did not show", charts, tables, notes)
    several = _most(multiplexed)
    why = f"{why}; by HTTP/2 {several} on {_connections(multiplexed)}"
    return Finding(HOLDS if several > 1 else OPEN, why, charts, tables, notes)


def _figures(cell: Cell, what: str) -> list[float]:
    """By the browser's log and the server's, as far as they are there."""
    return [entry[name] for entry in cell.rounds for by in ("browser", "server") if (name := f"{by}_{what}") in entry]


def _most(cell: Cell) -> int:
    """Requests outstanding on a connection: by whichever log saw more."""
    return round(max(_figures(cell, "outstanding_max")))


def _connections(cell: Cell) -> str:
    return numbers.counted(round(max(_figures(cell, "connections"))), "connection")


def _chart(cells: Sequence[Cell]) -> Chart:
    series = []
    for name, figure in (("by the browser's log", "browser_outstanding_max"), ("by the server's", "server_outstanding_max")):
        ways = [(number, judging.the(cells, way=way)) for number, way in ((1.0, PLAIN), (2.0, MULTIPLEXED))]
        series.append(Series(name, [Point(number, judging.middle(cell, figure).value) for number, cell in ways if cell]))
    plain, multiplexed = (judging.the(cells, way=way) for way in (PLAIN, MULTIPLEXED))
    title = "Requests outstanding on a connection of a browser's"
    if plain:
        title = f"A browser has {_most(plain)} outstanding on a connection of HTTP/1.1 at most, and opens {_connections(plain)}"
    if plain and multiplexed:
        title += f"; on {_connections(multiplexed)} of HTTP/2 up to {_most(multiplexed)}"
    return Chart("browsers", title, "version of HTTP", "Most outstanding on a connection, median of the loads", series, logarithmic=False, even=True)


def _table(cells: Sequence[Cell]) -> FigureTable:
    rows = []
    for cell in judging.standing(cells):
        for by in ("browser", "server"):
            if f"{by}_requests" not in cell.rounds[0]:
                continue
            figures = [f"{judging.middle(cell, f'{by}_{what}').value:g}" for what in ("requests", "connections", "outstanding_max")]
            rows.append([cell.labels["way"], cell.labels["browser"], f"the {by}'s", *figures, str(len(cell.rounds))])
    columns = ["Way", "Browser", "Whose log", "Requests", "Connections", "Most outstanding on a connection", "Loads of the page"]
    return FigureTable("browsers", f"A page of {recorder.RESOURCES} small pictures, medians over loads with a fresh profile", columns, rows)


CLAIM = Claim(
    number=5,
    key="browsers",
    sentence="No browser pipelines.",
    source=f"{texts.ESSAY}, scenario 2; {texts.RFC_PIPELINING}; MDN, “Connection management in HTTP/1.x”: no browser has it on.",
    method=(
        f"Debian's Chromium, headless and with a fresh profile, loads a page of {recorder.RESOURCES} small pictures from a server that records the most "
        "requests outstanding on one of its connections and holds each answer back for a moment; and the same page by HTTP/2 over TLS through nginx, "
        "which logs when each request began and ended, and on which connection. The browser's own log of its network (--log-net-log) tells the same from "
        "its side. Firefox loads the page by HTTP/1.1 alone, and is seen from the server's side."
    ),
    rule=(
        "Holds if by HTTP/1.1 no log of either browser ever shows more than one request outstanding on a connection, while by HTTP/2 one of them shows "
        "several; does not hold if one shows more than one by HTTP/1.1; cannot be told otherwise."
    ),
    misleads=(
        "Two browsers are tried, not all: what others do their makers say. nginx logs times in milliseconds, so that its count of what overlaps may be "
        "off by a little. A browser opens connections beforehand that it may never use: those count that carried a request."
    ),
    measure=measure,
    judge=judge,
)
