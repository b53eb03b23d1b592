"""Sentences from a run alone: CPU time, what the own language has, latency, time of a request that waits, and noise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from ..report import numbers, told
from ..report.gains import Gain, language_of
from ..report.metrics import CPU_US_PER_REQUEST
from . import sentence, turning
from .facts import P99, Stacks
from .sentence import Sentence
from .turning import Knob, Stance

WAIT = "wait"
LITTLE = 0.1  # of a request's time: less is not felt


def traffic(stacks: Stacks) -> str:
    """The mix in words."""
    whole = sum(stacks.mix.values())
    return numbers.listed([f"{weight / whole:.0%} {route}" if len(stacks.mix) > 1 else route for route, weight in stacks.mix.items()])


def _source(stacks: Stacks, gain: Gain) -> str:
    rounds = f", {numbers.counted(gain.times.n, 'round')}" if gain.times else ""
    return f"{stacks.sources.run}, {stacks.gains.load.title}{rounds}"


def factor_told(gain: Gain, less: str, more: str) -> str:
    """A factor in words: 5 × (4.8–5.3) less."""
    stance = sentence.side_of(gain.times)
    assert gain.times is not None
    if stance is Stance.GAIN:
        return f"{told.amount(gain.times)} {less}"
    if stance is Stance.LOSS:
        return f"{told.amount(gain.times)} {more}"
    return f"no difference that can be told ({told.interval(gain.times)})"


def cpu(stacks: Stacks, name: str) -> Sentence:
    """CPU time of an average request."""
    gain, own = stacks.cpu.get(name), stacks.own_cpu_us
    if gain is None or gain.times is None or gain.times.low is None or own is None or gain.value is None:
        why = f"{stacks.title(name)} or {stacks.title(stacks.start.name)} has no figure for {traffic(stacks)}"
        return sentence.unmeasured("cpu", "CPU", why, "restmark run")
    text = (
        f"A request of {traffic(stacks)} takes {factor_told(gain, 'less', 'more')} CPU time on {stacks.title(name)} than on {stacks.title(stacks.start.name)}: "
        f"{numbers.plain(gain.value)} µs, not {numbers.plain(own.value)} ({numbers.interval(own)})."
    )
    return sentence.turned(
        "cpu", "CPU", text, _source(stacks, gain), sentence.factor_knobs(gain), sentence.factor_probe(gain), sentence.settling(gain)
    )


def within_language(stacks: Stacks, name: str) -> Sentence:
    """The best that needs no other language."""
    label = f"Without leaving {stacks.start.language}"
    same = [g for g in stacks.cpu.values() if language_of(g.contestant) == language_of(stacks.start) and g.contestant.name != stacks.start.name]
    known = [gain for gain in same if gain.times is not None and gain.times.low is not None]
    if not known:
        return sentence.unmeasured("language", label, f"no other stack of {stacks.start.language} took part", "name one with -C in 'restmark run'")
    best = max(known, key=lambda gain: gain.times.low or 0.0 if gain.times else 0.0)
    assert best.times is not None
    text = f"{factor_told(best, 'less', 'more')} CPU time with {stacks.title(best.contestant.name)}"
    whole = stacks.cpu.get(name)
    if sentence.side_of(best.times) is Stance.GAIN and whole is not None and sentence.side_of(whole.times) is Stance.GAIN and whole.times is not None:
        share = (1 - 1 / best.times.value) / (1 - 1 / whole.times.value)
        if whole.contestant.name != best.contestant.name:
            text += f", which is {min(share, 1.0):.0%} of the CPU time that {stacks.title(name)} saves"
    return sentence.turned(
        "language", label, f"{text}.", _source(stacks, best), sentence.factor_knobs(best), sentence.factor_probe(best), sentence.settling(best)
    )


def latency(stacks: Stacks, name: str) -> Sentence:
    """The 99th percentile on the route of the greatest weight."""
    gain = stacks.p99.get(name)
    if gain is None or gain.times is None or gain.times.low is None:
        why = f"{stacks.title(name)} and {stacks.title(stacks.start.name)} have no latencies of {stacks.route} over as many connections"
        return sentence.unmeasured("latency", "Latency", why, "'restmark run --rate N', a rate that both hold")
    own = stacks.late.own_value(stacks.route, P99)
    rate = stacks.late.load.rate_per_s
    asked = f"at {rate:,} requests/s" if rate else "each asked as fast as it answers"
    text = (
        f"The slowest hundredth of {stacks.route} takes {factor_told(gain, 'less', 'more')} time, {asked}: {numbers.ms(gain.value)} ms on "
        f"{stacks.title(name)}, {numbers.ms(own)} on {stacks.title(stacks.start.name)}."
    )
    source = f"{stacks.sources.run}, {stacks.late.load.title}"
    return sentence.turned(
        "latency", "Latency", text, source, sentence.factor_knobs(gain), sentence.factor_probe(gain), sentence.settling(gain)
    )


def saved_time(times: float, wait: float) -> float:
    """Share of a request's time that is saved where so much of it waits elsewhere and the rest takes so many times less. Amdahl."""
    return (1 - wait) * (1 - 1 / times)


def waiting_stance(gain: Gain, wait: float) -> Stance:
    """Whether users feel it: from end to end of the interval."""
    assert gain.times is not None and gain.times.low is not None and gain.times.high is not None
    least, most = saved_time(gain.times.low, wait), saved_time(gain.times.high, wait)
    if least >= LITTLE:
        return Stance.GAIN
    if most <= -LITTLE:
        return Stance.LOSS
    return Stance.LITTLE if most < LITTLE and least > -LITTLE else Stance.OPEN


def waiting(stacks: Stacks, name: str) -> Sentence:
    """What is left of it for a user whose request waits."""
    gain = stacks.cpu.get(name)
    if gain is None or gain.times is None or gain.times.low is None or gain.times.high is None:
        return sentence.unmeasured("waiting", "Time", "the CPU times of both are missing", "restmark run")
    wait = stacks.wait
    ends = sorted(saved_time(one, wait) for one in (gain.times.low, gain.times.high))
    value = saved_time(gain.times.value, wait)
    what = f"of which {wait:.0%} waits elsewhere (--wait)" if wait else "if it waits for nothing (--wait says how much it does)"
    words = {
        Stance.GAIN: "users may feel it",
        Stance.LOSS: "users may feel it",
        Stance.LITTLE: "CPUs change, and hardly any time",
        Stance.OPEN: "whether users feel it is open",
    }
    text = f"Of the time of a request alone on its CPU, {what}, {value:.0%} is saved ({ends[0]:.0%} to {ends[1]:.0%}): {words[waiting_stance(gain, wait)]}."
    knob = Knob(WAIT, "the share that waits", wait, 0.0, 0.9999, "of the time", even=True)
    settles = "the waiting of your own service"
    return sentence.turned("waiting", "Time", text, _source(stacks, gain), [knob], lambda _, value: waiting_stance(gain, value), settles)


def noise(stacks: Stacks) -> Sentence:
    """Which differences from the own stack can not be told."""
    pairs = [(route, gain) for route in stacks.gains.analysis.routes for gain in stacks.gains.of(route, CPU_US_PER_REQUEST) if not gain.contestant.is_reference]
    known = [(route, gain) for route, gain in pairs if gain.times is not None and gain.times.low is not None]
    if not known:
        return sentence.unmeasured("noise", "Noise", "nothing could be compared", "restmark run --rounds 15")
    tied = [f"{stacks.title(gain.contestant.name)} on {route}" for route, gain in known if sentence.side_of(gain.times) is Stance.OPEN]
    floor = max(stacks.gains.analysis.floor(route, stacks.gains.load, CPU_US_PER_REQUEST) for route in stacks.gains.analysis.routes)
    same = f"; the same server under two names lay up to {told.rounded_up(floor)} × apart" if stacks.gains.analysis.same_pairs else ""
    text = f"{len(tied)} of {len(known)} comparisons of CPU time with {stacks.title(stacks.start.name)} can not be told from noise"
    text += (f" ({_some(tied)})" if tied else "") + f"{same}."
    gains = [gain for _, gain in known]
    knobs = [Knob(sentence.NOISE, "the noise", 1.0, 0.01, sentence.NOISE_MAX, "times what it was")]
    if counts := [gain.by_rounds.n for gain in gains if gain.by_rounds and gain.by_rounds.n > 1]:
        knobs.append(Knob(sentence.ROUNDS, "the number of rounds", float(min(counts)), 2.0, sentence.ROUNDS_MAX, "round", whole=True))
    probe = partial(_all_told, gains, min(counts, default=1))
    found = [turn for knob in knobs[1:] for turn in turning.turns(knob, partial(probe, knob.key)) if turn.rises]
    settles = f"about {found[0].turned:,.0f} rounds like these tell all" if found else "no number of rounds tells all: 'restmark run --wait-for-quiet'"
    settles = settles if tied else "all are told"
    return sentence.turned("noise", "Noise", text, f"{stacks.sources.run}, {stacks.gains.load.title}", knobs, probe, settles)


def _all_told(gains: Sequence[Gain], fewest: int, key: str, value: float) -> Stance:
    """fewest: rounds that a comparison has at least; those that have more go on having as many times more."""
    stances = {sentence.factor_probe(gain)(key, value * _rounds(gain) / fewest if key == sentence.ROUNDS else value) for gain in gains}
    return Stance.OPEN if Stance.OPEN in stances else Stance.LITTLE


def _rounds(gain: Gain) -> int:
    return gain.by_rounds.n if gain.by_rounds else 1


def _some(words: Sequence[str], most: int = 4) -> str:
    return "; ".join([*words[:most], *([f"{len(words) - most} more"] if len(words) > most else [])])


def all_of(stacks: Stacks, name: str) -> Iterator[Sentence]:
    """In the order of the page."""
    yield cpu(stacks, name)
    yield within_language(stacks, name)
    yield latency(stacks, name)
    yield waiting(stacks, name)
    yield noise(stacks)
