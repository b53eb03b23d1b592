"""Names for the narrow columns of a terminal's tables: shortened in the middle, and never two alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import count

_DOTS = "…"


def short_names(names: Iterable[str], width: int) -> Mapping[str, str]:
    """name -> the same name in at most width columns. Different names get different forms; what fits stays as it is.

    Beginning and end are kept, since contestants differ in either ("rust-axum", "rust-actix", "x-again"). Raises
    ValueError if the width is too small to keep so many names apart.
    """
    distinct = dict.fromkeys(names)
    shortened = {name: name for name in distinct if len(name) <= width}
    taken = set(shortened.values())
    for name in distinct:
        if name not in shortened:
            shortened[name] = next(form for form in _forms(name, width) if form not in taken)
            taken.add(shortened[name])
    return shortened


def _forms(name: str, width: int) -> Iterator[str]:
    """Shorter forms of a name, the best one first: halves of equal length, then unequal ones, then numbers."""
    kept = width - len(_DOTS)
    for tail in sorted(range(1, kept), key=lambda tail: abs(2 * tail - kept)):
        yield name[: kept - tail] + _DOTS + name[-tail:]
    for number in count(2):
        if len(str(number)) > kept:
            raise ValueError(f"{width} columns are too few to keep the names apart")
        yield name[: kept - len(str(number))] + _DOTS + str(number)
