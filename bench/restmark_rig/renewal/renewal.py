"""Renews the pinned files of contestants, and of who has the same toolchain, one by one. What fails is put back and told; the others go on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..contestants.cache import Cache
from ..contestants.contestant import Contestant
from .finding import pin_files, pins
from .pins import Move, Pins, RenewalFailed, moves


@dataclass(frozen=True)
class Outcome:
    """What became of one file. fault: why it is as it was."""

    file: Path
    moves: Sequence[Move] = ()
    fault: RenewalFailed | None = None


def renew(
    contestants: Iterable[Contestant], cache: Cache, say: Callable[[str], None], others: Mapping[Path, Contestant] | None = None
) -> list[Outcome]:
    """Renews each file once, also if several contestants have it. say: told what is being done. others: files that no contestant has, with one that
    has the toolchain for them."""
    owners: dict[Path, Contestant] = dict(others or {})
    for contestant in contestants:
        for file in pin_files(contestant):
            owners.setdefault(file, contestant)
    outcomes = []
    for file, owner in sorted(owners.items()):
        say(f"renewing {file.parent.name}/{file.name}")
        outcomes.append(renewed(file, pins(file, owner, cache)))
    return outcomes


def renewed(file: Path, pinned: Pins) -> Outcome:
    """Renews one file. If that fails all that it may rewrite is as it was."""
    texts: Mapping[Path, bytes | None] = {path: path.read_bytes() if path.is_file() else None for path in pinned.files}
    before = pinned.packages()
    try:
        pinned.renew()
        return Outcome(file, moves(before, pinned.packages()))
    except RenewalFailed as fault:
        for path, text in texts.items():
            if text is not None:
                path.write_bytes(text)
            else:
                path.unlink(missing_ok=True)
        return Outcome(file, fault=fault)


def affected(contestants: Iterable[Contestant], outcomes: Iterable[Outcome]) -> list[Contestant]:
    """Those who have a file in which a version has moved."""
    moved = {outcome.file for outcome in outcomes if outcome.moves}
    return [contestant for contestant in contestants if moved & set(pin_files(contestant))]
