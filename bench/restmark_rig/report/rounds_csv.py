"""rounds.csv: one row a round, raw figures first, then the two derived ones of the report, unrounded."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from ..model.results import Cell, ContestantRecord
from .analysis import Analysis
from .metrics import CPU_US_PER_REQUEST, REQUESTS_PER_S

QUANTILES = ("50", "75", "90", "95", "99", "99.9")
COLUMNS = (
    *("contestant", "same_as", "route", "connections", "connections_used", "rate_per_s", "cell_verdicts"),
    *("round", "started_unix_ms", "duration_us", "requests", "drained_requests", "bytes"),
    *("connect_errors", "read_errors", "write_errors", "status_errors", "timeouts", "body_errors", "malformed"),
    *("latency_min_us", "latency_mean_us", "latency_max_us", *(f"latency_p{q}_us" for q in QUANTILES)),
    *("server_cpu_ns", "client_cpu_ns", "idle_cpu_ns", "server_runqueue_wait_ns", "throttled_ns"),
    *("voluntary_switches", "involuntary_switches", "slowdown_permille", "attempts"),
    *("round_verdicts", "requests_per_s", "cpu_us_per_request"),
)


def render(analysis: Analysis) -> str:
    """The file's text (RFC 4180): workload after workload, contestants in the order of all tables, that by CPU per request,
    a second run of the same server after its first. What could not be had is an empty field, not 0."""
    results = analysis.results
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for cell in _in_order(analysis):
        who = results.contestant(cell.contestant)
        for entry in cell.rounds:
            errors, latency = entry.errors, entry.latency
            times = (latency.min_us, latency.mean_us, latency.max_us) if latency else (None, None, None)
            writer.writerow(
                [
                    *(
                        cell.contestant,
                        who.same_as,
                        cell.route,
                        cell.connections,
                        cell.connections_used,
                        cell.rate_per_s,
                    ),
                    " ".join(cell.verdict_names),
                    *(entry.round, entry.started_unix_ms, entry.duration_us),
                    *(entry.requests, entry.drained_requests, entry.bytes),
                    *(errors.connect, errors.read, errors.write, errors.status, errors.timeout),
                    *(errors.body, errors.malformed),
                    *times,
                    *(latency.quantiles_us.get(q) if latency else None for q in QUANTILES),
                    *(entry.server_cpu_ns, entry.client_cpu_ns, entry.idle_cpu_ns),
                    *(entry.server_runqueue_wait_ns, entry.throttled_ns),
                    *(entry.voluntary_switches, entry.involuntary_switches),
                    *(entry.slowdown_permille, entry.attempts),
                    " ".join(dict.fromkeys(verdict.name for verdict in entry.verdicts)),
                    *(REQUESTS_PER_S.of(entry), CPU_US_PER_REQUEST.of(entry)),
                ]
            )
    return output.getvalue()


def _in_order(analysis: Analysis) -> Iterator[Cell]:
    for route in analysis.routes:
        for load in analysis.loads:
            cells = analysis.cells(route, load)
            order = [s.contestant.name for s in analysis.standings(route, load, CPU_US_PER_REQUEST)]
            yield from sorted(cells, key=lambda cell: _place(analysis.contestants[cell.contestant], order))


def _place(record: ContestantRecord, order: Sequence[str]) -> tuple[int, bool]:
    """A second run of a server after its first; where that has no cell, at the end."""
    first = record.same_as or record.name
    return order.index(first) if first in order else len(order), record.same_as is not None
