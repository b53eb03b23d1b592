"""May a figure be believed? Every round and every cell gets its doubts, by the thresholds of this file and no others.

Only cells without a verdict are ranked by requests/s. With client_bound, CPU time per request and memory still stand.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from ..load.load import LoadResult
from ..model import stalls
from ..model.results import (
    ACK_STALL,
    BYTE_MISMATCH,
    CENSORED,
    CLIENT_BOUND,
    DATABASE_BOUND,
    ERRORS,
    LOST_CLIENT,
    NOISY,
    STARVED,
    THROTTLED,
    VERDICTS,
    Round,
    Verdict,
)
from ..server.sampler import TICK_NS, CpuTimes, Sample
from ..server.server_process import OUT_OF_MEMORY
from . import machine_verdicts


@dataclass(frozen=True)
class Threshold:
    """A limit, with its reason."""

    name: str
    value: float
    reason: str


ERRORS_MAX = Threshold(
    "errors_max", 0, "a failed request costs less than an answered one, so any failure flatters the figure"
)
ANSWERS_MIN_PER_CONNECTION = Threshold(
    "answers_min_per_connection",
    2,
    "all connections ask at once when a slice begins, so that the first answer of each waits for less than later ones do",
)
CLIENT_BUSY = Threshold(
    "client_busy_min_share",
    machine_verdicts.BUSY_MIN,
    "a load generator whose CPUs have no time left sets the pace; 0.05 is the ticks' error",
)
SERVER_BUSY = Threshold(
    "server_busy_min_share",
    0.90,
    "a server that worked on its CPUs for so long set the pace, even if the client was full, too",
)
SERVER_STARVED = Threshold(
    "server_starved_max_share",
    0.80,
    "with more connections than workers a server has always work at hand; if it worked less than this, and waited for no CPU "
    "that others had, while the client had time, then it slept",
)
ACK_STALL_MIN = Threshold(
    "ack_stall_min_ms", 25, "Linux delays an acknowledgement by 40 ms; an answer that needs one takes that much longer"
)
THROTTLED_MAX = Threshold(
    "throttled_max_share", 0.01, "a CPU quota that took more than one percent of the time shapes the figure"
)
FOREIGN_CPU_MAX = Threshold(
    "foreign_cpu_max_share",
    0.10,
    "other processes, or the hypervisor, had more of one side's CPUs than any tie is wide",
)
SLOWDOWN_MAX = Threshold(
    "slowdown_max_share",
    0.10,
    "figures from a machine that was slower by a tenth are not those of a quiet one",
)
SPREAD_MAX = Threshold(
    "spread_max_share",
    0.10,
    "1.4826 x MAD / median over the rounds: above it, the rounds did not measure the same thing",
)
SPREAD_MIN_ROUNDS = Threshold("spread_min_rounds", 3, "fewer rounds have no spread to speak of")
DOUBTFUL_ROUNDS = Threshold(
    "doubtful_rounds_min_share",
    0.5,
    "the median withstands a minority of disturbed rounds; wrong answers and failures count from the first one",
)
RATE_REACHED = Threshold(
    "rate_reached_min_share",
    0.98,
    "below a fixed rate requests wait for longer and longer, and latencies say how long the load lasted",
)

# A machine among several: see machine_verdicts.py.
MACHINE_START_LATE = Threshold(
    "machine_start_late_max_share", stalls.START_LATE_MAX, "a load machine that began so much of its time behind the others was not there with them"
)
MACHINE_CLOCK_OFF = Threshold(
    "machine_clock_off_max_ms", machine_verdicts.CLOCK_OFF_MAX_US / 1e3, "NTP keeps clocks far closer; a machine without it is told the start in its own time"
)

BACK_ENDS_BUSY = Threshold(
    "back_ends_busy_min_share",
    0.90,
    "back ends that worked on their CPUs for so long set the pace, if the server did not",
)

THRESHOLDS = (
    ERRORS_MAX,
    ANSWERS_MIN_PER_CONNECTION,
    CLIENT_BUSY,
    SERVER_BUSY,
    SERVER_STARVED,
    ACK_STALL_MIN,
    THROTTLED_MAX,
    FOREIGN_CPU_MAX,
    SLOWDOWN_MAX,
    SPREAD_MAX,
    SPREAD_MIN_ROUNDS,
    DOUBTFUL_ROUNDS,
    RATE_REACHED,
    BACK_ENDS_BUSY,
    MACHINE_START_LATE,
    MACHINE_CLOCK_OFF,
)
_AT_ONCE = (BYTE_MISMATCH, ERRORS, CENSORED, ACK_STALL, LOST_CLIENT)  # one round with it is enough


def thresholds() -> dict[str, float]:
    """Name to value, for the record of a run."""
    return {threshold.name: threshold.value for threshold in THRESHOLDS}


@dataclass(frozen=True)
class BackEndEvidence:
    """What the database and the cache did in one round. cpu_ns: of both; cpus: that they can use; shares_with: whose CPUs these are, too."""

    cpu_ns: int
    cpus: int
    shares_with: str = ""


@dataclass(frozen=True)
class Evidence:
    """What is known about one round.

    server_capacity: CPUs that the server can use, the least of its workers, its CPUs and its limit; shared_cpus: whether the
    client runs on the same ones; waits: whether it is the work to wait, so that an idle server is none that sleeps; back_ends: of a route
    that asks some. The rest is empty if nothing was: wrong_answer: what a probe before the load found; unanswered: why such a probe got no
    answer; unrest: what the server was still doing long after the load; death: how it ended under the load.
    """

    load: LoadResult
    sample: Sample
    connections: int
    server_capacity: float
    server_cpus: int
    client_cpus: int
    shared_cpus: bool = False
    rate_per_s: int | None = None
    ack_stall_ms: float = 0.0
    wrong_answer: str = ""
    unanswered: str = ""
    unrest: str = ""
    death: str = ""
    waits: bool = False
    back_ends: BackEndEvidence | None = None

    @property
    def server_share(self) -> float:
        """CPU time of the server out of what it can use."""
        return self.sample.server_cpu_ns / 1e3 / self.load.total_us / self.server_capacity

    @property
    def server_lost(self) -> float:
        """What others, or a quota, took from the server, as a share of what it can use: no more than its threads waited for a
        CPU (they also wait for each other), and no more than others had."""
        taken = (self.foreign_on_server * self.sample.wall_ns + (self.sample.throttled_ns or 0)) / self.sample.wall_ns
        if self.sample.runqueue_wait_ns is not None:
            taken = min(taken, self.sample.runqueue_wait_ns / self.sample.wall_ns)
        return taken / self.server_capacity

    @property
    def foreign_on_server(self) -> float:
        """CPUs out of the server's that others had, the hypervisor included."""
        own = self.sample.server_cpu_ns + (self.load.client_cpu_ns if self.shared_cpus else 0) + self._of_back_ends("server")
        return self._foreign(self.sample.server_cpus, own, self.server_cpus)

    @property
    def foreign_on_client(self) -> float:
        """The same for the client's CPUs."""
        own = self.load.client_cpu_ns + (self.sample.server_cpu_ns if self.shared_cpus else 0) + self._of_back_ends("client")
        return self._foreign(self.sample.client_cpus, own, self.client_cpus)

    def _of_back_ends(self, side: str) -> int:
        """CPU time of back ends on the CPUs of a side."""
        return self.back_ends.cpu_ns if self.back_ends and self.back_ends.shares_with == side else 0

    def _foreign(self, times: CpuTimes, own_ns: int, cpus: int) -> float:
        """The kernel counts the CPUs' times in ticks, so that one on each CPU may be a part of the slice or not."""
        return max(0, times.busy_ns + times.steal_ns - own_ns - cpus * TICK_NS) / self.sample.wall_ns

    @property
    def client_share(self) -> float:
        """Share of the time in which the client's threads worked or waited for a CPU."""
        busy_ns = self.load.client_cpu_ns + (self.load.client_wait_ns or 0)
        return busy_ns / 1e3 / self.load.total_us / self.load.threads


def of_round(evidence: Evidence) -> list[Verdict]:
    """The doubts about one round, in the order of VERDICTS; none if there are none."""
    found = [*_correctness(evidence), *_waiting(evidence), *_disturbance(evidence)]
    if machines := evidence.load.machines:
        # Told of each machine instead; and a server may wait for the network between, which is none of its doing.
        idle = any(verdict.name == STARVED for verdict in found)
        found = [verdict for verdict in found if verdict.name not in (CLIENT_BOUND, STARVED)]
        found += machine_verdicts.of(machines, evidence.rate_per_s is None and evidence.server_share >= SERVER_BUSY.value, idle)
    return sorted(found, key=lambda verdict: VERDICTS.index(verdict.name))


def _correctness(e: Evidence) -> Iterator[Verdict]:
    load = e.load
    if e.wrong_answer:
        yield Verdict(BYTE_MISMATCH, e.wrong_answer)
    elif load.body_errors:
        yield Verdict(BYTE_MISMATCH, f"{load.body_errors} answers with other bytes than expected, beside {load.requests} right ones")
    failed = load.errors - load.timeouts - load.body_errors
    if e.death:
        yield Verdict(ERRORS, f"the server {e.death.splitlines()[0]} under the load")
    elif e.sample.oom_kills:
        yield Verdict(ERRORS, f"{out_of_memory(e.sample.oom_kills)} under the load")
    elif e.unanswered:
        yield Verdict(ERRORS, e.unanswered)
    elif failed > ERRORS_MAX.value:
        kinds = asdict(replace(load.errors_by_kind, timeout=0, body=0))
        told = ", ".join(f"{count} {kind}" for kind, count in kinds.items() if count)
        yield Verdict(ERRORS, f"{failed} errors ({told}) beside {load.requests} answers (allowed {ERRORS_MAX.value:g})")
    if (reason := _censored(e)) and not e.death:
        yield Verdict(CENSORED, reason)


def out_of_memory(kills: int) -> str:
    """What is said of a server some of whose processes the kernel has killed; itself it may live on."""
    return f"the kernel killed {kills} of the server's processes, {OUT_OF_MEMORY},"


def _censored(e: Evidence) -> str:
    load = e.load
    if load.timeouts:
        return f"{load.timeouts} answers came after the timeout and are in no latency"
    if e.rate_per_s is not None:
        reached = load.requests_per_s / e.rate_per_s
        if reached < RATE_REACHED.value:
            return f"{reached:.0%} of {e.rate_per_s} requests/s were reached (at least {RATE_REACHED.value:.0%} needed)"
        return ""
    answers = load.requests / e.connections
    if answers < ANSWERS_MIN_PER_CONNECTION.value:
        return (
            f"{answers:.1f} answers a connection in {load.duration_us / 1e6:.1f} s (at least "
            f"{ANSWERS_MIN_PER_CONNECTION.value:g} are needed); a longer --duration or fewer --connections would help"
        )
    return ""


def _waiting(e: Evidence) -> Iterator[Verdict]:
    """Who set the pace, when the server did not?"""
    if e.rate_per_s is not None or e.death:  # at a fixed rate it is the rate
        if e.load.late and not e.death:
            late = e.load.late_quantiles_us
            yield Verdict(
                CLIENT_BOUND,
                f"the client itself sent requests late (half of them by {late['50']} µs or more, one in a hundred by "
                f"{late['99']} µs or more): latencies are not the server's alone",
            )
        return
    if e.back_ends is not None:
        yield from _waiting_for_back_ends(e, e.back_ends)
        return
    idle = not e.waits and e.server_share + e.server_lost < SERVER_STARVED.value
    if idle and e.ack_stall_ms >= ACK_STALL_MIN.value:
        yield Verdict(
            ACK_STALL,
            f"answers take {e.ack_stall_ms:.0f} ms longer when the client delays its acknowledgement: header and body "
            "are sent apart under Nagle's algorithm",
        )
    elif e.client_share >= CLIENT_BUSY.value:
        if e.server_share < SERVER_BUSY.value:
            foreign = e.foreign_on_client / e.client_cpus
            others = f" (others had {foreign:.0%} of its CPUs)" if foreign > FOREIGN_CPU_MAX.value else ""
            yield Verdict(
                CLIENT_BOUND,
                f"the client worked or waited for a CPU for {min(e.client_share, 1):.0%} of the time{others}, the "
                f"server worked for {e.server_share:.0%} of what it can use",
            )
    elif idle:
        beside = f" (others took {e.server_lost:.0%})" if e.server_lost >= 0.01 else ""
        yield Verdict(
            STARVED,
            f"the server worked for {e.server_share:.0%} of the CPU time that it can use{beside} (a loaded one works "
            f"{SERVER_STARVED.value:.0%} or more): it slept while it had a CPU",
        )


def _waiting_for_back_ends(e: Evidence, used: BackEndEvidence) -> Iterator[Verdict]:
    """With one request at a time nobody sets a pace: all work in turns."""
    if e.connections == 1 or e.server_share + e.server_lost >= SERVER_BUSY.value:
        return
    wall_ns = e.load.total_us * 1e3
    own = used.cpu_ns / wall_ns / used.cpus
    beside_ns = {"client": e.load.client_cpu_ns, "server": e.sample.server_cpu_ns}.get(used.shares_with, 0)
    whole = own + beside_ns / wall_ns / used.cpus
    server = f"the server for {e.server_share:.0%} of what it can use"
    if whole >= BACK_ENDS_BUSY.value and used.cpu_ns >= beside_ns:
        shared = f", with the {used.shares_with}'s part on them {whole:.0%}" if used.shares_with else ""
        yield Verdict(DATABASE_BOUND, f"database and cache worked for {own:.0%} of what their CPUs have{shared}, {server}")
    elif e.client_share >= CLIENT_BUSY.value:
        yield Verdict(CLIENT_BOUND, f"the client worked or waited for a CPU for {min(e.client_share, 1):.0%} of the time, {server}")
    elif e.server_share + e.server_lost < SERVER_STARVED.value:
        yield Verdict(
            DATABASE_BOUND,
            f"the server worked for {e.server_share:.0%} of what it can use, and waited for answers the rest of the time: database and cache "
            f"worked for {own:.0%} of what their CPUs have; the other time is that of a disk, of locks, and of the way there and back",
        )


def _disturbance(e: Evidence) -> Iterator[Verdict]:
    throttled = (e.sample.throttled_ns or 0) / e.sample.wall_ns
    if throttled > THROTTLED_MAX.value:
        yield Verdict(
            THROTTLED, f"a CPU quota held it for {throttled:.0%} of the time (allowed {THROTTLED_MAX.value:.0%})"
        )
    if e.unrest:
        yield Verdict(NOISY, e.unrest)
    for side, foreign, cpus in (
        ("server", e.foreign_on_server, e.server_cpus),
        ("client", e.foreign_on_client, e.client_cpus),
    ):
        if foreign / cpus > FOREIGN_CPU_MAX.value:
            yield Verdict(
                NOISY,
                f"others used {foreign / cpus:.0%} of the {side}'s CPUs (allowed {FOREIGN_CPU_MAX.value:.0%})",
            )


def slowed(entry: Round, slowdown: float) -> Round:
    """The round with how many times slower the machine was beside its turn than in quiet."""
    verdicts = list(entry.verdicts)
    if slowdown - 1 > SLOWDOWN_MAX.value:
        found = Verdict(
            NOISY,
            f"the machine was slow: the rig's own work beside the load took {slowdown - 1:.0%} longer than in quiet "
            f"(allowed {SLOWDOWN_MAX.value:.0%})",
        )
        verdicts = sorted([*verdicts, found], key=lambda verdict: VERDICTS.index(verdict.name))
    return replace(entry, slowdown_permille=round(1000 * slowdown), verdicts=verdicts)


def of_cell(rounds: Sequence[Round]) -> list[Verdict]:
    """The doubts about a cell: those of its rounds that weigh enough, and the spread between them."""
    found = []
    for name in VERDICTS:
        evidence = [next(v.evidence for v in r.verdicts if v.name == name) for r in rounds if _has(r, name)]
        if not evidence:
            continue
        if name in _AT_ONCE or len(evidence) / len(rounds) >= DOUBTFUL_ROUNDS.value:
            found.append(Verdict(name, f"in {len(evidence)} of {len(rounds)} rounds, e.g.: {machine_verdicts.telling(evidence)}"))
    if not any(verdict.name == NOISY for verdict in found) and (reason := _spread(rounds)):
        found.append(Verdict(NOISY, reason))
    return sorted(found, key=lambda verdict: VERDICTS.index(verdict.name))


def _has(entry: Round, name: str) -> bool:
    return any(verdict.name == name for verdict in entry.verdicts)


def _spread(rounds: Sequence[Round]) -> str:
    series = {
        "requests/s": [r.requests * 1e6 / r.duration_us for r in rounds],
        "CPU time per request": [r.server_cpu_ns / r.all_requests for r in rounds if r.server_cpu_ns and r.all_requests],
    }
    for name, values in series.items():
        if len(values) < SPREAD_MIN_ROUNDS.value or not (median := statistics.median(values)):
            continue
        spread = 1.4826 * statistics.median(abs(value - median) for value in values) / median
        if spread > SPREAD_MAX.value:
            return f"{name} spreads by {spread:.0%} over the rounds (allowed {SPREAD_MAX.value:.0%})"
    return ""
