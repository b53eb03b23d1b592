"""A run that never took place, with figures like those of a real one: for tests and for looking at the report.

`/usr/bin/python3 -m rig.synthetic_results DIR` in tests/, with bench/ on PYTHONPATH, writes DIR/results.json.
Everything follows from the seed. The contestants are those in bench/peers by name; versions are made up.
"""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass
from pathlib import Path

from restmark_rig.model.memory_records import MEMORY_PHASES, REST, MemoryRecord, MemoryTotals, ProcessMemory
from restmark_rig.model.results import (
    CLIENT_BOUND,
    ERRORS,
    LIMIT_CONTESTANT,
    NOISY,
    STARVED,
    THROTTLED,
    Cell,
    ContestantRecord,
    Latency,
    LoadErrors,
    Machine,
    MachineFinding,
    Results,
    Round,
    RunSettings,
    Skipped,
    Verdict,
    Verification,
    Visit,
)
from restmark_rig.model.workloads import ROUTE_ENCODE, ROUTE_LOOP, ROUTE_PARSE, ROUTE_ROOT, ROUTE_TRANSFER, ROUTES
from restmark_rig.store import results_file

JSON_BYTES = 133_622
SHA256 = "8f7fa66a532c7c0b2c808e8810ca60de5d8d5723722d6ee5c237ed73f5d71f3a"
STARTED_UNIX_MS = 1_760_000_000_000
CLIENT_US_PER_REQUEST = {
    ROUTE_ROOT: 11.0,
    ROUTE_PARSE: 12.0,
    ROUTE_ENCODE: 12.0,
    ROUTE_TRANSFER: 45.0,
    ROUTE_LOOP: 12.0,
}
QUANTILES = {"50": 1.0, "75": 1.06, "90": 1.15, "95": 1.3, "99": 1.9, "99.9": 3.2}
CPUS = 1


@dataclass(frozen=True)
class Character:
    """A made-up contestant. cpu_us: per request by route, in the order of ROUTES; None: not offered."""

    name: str
    title: str
    language: str
    model: str
    cpu_us: tuple[float | None, ...]
    base_uss_kib: int
    worker_uss_kib: int
    shared_kib: int
    processes_per_worker: int = 1
    max_connections: int | None = None
    same_as: str | None = None
    jitter: float = 0.008


CHARACTERS = (
    Character("epoll-limit", "Bare epoll loop (the limit)", "C", "none", (7.1, None, None, 55.0, None), 90, 110, 1300),
    Character("go-fasthttp", "Go, fasthttp", "Go", "struct", (9.1, 168, 186, 66, 1010), 9800, 900, 4000, 0),
    Character("go-nethttp", "Go, net/http", "Go", "struct", (16.2, 905, 742, 82, 1015), 11800, 1400, 4600, 0),
    Character("nginx", "nginx (static)", "C", "none", (8.0, None, None, 88.0, None), 400, 900, 5200),
    Character("pypy-gunicorn", "PyPy 3, gunicorn", "Python", "tree", (118, 3400, 2300, 240, 1340), 40000, 52000, 31000),
    Character(
        "python-uwsgi", "Python 3, uWSGI", "Python", "tree", (52, 1650, 2900, 118, 78000), 9000, 7600, 15500, 1, 1
    ),
    Character("restmarkd", "restmarkd, C structs", "C", "struct", (8.2, 41, 72, 62, 1008), 300, 480, 4300),
    Character(
        "restmarkd-again",
        "restmarkd, C structs",
        "C",
        "struct",
        (8.2, 41, 72, 62, 1008),
        300,
        480,
        4300,
        1,
        None,
        "restmarkd",
    ),
    Character("restmarkd-tree", "restmarkd, object trees", "C", "tree", (8.3, 320, 610, 62, 1008), 300, 900, 4300),
    Character("rust-actix", "Rust, actix-web", "Rust", "struct", (9.3, 78, 196, 61, 1006), 3900, 300, 3000, 0),
    Character("rust-axum", "Rust, axum", "Rust", "struct", (10.6, 80, 197, 64, 1006), 2500, 200, 2600, 0),
)


def build(
    seed: int = 1,
    rounds: int = 7,
    connections: tuple[int, ...] = (64,),
    names: tuple[str, ...] | None = None,
    factors: dict[str, float] | None = None,
    rate_per_s: int | None = None,
    memory: bool = True,
) -> Results:
    """A run. names: only these contestants; factors: contestant to a factor on its CPU time per request.

    rate_per_s: adds cells with that fixed rate for every contestant that can keep it up.
    """
    rng = random.Random(seed)
    characters = [character for character in CHARACTERS if names is None or character.name in names]
    results = Results(
        rig_version="0.1.0",
        complete=True,
        started_unix_ms=STARTED_UNIX_MS,
        finished_unix_ms=STARTED_UNIX_MS + 1_560_000,
        argv=["restmark", "run", "--rounds", str(rounds), "--seed", str(seed), "--output", "results/a run"],
        seed=seed,
        settings=_settings(rounds, connections, rate_per_s),
        thresholds={"client_load_share": 0.95, "noisy_spread_share": 0.05, "byte_mismatch_share": 0.001},
        machine=_machine(),
        tools={"restmark-load": "restmark-load 0.1.0", "Python": "3.11.2"},
        contestants=[_contestant(character) for character in characters],
        skipped=[Skipped("pypy-uwsgi", "PyPy 3, uWSGI", "pypy3 is not installed", "apt-get install pypy3")],
        verifications=[
            Verification(character.name, phase, True) for character in characters for phase in ("before", "after")
        ],
    )
    loads = [(number, None) for number in connections] + ([(connections[0], rate_per_s)] if rate_per_s else [])
    for character in characters:
        factor = (factors or {}).get(character.name, 1.0)
        for route, cpu_us in zip(ROUTES, character.cpu_us, strict=True):
            for number, rate in loads:
                if cpu_us is not None and (rate is None or rate * cpu_us * factor < 700_000):
                    results.cells.append(_cell(rng, character, route, cpu_us * factor, number, rate, rounds))
    results.order = _order(rng, results.cells, rounds)
    if memory:
        for character in characters:
            if character.same_as is None:
                results.memory += _memory(character)
    return results


def plant_faults(results: Results) -> None:
    """Gives some cells one verdict or several, where those contestants take part."""
    noisy = results.cell("pypy-gunicorn", ROUTE_PARSE, results.settings.connections[0])
    if noisy is not None:
        noisy.verdicts.append(Verdict(NOISY, "the rounds spread by 7.2 %, above 5 %"))
    several = results.cell("restmarkd-tree", ROUTE_ROOT, results.settings.connections[0])
    if several is not None:
        several.verdicts += [Verdict(name, "planted") for name in (NOISY, THROTTLED)]
    limit = results.cell(LIMIT_CONTESTANT, ROUTE_TRANSFER, results.settings.connections[0])
    if limit is not None:
        limit.verdicts += [Verdict(name, "planted") for name in (CLIENT_BOUND, STARVED)]
    failed = results.cell("go-nethttp", ROUTE_TRANSFER, results.settings.connections[0])
    if failed is not None:
        failed.verdicts.append(Verdict(ERRORS, "12 of 84,000 answers failed (12 reads)"))


def _settings(rounds: int, connections: tuple[int, ...], rate_per_s: int | None) -> RunSettings:
    return RunSettings(
        connections=list(connections),
        rounds=rounds,
        duration_ms=5000,
        warmup_ms=1000,
        workers=1,
        server_cpus=[1],
        client_cpus=[0],
        client_threads=1,
        timeout_ms=30_000,
        rate_per_s=rate_per_s,
        quick=False,
        dataset_records=1000,
        dataset_json_bytes=JSON_BYTES,
        dataset_sha256=SHA256,
    )


def _machine() -> Machine:
    return Machine(
        hostname="example",
        os="Debian GNU/Linux 12 (bookworm)",
        kernel="Linux 6.1.0-30-amd64",
        architecture="x86_64",
        cpu_model="Example CPU @ 2.60GHz",
        cpus_online=2,
        cpus_allowed=[0, 1],
        memory_total_kib=8_000_000,
        virtualisation="kvm",
        findings=[
            MachineFinding("cpus", "note", "2 in the machine, usable here: 0-1", "trust CPU per request"),
            MachineFinding("turbo", "warning", "on & <unsteady>", "switch it off for the steadiest figures"),
            MachineFinding("kernel", "ok", "Linux 6.1.0-30-amd64", ""),
        ],
    )


def _contestant(character: Character) -> ContestantRecord:
    return ContestantRecord(
        name=character.name,
        title=character.title,
        language=character.language,
        model=character.model,
        description=f"{character.title} as in its manifest.",
        notes="",
        routes=[route for route, cpu_us in zip(ROUTES, character.cpu_us, strict=True) if cpu_us is not None],
        versions={character.language: "1.2.3", "library": "4.5 <beta>"},
        workers=CPUS,
        accounting="cgroup v2",
        max_connections_per_worker=character.max_connections,
        same_as=character.same_as,
    )


def _cell(
    rng: random.Random, who: Character, route: str, cpu_us: float, connections: int, rate: int | None, rounds: int
) -> Cell:
    used = min(connections, who.max_connections * CPUS) if who.max_connections else connections
    wire = 150 + (JSON_BYTES if route == ROUTE_TRANSFER else 9)
    cell = Cell(who.name, route, connections, used, rate, wire)
    for number in range(1, rounds + 1):
        cell.rounds.append(_round(rng, cell, number, cpu_us * rng.gauss(1.0, who.jitter), CLIENT_US_PER_REQUEST[route]))
    first = cell.rounds[0] if cell.rounds else None
    if rate is None and first and (first.client_cpu_ns or 0) > 0.95e3 * first.duration_us:
        cell.verdicts.append(Verdict(CLIENT_BOUND, "the client used 0.99 of its 1 CPU, above 0.95"))
    return cell


def _round(rng: random.Random, cell: Cell, number: int, cpu_us: float, client_us: float) -> Round:
    duration_us = 5_000_000 + rng.randrange(20_000)
    client_us *= rng.gauss(1.0, 0.006)
    possible = min(CPUS * 0.985e6 / cpu_us, 0.99e6 / client_us)
    per_s = min(possible, cell.rate_per_s or possible)
    requests = round(per_s * duration_us / 1e6)
    middle_us = cell.connections_used / per_s * 1e6 if cell.rate_per_s is None else 2 * cpu_us + 40
    quantiles = {name: round(middle_us * factor * rng.gauss(1.0, 0.02)) for name, factor in QUANTILES.items()}
    return Round(
        round=number,
        started_unix_ms=STARTED_UNIX_MS + number * 200_000,
        duration_us=duration_us,
        requests=requests,
        bytes=requests * (cell.wire_bytes or 0),
        errors=LoadErrors(),
        latency=Latency(round(middle_us * 0.2), round(middle_us * 6), round(middle_us * 1.05), quantiles),
        server_cpu_ns=round(cpu_us * 1e3 * requests),
        client_cpu_ns=round(client_us * 1e3 * requests),
        server_runqueue_wait_ns=rng.randrange(40_000_000),
        throttled_ns=None,
        voluntary_switches=rng.randrange(1000, 60_000),
        involuntary_switches=rng.randrange(10, 500),
    )


def _order(rng: random.Random, cells: list[Cell], rounds: int) -> list[Visit]:
    visits = []
    for number in range(1, rounds + 1):
        turn = [Visit(number, cell.contestant, cell.route, cell.connections, cell.rate_per_s) for cell in cells]
        rng.shuffle(turn)
        visits += turn
    return visits


def _memory(who: Character) -> list[MemoryRecord]:
    """USS grows by the worker; what is shared is counted once in PSS and in each process in RSS."""
    records = []
    for workers in (1, 2, 4, 8):
        for phase in MEMORY_PHASES:
            growth = 1.0 if phase == REST else 1.15
            count = 1 + workers * who.processes_per_worker
            own = [round(who.base_uss_kib * growth)] + [round(who.worker_uss_kib * growth)] * (count - 1)
            if who.processes_per_worker == 0:
                own = [round((who.base_uss_kib + who.worker_uss_kib * workers) * growth)]
            processes = [
                ProcessMemory(
                    pid=1000 + index,
                    role="master" if index == 0 else "worker",
                    rss_kib=uss + who.shared_kib,
                    pss_kib=uss + who.shared_kib // len(own),
                    uss_kib=uss,
                    shared_kib=who.shared_kib,
                    threads=1 if who.processes_per_worker else workers + 3,
                )
                for index, uss in enumerate(own)
            ]
            totals = MemoryTotals(
                sum(process.rss_kib or 0 for process in processes),
                sum(process.pss_kib or 0 for process in processes),
                sum(process.uss_kib or 0 for process in processes),
            )
            records.append(MemoryRecord(who.name, workers, phase, processes, totals, (totals.pss_kib or 0) * 1050))
    return records


def main() -> None:
    """Writes the run named on the command line."""
    results = build(rate_per_s=1000 if "--rate" in sys.argv else None)
    plant_faults(results)
    sys.stdout.write(f"{results_file.write(results, Path(sys.argv[1]))}\n")


if __name__ == "__main__":
    main()
