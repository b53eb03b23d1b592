"""What a soak says at its end."""

from __future__ import annotations

from collections.abc import Iterable

from .judge import largest
from .run import Finding, Result


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    """Left-aligned first column, right-aligned others."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]).rstrip()
        for row in rows
    ]


def _faults(result: Result) -> Iterable[str]:
    rows = [("fault", "times", "slowest recovery s")]
    for kind, times in sorted(result.faults.items()):
        recovery = result.recovery_s.get(kind)
        rows.append((kind, str(times), "none" if recovery is None else f"{recovery:.2f}"))
    return _table(rows)


def _requests(result: Result) -> Iterable[str]:
    rows = [("good clients", "requests", "failed, allowed", "failed, not", "closed at rest", "slowest ms")]
    for name, tally in result.friends.items():
        closed = tally.idle_closes + tally.idle_races
        failed = str(result.allowed[name]), str(result.not_allowed[name])
        rows.append((name, str(tally.requests), *failed, str(closed), f"{tally.slowest_ms:.0f}"))
    total = result.summed()
    failed = str(sum(result.allowed.values())), str(sum(result.not_allowed.values()))
    rows.append(("all", str(total.requests), *failed, str(total.idle_closes + total.idle_races), f"{total.slowest_ms:.0f}"))
    return _table(rows)


def _hostile(result: Result) -> Iterable[str]:
    rows = [("hostile clients", "acts", "connection failed")]
    rows += [(name, str(times), str(result.cut_off[name])) for name, times in sorted(result.hostile.items())]
    return _table(rows)


def _usage(result: Result) -> Iterable[str]:
    if not result.rests:
        return ["at rest: never measured"]
    rows = [("at rest", "first PSS KiB", "last", "first RSS KiB", "last", "first descriptors", "last")]
    first, last = result.rests[0], result.rests[-1]
    for name, a, b in (("master", first.master, last.master), ("largest worker", largest(first), largest(last))):
        pairs = (a.pss_kib, b.pss_kib, a.rss_kib, b.rss_kib, a.descriptors, b.descriptors)
        rows.append((name, *map(str, pairs)))
    return [*_table(rows), f"{len(result.rests)} rests"]


def summary(result: Result) -> str:
    """The tables, one after another."""
    parts = [_faults(result), _requests(result), _hostile(result), _usage(result)]
    notes = [f"note: {note}" for note in result.notes]
    slowest = max(result.recovery_s.items(), key=lambda item: item[1], default=("none", 0.0))
    end = f"slowest recovery: {slowest[1]:.2f} s after {slowest[0]}; {len(result.findings)} kinds of findings; seed {result.seed}"
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n\n" + "\n".join([*notes, end])


def finding(n: int, what: Finding) -> str:
    """One finding with what was done before it, and the log."""
    lines = [f"finding {n}, {what.at_s:.1f} s after the beginning, at {what.fault}, {what.times} times: {what.text}"]
    lines += [f"    did {line}" for line in what.before]
    lines += [f"    log {line}" for line in what.log]
    return "\n".join(lines)
