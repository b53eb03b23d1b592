"""The query parameters of the routes, as docs/SPEC.md demands them: known names, each at most once, decimal digits, in range."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping

Limits = Mapping[str, range]

SEEDS = range(2**31)
NOTHING: Limits = {}
WAIT: Limits = {"ms": range(60_001)}
LOOP: Limits = {"n": range(100_000_001), "seed": SEEDS}


class ParameterError(ValueError):
    """A parameter that has to be refused; the message names it."""


class RecordLimits:
    """What may be asked of a dataset of so many records."""

    def __init__(self, records: int) -> None:
        self.plain: Limits = {"count": range(records + 1)}
        self.digest: Limits = {**self.plain, "digest": range(1, 9), "seed": SEEDS}

    def of(self, names: Container[str]) -> Limits:
        """Those of a route that knows digests, for a query with these names: a seed alone is unknown to it."""
        return self.digest if "digest" in names else self.plain


def numbers(pairs: Iterable[tuple[str, str]], limits: Limits) -> dict[str, int]:
    """The values of the query's names. Raises ParameterError for one that `limits` does not know or allow."""
    values: dict[str, int] = {}
    for name, text in pairs:
        if name not in limits:
            raise ParameterError(f"{name} is not a parameter of this path")
        if name in values:
            raise ParameterError(f"{name} is given more than once")
        values[name] = _number(name, text, limits[name])
    return values


def _number(name: str, text: str, limit: range) -> int:
    # No value has more digits than ten, leading zeros aside; int() would refuse some thousands of them with an error of its own.
    if not (text.isascii() and text.isdigit()) or len(text.lstrip("0")) > 10 or int(text) not in limit:
        raise ParameterError(f"{name} must be a number from {limit[0]} to {limit[-1]}")
    return int(text)
