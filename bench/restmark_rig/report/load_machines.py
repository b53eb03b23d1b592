"""What each load machine did, where several made the load: a row a machine, of all rounds, and of each workload."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import median

from ..model import stalls
from ..model.load_machines import LoadMachine, MachineRound
from ..model.results import Cell, Results
from ..model.stalls import Stall
from . import numbers
from .table import CellText, Column, Table


def table(results: Results) -> Table | None:
    """Everybody over the whole run; None where this machine made the load."""
    if not results.load_machines:
        return None
    columns = [
        Column("Machine", numeric=False),
        Column("CPUs"),
        Column("Rounds", hint="in which it did its share, of those in which it was to"),
        Column("Requests"),
        Column("Requests/s", hint="median of the rounds"),
        Column("Share of its rate", hint="requests/s of those it was to send, median; – in a closed loop"),
        Column("CPU", hint="of its threads' time, median"),
        Column("Sent late p99 ms", hint="behind the schedule though a connection was free, median of the rounds' 99th percentiles"),
        Column("p50 ms", hint="of its own latencies, median of the rounds"),
        Column("p99 ms", hint="of its own latencies, median of the rounds"),
        Column("Began late ms", hint="behind the common instant, the most of any round"),
        Column("Clock ms", hint="how far its clock was ahead when the run began"),
        Column("Remarks", numeric=False),
    ]
    stood_still = [stall for cell in results.cells for entry in cell.rounds for stall in stalls.of(entry.machines)]
    rows = [_row(machine, rounds_of(results.cells, machine.name), stood_still) for machine in results.load_machines]
    return Table("load-machines", "Load machines: what each did, over all workloads", columns, rows)


def rounds_of(cells: Iterable[Cell], name: str) -> list[MachineRound]:
    """All that a machine did."""
    return [machine for cell in cells for entry in cell.rounds for machine in entry.machines if machine.name == name]


def sentence(results: Results) -> str:
    """Who made the load, and who was lost."""
    names = [machine.name for machine in results.load_machines]
    text = f"{numbers.counted(len(names), 'machine')} made the load: {numbers.listed(names)}. Latencies are those of all their requests together, by counts."
    lost = [name for name in names if any(entry.lost for entry in rounds_of(results.cells, name))]
    return text + (f" Lost on the way: {numbers.listed(lost)}." if lost else "")


def _row(machine: LoadMachine, rounds: Sequence[MachineRound], stood_still: Iterable[Stall]) -> list[CellText]:
    done = [entry for entry in rounds if not entry.lost]
    rates = [entry.requests_per_s / entry.rate_per_s for entry in done if entry.rate_per_s]
    lost = next((entry.lost for entry in rounds if entry.lost), "")
    requests = sum(entry.requests + entry.drained_requests for entry in done)
    return [
        CellText(machine.name, hint=f"{machine.hostname}, {machine.kernel}, {machine.architecture}, {machine.tool}"),
        CellText(str(machine.cpus), raw=machine.cpus),
        CellText(f"{len(done)} of {len(rounds)}", raw=len(done)),
        CellText(f"{requests:,}", raw=requests),
        _median([entry.requests_per_s for entry in done], lambda value: f"{value:,.0f}"),
        _median(rates, lambda value: f"{value:.1%}"),
        _median([entry.cpu_share for entry in done], lambda value: f"{value:.0%}"),
        _milliseconds([entry.late_p99_us for entry in done]),
        _milliseconds([entry.p50_us for entry in done]),
        _milliseconds([entry.p99_us for entry in done]),
        CellText(f"{max(late) / 1e3:.1f}" if (late := [entry.start_late_us for entry in done if entry.start_late_us is not None]) else numbers.MISSING),
        CellText(f"{machine.clock_offset_us / 1e3:+.1f}", raw=machine.clock_offset_us, note=f"± {machine.clock_error_us / 1e3:.1f}"),
        CellText("; ".join(filter(None, (f"lost: {lost}" if lost else "", _late([stall.late_us for stall in stood_still if stall.name == machine.name]))))),
    ]


def _late(late_us: Sequence[int]) -> str:
    return f"late {numbers.counted(len(late_us), 'time')}, by {max(late_us) / 1e3:,.0f} ms at most" if late_us else ""


def _milliseconds(values_us: Iterable[int | None]) -> CellText:
    return _median([value / 1e3 for value in values_us if value is not None], lambda value: f"{value:.3f}")


def _median(values: Sequence[float], show: Callable[[float], str]) -> CellText:
    return CellText(show(median(values)), raw=median(values)) if values else CellText(numbers.MISSING)
