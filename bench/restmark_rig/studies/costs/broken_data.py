"""Claim 4: what servers do with broken data: crash, refuse it and say where it is, or answer as if nothing were."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...contestants.contestant import Contestant
from ...model.errors import StartFailed
from ...model.workloads import ROUTE_ENCODE, ROUTE_PARSE, ROUTE_TRANSFER, ROUTE_VALIDATE, WorkloadRequest, validated
from ...report import numbers
from ...server.http_probe import ProbeError, Response
from ...server.launcher import RunningServer, StartOptions
from ...server.placement import Local
from ...store import dataset
from ...store.atomic_file import write_atomically
from .. import judging
from ..forecast import START_S
from ..lab import Lab
from ..record import HOLDS, HOLDS_NOT, OPEN, Cell, FigureTable, Finding
from ..study import CannotTell, Claim
from . import broken_files, texts
from .broken_files import Broken

# From the worst to the best.
CRASH, WRONG, MUTE, VAGUE, NAMED, RIGHT = (
    "crashes",
    "silently wrong",
    "refuses without a word",
    "refuses, and does not say where",
    "refuses, and names the place",
    "right",
)
OUTCOMES = (CRASH, WRONG, MUTE, VAGUE, NAMED, RIGHT)
ASKED = (ROUTE_PARSE, ROUTE_ENCODE, ROUTE_TRANSFER)
READY_S = 6.0  # a server that starts over and over never gets ready
_ANSWER_S = 10.0
_DEATH_S = 0.2
_TOLD_MAX = 240
FILE, BODY = "dataset", "POST /validate"
WAYS = {FILE: "dataset", BODY: "body"}
_KILLED = re.compile(r"was killed by SIG(?!TERM|KILL)\w+")


@dataclass(frozen=True)
class Seen:
    """What came of one way of asking. died: the server, by a signal of its own fault; told: an answer's body or the end of a log."""

    status: int | None
    body: bytes
    died: bool
    told: str


def measure(lab: Lab) -> list[Cell]:
    """Each contestant with each file; no times."""
    able = [one for one in lab.contestants if set(ASKED) <= set(one.routes) and one.model != "none"]
    if not able:
        raise CannotTell(f"no contestant of this study has {numbers.listed(list(ASKED))}: name one that has with -C")
    folder = lab.cache.folder("datasets")
    cells = []
    for place, contestant in enumerate(able):
        lab.tell(f"broken data: {contestant.name}", place / len(able))
        for broken in broken_files.all_of_them():
            path = folder / f"broken-{broken.key}.msgpack"
            write_atomically(path, broken.content)
            cells.append(_cell(contestant, FILE, broken, list(_look(lab, contestant, path)), path))
        if ROUTE_VALIDATE in contestant.routes:
            cells += _bodies(lab, contestant)
    return cells


def planned_s(contestants: Sequence[Contestant], _quick: bool) -> float:
    """Length of the experiment, seconds; --quick leaves nothing out. Most servers end at once where a file is broken."""
    return len(contestants) * START_S * (len(list(broken_files.all_of_them())) + 1) / 2


def _bodies(lab: Lab, contestant: Contestant) -> list[Cell]:
    """A good server, and what it does with broken bodies, each on a connection of its own."""
    try:
        with Local(lab.cache).launch(contestant, StartOptions(lab.dataset.path, workers=1, cpus=lab.pins.server)) as server:
            return [
                _cell(contestant, BODY, replace(broken, harmless=False), [_ask(server, validated(broken.body))])
                for broken in broken_files.all_of_them()
                if broken.body is not None
            ]
    except StartFailed as fault:
        return [Cell({"contestant": contestant.title, "name": contestant.name, "way": BODY}, lost=fault.message)]


def _cell(contestant: Contestant, way: str, broken: Broken, seen: Sequence[Seen], path: Path | None = None) -> Cell:
    outcome, told = worst(seen, broken)
    if path is not None:
        told = told.replace(str(path), path.name)
    told = told[:_TOLD_MAX]
    labels = {
        "way": way,
        "contestant": contestant.title,
        "name": contestant.name,
        "model": contestant.model,
        "language": contestant.language,
        "data": broken.says,
        "outcome": outcome,
        "told": told,
    }
    return Cell(labels, [{"asked": float(len(seen))}])


def _look(lab: Lab, contestant: Contestant, path: Path) -> Iterator[Seen]:
    options = StartOptions(path, workers=1, cpus=lab.pins.server)
    try:
        with Local(lab.cache).launch(replace(contestant, ready_timeout_s=READY_S), options) as server:
            for route in ASKED:
                yield _ask(server, WorkloadRequest(route))
                if server.death():
                    return
    except StartFailed as fault:
        yield Seen(None, b"", bool(_KILLED.search(fault.message)), fault.message.partition("\n")[2])


def _ask(server: RunningServer, request: WorkloadRequest) -> Seen:
    begin = server.log.stat().st_size
    try:
        with server.connect(_ANSWER_S) as connection:
            response: Response = connection.ask(request)
    except ProbeError as error:
        # A worker that dies is started again by its master: its client sees a connection that ends without an answer.
        return Seen(None, b"", True, f"{error}\n{server.death(_DEATH_S) or _logged(server, begin)}")
    body = response.body if request.route == ROUTE_TRANSFER else b""
    if response.status == 200:
        return Seen(200, body, False, "")
    return Seen(response.status, body, False, f"{_logged(server, begin)}\n{response.body.decode(errors='replace')}")


def _logged(server: RunningServer, begin: int) -> str:
    """What it has written to its log since then."""
    return server.log.read_bytes()[begin:].decode(errors="replace")


def worst(seen: Sequence[Seen], broken: Broken) -> tuple[str, str]:
    """The worst of what came of a file, with what was said then."""
    outcomes = [(OUTCOMES.index(outcome), outcome, one) for one in seen if (outcome := _outcome(one, broken))]
    if not outcomes:
        return (RIGHT, "") if broken.harmless else (WRONG, "")
    _, outcome, one = min(outcomes, key=lambda entry: entry[0])
    return outcome, _line(one.told, broken)


def _outcome(one: Seen, broken: Broken) -> str:
    """Empty where an answer does not touch what is broken: a number of records is all that a decoder has to say."""
    if one.died:
        return CRASH
    if one.status == 200:
        if not one.body:
            return "" if broken.harmless else WRONG
        return RIGHT if broken.harmless and _harmless(one.body) else WRONG
    if _names_place(one.told, broken):
        return NAMED
    return VAGUE if one.told.strip() else MUTE


def _harmless(body: bytes) -> bool:
    """Whether it is the JSON of the records, with or without the field that is too many."""
    records = dataset.default_records(broken_files.RECORDS)
    with_it = [{**record, broken_files.EXTRA: "red"} if at == broken_files.AT else record for at, record in enumerate(records)]
    return body in (dataset.compact_json(list(records)), dataset.compact_json(with_it))


def _names_place(told: str, broken: Broken) -> bool:
    """Whether the number of the record (from 0 or from 1) or its field is in it."""
    place = rf"\b({broken_files.AT}|{broken_files.AT + 1})\b" + (rf"|\b{re.escape(broken.field)}\b" if broken.field else "")
    return re.search(place, told) is not None


def _line(told: str, broken: Broken) -> str:
    """The line that says most: one with the place, else the last."""
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    named = [line for line in lines if _names_place(line, broken)]
    return (named or lines or [""])[-1]


def judge(cells: Sequence[Cell]) -> Finding:
    """The rule of the claim."""
    stand = judging.standing(cells)
    missing = [cell for cell in stand if cell.labels["data"] == next(broken_files.all_of_them()).says]
    typed = [cell for cell in missing if cell.labels["model"] == "struct"]
    python = [cell for cell in missing if cell.labels["language"] == "Python"]
    tables = [_table(stand, way) for way in (FILE, BODY) if judging.standing(stand, way=way)]
    tables.append(
        FigureTable(
            "broken-said",
            "What they say then",
            ["Contestant", "Way", "What is broken", "Line"],
            [[cell.labels[name] for name in ("contestant", "way", "data", "told")] for cell in stand if cell.labels["told"]],
        )
    )
    why = "; ".join(f"{cell.labels['contestant']} with a field missing in a {WAYS[cell.labels['way']]}: {cell.labels['outcome']}" for cell in missing)
    if not typed or not python:
        return Finding(OPEN, f"it takes a contestant with typed records and one in Python; {why}", tables=tables, notes=judging.lost(cells))
    crashed = all(cell.labels["outcome"] == CRASH for cell in typed)
    fine = all(cell.labels["outcome"] == RIGHT for cell in python)
    neither = not any(cell.labels["outcome"] == CRASH for cell in typed) or all(cell.labels["outcome"] != RIGHT for cell in python)
    verdict = HOLDS if crashed and fine else HOLDS_NOT if neither else OPEN
    return Finding(verdict, why, tables=tables, notes=judging.lost(cells))


def _table(cells: Sequence[Cell], way: str) -> FigureTable:
    own = judging.standing(cells, way=way)
    names = judging.values_of(own, "contestant")
    rows = [[data, *[_of(own, data, name) for name in names]] for data in judging.values_of(own, "data")]
    caption = "What each does with a dataset that is broken in one place" if way == FILE else f"What each answers to a broken body of {way}"
    return FigureTable(f"broken-{WAYS[way]}", caption, ["What is broken", *names], rows)


def _of(cells: Sequence[Cell], data: str, name: str) -> str:
    cell = judging.the(cells, contestant=name, data=data)
    return cell.labels["outcome"] if cell else numbers.MISSING


CLAIM = Claim(
    number=4,
    key="broken-data",
    sentence="A typed server that gets less data than expected crashes, while Python is just fine.",
    source=f"{texts.ARTICLE}: typed servers that “receive a JSON with less data than expected … will crash while Python will be just fine”.",
    method=(
        f"Each contestant is started with datasets of {broken_files.RECORDS} records that are broken in one place, and asked to decode, to encode and to "
        f"transfer them; then, with a good one, it gets the like by {BODY}. The worst of what it does counts: it crashes (a signal, or a connection that "
        "ends without an answer), answers 200 with data that is not what is there, or refuses, at its start or by a status; and whether its answer "
        "or the end of its log names the record or the field."
    ),
    rule=(
        "Holds if with a field missing all contestants with typed records crash and all in Python answer rightly; does not hold if none with typed "
        "records crashes, or none in Python answers rightly; cannot be told otherwise. An answer of 200 to a record that lacks a field is silently "
        "wrong: who asked learns nothing of it."
    ),
    misleads=(
        "A server that does not start at all with broken data refuses loudly, which at three in the morning is not kindly. Checking what one gets is a "
        "choice in every language: these contestants do, and yours may not. Name it with -C to see."
    ),
    measure=measure,
    judge=judge,
    planned=planned_s,
)
