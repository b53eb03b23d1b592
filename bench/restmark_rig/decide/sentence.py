"""A sentence of the page: what it says, from which data, where it turns, and what would settle it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from ..model import stats
from ..model.stats import Estimate
from ..report import numbers, told
from ..report.gains import Gain
from ..report.told import Side
from . import turning
from .turning import Knob, Stance, Turn

Probe = Callable[[str, float], Stance]  # the key of a knob, a value of it -> the stance there, all else being as it is

ROUNDS, NOISE = "rounds", "noise"
ROUNDS_MAX = 100_000.0
NOISE_MAX = 10_000.0
_LOG_MAX = 500.0  # a factor that a float can still hold
_STANCES = {Side.BETTER: Stance.GAIN, Side.WORSE: Stance.LOSS, Side.TIED: Stance.OPEN, Side.UNKNOWN: Stance.UNKNOWN}


@dataclass(frozen=True)
class Sentence:
    """key, label: what it is about; text: one sentence; source: where its figures are from; settles: what would make it surer. probe: its stance as a
    function of each knob."""

    key: str
    label: str
    text: str
    stance: Stance
    source: str
    settles: str = ""
    knobs: tuple[Knob, ...] = ()
    turns: tuple[Turn, ...] = ()
    probe: Probe | None = field(default=None, compare=False, repr=False)


def unmeasured(key: str, label: str, why: str, settles: str) -> Sentence:
    """Of what was not measured."""
    return Sentence(key, label, f"not measured: {why}.", Stance.UNKNOWN, "", settles)


def turned(key: str, label: str, text: str, source: str, knobs: Sequence[Knob], probe: Probe, settles: str = "") -> Sentence:
    """A sentence with its turns, of which each is looked for."""
    found = [turn for knob in knobs for turn in turning.turns(knob, partial(probe, knob.key))]
    stance = probe(knobs[0].key, knobs[0].now)
    return Sentence(key, label, text, stance, source, settles, tuple(knobs), tuple(found), probe)


def side_of(times: Estimate | None) -> Stance:
    """Of a factor with its interval: times better."""
    return _STANCES[told.side(times)]


def noisier(times: Estimate, noise: float) -> Estimate:
    """As it would be if figures scattered so many times as much."""
    assert times.low is not None and times.high is not None
    below, above = (min(noise * math.log(ratio), _LOG_MAX) for ratio in (times.value / times.low, times.high / times.value))
    return Estimate(times.value, times.value / math.exp(below), times.value * math.exp(above), times.n)


def after_rounds(gain: Gain, rounds: float) -> Estimate:
    """As it would be after so many rounds like these: what follows from the rounds alone narrows by their root and Student's t, what the machine did
    beside them does not."""
    times, alone = gain.times, gain.by_rounds
    assert times is not None and times.low is not None and times.high is not None
    if alone is None or alone.low is None or alone.high is None or alone.n < 2:
        return times
    share = math.sqrt(alone.n / rounds) * _t(rounds) / _t(alone.n)
    narrower = noisier(alone, share)
    assert narrower.low is not None and narrower.high is not None
    return Estimate(times.value, narrower.low * times.low / alone.low, narrower.high * times.high / alone.high, round(rounds))


def _t(rounds: float) -> float:
    return stats.t_quantile(1 - stats.CONFIDENCE, max(1, round(rounds) - 1))


def factor_knobs(gain: Gain) -> list[Knob]:
    """Noise, and rounds where there were several."""
    found = [Knob(NOISE, "the noise", 1.0, 0.01, NOISE_MAX, "times what it was")]
    if gain.by_rounds is not None and gain.by_rounds.n > 1 and gain.by_rounds.low is not None:
        found.append(Knob(ROUNDS, "the number of rounds", float(gain.by_rounds.n), 2.0, ROUNDS_MAX, "round", whole=True))
    return found


def factor_probe(gain: Gain) -> Probe:
    """The stance of a factor by its knobs."""

    def probe(key: str, value: float) -> Stance:
        assert gain.times is not None
        return side_of(noisier(gain.times, value) if key == NOISE else after_rounds(gain, value))

    return probe


def settling(gain: Gain) -> str:
    """How many rounds would tell what these do not."""
    if side_of(gain.times) is not Stance.OPEN:
        n = gain.by_rounds.n if gain.by_rounds else 0
        return f"it is settled by {numbers.counted(n, 'round')}" if n else "it is settled"
    rounds = next((knob for knob in factor_knobs(gain) if knob.key == ROUNDS), None)
    if rounds is None:
        return "several rounds: 'restmark run --rounds 15'"
    found = [turn for turn in turning.turns(rounds, partial(factor_probe(gain), ROUNDS)) if turn.rises]
    if not found:
        return "no number of rounds: what disturbed the machine is more than the difference; 'restmark run --wait-for-quiet'"
    return f"about {found[0].turned:,.0f} rounds like these: 'restmark run --rounds {found[0].turned:.0f}'"
