"""How the figures of this very run were made: sentences that follow from its results, not from what the rig can do.

Files of older rigs are told for what they are: a load of seconds for each visit, and quantiles that nobody can merge.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..model import cpulist, plan, stats
from ..model.results import TUNED, Results
from ..model.rounds_held import rounds_held
from . import numbers
from .analysis import Analysis
from .texts import TUNED_MEANS


def sentences(results: Results, analysis: Analysis) -> list[str]:
    """One paragraph each."""
    return [
        *_levels(results),
        *_verified(results),
        *_load(results),
        *_rounds(results),
        *_statistics(results, analysis),
        *_noise(analysis),
        "Everybody stands in the order of the figure. A doubt about a cell takes no rank: it widens the interval, by as much "
        "as the machine was seen to be slower. Wrong answers and errors take the rank; a client that was busier than the "
        "server takes that of requests/s and latency, while CPU per request does not depend on how fast it asks.",
        "CPU per request is user and system time of all the server's processes divided by the answered requests"
        f"{', those that came in after the end of sending included' if in_slices(results) else ''}. Work "
        "that the kernel does for the network on the client's CPU is in no server's figure.",
        *_latencies(results),
        *_memory(results),
    ]


def in_slices(results: Results) -> bool:
    """Whether all servers were up together and loaded in short slices, with histograms of the latencies; older rigs did otherwise."""
    latencies = [entry.latency for cell in results.cells for entry in cell.rounds if entry.latency]
    if not latencies:
        return "wrk" not in results.tools
    return all(latency.hdr_v2_base64 is not None for latency in latencies)


def _levels(results: Results) -> Iterator[str]:
    if any(record.level == TUNED for record in results.contestants):
        yield (
            f"Behind a name, {TUNED_MEANS} (safe code, public libraries, no work skipped). The others are idiomatic: written as "
            "their documentation shows a team."
        )


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
        f"The load comes from {numbers.listed(tools or ['restmark-load'])} {_way(results)} with kept-alive connections and without "
        "pipelining; figures are taken from exact counters, never from printed tables."
    )
    if in_slices(results):
        text += (
            " Every answer is compared with the one that is due: its length always, its bytes up to 16 KiB always and of larger ones "
            "each sixteenth on a connection."
        )
    if results.load_machines:
        text += (
            " Each machine sends its part of one schedule; all begin at one instant of the wall clock, and count latencies by their own clocks, "
            "from the intended times. Totals are sums, and histograms are merged by adding counts. Each is judged by itself."
        )
        if settings.server_cpus:
            text += f" The servers run on CPU {cpulist.render(set(settings.server_cpus))} of this machine."
    elif settings.server_cpus and settings.client_cpus and not set(settings.server_cpus) & set(settings.client_cpus):
        text += (
            f" The servers run on CPU {cpulist.render(set(settings.server_cpus))}, the client on CPU "
            f"{cpulist.render(set(settings.client_cpus))}: neither takes time from the other."
        )
    else:
        text += " Server and client share CPUs and take time from each other."
    yield text


def _way(results: Results) -> str:
    """Between client and server."""
    loaders = results.load_machines
    if results.server_machine is None:
        return f"on {numbers.counted(len(loaders), 'machine')} over a network" if loaders else "over loopback"
    where = f"to {results.server_machine.hostname} ({results.server_place}),"
    if loaders:
        return f"on {numbers.counted(len(loaders), 'machine')} over a network, {where}"
    return f"over the network, from {results.machine.hostname} {where}"


def _rounds(results: Results) -> Iterator[str]:
    if not results.cells:
        return
    yield _slices(results) if in_slices(results) else _visits(results)
    held = rounds_held(results)
    if held.lowest < held.asked:
        yield f"The run holds {held.text}: cells have different numbers of rounds, or fewer than were asked for."


def _slices(results: Results) -> str:
    warmup_s = results.settings.warmup_ms / 1000
    last = max((entry.round for cell in results.cells for entry in cell.rounds), default=1)
    starts = numbers.counted(plan.start_of(last), "start")
    return (
        "All servers are up and warm at the same time. A round goes through the workloads in random order, and in each the contestants "
        f"are loaded one after another, in balanced, recorded orders (seed {results.seed}), so that what slows the machine down for longer "
        f"than a moment slows all down alike. A slice lasted {_length(results)} (longer where requests are slow); at its end "
        "sending stops, and what is under way comes in and counts with its CPU time. "
        f"There {'was' if plan.start_of(last) == 1 else 'were'} {starts} of all servers, after which each cell was loaded for at least "
        f"{warmup_s:g} s, until the CPU time of its requests was steady or the load had lasted many times as long: that is thrown away."
    )


def _visits(results: Results) -> str:
    return (
        "Rounds are interleaved: each visits every contestant and "
        f"workload once, in a shuffled, recorded order (seed {results.seed}), so that a machine that grows slow does "
        f"so for all. A visit lasted {_length(results)} (slow cells longer, so that every connection gets answers), after a "
        f"warm-up of at least {results.settings.warmup_ms / 1000:g} s that is thrown away. Requests that were under way at its end are in the "
        "CPU time, and not among the answers."
    )


def _length(results: Results) -> str:
    lengths = [entry.duration_us / 1e6 for cell in results.cells for entry in cell.rounds]
    if not lengths:
        return f"{results.settings.duration_ms / 1000:g} s"
    ends = list(dict.fromkeys(f"{length:.2g}" for length in (min(lengths), max(lengths))))
    return f"{' to '.join(ends)} s"


def _statistics(results: Results, analysis: Analysis) -> Iterator[str]:
    if not results.cells:
        return
    blocks = (
        f" More than {stats.BLOCKS_MAX} rounds are taken in blocks of neighbours, since those are alike."
        if max(len(cell.rounds) for cell in results.cells) > stats.BLOCKS_MAX
        else ""
    )
    yield (
        "Figures are medians over rounds, never the best of them. Intervals are Student's, of the figures' logarithms, and "
        "take the scatter of few rounds for no less than that of the same workload's other cells, since few may agree by "
        "chance. Factors are medians of the ratios within each round, with intervals of their own; those of all pairs of a workload hold "
        f"together with 95 % (Bonferroni), so that no order is an accident among many.{blocks}"
    )
    if analysis.fewest_rounds() == 1:
        yield (
            "Cells with a single round have no scatter: a factor of "
            f"{stats.SINGLE_ROUND_FACTOR:g} up and down stands for their interval. More rounds make it narrower."
        )


def _latencies(results: Results) -> Iterator[str]:
    if not results.cells:
        return
    merged = in_slices(results)
    if merged:
        yield (
            "Latencies are those of all answers of a cell together: each round kept a histogram, and their counts are added up. Requests "
            "that were given up count with the time that they had waited."
        )
    else:
        yield "Latencies are medians over rounds of the quantiles that the load generator told of each."
    if any(cell.rate_per_s is None for cell in results.cells):
        yield (
            "Without a fixed rate the client waits for each answer before it asks again. While a server stalls, such a client asks "
            "nothing, so that stalls are under-represented in the quantiles (coordinated omission); and the faster server is asked more "
            "often. Compare them between contestants only."
        )
        if not merged and "wrk" in results.tools:
            yield (
                "wrk tells other quantiles than those of its requests: it spreads a long answer over requests that might have been sent "
                "meanwhile. Where a server stalls, its own clock would tell shorter ones."
            )
    if any(cell.rate_per_s is not None for cell in results.cells):
        yield (
            "At a fixed rate a latency counts from the time at which its request was due, so that what a stall holds up is part of it."
            if merged
            else "At a fixed rate a latency counts from the moment of sending: what had to wait for that is in none of them."
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
            f"{stats.LEAST_FLOOR - 1:.0%}, by which two starts of one program differ."
        )


def _memory(results: Results) -> Iterator[str]:
    if results.memory:
        alone = bool(results.cells) and in_slices(results)
        yield (
            "Memory is the kernel's smaps_rollup of every process. ΣRSS counts shared pages once for each process; "
            "ΣUSS leaves them out; ΣPSS divides them among those who map them and is the sum to compare. With several "
            "looks at a phase, the one with the highest ΣPSS is shown."
            + (" Each was looked at alone, before all were up together, for what they share would count less." if alone else "")
        )
