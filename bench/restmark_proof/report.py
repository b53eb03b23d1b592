"""The table of all servers, as text or JSON."""

from __future__ import annotations

import json
from statistics import median
from typing import Any

from .clients import Outcome, Tally
from .run import Result

KINDS = (Outcome.REFUSED, Outcome.RESET, Outcome.EOF, Outcome.TRUNCATED, Outcome.TIMEOUT)
HEADS = ("Server", "Reloads", "s each", "Requests", "Failed", *(kind.value for kind in KINDS), "other", "idle-close", "slowest ms")


def _other(tally: Tally) -> int:
    return tally.lost - sum(tally.failed[kind] for kind in KINDS)


def _row(result: Result) -> tuple[str, ...]:
    tally = result.reloading
    each = f"{median(result.reload_s):.2f}" if result.reload_s else "–"
    kinds = (f"{tally.failed[kind]:,}" for kind in KINDS)
    return (result.name, str(result.reloads), each, f"{tally.requests:,}", f"{tally.lost:,}", *kinds, f"{_other(tally):,}",
            f"{tally.idle_races:,}", f"{tally.slowest_ms:,.0f}")  # fmt: skip


def _notes(result: Result) -> list[str]:
    notes = [f"{result.name}: {result.version}; {result.how}".replace(": ;", ":")]
    if result.reloading.lost or result.reloading.idle_races:
        parts = [
            f"{name} {tally.lost:,} of {tally.requests:,} failed, {tally.idle_races:,} idle-close"
            for name, tally in result.by_profile.items()
        ]
        notes.append(f"  by kind of client: {'; '.join(parts)}")
    if result.calm.lost or result.calm.idle_races:
        notes.append(f"  without any reload: {result.calm}")
    if result.fault:
        notes.append(f"  fault: {result.fault.splitlines()[0]}")
    return notes


def as_text(results: list[Result]) -> str:
    """The table, what was run, and what was not."""
    ran = [result for result in results if not result.skipped]
    lines = []
    if ran:
        rows = [HEADS, *(_row(result) for result in ran)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(HEADS))]
        for row in rows:
            cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
            lines.append("  ".join(cells).rstrip())
        lines.append("")
        for result in ran:
            lines += _notes(result)
    lines += [f"skipped {result.name}: {result.skipped}" for result in results if result.skipped]
    return "\n".join(lines)


def _tally(tally: Tally) -> dict[str, Any]:
    return {
        "requests": tally.requests,
        "answered": tally.answered,
        "failed": tally.lost,
        "by_kind": {kind.value: tally.failed[kind] for kind in Outcome if kind is not Outcome.ANSWERED},
        "idle_close_races": tally.idle_races,
        "idle_closes_noticed": tally.idle_closes,
        "connections": tally.connections,
        "slowest_ms": round(tally.slowest_ms, 1),
    }


def as_json(results: list[Result]) -> str:
    return json.dumps(
        [
            {
                "server": result.name,
                "version": result.version,
                "reload": result.how,
                "reloads": result.reloads,
                "reload_seconds": [round(seconds, 3) for seconds in result.reload_s],
                "reloading": _tally(result.reloading),
                "by_client": {name: _tally(tally) for name, tally in result.by_profile.items()},
                "calm": _tally(result.calm),
                "fault": result.fault or None,
                "skipped": result.skipped or None,
            }
            for result in results
        ],
        indent=2,
    )
