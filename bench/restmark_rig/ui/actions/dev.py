"""restmark dev: benchmarks for restmark's own developers."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import tempfile
from pathlib import Path

from ...contestants import builder, registry
from ...contestants.settings import Settings
from ...host import installation
from ...load import load, load_program, wrk
from ...load.load import LoadPlan
from ...model.errors import ExitCode, UsageFault
from ...store import dataset
from ...study import article, balance, client_cost, request_cost, tail, targets
from ...study.article import ByHand
from ...study.balance import Balance, BalancePlan
from ...study.client_cost import Client
from ...study.tail import Rate, Tail, TailPlan
from ...terminal import console
from .build import provide_load


def _print(text: str) -> None:
    console.plain(console.out, text)


def show_cost(
    settings: Settings, binaries: tuple[Path, ...], target: str, rounds: int, seconds: int, requests: int | None, limit_percent: float | None
) -> int:
    """CPU time per request of each binary; instructions if a number of requests is given. REGRESSION if one is beyond the limit."""
    if requests is None:
        provide_load(settings)
        figures, unit = request_cost.cpu_times(load, binaries, target, rounds, seconds), "us/request"
    else:
        figures, unit = request_cost.instructions(binaries, target, requests), "instructions/request"
    code = ExitCode.OK
    for binary, cost in zip(binaries, request_cost.compared(figures), strict=True):
        spread = f" ({cost.quartiles[0]:.3f} ... {cost.quartiles[1]:.3f}), least {cost.least:.2f}" if cost.quartiles else ""
        missed = limit_percent is not None and cost.ratio > 1 + limit_percent / 100
        code = ExitCode.REGRESSION if missed else code
        _print(f"{cost.median:10.2f} {unit}  {cost.ratio:.3f}{spread}  {binary}{'  MISSED' if missed else ''}")
    return code


def show_load_cost(settings: Settings, plan: LoadPlan, rounds: int) -> int:
    """A line for each load generator; wrk takes part where it is installed."""
    provide_load(settings)
    clients = {"restmark-load --no-check": Client(load, check=False), "restmark-load": Client(load)}
    if shutil.which(wrk.NAME):
        clients["wrk"] = Client(wrk)
    with console.progress() as progress:
        costs = client_cost.compare(clients, plan, rounds, progress.progress)
    for name, cost in costs.items():
        ratio = cost.ratio
        interval = f"({ratio.low:.3f} ... {ratio.high:.3f})" if ratio.low is not None and ratio.high is not None else ""
        _print(f"{cost.us_per_answer:8.2f} us/answer  {ratio.value:.3f} {interval:18}  {1e6 / cost.us_per_answer:9,.0f}/s of a CPU  {name}")
    return ExitCode.OK


def show_balance(settings: Settings, plan: BalancePlan, ways: tuple[str, ...], connections: tuple[int, ...]) -> int:
    """A Markdown table with a line for each way and number of connections."""
    balance.require_programs(plan.build)
    provide_load(settings)
    kind = "a connection for each request" if plan.close else "kept connections"
    _print(f"`GET {plan.target}`, {kind}, {plan.workers} workers, {len(os.sched_getaffinity(0))} CPUs, Linux {platform.release()}\n")
    _print("| balance | connections | requests/s | p50 ms | p99 ms | max ms | busiest | idlest | failed |")
    _print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for way in ways:
        for count in connections:
            with tempfile.TemporaryDirectory(prefix="balance-") as folder:
                _print(_balance_line(way, count, balance.measure(load, plan, way, count, Path(folder))))
    return ExitCode.OK


def _balance_line(way: str, connections: int, found: Balance) -> str:
    quantiles = found.load.latency_quantiles_us
    waits_us = (quantiles.get("50", 0), quantiles.get("99", 0), found.load.latency_max_us)
    milliseconds = " | ".join(f"{us / 1000:.2f}" for us in waits_us)
    fairness = f"{found.percent(max(found.served)):.0f} % | {found.percent(min(found.served)):.0f} %"
    return f"| {way} | {connections} | {found.load.requests_per_s:,.0f} | {milliseconds} | {fairness} | {found.load.errors} |"


def show_targets(settings: Settings, rounds: int, duration_s: int) -> int:
    """A line for each target; REGRESSION if one is missed."""
    provide_load(settings)
    data = dataset.write_default(settings.cache.folder("datasets") / "default.msgpack")
    ours, limit = (registry.resolve(name, installation.PEERS) for name in ("restmarkd", "epoll-limit"))
    with console.progress() as progress:
        for contestant in (ours, limit):
            builder.build(contestant, settings.cache, progress)
        findings = targets.all_findings(load, ours, limit, data.path, settings.cache, rounds, duration_s, progress)
    for finding in findings:
        _print(f"{'met   ' if finding.met else 'MISSED'} {finding.name}: {finding.figure}; target {finding.target:g}")
    return ExitCode.OK if all(finding.met for finding in findings) else ExitCode.REGRESSION


def show_tail(
    settings: Settings, names: tuple[str, ...], target: str, connections: int, workers: tuple[int, ...], rounds: int, duration_s: float
) -> int:
    """A table of the contestants, by workers."""
    provide_load(settings)
    data = dataset.write_default(settings.cache.folder("datasets") / "default.msgpack")
    contestants = [registry.resolve(name, installation.PEERS) for name in dict.fromkeys(names)]
    plan = TailPlan(data.path, target, connections, workers, rounds, duration_s)
    with console.progress() as progress:
        for contestant in contestants:
            builder.build(contestant, settings.cache, progress)
        found = tail.measure(load, contestants, plan, settings.cache, progress.say)
    heads = [f"p99 ms at {share:.0%} | late" for share in tail.SHARES]
    _print(f"| contestant | workers | requests/s | per worker | {' | '.join(heads)} |")
    _print("|---|---:|---:|---:|" + "---:|---:|" * len(tail.SHARES))
    for one in found:
        _print(_tail_line(one))
    return ExitCode.OK


def _tail_line(one: Tail) -> str:
    return f"| {one.contestant} | {one.workers} | {one.per_worker * one.workers:,.0f} | {one.per_worker:,.0f} | {' | '.join(map(_rate, one.rates))} |"


def _rate(rate: Rate) -> str:
    return f"{rate.middle_us / 1000:.2f} ({min(rate.p99_us) / 1000:.2f} – {max(rate.p99_us) / 1000:.2f}) | {rate.late} of {len(rate.p99_us)}"


def show_article(settings: Settings, by_hand: ByHand, urls: tuple[str, ...], only_print: bool) -> int:
    """Each command and what it prints; only the commands if nothing is to run."""
    if by_hand.threads > by_hand.connections:
        raise UsageFault(f"{by_hand.threads} threads for {by_hand.connections} connections", "give each thread one at least")
    wrk_path, our_path = "wrk", "restmark-load"
    if not only_print:
        wrk_path = wrk.path()
        provide_load(settings)
        our_path = str(load_program.path())
    for url in urls:
        _load_by_hand(by_hand, by_hand.commands(url, wrk_path, our_path), only_print)
    return ExitCode.OK


def _load_by_hand(by_hand: ByHand, commands: dict[str, list[str]], only_print: bool) -> None:
    rates = {}
    for name, argv in commands.items():
        _print(f"$ {shlex.join(argv)}")
        if not only_print:
            said = article.run(name, argv)
            rates[name] = said.requests_per_s
            _print(said.text)
            if said.wrong:
                _print(f"# not all was answered rightly: {said.wrong}")
    if by_hand.opened_by_wrk < by_hand.connections:
        _print(f"# wrk opens {by_hand.opened_by_wrk} of the {by_hand.connections} connections: {by_hand.threads} threads do not divide them")
    if rates:
        ours, theirs = rates["restmark-load"], rates["wrk"]
        _print(f"# restmark-load {ours:,.0f}/s, wrk {theirs:,.0f}/s: {ours / theirs:.3f}")
        _print("# wrk's latencies are none: it spreads a long answer over requests that were never sent (docs/METHODOLOGY.md, Load)")
