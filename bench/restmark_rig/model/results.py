"""The record of one run, from which every report is made and nothing else. results_file.py writes and reads it.

Figures are raw integers with the unit in the name; medians and ratios are never stored, the report computes them.
None (null) means "could not be had here" and is not 0. The published schema is results.schema.json.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .back_end_records import BackEndFootprint, BackEndRecord, BackEndUse
from .limits import UNLIMITED, Limits
from .load_machines import LoadMachine, MachineRound
from .memory_records import MemoryRecord
from .warm_up_records import WarmUpRecord

FORMAT = "restmark-results"
VERSION = 5  # raised whenever keys change; results_upgrade.py brings older documents up to it

# Verdict names, in the order in which they are shown. A cell without any is "ok"; only such cells are ranked.
BYTE_MISMATCH = "byte_mismatch"
ERRORS = "errors"
CENSORED = "censored"
STARVED = "starved"
ACK_STALL = "ack_stall"
THROTTLED = "throttled"
NOISY = "noisy"
CLIENT_BOUND = "client_bound"
DATABASE_BOUND = "database_bound"
LOST_CLIENT = "lost_client"
VERDICTS = (BYTE_MISMATCH, ERRORS, CENSORED, STARVED, ACK_STALL, THROTTLED, NOISY, CLIENT_BOUND, LOST_CLIENT, DATABASE_BOUND)

IDIOMATIC, TUNED = "idiomatic", "tuned"  # how much was done for a contestant

OUR_CONTESTANTS = ("restmarkd", "restmarkd-copy", "restmarkd-tree")  # written by those who wrote the rig: see docs/BIAS.md
LIMIT_CONTESTANT = "epoll-limit"  # the kernel's cost of a request, drawn as a line
REFERENCE_CONTESTANTS = (LIMIT_CONTESTANT, "epoll-limit-copy", "nginx")  # fixed bytes, no application: shown and not ranked


@dataclass(frozen=True)
class Verdict:
    """Why a round or cell is doubtful. name: one of VERDICTS; evidence: the figure and the threshold, for people."""

    name: str
    evidence: str


@dataclass(frozen=True)
class LoadErrors:
    """What the load generator counted. read: connections that ended before an answer did; status: answers other than 200 to
    299; timeout: answers slower than settings.timeout_ms; body: answers with other bytes than expected; malformed: what was no
    HTTP/1.1 or not asked for. None: not looked at, as by the load generator of older rigs."""

    connect: int = 0
    read: int = 0
    write: int = 0
    status: int = 0
    timeout: int = 0
    body: int | None = 0
    malformed: int | None = 0

    @property
    def total(self) -> int:
        known = (self.connect, self.read, self.write, self.status, self.timeout, self.body or 0, self.malformed or 0)
        return sum(known)


@dataclass(frozen=True)
class Latency:
    """Latencies of one round, microseconds; quantiles_us: percentile as text ("50", "99.9") to microseconds.

    hdr_v2_base64: all of them, counted, in HdrHistogram's V2 encoding; None in the files of older rigs.
    """

    min_us: int
    max_us: int
    mean_us: int
    quantiles_us: dict[str, int]
    hdr_v2_base64: str | None = None


@dataclass(frozen=True)
class Round:
    """One measured visit to a cell: a slice of load on a warm server, the others beside it idle.

    round: from 1. duration_us: for how long requests were sent; requests: answers in that time. drained_requests: answers
    that came in after it, to requests that were under way when it ended. bytes: received by the client, heads and bodies.
    latency: of all answers, None when there was none. server_cpu_ns: user + system time of all the server's processes until
    the last answer had come in; client_cpu_ns: the load generator's. server_runqueue_wait_ns: how long the server's threads
    were runnable and not running. throttled_ns: how long a CPU quota held them. slowdown_permille: CPU time of the reference
    work beside the turn, against that in quiet. server_cpu_afterwards_ns: CPU time of the server from there until it was at rest,
    which server_cpu_ns holds if it is more than closing connections takes. foreign_server_permille, foreign_client_permille: how much of the CPUs of that
    side others had, the hypervisor included. server_irq_ns: interrupts on the server's CPUs, soft ones included. idle_cpu_ns:
    CPU time of all other servers of the run meanwhile. client_threads: that made the load. Older rigs loaded for seconds and
    counted nothing after them: attempts is how many loads they made until one was undisturbed. back_ends: what they did for the requests,
    None where the route asks none. machines: what each did that made the load; empty where that was this one.
    """

    round: int
    started_unix_ms: int
    duration_us: int
    requests: int
    bytes: int
    errors: LoadErrors
    latency: Latency | None
    server_cpu_ns: int | None
    client_cpu_ns: int | None
    server_runqueue_wait_ns: int | None = None
    throttled_ns: int | None = None
    voluntary_switches: int | None = None
    involuntary_switches: int | None = None
    slowdown_permille: int | None = None
    attempts: int = 1
    verdicts: list[Verdict] = field(default_factory=list)
    foreign_server_permille: int | None = None
    foreign_client_permille: int | None = None
    server_irq_ns: int | None = None
    server_cpu_afterwards_ns: int | None = None
    client_threads: int | None = None
    drained_requests: int = 0
    idle_cpu_ns: int | None = None
    back_ends: BackEndUse | None = None
    machines: list[MachineRound] = field(default_factory=list)

    @property
    def all_requests(self) -> int:
        """What the CPU time was used for."""
        return self.requests + self.drained_requests


@dataclass
class Cell:
    """Contestant × route × connections (× fixed rate): all its rounds and what they add up to.

    connections: what the run asked for, by which cells are compared; connections_used: what was opened, less where the
    contestant's manifest says it can not hold more. rate_per_s: the fixed rate of requests, None when the client sent
    the next request as soon as the answer was there. wire_bytes: size of one answer, head and body, as probed.
    verdicts: the cell's, empty when it is ok.
    """

    contestant: str
    route: str
    connections: int
    connections_used: int
    rate_per_s: int | None = None
    wire_bytes: int | None = None
    rounds: list[Round] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)

    @property
    def key(self) -> tuple[str, str, int, int | None]:
        return (self.contestant, self.route, self.connections, self.rate_per_s)

    @property
    def ok(self) -> bool:
        """Whether the cell may be ranked by requests/s. A cell without rounds has nothing to rank."""
        return not self.verdicts and bool(self.rounds)

    @property
    def verdict_names(self) -> list[str]:
        """The cell's verdicts without repetition, in the order of VERDICTS."""
        present = {verdict.name for verdict in self.verdicts}
        return [name for name in VERDICTS if name in present]


@dataclass(frozen=True)
class Visit:
    """One entry of the recorded order: which cell was visited in which round."""

    round: int
    contestant: str
    route: str
    connections: int
    rate_per_s: int | None = None


@dataclass(frozen=True)
class Verification:
    """Outcome of 'verify' for one contestant. phase: "before" or "after" the load; failures: empty when passed."""

    contestant: str
    phase: str
    passed: bool
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ContestantRecord:
    """Who was measured. same_as: the name of the contestant of which this is the second run under another name (A/A).

    model: struct, tree or none (no record routes). level: IDIOMATIC or TUNED, None where an older rig did not record it. accounting: where the CPU
    time comes from, e.g. "cgroup v2". workers: processes or threads. build_fingerprint: of all that the build depends on,
    None where nothing is built or an older rig did not record it; manifest_sha256: of contestant.toml. start_argv and
    start_env: as used, but for {port}, which each start chooses anew, and {host}, by which other machines reach it. built_in: one of this rig's
    own, and not a user's.
    scales: the name of the contestant that this is with another number of workers.
    """

    name: str
    title: str
    language: str
    model: str
    description: str
    notes: str
    routes: list[str]
    versions: dict[str, str]
    workers: int
    accounting: str
    max_connections_per_worker: int | None = None
    same_as: str | None = None
    build_fingerprint: str | None = None
    manifest_sha256: str | None = None
    start_argv: list[str] = field(default_factory=list)
    start_env: dict[str, str] = field(default_factory=dict)
    built_in: bool = True
    level: str | None = None
    scales: str | None = None

    @property
    def is_limit(self) -> bool:
        return self.name == LIMIT_CONTESTANT

    @property
    def is_reference(self) -> bool:
        """Has no application in it: shown, not ranked. Somebody's own server with model none is no reference."""
        return self.name in REFERENCE_CONTESTANTS

    @property
    def is_ours(self) -> bool:
        return (self.same_as or self.name) in OUR_CONTESTANTS


@dataclass(frozen=True)
class Skipped:
    """A contestant that could not take part, and why."""

    name: str
    title: str
    reason: str
    remedy: str


@dataclass(frozen=True)
class MachineFinding:
    """A line of 'restmark doctor'. verdict: ok, note or warning."""

    topic: str
    verdict: str
    value: str
    advice: str


@dataclass(frozen=True)
class Machine:
    """Where it ran."""

    hostname: str
    os: str
    kernel: str
    architecture: str
    cpu_model: str | None
    cpus_online: int
    cpus_allowed: list[int]
    memory_total_kib: int | None
    virtualisation: str | None
    findings: list[MachineFinding]


@dataclass(frozen=True)
class Rig:
    """Which rig measured. sha256: of its own sources; commit: of the git checkout that it ran from, and dirty: whether
    that had changes beside it. Both None outside a checkout, or where git can not tell."""

    sha256: str
    commit: str | None
    dirty: bool | None


@dataclass(frozen=True)
class RunSettings:
    """What was asked for. server_cpus, client_cpus: None when not pinned; timeout_ms: the load generator's.

    baseline: the contestant against which the others are shown; mix: route to weight, for one figure of a whole traffic.
    Neither bears on what is measured. limits: of every contestant. more_workers: numbers of workers beside the usual one, for a curve.
    """

    connections: list[int]
    rounds: int
    duration_ms: int
    warmup_ms: int
    workers: int
    server_cpus: list[int] | None
    client_cpus: list[int] | None
    client_threads: int
    timeout_ms: int
    rate_per_s: int | None
    quick: bool
    dataset_records: int
    dataset_json_bytes: int
    dataset_sha256: str
    baseline: str | None = None
    mix: dict[str, float] | None = None
    limits: Limits = UNLIMITED
    more_workers: list[int] = field(default_factory=list)


@dataclass
class Results:
    """The whole document. complete: False when the run was interrupted and saved what it had.

    interrupted: by what, for people; None when it was not. complete_rounds: numbers of the rounds in which every planned
    visit was made. argv: the command to repeat, without the interpreter; typed_argv: the words as they were typed. rig:
    None in the files of older rigs. thresholds: those the verdicts were given by, name to value.
    tools: versions of the load generators and the rig's own tools. order: every visit as planned, done or not.
    memory may be empty (not asked for), and so may cells ('restmark memory' alone). reference_ns: CPU time of the rig's
    fixed piece of work on the server's CPUs in quiet; handover_ns: that of sending 128 KiB from there to the client's.
    idle_latency_us: what waking from a CPU's idle states was limited to, None where the rig may not limit it. back_ends: those that ran,
    and back_end_footprints: what each contestant held of them; both empty where no workload asks any. warm_ups: of all starts, empty where an older rig
    did not record them. server_place: how the servers' machine was reached, and server_machine: what it is, both None where it was that of the load.
    load_machines: those that made the load, empty where this one did.
    """

    rig_version: str
    complete: bool
    started_unix_ms: int
    finished_unix_ms: int | None
    argv: list[str]
    seed: int
    settings: RunSettings
    thresholds: dict[str, float]
    machine: Machine
    tools: dict[str, str]
    contestants: list[ContestantRecord]
    skipped: list[Skipped] = field(default_factory=list)
    verifications: list[Verification] = field(default_factory=list)
    order: list[Visit] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    memory: list[MemoryRecord] = field(default_factory=list)
    reference_ns: int | None = None
    handover_ns: int | None = None
    idle_latency_us: int | None = None
    remarks: list[str] = field(default_factory=list)
    rig: Rig | None = None
    typed_argv: list[str] = field(default_factory=list)
    interrupted: str | None = None
    complete_rounds: list[int] = field(default_factory=list)
    back_ends: list[BackEndRecord] = field(default_factory=list)
    back_end_footprints: list[BackEndFootprint] = field(default_factory=list)
    warm_ups: list[WarmUpRecord] = field(default_factory=list)
    server_place: str | None = None
    server_machine: Machine | None = None
    load_machines: list[LoadMachine] = field(default_factory=list)
    format: str = FORMAT
    version: int = VERSION

    @property
    def was_cut_short(self) -> bool:
        """Whether something ended the run, told or not, before it came to its own end; some rounds of one that got there may be missing, too."""
        return self.interrupted is not None or self.finished_unix_ms is None

    def contestant(self, name: str) -> ContestantRecord:
        """Raises KeyError if it did not take part."""
        for record in self.contestants:
            if record.name == name:
                return record
        raise KeyError(name)

    def cell(self, contestant: str, route: str, connections: int, rate_per_s: int | None = None) -> Cell | None:
        """The cell of that key, None if it was not measured."""
        key = (contestant, route, connections, rate_per_s)
        return next((cell for cell in self.cells if cell.key == key), None)

    def visits_made(self) -> set[Visit]:
        """The visits that have been made."""
        return {
            Visit(entry.round, cell.contestant, cell.route, cell.connections, cell.rate_per_s)
            for cell in self.cells
            for entry in cell.rounds
        }


    def find_complete_rounds(self) -> list[int]:
        """What complete_rounds is now, by the visits that were made."""
        made = self.visits_made()
        missing = {visit.round for visit in self.order if visit not in made}
        return sorted({visit.round for visit in self.order} - missing)
