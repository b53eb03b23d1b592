"""The answer: the lines that stand on top of everything. This module and by_language.py alone say who is better than whom.

Every claim follows from an interval (told.py); where it says nothing, neither does the sentence. A superlative needs
every contestant of the workload to stand.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..model.memory_records import AFTER, LOAD, REST
from ..model.results import NOISY, THROTTLED, ContestantRecord, Results
from ..model.rounds_held import rounds_held
from ..model.stats import SINGLE_ROUND_FACTOR, Estimate
from ..model.workloads import (
    ROUTE_ENCODE,
    ROUTE_PARSE,
    ROUTE_ROOT,
    ROUTE_TRANSFER,
    requested,
)
from . import by_language, numbers, told
from .analysis import Analysis, Load, NotFirst, Standing, load_of
from .doubt import UNKNOWN_SLOWDOWN, seen_share
from .gains import Gains, baseline
from .memory import Footprint, Memory
from .metrics import CPU_US_PER_REQUEST
from .texts import task, title_of
from .told import Side

_WAIT_MS = 20.0
_HARDLY = 0.1
_DISTURBED = 0.05
_MANY = 8


@dataclass(frozen=True)
class Line:
    """kind: what the line is about, its label; text: one sentence or row."""

    kind: str
    text: str


@dataclass(frozen=True)
class Answer:
    """title: the question, with whom all is compared to; lines: about ten."""

    title: str
    lines: list[Line]


def of_run(results: Results, analysis: Analysis, memory: Memory) -> Answer:
    """Against the baseline, and for the mix, of the results' settings. Raises UsageFault for a baseline that was not measured."""
    asked, mix = results.settings.baseline, results.settings.mix
    load = analysis.main_load
    if load is None:
        count = numbers.counted(len(memory.contestants), "contestant")
        what = f"memory of {count}" if memory else "no figures"
        return Answer(f"Nothing was measured under load; the run holds {what}.", list(_only_memory(memory)))
    against = baseline(results, asked)
    if against is None:
        return _without_baseline(results, analysis, memory, load)
    gains = Gains(analysis, load, against)
    lines = []
    if mix:
        lines.append(_mix_line(gains, mix))
    lines.append(Line(f"Without leaving {against.language}", by_language.within(gains)))
    lines.append(Line("In another language, beyond that", by_language.beyond(gains)))
    lines += [_task_line(gains, route) for route in analysis.routes]
    if found := _memory_line(memory, against):
        lines.append(found)
    lines += [_wait_line(gains), _limits_line(results), _sure_line(results, analysis, load)]
    return Answer(
        f"Should this back end stay on {against.title}? CPU time per request, against it (=\N{NO-BREAK SPACE}1\N{NO-BREAK SPACE}×), {load.title}:", lines
    )


def _without_baseline(results: Results, analysis: Analysis, memory: Memory, load: Load) -> Answer:
    """No Python and nothing of the user's: figures, and who is surely first."""
    lines = []
    for route in analysis.routes:
        shown = [s for s in analysis.standings(route, load, CPU_US_PER_REQUEST) if s.ranks is not None and s.estimate]
        words = [f"{s.contestant.title} {numbers.plain(s.estimate.value)}" for s in shown if s.estimate]
        text = f"{_shortened(words)} µs" if words else "no figure that stands"
        lines.append(Line(task(route, results), text + _least(analysis, route, load) + "."))
    lines += [*_only_memory(memory), _limits_line(results), _sure_line(results, analysis, load)]
    return Answer(f"CPU time per request, {load.title}; no Python took part, and --baseline names another:", lines)


def _task_line(gains: Gains, route: str) -> Line:
    """The best of each other language, best first."""
    kind = task(route, gains.analysis.results)
    found = gains.of(route, CPU_US_PER_REQUEST)
    if gains.own_value(route, CPU_US_PER_REQUEST) is None:
        return Line(kind, f"{gains.against.title} has no figure that stands here, so nothing can be compared.")
    others = by_language.apart(found, gains)[1]
    best = by_language.best_of_each(others)
    if not best:
        return Line(kind, "no contestant in another language " + ("has a figure that stands." if others else "took part."))
    return Line(kind, by_language.by_side(best) + _least(gains.analysis, route, gains.load) + ".")


def _least(analysis: Analysis, route: str, load: Load) -> str:
    """Who needs the least of all, if that is beyond doubt and everybody stands; else nothing."""
    standings = [s for s in analysis.standings(route, load, CPU_US_PER_REQUEST) if not s.contestant.is_reference]
    everybody = not analysis.results.skipped and not analysis.absent(route, load, CPU_US_PER_REQUEST)
    first = standings[0] if standings else None
    if first is None or first.ranks is None or first.ranks.high != 1 or len(standings) < 2 or not everybody:
        return ""
    return f" ({title_of(first.contestant)}: the least of all {len(standings)} that are ranked)"


def _mix_line(gains: Gains, mix: Mapping[str, float]) -> Line:
    """One number for a traffic."""
    weights = ", ".join(f"{weight:,.12g} {route}" for route, weight in mix.items())
    kind = f"Your traffic ({weights})"
    if not gains.has_mix(mix):
        return Line(kind, f"{gains.against.title} has no figures that stand on all of these routes.")
    told_of = by_language.of_mix(gains, gains.of_mix(mix))
    return Line(kind, (told_of or "nobody else has figures that stand on all of these routes") + ".")


def _memory_line(memory: Memory, against: ContestantRecord) -> Line | None:
    """The footprint with the most workers that the baseline was looked at with, beside the least of each language."""
    for phase, words in ((LOAD, "under load"), (AFTER, "after the load"), (REST, "at rest")):
        for workers in reversed(memory.worker_counts):
            own = memory.footprint(against.name, workers, phase)
            if own is None or own.pss_kib is None:
                continue
            others: dict[str, Footprint] = {}
            once = [record for record in memory.contestants if record.same_as is None and not record.is_reference]
            prints = [memory.footprint(record.name, workers, phase) for record in once]
            known = [p for p in prints if p and p.pss_kib is not None]
            for found in sorted(known, key=lambda p: p.pss_kib or 0):
                others.setdefault(found.contestant.language, found)
            shown = [p for p in others.values() if p.contestant.name != against.name]
            each = "; ".join(f"{p.contestant.title} {numbers.mib(p.pss_kib)}" for p in shown)
            more = "" if workers > 1 else "; 'restmark memory' measures 2, 4 and 8 workers"
            text = f"{against.title} {numbers.mib(own.pss_kib)} MiB" + (f"; {each}" if each else "")
            return Line(f"Memory, {numbers.counted(workers, 'worker')}", f"{text} (ΣPSS {words}{more}).")
    return None


def _only_memory(memory: Memory) -> Iterator[Line]:
    for workers in reversed(memory.worker_counts):
        prints = [memory.footprint(record.name, workers) for record in memory.contestants]
        known = sorted((p for p in prints if p and p.pss_kib), key=lambda p: p.pss_kib or 0)
        if known:
            words = [f"{p.contestant.title} {numbers.mib(p.pss_kib)}" for p in known]
            yield Line(f"Memory, {numbers.counted(workers, 'worker')}", f"{_shortened(words)} MiB (ΣPSS under load).")
            return


def _wait_line(gains: Gains) -> Line:
    """What becomes of the gain when a request mostly waits: from end to end of the intervals, so that noise does not decide."""
    kind = f"If a request waits {_WAIT_MS:.0f} ms for a database"
    for route in (ROUTE_ENCODE, ROUTE_PARSE, ROUTE_TRANSFER, ROUTE_ROOT):
        found = [g for g in gains.of(route, CPU_US_PER_REQUEST) if not g.contestant.is_reference]
        best = next((g for g in found if told.side(g.times) is Side.BETTER), None)
        own = gains.own_estimate(route, CPU_US_PER_REQUEST)
        if best is None or best.times is None or best.value is None or own is None:
            continue
        ends = _ends(own)
        least = _saved_share(ends[0], best.times.low or 1.0)
        most = _saved_share(ends[1], best.times.high or math.inf)
        what, before, after = task(route, gains.analysis.results), _WAIT_MS + own.value / 1e3, _WAIT_MS + best.value / 1e3
        times = f"with {what} it takes {before:.1f} ms, on {best.contestant.title} {after:.1f}"
        if most < _HARDLY:
            return Line(kind, f"{times}: you save CPUs, not time.")
        much = f"{100 * most:.0f} % of the time" + (" at most" if least < _HARDLY else "")
        return Line(kind, f"{times}: you save CPUs, and {much}.")
    return Line(kind, "this run can not tell what another server would save.")


def _ends(figure: Estimate) -> tuple[float, float]:
    """The ends of a figure's interval; of a single round, which has none, what is assumed of ratios with it, and noise besides."""
    if figure.low is not None and figure.high is not None:
        return figure.low, figure.high
    doubt = SINGLE_ROUND_FACTOR * (1 + UNKNOWN_SLOWDOWN)
    return figure.value / doubt, figure.value * doubt


def _saved_share(cpu_us: float, times: float) -> float:
    """Of the time of a request that waits and then needs so much CPU time, what a server saves that needs so many times less."""
    return cpu_us / 1e3 * (1 - 1 / times) / (_WAIT_MS + cpu_us / 1e3)


def _limits_line(results: Results) -> Line:
    workers = results.settings.workers
    scale = "how it scales over CPUs, " if workers == 1 and not results.settings.more_workers else ""
    database = "your own database" if results.back_ends else "a real database"
    return Line("What this does not tell", f"{scale}your own code, {database}, TLS, a network; nor other machines.")


def _sure_line(results: Results, analysis: Analysis, load: Load) -> Line:
    """Rounds, disturbance, what can be told at all, and how to be surer."""
    cells = [cell for cell in results.cells if load_of(cell) == load]
    parts = [rounds_held(results).text + ("" if results.complete else f", as {_why_not_all(results)}")]
    asked = results.settings.baseline
    chosen = baseline(results, asked)
    if asked is not None and (chosen is None or chosen.name != asked):
        parts.append(f"{asked}, the baseline that was asked for, was not measured yet")
    parts += _who_is_missing(results, analysis, load)
    slow = [share for cell in cells if (share := seen_share(cell) or 0.0) > _DISTURBED]
    if slow:
        ends = sorted({f"{100 * share:.0f}" for share in (min(slow), max(slow))}, key=int)
        parts.append(f"the machine was {'–'.join(ends)} % slower than in quiet beside {len(slow)} of {len(cells)} cells")
    unseen = [c for c in cells if seen_share(c) is None and {NOISY, THROTTLED} & set(c.verdict_names)]
    if unseen:
        taken = f"{100 * UNKNOWN_SLOWDOWN:.0f} %"
        parts.append(f"{len(unseen)} of {len(cells)} cells are noisy, and taken for up to {taken} too slow")
    if (least := _resolution(analysis, load)) is not None:
        parts.append(f"differences below {told.rounded_up(least)} × are mostly ties")
    return Line("How sure", f"{'; '.join(parts)}. {_surer(results, 4 * len(slow + unseen) > len(cells))}")


def _who_is_missing(results: Results, analysis: Analysis, load: Load) -> Iterator[str]:
    if results.skipped:
        yield f"not measured: {_shortened([entry.title for entry in results.skipped])}"
    absent: dict[str, list[str]] = {}
    for route in analysis.routes:
        for title in analysis.absent(route, load, CPU_US_PER_REQUEST):
            absent.setdefault(title, []).append(task(route, results))
    if absent:
        everywhere = len(analysis.routes)
        named = [f"{title} for {'anything' if len(t) == everywhere else numbers.listed(t)}" for title, t in absent.items()]
        yield f"without a figure that stands: {_shortened(named)}"


def _resolution(analysis: Analysis, load: Load) -> float | None:
    """The factor at which half of all pairs are just told apart; None without a pair."""
    widths: list[float] = []
    for route in analysis.routes:
        standing = [s for s in analysis.standings(route, load, CPU_US_PER_REQUEST) if s.ranks is not None]
        for index, one in enumerate(standing):
            for other in standing[index + 1 :]:
                widths += _width(analysis.ratio(other.cell, one.cell, CPU_US_PER_REQUEST))
    return sorted(widths)[len(widths) // 2] if widths else None


def _width(ratio: Estimate | None) -> Iterator[float]:
    if ratio is not None and ratio.low:
        yield ratio.value / ratio.low


def _why_not_all(results: Results) -> str:
    return "the run was interrupted" if results.was_cut_short else "some rounds could not be made"


def _surer(results: Results, disturbed: bool) -> str:
    if not results.complete:
        return "To be surer: go on with 'restmark run --resume'."
    if disturbed:
        return "To be surer: 'restmark run --wait-for-quiet' on a quiet machine."
    if results.settings.quick:
        return "To be surer: 'restmark run', without --quick."
    if results.settings.rounds < _MANY:
        return f"To be surer: 'restmark run --rounds {2 * _MANY - 1}'."
    return "To be surer: repeat it, on another day and another machine ('restmark compare' tells)."


def _shortened(words: Sequence[str]) -> str:
    """a; b; c, as titles have commas in them; with more than _MANY words the rest as a number."""
    more = [f"{len(words) - _MANY} more"] if len(words) > _MANY else []
    return "; ".join([*words[:_MANY], *more])


def not_first(entry: NotFirst) -> str:
    """Who is before ours in a cell, with figures."""

    def shown(standing: Standing) -> str:
        value = standing.estimate.value if standing.estimate else None
        return f"{title_of(standing.contestant)} {numbers.plain(value)}" + (" (reference)" if standing.contestant.is_reference else "")

    ahead = "; ".join(shown(standing) for standing in entry.ahead)
    return f"{requested(entry.route)}, {entry.load.title}, {entry.metric.title}: {ahead}; ours: {shown(entry.ours)}."
