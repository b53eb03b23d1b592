"""How the figures of this very run were made: sentences that follow from its results, not from what the rig can do."""

from __future__ import annotations

from collections.abc import Iterator

from .. import cpulist, statistics
from ..results import Results, rounds_held
from . import numbers
from .analysis import Analysis


def sentences(results: Results, analysis: Analysis) -> list[str]:
    """One paragraph each."""
    return [
        *_verified(results),
        *_load(results),
        *_rounds(results, analysis),
        *_noise(analysis),
        "Everybody stands in the order of the figure. A doubt about a cell takes no rank: it widens the interval, by as much "
        "as the machine was seen to be slower. Wrong answers and errors take the rank; a client that was busier than the "
        "server takes that of requests/s and latency, while CPU per request does not depend on how fast it asks.",
        "CPU per request is user and system time of all the server's processes divided by the answered requests. Work "
        "that the kernel does for the network on the client's CPU is in no server's figure.",
        "Latencies are those of a client that waits for each answer before it asks again, unless a fixed rate is "
        "named. While a server stalls, such a client asks nothing, so that stalls are under-represented in the "
        "quantiles (coordinated omission); and the faster server is asked more often. Compare them between "
        "contestants only.",
        *_memory(results),
    ]


def _verified(results: Results) -> Iterator[str]:
    if not results.cells:
        return
    done = {phase: {v.contestant for v in results.verifications if v.phase == phase} for phase in ("before", "after")}
    # A server under a second name is the same program: it was verified under its first one.
    measured = {results.contestant(cell.contestant).same_as or cell.contestant for cell in results.cells}
    phases = [phase for phase in ("before", "after") if measured <= done[phase]]
    if phases:
        yield (
            f"Every contestant was verified {' and '.join(phases)} the load: each workload, byte for byte, with random "
            "counts and seeds to which nobody can have answers in advance."
        )
    for phase in ("before", "after"):
        if missing := sorted(measured - done[phase]):
            yield f"Not verified {phase} the load: {', '.join(missing)}."


def _load(results: Results) -> Iterator[str]:
    settings = results.settings
    if not results.cells:
        return
    # Older rigs had others: wrk, and h2load where the rate was fixed.
    tools = [results.tools[name] for name in ("restmark-load", "wrk", "h2load") if name in results.tools]
    text = (
        f"The load comes from {numbers.listed(tools or ['restmark-load'])} over loopback with kept-alive connections and without "
        "pipelining; figures are taken from exact counters, never from printed tables."
    )
    if settings.server_cpus and settings.client_cpus and not set(settings.server_cpus) & set(settings.client_cpus):
        text += (
            f" The servers run on CPU {cpulist.render(set(settings.server_cpus))}, the client on CPU "
            f"{cpulist.render(set(settings.client_cpus))}: neither takes time from the other."
        )
    else:
        text += " Server and client share CPUs and take time from each other."
    yield text


def _rounds(results: Results, analysis: Analysis) -> Iterator[str]:
    settings = results.settings
    if not results.cells:
        return
    lengths = [entry.duration_us / 1e6 for cell in results.cells for entry in cell.rounds]
    length = f"{min(lengths):.1f} to {max(lengths):.1f} s" if lengths else f"{settings.duration_ms / 1000:g} s"
    yield (
        f"Rounds are interleaved: each visits every contestant and "
        f"workload once, in a shuffled, recorded order (seed {results.seed}), so that a machine that grows slow does "
        f"so for all. A visit lasted {length} (slow cells longer, so that every connection gets answers), after a "
        f"warm-up of at least {settings.warmup_ms / 1000:g} s that is thrown away."
    )
    held = rounds_held(results)
    if held.lowest < held.asked:
        yield f"The run holds {held.text}: cells have different numbers of rounds, or fewer than were asked for."
    yield (
        "Figures are medians over rounds, never the best of them. Intervals are Student's, of the figures' logarithms, and "
        "take the scatter of a cell for no less than that of the same workload's other cells, since few rounds may agree by "
        "chance. Factors have their own, with the rounds of both taken in pairs; those of all pairs of a workload hold "
        "together with 95 % (Bonferroni), so that no order is an accident among many."
    )
    if analysis.fewest_rounds() == 1:
        yield (
            "Cells with a single round have no scatter: a factor of "
            f"{statistics.SINGLE_ROUND_FACTOR:g} up and down stands for their interval. More rounds make it narrower."
        )


def _noise(analysis: Analysis) -> Iterator[str]:
    if not analysis.results.cells:
        return
    if analysis.same_pairs:
        yield (
            "One server runs under two names (A/A). How far these two lie apart on a workload is its noise floor, by which the "
            "intervals of all its factors are widened."
        )
    else:
        yield (
            "No server ran under two names: the noise floor is not known, and taken for "
            f"{statistics.LEAST_FLOOR - 1:.0%}, by which two starts of one program differ."
        )


def _memory(results: Results) -> Iterator[str]:
    if results.memory:
        yield (
            "Memory is the kernel's smaps_rollup of every process. ΣRSS counts shared pages once for each process; "
            "ΣUSS leaves them out; ΣPSS divides them among those who map them and is the sum to compare. With several "
            "looks at a phase, the one with the highest ΣPSS is shown."
        )
