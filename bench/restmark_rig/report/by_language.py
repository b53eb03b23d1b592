"""What is to be had within a language and what by leaving it: gains against the baseline, a language at a time.

The two are kept apart, since the one needs a library or a server and the other a rewriting. What another language brings is told against the
best that the baseline's own has, so that its figure does not hold what need not be left for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from . import numbers, told
from .gains import Gain, Gains, language_of
from .metrics import CPU_US_PER_REQUEST
from .texts import task, title_of
from .told import Side


def by_side(gains: Sequence[Gain]) -> str:
    """Who needs less, of whom nothing can be told, who needs more."""
    groups = {one: [g for g in gains if told.side(g.times) is one] for one in Side}
    parts = []
    if groups[Side.BETTER]:
        parts.append(_said(groups[Side.BETTER], "less"))
    if groups[Side.TIED]:
        words = [f"{title_of(g.contestant)} ({told.interval(g.times)})" for g in groups[Side.TIED] if g.times]
        parts.append(f"{'No' if parts else 'no'} difference to be told: {'; '.join(words)}")
    if groups[Side.WORSE]:
        parts.append(_said(groups[Side.WORSE], "more"))
    return ". ".join(parts)


def _said(group: Sequence[Gain], word: str) -> str:
    """31 × (28–35) less on restmarkd; 23 × on axum: the interval of the first one, the others' in the tables."""
    first, *others = group
    assert first.times is not None
    words = [f"{told.amount(first.times)} {word} on {title_of(first.contestant)}"]
    words += [f"{told.point(g.times)} on {title_of(g.contestant)}" for g in others if g.times is not None]
    return "; ".join(words)


def best_of_each(gains: Sequence[Gain]) -> list[Gain]:
    """The surest of each language, in the order of what they bring."""
    languages = dict.fromkeys(language_of(gain.contestant) for gain in gains)
    found = [_surest([gain for gain in gains if language_of(gain.contestant) == one]) for one in languages]
    return sorted((gain for gain in found if gain is not None), key=lambda gain: -gain.times.value if gain.times else 0.0)


def _surest(gains: Sequence[Gain]) -> Gain | None:
    """Of several, in the order of their figures, the first that is surely better; else the first of which nothing can be told."""
    known = [gain for gain in gains if gain.times is not None and not gain.contestant.is_reference]
    for wanted in (Side.BETTER, Side.TIED, Side.WORSE):
        for gain in known:
            if told.side(gain.times) is wanted:
                return gain
    return None


def apart(found: Sequence[Gain], gains: Gains) -> tuple[list[Gain], list[Gain]]:
    """Those in the baseline's language, and the others."""
    own = language_of(gains.against)
    return [g for g in found if language_of(g.contestant) == own], [g for g in found if language_of(g.contestant) != own]


def within(gains: Gains) -> str:
    """What the best of the same language brings, since that needs no rewriting."""
    told_of = {route: (best, "less") for route, best in _best_within(gains).items()}
    return _by_task(gains, told_of) or _nobody_else(gains)


def beyond(gains: Gains) -> str:
    """What the best of another language brings against the best of the same one, or the baseline where no other is surely better."""
    told_of = {}
    for route, best in _best_within(gains).items():
        better = best is not None and told.side(best.times) is Side.BETTER
        start = Gains(gains.analysis, gains.load, best.contestant) if better and best else gains
        others = apart(start.of(route, CPU_US_PER_REQUEST), start)[1]
        told_of[route] = (_surest(others), "less again" if better else "less")
    return _by_task(gains, told_of) or _no_other_language(gains)


def _best_within(gains: Gains) -> dict[str, Gain | None]:
    return {route: _surest(apart(gains.of(route, CPU_US_PER_REQUEST), gains)[0]) for route in gains.analysis.routes}


def _by_task(gains: Gains, told_of: Mapping[str, tuple[Gain | None, str]]) -> str:
    """Workload by workload, those with a gain first, each with its word for it; empty where nothing is known of any."""
    parts: dict[Side, list[str]] = {side: [] for side in Side}
    for route, (best, less) in told_of.items():
        if best is None or best.times is None:
            continue
        side, what = told.side(best.times), task(route, gains.analysis.results)
        if side is Side.BETTER:
            parts[side].append(f"{told.amount(best.times)} {less} for {what} ({title_of(best.contestant)})")
        else:
            parts[side].append(f"{what} ({told.point(best.times)})" if side is Side.WORSE else what)
    words = [numbers.listed(parts[Side.BETTER])] if parts[Side.BETTER] else []
    if parts[Side.TIED]:
        words.append(f"no difference to be told: {numbers.listed(parts[Side.TIED])}")
    if parts[Side.WORSE]:
        words.append(f"more for {numbers.listed(parts[Side.WORSE])}")
    return "; ".join(words) + "." if words else ""


def _nobody_else(gains: Gains) -> str:
    """Why nothing can be said of others in the baseline's language."""
    against = gains.against
    records = [r for r in gains.analysis.results.contestants if language_of(r) == language_of(against)]
    others = [r for r in records if r.same_as is None and not r.is_reference and r.name != against.name]
    if not others:
        return f"no other server in {against.language} took part" + ("; one folder brings yours in." if against.built_in else ".")
    return _without_figures(gains, [r.title for r in others])


def _no_other_language(gains: Gains) -> str:
    records = [r for r in gains.analysis.results.contestants if language_of(r) != language_of(gains.against)]
    others = [r.title for r in records if r.same_as is None and not r.is_reference]
    return _without_figures(gains, others) if others else "no server in another language took part."


def _without_figures(gains: Gains, titles: Sequence[str]) -> str:
    if all(gains.own_value(route, CPU_US_PER_REQUEST) is None for route in gains.analysis.routes):
        return f"{gains.against.title} has no figure that stands, so nothing can be compared."
    return f"{numbers.listed(titles)} took part and have no figure that stands beside it."


def of_mix(gains: Gains, found: Sequence[Gain]) -> str:
    """Of gains of a whole traffic: other languages, and then the best of the same one; empty where nobody else has figures."""
    own, others = apart(found, gains)
    best = _surest(own)
    parts = [by_side(best_of_each(others))] if best_of_each(others) else []
    if best is not None:
        parts.append(f"Without leaving {gains.against.language}: {by_side([best])}")
    return ". ".join(parts)
