"""The tables of `restmark memory`, beside the figures of the benchmark that this one repeats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from ..model.memory_records import AFTER, LOAD, REST, MemoryRecord
from ..report import numbers
from ..report.memory import NO_MISFIT, ORIGINAL_WORKERS, ORIGINALS, worker_cost
from ..study import memory
from ..terminal.console import plain

_NAME_WIDTH = 15
_FITS = ((LOAD, "pss_kib"), (LOAD, "uss_kib"), (REST, "pss_kib"))  # phase and sum of the lines, in the order of columns
_PHASES = {LOAD: "under load", REST: "at rest"}


def original_mb(name: str) -> str:
    """The original's figure for this very contestant, "" if it had no part in the original."""
    found = ORIGINALS.get(name)
    if found is None:
        return ""
    return str(found.megabytes_each) + (f" x {found.processes}" if found.processes > 1 else "")


def show(console: Console, by_contestant: Mapping[str, Sequence[MemoryRecord]], disagreements: Sequence[str]) -> None:
    """Prints sums for each number of workers, the cost of a worker, and processes one by one."""
    plain(console, "\nSum of PSS, MiB (shared pages counted once), under load; RSS counts them N times\n", "bold")
    console.print(_sums(by_contestant))
    plain(console, "\nOne more worker, and what there is without one (least squares), MiB\n", "bold")
    console.print(_costs(by_contestant))
    plain(console, "\nProcesses under load, MiB, with the most workers\n", "bold")
    console.print(_processes(by_contestant))
    for note in _notes(by_contestant):
        plain(console, f"\n{note}")
    if disagreements:
        for text in disagreements:
            plain(console, f"note: {text}", "yellow")
    elif any(r.cgroup_bytes is not None for records in by_contestant.values() for r in records):
        plain(console, "The processes' anonymous memory agrees with what their control groups were charged.")
    else:
        plain(console, "Not checked against control groups: none that accounts for memory can be made here.")


def _table(*titles: str) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("contestant", overflow="fold", max_width=_NAME_WIDTH)  # cut off, two names may look like one
    for title in titles:
        table.add_column(title, justify="right", no_wrap=True)
    return table


def _notes(by_contestant: Mapping[str, Sequence[MemoryRecord]]) -> list[str]:
    """What has to be known to read the tables."""
    notes = []
    if had := [f"{name} ({ORIGINALS[name].title})" for name in by_contestant if name in ORIGINALS]:
        notes.append(
            f"original: MB that the original benchmark reported for {ORIGINAL_WORKERS} workers, on another machine "
            f"with other versions: an order of size, no more. Of these it had {numbers.listed(had)}."
        )
    costs = {
        (name, phase, figure): cost
        for name, records in by_contestant.items()
        for phase, figure in _FITS
        if (cost := worker_cost(memory.by_workers(records, phase, figure)))
    }
    if any(cost.misfit_kib is None for cost in costs.values()):
        notes.append(f"misfit: {NO_MISFIT}.")
    notes += [
        f"{name}, {figure.removesuffix('_kib').upper()} {_PHASES[phase]}: {cost.remark}."
        for (name, phase, figure), cost in costs.items()
        if cost.remark
    ]
    return notes


def _sums(by_contestant: Mapping[str, Sequence[MemoryRecord]]) -> Table:
    counts = sorted({record.workers for records in by_contestant.values() for record in records})
    most = counts[-1]
    original = any(name in ORIGINALS for name in by_contestant)
    extra = ("original",) if original else ()
    table = _table(*(f"{count} w." for count in counts), "at rest", "after", "RSS", "USS", *extra)
    for name, records in by_contestant.items():
        loaded = memory.by_workers(records, LOAD, "pss_kib")
        table.add_row(
            name,
            *(_mib(loaded.get(count)) for count in counts),
            *(_mib(memory.by_workers(records, phase, "pss_kib").get(most)) for phase in (REST, AFTER)),
            *(_mib(memory.by_workers(records, LOAD, figure).get(most)) for figure in ("rss_kib", "uss_kib")),
            *([original_mb(name)] if original else []),
        )
    table.caption = f"at rest, after, RSS, USS: with {most} workers" if len(counts) > 1 else None
    table.caption_justify = "left"
    return table


def _costs(by_contestant: Mapping[str, Sequence[MemoryRecord]]) -> Table:
    table = _table("PSS/worker", "fixed", "misfit", "USS/worker", "fixed", "at rest: PSS/w.", "fixed")
    for name, records in by_contestant.items():
        row = []
        for phase, figure in _FITS:
            cost = worker_cost(memory.by_workers(records, phase, figure))
            row += [_mib(cost.per_worker_kib if cost else None), _mib(cost.fixed_kib if cost else None)]
            if (phase, figure) == _FITS[0]:
                row.append(_mib(cost.misfit_kib if cost else None))
        table.add_row(name, *row)
    return table


def _processes(by_contestant: Mapping[str, Sequence[MemoryRecord]]) -> Table:
    table = _table("role", "processes", "threads", "RSS each", "PSS each", "USS each")
    for name, records in by_contestant.items():
        loaded = [record for record in records if record.phase == LOAD]
        last = max(loaded, key=lambda record: (record.workers, record.sample))
        for role in dict.fromkeys(process.role for process in last.processes):
            members = [process for process in last.processes if process.role == role]
            table.add_row(
                name,
                role,
                str(len(members)),
                _range([member.threads for member in members], str),
                *(_range([getattr(m, key) for m in members], _mib) for key in ("rss_kib", "pss_kib", "uss_kib")),
            )
            name = ""
    return table


def _range(values: Sequence[int | None], render: object) -> str:
    assert callable(render)
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    low, high = render(min(known)), render(max(known))
    return str(low) if low == high else f"{low}–{high}"


def _mib(kib: float | None) -> str:
    if kib is None:
        return "–"
    mib = kib / 1024
    return f"{mib:.0f}" if abs(mib) >= 100 else f"{mib:.1f}" if abs(mib) >= 10 else f"{mib:.2f}"
