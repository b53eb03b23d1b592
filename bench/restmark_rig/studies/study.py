"""What a study is made of. A folder with a module study.py that has STUDY is one; nothing else has to be told of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..contestants.contestant import Contestant, Requirement
from .record import Cell, Finding

if TYPE_CHECKING:
    from .lab import Lab


@dataclass(frozen=True)
class Claim:
    """A sentence that is put to the test.

    rule: how the verdict follows from figures, stated beforehand; judge is that rule, pure. measure raises CannotTell where this machine lacks
    what the experiment takes. programs: folders with a contestant.toml of what takes part beside contestants, built before anything is measured.
    planned: how long the experiment takes with these contestants, with --quick or without it, on a quiet machine, seconds; None where nobody has said.
    """

    number: int
    key: str
    sentence: str
    source: str
    method: str
    rule: str
    misleads: str
    measure: Callable[[Lab], list[Cell]]
    judge: Callable[[Sequence[Cell]], Finding]
    programs: tuple[Path, ...] = ()
    planned: Callable[[Sequence[Contestant], bool], float] | None = None


@dataclass(frozen=True)
class Study:
    """notice: the first line of the page; lead: what it is about. contestants: those that take part where nobody names any; requires: what its
    experiments need beside them."""

    name: str
    title: str
    notice: str
    lead: str
    contestants: tuple[str, ...]
    claims: tuple[Claim, ...]
    requires: tuple[Requirement, ...] = ()


class CannotTell(Exception):
    """A claim's experiment can not be made here; the text says what is missing, and what would bring it."""
