"""The tables "against mine": how many times better or worse than the baseline, for CPU, throughput, latency and memory."""

from __future__ import annotations

from collections.abc import Mapping

from ..model.memory_records import LOAD
from . import numbers, told
from .gains import Gain, Gains
from .memory import Memory
from .metrics import CPU_US_PER_REQUEST, REQUESTS_PER_S, Metric, latency
from .table import CellText, Column, Table
from .texts import title_of
from .told import Side

_P99 = latency("99")
_CAPTIONS = (
    (CPU_US_PER_REQUEST, "CPU time per request: how many times less", "twice as much"),
    (REQUESTS_PER_S, "Requests/s: how many times more", "half as many"),
    (_P99, "p99 latency: how many times less", "twice as long"),
)
MIX_TITLE = "your traffic"


def tables(gains: Gains, memory: Memory, mix: Mapping[str, float] | None) -> list[Table]:
    """A table a figure; figures that nobody has are left out."""
    whom = f"than {gains.against.title}, {gains.load.title}"
    found = [_speed(gains, metric, f"{caption} {whom}; ÷ 2: {worse}", mix) for metric, caption, worse in _CAPTIONS]
    found.append(_memory(gains, memory))
    return [table for table in found if any(cell.raw is not None for row in table.rows for cell in row)]


def _speed(gains: Gains, metric: Metric, caption: str, mix: Mapping[str, float] | None) -> Table:
    """Contestants in the order of all workloads, a column each for a workload, and one for the mix where there is one."""
    routes = gains.analysis.routes
    with_mix = mix is not None and metric is CPU_US_PER_REQUEST
    columns = [Column("Contestant", numeric=False), *(Column(route) for route in routes)]
    columns += [Column(MIX_TITLE, hint=", ".join(f"{weight:g} × {route}" for route, weight in (mix or {}).items()))] * with_mix
    table = Table(f"against-{metric.key}", f"{caption}, ≈: can not be told from it", columns)
    by_route = {route: {g.contestant.name: g for g in gains.of(route, metric)} for route in routes}
    mixed = {g.contestant.name: g for g in gains.of_mix(mix)} if with_mix and mix else {}
    for record in gains.analysis.in_order(gains.load):
        cells = [by_route[route].get(record.name) for route in routes] + [mixed.get(record.name)] * with_mix
        if record.name != gains.against.name and any(cells):
            table.rows.append([CellText(title_of(record), hint=record.name), *(_cell(gain) for gain in cells)])
    return table


def _cell(gain: Gain | None) -> CellText:
    side = told.side(gain.times) if gain else Side.UNKNOWN
    if gain is None or gain.times is None or side is Side.UNKNOWN:
        return CellText(numbers.MISSING, hint="not known: not measured, no figure that stands, or asked over fewer connections")
    hint = f"{numbers.factor(gain.times.value)}, between {told.interval(gain.times)}"
    if side is Side.TIED:
        text = f"≈ ({told.interval(gain.times)})"
    else:
        text = told.amount(gain.times) if side is Side.BETTER else f"÷ {told.amount_below(gain.times)}"
    return CellText(text, raw=gain.times.value, hint=hint, dim=side is Side.TIED)


def _memory(gains: Gains, memory: Memory) -> Table:
    """ΣPSS under load as a part of the baseline's, by number of workers. Single looks have no interval."""
    counts = [n for n in memory.worker_counts if (p := memory.footprint(gains.against.name, n, LOAD)) and p.pss_kib]
    columns = [Column("Contestant", numeric=False), *(Column(numbers.counted(count, "worker")) for count in counts)]
    table = Table("against-memory", f"Memory: how many times less than {gains.against.title}, ΣPSS under load", columns)
    for record in gains.analysis.in_order(gains.load):
        cells = []
        for count in counts:
            own, other = (memory.footprint(name, count, LOAD) for name in (gains.against.name, record.name))
            known = own and other and own.pss_kib and other.pss_kib
            times = own.pss_kib / other.pss_kib if known and own and other and own.pss_kib and other.pss_kib else None
            cells.append(CellText(numbers.factor(times), raw=times, hint=f"{numbers.mib(other.pss_kib)} MiB" if other else ""))
        if record.name != gains.against.name and any(cell.raw for cell in cells):
            table.rows.append([CellText(title_of(record), hint=record.name), *cells])
    return table
