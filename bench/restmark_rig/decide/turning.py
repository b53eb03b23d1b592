"""Where a sentence turns: the nearest value of a quantity, above and below what it is now, at which another sentence would stand there. Pure.

A sentence's stance is a function of a quantity. It is looked at along a ladder of values away from today's, and between the last that leaves the stance and
the first that does not it is halved down to nine digits. So the answer is exact whatever the function is; an island narrower than a rung is not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

RUNGS = 240  # on either side
_DIGITS = 1e-9  # the width, as a share of the value, down to which a turn is looked for
_SMALLEST = 1e-6  # share of the upper end at which the ladder from 0 begins


class Stance(Enum):
    """What a sentence says of moving."""

    GAIN = "gain"
    LOSS = "loss"
    LITTLE = "little"  # what there is is known, and too little to matter
    OPEN = "open"  # the figures do not tell
    UNKNOWN = "not measured"


StanceOf = Callable[[float], Stance]


@dataclass(frozen=True)
class Knob:
    """A quantity that a sentence depends on. now: its value today; low, high: how far it is looked at; whole: it is a count; even: rungs are equally far
    from each other, as for shares, else each is a factor of the one before; unit: says what it is behind a figure, of a count in
    the singular."""

    key: str
    title: str
    now: float
    low: float
    high: float
    unit: str = ""
    whole: bool = False
    even: bool = False


@dataclass(frozen=True)
class Turn:
    """held: the last value with today's stance; turned: the first with another, `into`."""

    knob: Knob
    held: float
    turned: float
    into: Stance

    @property
    def rises(self) -> bool:
        """Whether it lies above today's value."""
        return self.turned > self.knob.now


def turns(knob: Knob, stance_of: StanceOf) -> list[Turn]:
    """The nearest turn above and the nearest below, as far as there are any."""
    now = stance_of(knob.now)
    found = (_first(knob, now, stance_of, end) for end in (knob.high, knob.low))
    return [turn for turn in found if turn is not None]


def _first(knob: Knob, now: Stance, stance_of: StanceOf, end: float) -> Turn | None:
    held = knob.now
    for value in _ladder(knob, end):
        if (into := stance_of(value)) is not now:
            return _between(knob, now, stance_of, held, value, into)
        held = value
    return None


def _ladder(knob: Knob, end: float) -> Iterator[float]:
    """From today's value, which is left out, to the end."""
    begin = knob.now
    if begin == end:
        return
    last = begin
    for rung in range(1, RUNGS + 1):
        part = rung / RUNGS
        if knob.even:
            value = begin + (end - begin) * part
        else:
            least = max(knob.high, 1.0) * _SMALLEST
            bottom = max(begin, min(least, max(begin, end)))
            value = bottom * (max(end, min(least, bottom)) / bottom) ** part
        if rung == RUNGS:
            value = end
        if knob.whole:
            value = float(round(value))
        if value != last:
            yield value
        last = value


def _between(knob: Knob, now: Stance, stance_of: StanceOf, held: float, turned: float, into: Stance) -> Turn:
    while abs(turned - held) > (1.0 if knob.whole else _DIGITS * max(abs(held), abs(turned))):
        middle = (held + turned) / 2
        if knob.whole:
            middle = float(int(middle))
            if middle in (held, turned):
                middle = held + (1.0 if turned > held else -1.0)
        if middle in (held, turned):
            break
        if (there := stance_of(middle)) is now:
            held = middle
        else:
            turned, into = middle, there
    return Turn(knob, held, turned, into)
