"""Servers far away: a forwarder that delays, and what is known of its own error."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ...report import numbers
from ...server.launcher import RunningServer
from .. import judging, neighbour
from ..lab import Lab
from ..neighbour import Neighbour
from ..record import Cell
from . import texts

_SOURCE = Path(__file__).with_name("far.c")
BY_FORWARDER = "by a forwarder in user space"
FORWARDER_TEXT = (
    "Distance is made by a forwarder in user space, which hands all bytes on a fixed time later and has the opening of a connection cost a round trip; "
    "how late it was itself is measured, and told below. It runs on the load's CPUs."
)


@contextmanager
def far(lab: Lab, server: RunningServer | Neighbour, round_trip_ms: float) -> Iterator[Neighbour]:
    """The server at that distance for the length of a with block."""
    program = neighbour.compiled(_SOURCE, lab.cache, lab.reporter)
    port = neighbour.free_port()
    argv = [str(program), "--listen", str(port), "--to", str(server.port), "--delay-us", str(round(round_trip_ms * 500))]
    with neighbour.running(lab, "far", argv, port, lab.pins.client) as found:
        yield found


def lateness(neighbours: Sequence[tuple[float, Neighbour]]) -> Cell:
    """Stops the forwarders; a cell with how late they were, the latest of each distance, for notes() to tell."""
    labels = {"what": BY_FORWARDER}
    figures: dict[str, float] = {}
    for round_trip_ms, one in neighbours:
        told = json.loads(one.stop().splitlines()[-1])
        for which in ("p50", "p99", "max"):
            name = f"late_{which}_us_at_{round_trip_ms:g}_ms"
            figures[name] = max(figures.get(name, 0.0), float(told[f"late_{which}_us"]))
    return Cell(labels, [figures])


def notes(cells: Sequence[Cell], alone: str = "") -> list[str]:
    """What is to be told of the distance: as it was set, how late the forwarder was, and what one request at a time took in cells of that shape."""
    found = [f"Delay {BY_FORWARDER}, not by the kernel (netem)."]
    late = next((cell.rounds[0] for cell in cells if cell.labels.get("what") == BY_FORWARDER and cell.rounds), {})
    for round_trip in judging.values_of(cells, "round_trip_ms"):
        own = [late.get(f"late_{which}_us_at_{round_trip}_ms") for which in ("p50", "p99", "max")]
        if own[0] is None:
            continue
        one = judging.the(cells, round_trip_ms=round_trip, shape=alone)
        took = f"one request at a time took {numbers.ms(judging.middle(one, 'effective_us').value)} ms, the server's work included; " if one else ""
        found.append(
            f"Round trip set to {round_trip} ms: {took}the forwarder handed pieces on later than due by up to {numbers.ms(own[0])} ms (half of them), "
            f"{numbers.ms(own[1])} ms (99 %), {numbers.ms(own[2])} ms (all)."
        )
    return found


ESSAY_SUM = f"{texts.ESSAY}: “100 ms / 100 = 1 ms; are you saving 0.9 ms?”"
