"""The essay's page: one slow picture, asked for first, and 20 small files; by which way of asking do the files come in time?"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...load.load import LoadPlan, LoadResult, TargetResult
from ...model.workloads import ROUTE_ROOT, ROUTE_WAIT
from ...report import numbers
from ...server.http_probe import Connection, ProbeError, request_bytes
from .. import judging
from ..lab import WrongAnswers
from ..record import Cell, FigureTable
from . import h2load
from .h2load import H2Load

WAIT_MS = 200
FILES = 20
PICTURE = f"{ROUTE_WAIT}?ms={WAIT_MS}"
BROWSERS = 6  # connections that a browser opens to a server
PIPELINED, EACH, STREAMS = "pipelined on one connection", "a connection each", "streams of HTTP/2 on one connection"
SIX = f"on {BROWSERS} connections, as browsers do it"
PAGE = "the page"
_WELCOME = b"Welcome!\n"


def plan(port: int, cpus: frozenset[int] | None) -> LoadPlan:
    """The page: the picture, and then the files."""
    return LoadPlan("127.0.0.1", port, PICTURE, 1, 30.0, cpus=cpus, requests=FILES + 1, more_targets=(ROUTE_ROOT,), weights=(1, FILES))


@dataclass(frozen=True)
class ByHttp1:
    """An engine that loads the page once. connections: the first has the picture, and the files after it if it is the only one; they are open "
    "beforehand."""

    connections: int

    def run(self, plan: LoadPlan, begin: Callable[[], None] | None = None) -> LoadResult:
        """Raises WrongAnswers. The times are from the page's begin to the last byte of each file."""
        try:
            opened = [Connection(plan.host, plan.port, plan.timeout_s) for _ in range(self.connections)]
            try:
                if begin is not None:
                    begin()
                return self._load(opened)
            finally:
                for connection in opened:
                    connection.close()
        except ProbeError as fault:
            raise WrongAnswers(f"the page: {fault}") from None

    def _load(self, opened: Sequence[Connection]) -> LoadResult:
        began = time.monotonic_ns()

        def read(connection: Connection, expected: bytes) -> int:
            answer = connection.read()
            if answer.status != 200 or answer.body != expected:
                raise WrongAnswers(f"the page: an answer has status {answer.status} and {len(answer.body)} bytes, or is out of order")
            return (time.monotonic_ns() - began) // 1000

        picture, *others = opened
        picture.send(request_bytes(PICTURE) + (b"" if others else request_bytes(ROUTE_ROOT) * FILES))
        if not others:
            shown = read(picture, b"%d" % WAIT_MS)
            return _result(shown, [read(picture, _WELCOME) for _ in range(FILES)])
        files: list[int] = []
        while len(files) < FILES:
            asked = others[: FILES - len(files)]
            for connection in asked:
                connection.send(request_bytes(ROUTE_ROOT))
            files += [read(connection, _WELCOME) for connection in asked]
        return _result(read(picture, b"%d" % WAIT_MS), files)


def by_http2() -> H2Load:
    """An engine that loads the page once: the picture is the first of its requests, all are sent at once."""
    return H2Load(FILES + 1, False, None, first_waits_us=WAIT_MS * 980)


def _result(picture_us: int, files_us: Sequence[int]) -> LoadResult:
    times = sorted([picture_us, *files_us])
    quantiles = h2load.quantiles(sorted(files_us))
    return LoadResult(
        duration_us=times[-1],
        total_us=times[-1],
        requests=len(times),
        in_window=len(times),
        bytes=0,
        connect_errors=0,
        read_errors=0,
        status_errors=0,
        timeouts=0,
        latency_min_us=times[0],
        latency_max_us=times[-1],
        latency_mean_us=sum(times) / len(times),
        latency_quantiles_us=h2load.quantiles(times),
        client_cpu_ns=0,
        targets=(
            TargetResult("files", len(files_us), 0, max(files_us), quantiles),
            TargetResult("picture", 1, 0, picture_us, h2load.quantiles([picture_us])),
        ),
    )


def table(cells: Sequence[Cell]) -> FigureTable:
    """What was measured of the page."""
    rows = []
    for cell in judging.standing(cells, what=PAGE):
        figures = [numbers.ms(judging.middle(cell, name).value) for name in ("target_0_p50_us", "target_0_max_us", "target_1_max_us")]
        rows.append([cell.labels["contestant"], cell.labels["way"], *figures])
    columns = ["Server", "How it is asked for", "Half of the files ms", "All files ms", "The picture ms"]
    caption = f"A page of one picture that takes {WAIT_MS} ms, asked for first, and {FILES} small files: when they are there, from the page's begin"
    return FigureTable("page", caption, columns, rows)
