"""The page as data: whom to move to, ten sentences, one table, one picture, and what was not measured."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..model.errors import UsageFault
from ..model.results import TUNED
from ..model.stats import Estimate
from ..report import numbers, told
from ..report.dotchart import DotChart, Line, Mark, Row, figure
from ..report.gains import Gain
from ..report.languages import css_class
from ..report.svg import Figure
from ..report.table import CellText, Column, Table
from ..report.texts import TUNED_MEANS
from ..studies.record import Cell
from . import living, one_route, sentence, speed
from .facts import P99, Stacks
from .sentence import Sentence
from .turning import Stance, Turn

ORDER = ("cpu", "language", "memory", "latency", "money", "waiting", "builds", "warm-up", "broken", "noise")
DRAWN_MAX = 7  # stacks in the picture
LABELS = {Stance.GAIN: "gain", Stance.LOSS: "loss", Stance.LITTLE: "little", Stance.OPEN: "open", Stance.UNKNOWN: "not measured"}
_AFTER = {
    Stance.GAIN: "it is a gain",
    Stance.LOSS: "it is a loss",
    Stance.LITTLE: "it matters little",
    Stance.OPEN: "it can not be told",
    Stance.UNKNOWN: "it is not known",
}


@dataclass(frozen=True)
class Decision:
    """to: the stack that the sentences are about; title: the question; verdict: the count of the sentences. one_route: what a single route brings, with the
    table of all, None where that is not known."""

    stacks: Stacks
    to: str
    title: str
    verdict: str
    sentences: list[Sentence]
    table: Table
    picture: Figure | None
    one_route: Sentence
    routes: Table | None
    lacking: list[str] = field(default_factory=list)


def make(
    stacks: Stacks, to: str | None, engineer_day: float | None = None, move_days: float | None = None, front: Sequence[Cell] = ()
) -> Decision:
    """front: cells of the study of front servers. Raises UsageFault for a stack that was not measured, or where there is nobody to move to."""
    names = [record.name for record in stacks.others()]
    if not names:
        raise UsageFault(f"{stacks.title(stacks.start.name)} is the only stack of the run", "measure it beside others: 'restmark run --all'")
    if to is not None and to not in names:
        raise UsageFault(f"--to {to}: not among the others of the run", f"there are {', '.join(names)}")
    chosen = to or _best(stacks, names)
    found = {one.key: one for one in (*speed.all_of(stacks, chosen), *living.all_of(stacks, chosen, engineer_day, move_days))}
    sentences = [found[key] for key in ORDER]
    route, routes = one_route.told(stacks, chosen, front)
    return Decision(
        stacks,
        chosen,
        f"Should {stacks.title(stacks.start.name)} be left for {stacks.title(chosen)}?",
        _verdict(sentences),
        sentences,
        _table(stacks, names),
        _picture(stacks, names, chosen),
        route,
        routes,
        list(_lacking(stacks, [*sentences, route])),
    )


def _best(stacks: Stacks, names: list[str]) -> str:
    """Who costs the least money if that is known, else who surely needs the least CPU time, else the first of the order."""
    if stacks.bill is not None and (cheapest := [line.stack.name for line in stacks.bill.lines if line.stack.name in names]):
        return cheapest[0]
    surely = [gain for gain in stacks.cpu.values() if gain.contestant.name in names and gain.times and gain.times.low]
    return max(surely, key=lambda gain: gain.times.low or 0.0 if gain.times else 0.0).contestant.name if surely else names[0]


def _verdict(sentences: list[Sentence]) -> str:
    counted = [(stance, [_within(one.label) for one in sentences if one.stance is stance]) for stance in Stance]
    told_of = "; ".join(f"{LABELS[stance]}: {numbers.listed(labels)}" for stance, labels in counted if labels)
    return f"{told_of[:1].upper()}{told_of[1:]}."


def _within(label: str) -> str:
    """A label in the middle of a sentence."""
    return label if label.isupper() else label[:1].lower() + label[1:]


def turn_told(turn: Turn) -> str:
    """A threshold in words."""
    return f"turns if {turn.knob.title} {'rises to' if turn.rises else 'falls to'} {figure_of(turn)}: then {_AFTER[turn.into]}"


def figure_of(turn: Turn) -> str:
    """The value at which it turns, with its unit."""
    if turn.knob.even:
        return f"{turn.turned:.1%}"
    if turn.knob.whole:
        return numbers.counted(round(turn.turned), turn.knob.unit)
    return f"{numbers.plain(turn.turned)} {turn.knob.unit}".strip()


def _table(stacks: Stacks, names: list[str]) -> Table:
    own = stacks.title(stacks.start.name)
    titles = (
        "Stack", "CPU µs", "times less CPU", "p99 ms", "MiB, one worker", "Money a year", "saved a year", "Build, s", "Lost by a start", "Crash, silently wrong"
    )
    columns = [Column(title, numeric=at > 0) for at, title in enumerate(titles)]
    caption = f"Against {own}, for {speed.traffic(stacks)}; p99 on {stacks.route}; ≈: can not be told from it"
    table = Table("decision", caption, columns)
    for name in [stacks.start.name, *names]:
        table.rows.append(list(_row(stacks, name)))
    return table


def _row(stacks: Stacks, name: str) -> Iterator[CellText]:
    is_start = name == stacks.start.name
    gain, late = stacks.cpu.get(name), stacks.p99.get(name)
    yield CellText(stacks.title(name) + (" (now)" if is_start else ""), hint=name)
    own = stacks.own_cpu_us
    yield CellText(numbers.plain(own.value if is_start and own else gain.value if gain else None))
    yield CellText("1 ×") if is_start else _gain(gain)
    p99 = stacks.late.own_value(stacks.route, P99) if is_start else late.value if late else None
    yield CellText(numbers.ms(p99))
    prints = stacks.memory.get(name)
    yield CellText(numbers.mib(prints.at.get(1) if prints else None))
    line = stacks.bill.line(name) if stacks.bill else None
    yield CellText(f"{line.total.value:,.0f}" if line else numbers.MISSING)
    saved = living.saving(stacks, name, stacks.terms) if stacks.bill and stacks.terms and not is_start else None
    unsure = saved is not None and not saved.sure
    yield CellText(("≈ " if unsure else "") + f"{saved.money.value:,.0f}" if saved else numbers.MISSING, dim=unsure)
    seconds = stacks.builds.get(name)
    yield CellText(numbers.MISSING if seconds is None else numbers.plain(sorted(seconds)[len(seconds) // 2]))
    starts = stacks.warm_ups.get(name)
    yield CellText(numbers.plain(max(0.0, max(one.lost.value for one in starts))) if starts else numbers.MISSING)
    outcomes = stacks.broken.get(name)
    yield CellText(numbers.MISSING if outcomes is None else ", ".join(str(list(outcomes.values()).count(kind)) for kind in living.BAD))


def _gain(gain: Gain | None) -> CellText:
    if gain is None or gain.times is None or gain.times.low is None:
        return CellText(numbers.MISSING)
    stance = sentence.side_of(gain.times)
    if stance is Stance.OPEN:
        return CellText(f"≈ ({told.interval(gain.times)})", dim=True)
    return CellText(told.amount(gain.times) if stance is Stance.GAIN else f"÷ {told.amount_below(gain.times)}")


def _picture(stacks: Stacks, names: list[str], to: str) -> Figure | None:
    """How many times less of each: the nearest to the top of the order, and the one that the sentences are about."""
    shown = names[:DRAWN_MAX] if to in names[:DRAWN_MAX] else [*names[: DRAWN_MAX - 1], to]
    groups = [
        ("CPU time per request", [_drawn(stacks, name, gain.times if (gain := stacks.cpu.get(name)) else None, to) for name in shown]),
        (f"p99 of {stacks.route}", [_drawn(stacks, name, late.times if (late := stacks.p99.get(name)) else None, to) for name in shown]),
        ("Memory of one worker", [_drawn(stacks, name, _memory_times(stacks, name), to) for name in shown]),
        ("Money a year", [_drawn(stacks, name, _money_times(stacks, name), to) for name in shown]),
    ]
    own = stacks.title(stacks.start.name)
    less = f" (of {len(names)}, all in the table)" if len(names) > len(shown) else ""
    notes = [TUNED_MEANS] if any(stacks.gains.analysis.contestants[name].level == TUNED for name in shown) else []
    return figure(
        DotChart(
            key="decision",
            title=f"How many times less than {own} others need{less}",
            axis_title="times less, further right is better",
            groups=[(title, rows) for title, rows in groups if any(row.marks for row in rows)],
            line=Line(1.0, f"{own} = 1×", "now = 1×", "baseline"),
            notes=notes,
            unit="×",
            spoken=f"{own} is 1; further right is better",
        )
    )


def _drawn(stacks: Stacks, name: str, times: Estimate | None, to: str) -> Row:
    record = stacks.gains.analysis.contestants[name]
    if times is None or times.value <= 0:
        return Row(stacks.title(name), missing="not measured", strong=name == to)
    return Row(stacks.title(name), [Mark(times.value, css_class(record.language))], times.low, times.high, numbers.factor(times.value), strong=name == to)


def _memory_times(stacks: Stacks, name: str) -> Estimate | None:
    own, other = stacks.memory.get(stacks.start.name), stacks.memory.get(name)
    if own is None or other is None or 1 not in own.at or 1 not in other.at:
        return None
    return Estimate(own.at[1] / other.at[1], None, None, 1)


def _money_times(stacks: Stacks, name: str) -> Estimate | None:
    own, other = (stacks.bill.line(one) if stacks.bill else None for one in (stacks.start.name, name))
    if own is None or other is None or not other.total.value:
        return None
    ends = (own.total.low, other.total.high, own.total.high, other.total.low)
    if any(not end for end in ends):
        return Estimate(own.total.value / other.total.value, None, None, 1)
    a, b, c, d = (end or 1.0 for end in ends)
    return Estimate(own.total.value / other.total.value, a / b, c / d, 1)


def _lacking(stacks: Stacks, sentences: list[Sentence]) -> Iterator[str]:
    for one in sentences:
        if one.stance is Stance.UNKNOWN:
            yield f"{one.label}: {one.text.removeprefix('not measured: ')} To have it: {one.settles}."
    for entry in stacks.gains.analysis.results.skipped:
        yield f"{entry.title}: {entry.reason}."
    if not stacks.gains.analysis.results.back_ends:
        yield "A database or a cache behind the service: 'restmark run --workload db --workload cache'."
    yield "Energy: of a live service 'restmark attach' tells it, where the machine counts it."
    yield "Your own code, TLS, a network, how it scales beyond the CPUs of the run, and other machines."


def document(decision: Decision) -> dict[str, Any]:
    """For programs: what the page says, as JSON."""
    return {
        "format": "restmark-decision",
        "version": 1,
        "from": decision.stacks.start.name,
        "to": decision.to,
        "mix": decision.stacks.mix,
        "sources": dataclasses.asdict(decision.stacks.sources),
        "verdict": decision.verdict,
        "sentences": [_sentence_document(one) for one in decision.sentences],
        "one_route": _sentence_document(decision.one_route),
        "table": {"columns": [column.title for column in decision.table.columns], "rows": [[cell.text for cell in row] for row in decision.table.rows]},
        "not_measured": decision.lacking,
    }


def _sentence_document(one: Sentence) -> dict[str, Any]:
    return {
        "key": one.key,
        "label": one.label,
        "text": one.text,
        "stance": one.stance.value,
        "source": one.source,
        "settles": one.settles,
        "turns": [
            {"quantity": turn.knob.key, "unit": turn.knob.unit, "now": turn.knob.now, "held": turn.held, "turned": turn.turned, "into": turn.into.value}
            for turn in one.turns
        ],
    }
