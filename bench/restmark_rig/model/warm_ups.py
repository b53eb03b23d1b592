"""What is said of warm-ups: of each contestant the one that took longest, and those that did not become steady. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .warm_up_records import WarmUpRecord


@dataclass(frozen=True)
class Summary:
    """Of a contestant's warm-ups. latest: the one whose level began last, None if none was steady; unsteady: the others."""

    contestant: str
    latest: WarmUpRecord | None
    unsteady: list[WarmUpRecord]
    lasted_ms: int


def summaries(records: Sequence[WarmUpRecord]) -> Iterator[Summary]:
    """Of each contestant, in their order."""
    for name in dict.fromkeys(record.contestant for record in records):
        own = [record for record in records if record.contestant == name]
        steady = [record for record in own if record.steady_after_ms is not None]
        latest = max(steady, key=lambda record: record.steady_after_ms or 0, default=None)
        yield Summary(name, latest, [record for record in own if record.steady_after_ms is None], max(record.lasted_ms for record in own))


def told(records: Sequence[WarmUpRecord]) -> Iterator[str]:
    """A sentence for those that are steady, and one for each contestant that is not everywhere."""
    found = list(summaries(records))
    if steady := [f"{one.contestant} {seconds(one.latest.steady_after_ms)}" for one in found if one.latest]:
        yield f"warm-up: CPU time per request is steady after (the slowest cell of each) {', '.join(steady)}"
    for one in found:
        if one.unsteady:
            cells = ", ".join(f"{record.route} c={record.connections}" for record in one.unsteady)
            yield f"warm-up: {one.contestant} was not steady when it ended, after {seconds(one.lasted_ms)} at most: {cells}"


def seconds(ms: int | None) -> str:
    """As people say it."""
    return f"{(ms or 0) / 1000:.2g} s"
