"""restmark dev: benchmarks for restmark's own developers, of restmarkd's builds and settings and of the load generators."""

from __future__ import annotations

import os
from pathlib import Path

import click

from ...contestants.settings import Settings
from ...model.errors import UsageFault
from .options import CountList

_WAYS = ("reuseport", "shared", "cpu")  # of study.balance, which a test compares: it is not imported for the help


@click.group()
def dev() -> None:
    """Benchmarks for restmark's own developers."""


@dev.command()
@click.option("--target", default="/", show_default=True, help="Of the requests.")
@click.option("--rounds", type=click.IntRange(1, 1000), default=9, show_default=True)
@click.option("--seconds", type=click.IntRange(1, 600), default=2, show_default=True, help="Of each round and binary.")
@click.option("--instructions", is_flag=True, help="Count instructions under callgrind, not CPU time.")
@click.option("--requests", type=click.IntRange(1, 1_000_000), default=2000, show_default=True, help="With --instructions.")
@click.option("--limit", type=click.FloatRange(min=0), metavar="PERCENT", help="Exit with 4 if a binary costs so much more than the first.")
@click.argument("binaries", metavar="BASE [BINARY]...", type=click.Path(exists=True, dir_okay=False, path_type=Path), nargs=-1, required=True)
@click.pass_obj
def cost(
    settings: Settings, target: str, rounds: int, seconds: int, instructions: bool, requests: int, limit: float | None, binaries: tuple[Path, ...]
) -> int:
    """Compare what one request costs several restmarkd binaries.

    Printed are the worker's CPU time per request, the median of the rounds and the least of them, and the median of its ratios
    to BASE in the same round with their quartiles. Compare a copy of BASE with BASE to see how far to trust it.
    """
    from ..actions import dev as action

    return action.show_cost(settings, binaries, target, rounds, seconds, requests if instructions else None, limit)


@dev.command("load-cost")
@click.option("--target", default="/", show_default=True, help="Of the requests.")
@click.option("--rounds", type=click.IntRange(1, 1000), default=9, show_default=True)
@click.option("--seconds", type=click.IntRange(1, 600), default=2, show_default=True, help="Of each load.")
@click.option("--connections", type=click.IntRange(1, 10_000), default=64, show_default=True)
@click.option("--cpu", type=click.IntRange(min=0), help="Of the client [default: the first one].")
@click.argument("url")
@click.pass_obj
def load_cost(settings: Settings, target: str, rounds: int, seconds: int, connections: int, cpu: int | None, url: str) -> int:
    """Compare what one answer costs restmark-load, with and without its look at the bytes, and wrk.

    URL is http://HOST:PORT of a server, which should be on another CPU. Printed are the client's CPU time per answer, its ratio to the first
    one's with a 95 % interval, and answers per second of that CPU time.
    """
    from ...load.load import LoadPlan
    from ..actions import dev as action

    host, port = _address(url)
    cpus = frozenset({min(os.sched_getaffinity(0)) if cpu is None else cpu})
    return action.show_load_cost(settings, LoadPlan(host, port, target, connections, seconds, cpus, timeout_s=10), rounds)


def _address(url: str) -> tuple[str, int]:
    """Host and port. Raises UsageFault."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host is None or port is None or parts.scheme != "http" or parts.path not in ("", "/"):
        raise UsageFault(f"URL {url!r}: not http://HOST:PORT", "the rest of it is --target")
    return host, port


@dev.command()
@click.option(
    "--build",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("build/release"),
    show_default=True,
    help="The build tree with restmarkd and restmarkctl.",
)
@click.option("--workers", type=click.IntRange(1, 1024), help="[default: one per CPU]")
@click.option("--duration", type=click.FloatRange(0.001, 600), default=3, show_default=True, metavar="SECONDS", help="Of each load.")
@click.option("--connections", type=CountList(), default="1,8,64,256", show_default=True, metavar="N[,N…]")
@click.option("--way", "ways", type=click.Choice(_WAYS), multiple=True, help="Repeatable [default: all].")
@click.option("--target", default="/encode-json", show_default=True, help="Of the requests.")
@click.option("--close", is_flag=True, help="A connection for each request.")
@click.pass_obj
def balance(
    settings: Settings,
    build: Path,
    workers: int | None,
    duration: float,
    connections: tuple[int, ...],
    ways: tuple[str, ...],
    target: str,
    close: bool,
) -> int:
    """Compare restmarkd's [server] balance settings: latency and fairness.

    A Markdown table. p50, p99, max: milliseconds from request to answer, the opening of a connection included where each request
    takes one. busiest, idlest: the largest and smallest share of requests that a worker has served. failed: connections that did not
    open or broke, time-outs, wrong status or bytes.
    """
    from ...study.balance import BalancePlan
    from ..actions import dev as action

    plan = BalancePlan(build.absolute(), workers or len(os.sched_getaffinity(0)), duration, target, close)
    return action.show_balance(settings, plan, ways or _WAYS, connections)


@dev.command()
@click.option("--rounds", type=click.IntRange(1, 100), default=7, show_default=True)
@click.option("--duration", type=click.IntRange(1, 60), default=3, show_default=True, metavar="SECONDS", help="Of a round.")
@click.pass_obj
def targets(settings: Settings, rounds: int, duration: int) -> int:
    """Measure restmarkd against its targets of speed, memory and start; exit with 4 if one is missed."""
    from ..actions import dev as action

    return action.show_targets(settings, rounds, duration)


@dev.command()
@click.option(
    "-C",
    "--contestant",
    "names",
    multiple=True,
    metavar="NAME|DIR",
    default=("restmarkd", "go-fasthttp", "rust-hyper", "nginx"),
    show_default=True,
    help="Repeatable.",
)
@click.option("--target", default="/", show_default=True, help="Of the requests.")
@click.option("--connections", type=click.IntRange(1, 10_000), default=256, show_default=True, help="Of all workers together.")
@click.option("--workers", type=CountList(), default="1", show_default=True, metavar="N[,N…]", help="Of each server, in turn.")
@click.option("--rounds", type=click.IntRange(1, 100), default=5, show_default=True)
@click.option("--duration", type=click.FloatRange(0.05, 60), default=1, show_default=True, metavar="SECONDS", help="Of each load.")
@click.pass_obj
def tail(
    settings: Settings, names: tuple[str, ...], target: str, connections: int, workers: tuple[int, ...], rounds: int, duration: float
) -> int:
    """Compare latencies at 50 and 80 % of each server's capacity, and its throughput per worker.

    A Markdown table. Capacity is what a closed loop of the connections answers; the p99 is that of a fixed rate, counted from when each
    request was due, the median of the rounds with the least and the most of them. late: rounds in which the client itself was, so that the p99 is not the
    server's alone.
    """
    from ..actions import dev as action

    return action.show_tail(settings, names, target, connections, workers, rounds, duration)


@dev.command()
@click.option("--threads", type=click.IntRange(min=1), default=2, show_default=True, help="wrk's -t.")
@click.option("--connections", type=click.IntRange(min=1), default=64, show_default=True, help="wrk's -c.")
@click.option("--duration", type=click.IntRange(min=1), default=10, show_default=True, metavar="SECONDS", help="wrk's -d.")
@click.option("--print", "only_print", is_flag=True, help="Print the commands, and run nothing.")
@click.argument("urls", metavar="URL...", nargs=-1, required=True)
@click.pass_obj
def article(settings: Settings, threads: int, connections: int, duration: int, only_print: bool, urls: tuple[str, ...]) -> int:
    """Load a server with wrk's command line and restmark-load's beside it, as by hand.

    Each command is printed before it runs, so that it can be repeated by hand; what it prints is shown as it is.
    """
    from ...study.article import ByHand
    from ..actions import dev as action

    return action.show_article(settings, ByHand(threads, connections, duration), urls, only_print)
