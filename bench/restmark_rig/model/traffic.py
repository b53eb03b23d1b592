"""What the user says of his own traffic: which of the routes, in which shares, and against whom to compare."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from .errors import UsageFault
from .workloads import ALL_ROUTES


def parse_route(text: str) -> str:
    """The route that is meant, with or without its leading slash. Raises UsageFault."""
    word = text.strip()
    route = word if word.startswith("/") or not word else f"/{word}"
    if route in ALL_ROUTES:
        return route
    raise UsageFault(
        f"there is no workload {text!r}", did_you_mean(route, ALL_ROUTES) + f"the workloads are {', '.join(ALL_ROUTES)}"
    )


def parse_mix(text: str) -> dict[str, float]:
    """Route to weight out of "/=5,/encode-json=3", in the order of ALL_ROUTES. Raises UsageFault."""
    weights: dict[str, float] = {}
    for part in text.split(","):
        name, equals, number = part.strip().rpartition("=")
        if not equals or not name:
            raise UsageFault(f"{text!r}: {part.strip()!r} is no ROUTE=WEIGHT", "write it like '/=5,/encode-json=3'")
        route = parse_route(name)
        if route in weights:
            raise UsageFault(f"{text!r}: {route} has two weights", "give it one")
        weights[route] = _weight(number, text, route)
    return {route: weights[route] for route in ALL_ROUTES if route in weights}


def _weight(number: str, text: str, route: str) -> float:
    try:
        weight = float(number)
    except ValueError:
        raise UsageFault(f"{text!r}: the weight {number!r} of {route} is no number", "give a number above 0") from None
    if not math.isfinite(weight) or weight <= 0:
        raise UsageFault(
            f"{text!r}: the weight {number} of {route} is not above 0", "leave out what your traffic does not have"
        )
    return weight


def require_measured(mix: dict[str, float] | None, routes: Iterable[str], remedy: str) -> None:
    """Raises UsageFault if the mix has a route that is not among these."""
    measured = set(routes)
    if missing := [route for route in mix or () if route not in measured]:
        raise UsageFault(f"--mix names {', '.join(missing)}, which the run does not measure", remedy)


def baseline_name(selector: str, names: Sequence[str], remedy: str, option: str = "--baseline") -> str:
    """The name, out of these, of the contestant that an option means: a name, or the folder of one, which bears it.

    Raises UsageFault.
    """
    name = selector if selector in names else Path(selector).absolute().name
    if name in names:
        return name
    raise UsageFault(
        f"{option} {selector}: not among the contestants {', '.join(names)}", did_you_mean(name, names) + remedy
    )


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """ "did you mean X? ", or nothing where nothing is alike."""
    longer = [name for name in known if len(word) > 2 and name.startswith(word)]
    close = longer or difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]}? " if close else ""
