"""Where a request's time goes when there is a database behind it: what is the server's, the database's, the cache's, and nobody's.

Under load CPU time alone is told. Waiting is told where one request is under way at a time: the wall time of a request less all CPU
time, the client's included. All of it from the rounds, with intervals; what a back end of the user's own uses is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from ..model import cpulist, stats
from ..model.back_end_records import BackEndRecord
from ..model.memory_records import AFTER
from ..model.results import Cell, ContestantRecord, Results, Round
from ..model.stats import Estimate
from ..model.workloads import CACHE, DATABASE, back_end_of, requested
from . import numbers
from .analysis import Analysis, Load, load_of
from .gains import USUAL_BACK_ENDS, baseline, language_of
from .metrics import CPU_US_PER_REQUEST
from .table import CellText, Column, Table
from .texts import title_of

ALONE = Load(0, 1)
_TITLES = {DATABASE: "PostgreSQL", CACHE: "Redis"}


@dataclass(frozen=True)
class Parts:
    """A contestant on a workload at a load, microseconds for each request. wait: nobody works; None where more than one request is under way."""

    contestant: ContestantRecord
    cell: Cell
    server: Estimate | None
    database: Estimate | None
    cache: Estimate | None
    wait: Estimate | None

    @property
    def values(self) -> tuple[float, float, float, float]:
        """Server, database, cache, waiting; 0 where it is not known."""
        return tuple(part.value if part else 0.0 for part in (self.server, self.database, self.cache, self.wait))  # type: ignore[return-value]


def parts_of(analysis: Analysis, route: str, load: Load) -> list[Parts]:
    """Everybody's, in the order of the server's CPU time; who gave wrong answers has none."""
    found = []
    for standing in analysis.standings(route, load, CPU_US_PER_REQUEST):
        cell = standing.cell
        if standing.estimate is None or not CPU_US_PER_REQUEST.stands(cell):
            continue
        found.append(
            Parts(
                standing.contestant,
                cell,
                standing.estimate,
                _estimate(cell, _behind_us(DATABASE)),
                _estimate(cell, _behind_us(CACHE)),
                _estimate(cell, _wait_us) if load == ALONE else None,
            )
        )
    return found


def _estimate(cell: Cell, of: Callable[[Cell, Round], float | None]) -> Estimate | None:
    samples = [value for entry in cell.rounds if (value := of(cell, entry)) is not None]
    return stats.median(samples) if samples else None


def _each_us(entry: Round, ns: int | None) -> float | None:
    return None if ns is None or not entry.all_requests else ns / 1e3 / entry.all_requests


def _behind_us(name: str) -> Callable[[Cell, Round], float | None]:
    """CPU time of the back end of that name, on the routes that ask it: what the other one does meanwhile is not for them."""

    def of(cell: Cell, entry: Round) -> float | None:
        if entry.back_ends is None or back_end_of(cell.route) != name:
            return None
        return _each_us(entry, entry.back_ends.database_cpu_ns if name == DATABASE else entry.back_ends.cache_cpu_ns)

    return of


def _whole_us(cell: Cell, entry: Round) -> float | None:
    """CPU time of the server and of the back end that it asks; None where one of them is not known."""
    server, behind = _each_us(entry, entry.server_cpu_ns), _behind_us(back_end_of(cell.route) or "")(cell, entry)
    return None if server is None or behind is None else server + behind


def _wait_us(cell: Cell, entry: Round) -> float | None:
    whole, client = _whole_us(cell, entry), _each_us(entry, entry.client_cpu_ns)
    if whole is None or client is None or not entry.requests:
        return None
    return max(0.0, entry.duration_us / entry.requests - whole - client)


def _server_share(cell: Cell, entry: Round) -> float | None:
    server, whole = _each_us(entry, entry.server_cpu_ns), _whole_us(cell, entry)
    return server / whole if server and whole else None


def saving(analysis: Analysis, old: Cell, new: Cell) -> Estimate | None:
    """CPU time of the whole with the new server, as a part of that with the old one, of the rounds that both have; None without figures."""
    a, b = ({entry.round: us for entry in cell.rounds if (us := _whole_us(cell, entry))} for cell in (new, old))
    common = sorted(a.keys() & b.keys())
    if not common:
        return None
    pairs = analysis.pairs(len(analysis.participants(old.route, load_of(old))))
    found = stats.ratio([a[n] for n in common], [b[n] for n in common], True, None, pairs, stats.SINGLE_ROUND_FACTOR)
    floor = analysis.floor(old.route, load_of(old), CPU_US_PER_REQUEST)
    return found.widened(floor, floor)


def sentences(results: Results, analysis: Analysis) -> list[str]:
    """For each workload, what part of its CPU time is the server's own, and what another language would change of the whole."""
    load = analysis.main_load
    if load is None:
        return []
    return [text for route in analysis.routes if back_end_of(route) for text in _of_route(results, analysis, route, load)]


def _of_route(results: Results, analysis: Analysis, route: str, load: Load) -> Iterator[str]:
    found = parts_of(analysis, route, load)
    asked = baseline(results, results.settings.baseline)
    usual = next((parts for parts in found if parts.contestant.name == USUAL_BACK_ENDS), None)
    if usual and results.settings.baseline is None and (asked is None or asked.built_in):
        asked = usual.contestant
    mine = next((parts for parts in found if asked and parts.contestant.name == asked.name), None)
    mine = mine or next((parts for parts in reversed(found) if language_of(parts.contestant) == "python"), found[-1] if found else None)
    if mine is None:
        return
    share = _estimate(mine.cell, _server_share)
    if share is None:
        yield f"{requested(route)}: what the database or the cache used is not known, since it is your own: only the server's part is told."
        return
    who = f"{mine.contestant.language} ({title_of(mine.contestant)})"
    behind = "the database's" if back_end_of(route) == DATABASE else "the cache's"
    yield (
        f"Of a {requested(route)} on {who}, {_percent(share)} of the CPU time is {mine.contestant.language}'s own, the rest {behind}"
        f"{_waiting(analysis, route, mine)}. {_moves(analysis, mine, found)}"
    )


def _percent(estimate: Estimate, most: float | None = 1.0) -> str:
    """71 % (69 to 73 %); of a share no end is beyond the whole."""
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.0%} (one round: no interval)".replace("%", " %", 1)
    high = estimate.high if most is None else min(most, estimate.high)
    return f"{100 * estimate.value:.0f} % ({100 * estimate.low:.0f} to {100 * high:.0f} %)"


def _waiting(analysis: Analysis, route: str, mine: Parts) -> str:
    alone = next((parts for parts in parts_of(analysis, route, ALONE) if parts.contestant == mine.contestant), None)
    if alone is None or alone.wait is None:
        return ""
    waited = f"for {numbers.ms(alone.wait.value)} ms nobody does" if alone.wait.value > 0 else "nothing is waited for"
    return f"; asked one at a time, it works {numbers.ms(sum(alone.values[:3]))} ms, and {waited}"


def _moves(analysis: Analysis, mine: Parts, found: Sequence[Parts]) -> str:
    """The cheapest one of each other language."""
    best: dict[str, Parts] = {}
    for parts in sorted(found, key=lambda one: sum(one.values[:3])):
        if language_of(parts.contestant) != language_of(mine.contestant):
            best.setdefault(language_of(parts.contestant), parts)
    told, open_ = [], []
    for parts in best.values():
        name = f"{parts.contestant.language} ({title_of(parts.contestant)})"
        left = saving(analysis, mine.cell, parts.cell)
        if left is None or not left.excludes(1.0):
            open_.append(name)
            continue
        cut = Estimate(1 - left.value, 1 - (left.high or 1), 1 - (left.low or 1), left.n)
        more = Estimate(-cut.value, -(cut.high or 0), -(cut.low or 0), left.n)
        change = f"cut the CPU of the whole by {_percent(cut)}" if cut.value > 0 else f"add {_percent(more, None)} to the CPU of the whole"
        told.append(f"moving to {name} would {change}")
    if open_:
        told.append(f"whether {numbers.listed(open_)} would change it is within the noise")
    if not told:
        return "No other language took part."
    text = "; ".join(told)
    return text[0].upper() + text[1:] + "."


def table(analysis: Analysis, route: str, load: Load) -> Table:
    """A row for each contestant: the parts, and what the back ends counted."""
    alone = load == ALONE
    columns = [
        Column("Contestant", numeric=False),
        Column("Server, µs"),
        Column("Database, µs"),
        Column("Cache, µs"),
        *([Column("Waiting, µs", hint="wall time of a request less all CPU time, the client's included")] if alone else []),
        Column("Server's part", hint="of the CPU time of the server and of the back end that it asks"),
        Column("Statements", hint="for each request, as the database counts them, without transactions"),
        Column("BEGIN, COMMIT …", hint="statements of transactions for each request"),
        Column("Rows", hint="read and written for each request"),
        Column("Commands", hint="to the cache for each request"),
    ]
    caption = f"{requested(route)}, {load.title}: CPU time for each request, and what the back ends counted for it"
    made = Table(f"back-ends-{route.strip('/').replace('/', '-')}-{'alone' if alone else 'load'}", caption, columns)
    for parts in parts_of(analysis, route, load):
        share = _estimate(parts.cell, _server_share)
        shown = [parts.server, parts.database, parts.cache, *([parts.wait] if alone else [])]
        made.rows.append(
            [
                CellText(title_of(parts.contestant), hint=parts.contestant.name),
                *(_figure(estimate) for estimate in shown),
                CellText(numbers.percent(share.value if share else None), raw=share.value if share else None, note=_span(share)),
                *(_counted(parts.cell, name) for name in ("statements", "transactions", "rows", "commands")),
            ]
        )
    return made


def _figure(estimate: Estimate | None) -> CellText:
    if estimate is None:
        return CellText(numbers.MISSING)
    return CellText(numbers.plain(estimate.value), raw=estimate.value, note=numbers.plus_minus(estimate))


def _span(share: Estimate | None) -> str:
    if share is None or share.low is None or share.high is None:
        return ""
    return f"{numbers.percent(share.low)} to {numbers.percent(min(1.0, share.high))}"


def _counted(cell: Cell, name: str) -> CellText:
    """For each request, over all rounds."""
    uses = [(getattr(entry.back_ends, name), entry.all_requests) for entry in cell.rounds if entry.back_ends]
    known = [count / requests for count, requests in uses if count is not None and requests]
    value = median(known) if known else None
    return CellText(numbers.plain(value), raw=value)


def footprints(results: Results) -> Table | None:
    """Connections, and the memory on both of their ends; None where no workload asks back ends."""
    if not results.back_end_footprints:
        return None
    columns = [
        Column("Contestant", numeric=False),
        Column("Connections to the database"),
        Column("Connections to the cache"),
        Column("Contestant, MiB", hint="ΣPSS after load, pools and all"),
        Column("For each worker, MiB"),
        Column("Database's processes, MiB", hint="of those connections, each page divided by those that map it"),
    ]
    made = Table("back-ends-memory", "Connections that were open after load, and the memory of both of their ends", columns)
    for entry in results.back_end_footprints:
        record = results.contestant(entry.contestant)
        pss = next((m.totals.pss_kib for m in results.memory if (m.contestant, m.phase) == (record.name, AFTER)), None)
        made.rows.append(
            [
                CellText(title_of(record), hint=record.name),
                CellText(str(entry.database_connections), raw=entry.database_connections),
                CellText(str(entry.cache_connections), raw=entry.cache_connections),
                CellText(numbers.mib(pss), raw=pss),
                CellText(numbers.mib(pss / record.workers if pss is not None else None), raw=pss),
                CellText(numbers.mib(entry.database_memory_kib), raw=entry.database_memory_kib),
            ]
        )
    return made


def which(results: Results) -> str:
    """Which back ends they were, where they ran, and how durable they were."""
    return " ".join(map(_one, results.back_ends))


def _one(record: BackEndRecord) -> str:
    where = "your own" if record.own else "started for the run"
    if record.cpus:
        where += f" on CPU {cpulist.render(set(record.cpus))}" + (f", shared with the {record.shares_with}" if record.shares_with else "")
    each = numbers.counted(record.connections_per_worker, "connection")
    settings = ", ".join(f"{name} {value or 'none'}" for name, value in record.settings.items())
    return f"{_TITLES[record.name]} {record.version}, {where}; {each} for each worker{f'; {settings}' if settings else ''}."
