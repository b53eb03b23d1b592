"""Doubts in small: symbols where a column or a phone has no room for words, and why a figure is missing."""

from __future__ import annotations

from ..model.results import (
    ACK_STALL,
    BYTE_MISMATCH,
    CENSORED,
    CLIENT_BOUND,
    DATABASE_BOUND,
    ERRORS,
    LOST_CLIENT,
    NOISY,
    STARVED,
    THROTTLED,
    Cell,
)
from .metrics import Metric
from .numbers import counted
from .texts import OK_BADGE, VERDICTS

# Symbols of every usual font. The page's legend names those that occur.
SYMBOLS = {
    OK_BADGE: "✓",
    BYTE_MISMATCH: "≠",
    ERRORS: "✗",
    CENSORED: "…",
    STARVED: "∅",
    ACK_STALL: "↔",
    THROTTLED: "⊤",
    NOISY: "≈",
    CLIENT_BOUND: "≥",
    LOST_CLIENT: "⊘",
    DATABASE_BOUND: "⛁",
}


def shown(cell: Cell, metric: Metric) -> tuple[str, ...]:
    """The verdicts that touch this figure of the cell."""
    return tuple(name for name in cell.verdict_names if name not in metric.tolerates)


def in_words(names: tuple[str, ...]) -> str:
    """The first badge and how many there are beside it: figures have room for no more, the tables have them all."""
    return VERDICTS[names[0]][0] + (f" +{len(names) - 1}" if len(names) > 1 else "") if names else ""


def in_symbols(names: tuple[str, ...]) -> str:
    """All of them, a symbol each."""
    return "".join(SYMBOLS[name] for name in names)


def missing(cell: Cell) -> str:
    """Why a contestant that was asked has no figure, in a few words."""
    if not cell.rounds:
        return "no round was made"
    if not any(entry.requests for entry in cell.rounds):
        return f"0 requests in {counted(len(cell.rounds), 'round')}"
    return "not accounted for"
