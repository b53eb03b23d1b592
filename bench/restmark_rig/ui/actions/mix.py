"""--mix-from: the mix out of what tells of a user's own traffic, and on stderr what was taken for what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ...model.errors import UsageFault
from ...model.traffic_rules import Mapping, Row, parse_rule
from ...store import traffic_files
from ...store.traffic_files import TrafficFile
from ...terminal import console

_EXAMPLE_MAX = 60


def chosen(
    mix: dict[str, float] | None, file: Path | None, rules: Sequence[str], json_bytes: Callable[[], int]
) -> dict[str, float] | None:
    """The mix of --mix, or of --mix-from with the rules of --mix-map; None without either. Raises UsageFault.

    json_bytes: gives the size of the JSON of all records that are measured.
    """
    if rules and file is None:
        raise UsageFault("--mix-map says what the requests of --mix-from stand for, which is not given", "add --mix-from FILE")
    if file is None:
        return mix
    if mix is not None:
        raise UsageFault("--mix and --mix-from contradict each other", "leave one of them out")
    mapping = Mapping([parse_rule(rule) for rule in rules], json_bytes())
    found = traffic_files.read(file)
    for seen in found.requests:
        mapping.add(seen)
    if not mapping.requests:
        raise UsageFault(f"{file}: {_unread(found) or 'no request is in it'}", f"give {traffic_files.KINDS}")
    weights = mapping.mix()
    for line in told(file, found, mapping, weights):
        console.plain(console.err, line)
    if not weights:
        raise UsageFault(f"{file}: none of its requests stands for a workload", "say what they stand for with --mix-map 'REGEX=ROUTE'")
    return weights


def told(file: Path, found: TrafficFile, mapping: Mapping, weights: dict[str, float]) -> Iterator[str]:
    """What was taken for what, and what was left out, in lines."""
    rows = mapping.rows()
    counted, left_out = [row for row in rows if row.shares], [row for row in rows if not row.shares]
    yield f"mix from {file} ({found.kind}): {mapping.requests:,} request{'' if mapping.requests == 1 else 's'}"
    if found.kind == traffic_files.OPENAPI:
        yield "  each operation counts once, and sizes are not known: such a document tells of neither"
    if found.bad.count:
        yield f"  not read: {_unread(found)}"
    for row in counted:
        shares = ", ".join(f"{share:.3g} {route}" for route, share in row.shares.items())
        what = next(iter(row.shares)) if list(row.shares.values()) == [1.0] else f"{shares} each"
        yield f"  {_percent(row, mapping)} {row.reason}: {what}; e.g. {_shown(row.example)}"
    if left_out:
        share = sum(row.requests for row in left_out) / mapping.requests
        yield f"left out, {100 * share:.3g} % of the requests:"
        for row in left_out:
            remedy = f"; {row.remedy}" if row.remedy else ""
            yield f"  {_percent(row, mapping)} {row.reason}; e.g. {_shown(row.example)}{remedy}"
    for rule in mapping.unused():
        yield f"--mix-map {rule}: matched nothing that no other one before it matched"
    if weights:
        yield f"the same again: --mix '{','.join(f'{route}={weight:.12g}' for route, weight in weights.items())}'"


def _unread(found: TrafficFile) -> str:
    """How many lines hold no request, and which; empty if all do."""
    if not found.bad.count:
        return ""
    named = [f"{found.unit} {number}: {fault}" for number, fault in found.bad.first]
    more = found.bad.count - len(named)
    units = f"{found.bad.count:,} {found.unit if found.bad.count == 1 else found.units}"
    return f"{units} without a request ({'; '.join(named)}{f'; and {more:,} more' if more else ''})"


def _percent(row: Row, mapping: Mapping) -> str:
    return f"{100 * row.requests / mapping.requests:5.1f} %"


def _shown(text: str) -> str:
    """What a client sent, fit for a terminal."""
    clean = "".join(character if character.isprintable() else "?" for character in text)
    return clean if len(clean) <= _EXAMPLE_MAX else clean[: _EXAMPLE_MAX - 1] + "…"
