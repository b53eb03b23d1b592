"""restmark quick: a first look at one server, in a minute or two."""

from __future__ import annotations

import os
import subprocess
from functools import partial

from rich.table import Table

from ...contestants import builder
from ...contestants.settings import Settings
from ...host import pinning
from ...load import load
from ...model import cpulist
from ...model.errors import EnvironmentFault, ExitCode, UsageFault
from ...model.workloads import ROUTE_TRANSFER, ROUTES
from ...server import memory_look
from ...server.launcher import RunningServer, StartOptions
from ...server.placement import Local
from ...store import dataset
from ...study import quick as measuring
from ...study.quick import Row
from ...terminal import console
from ...terminal.console import Progress
from ...verify.oracle import Oracle
from .build import provide_load, require_met


def quick(settings: Settings, duration: int, connections: int, workers: int | None) -> int:
    """Check and measure each route of one server (restmarkd, or the one named with -C) once."""
    if not settings.selectors:
        settings.selectors.append("restmarkd")
    contestants = settings.chosen()
    if len(contestants) != 1:
        raise UsageFault("quick looks at one server", "name one with -C")
    contestant = contestants[0]
    provide_load(settings)
    require_met(contestant)
    data = dataset.write_default(settings.cache.folder("datasets") / "default.msgpack")
    pins = pinning.halves()
    options = StartOptions(data.path, workers=workers or pins.workers, cpus=pins.server)
    used = measuring.connections_used(connections, contestant, options.workers)
    with console.progress() as progress:
        builder.build(contestant, settings.cache, progress)
        with Local(settings.cache).launch(contestant, options) as server:
            progress.say(f"{contestant.title}: {options.workers} worker(s) on port {server.port}")
            compared = measuring.check(server, Oracle(data))
            progress.say(f"checked {compared} answers byte for byte: all as defined")
            rows = []
            measured = [route for route in contestant.routes if route in ROUTES]
            for number, route in enumerate(measured, 1):
                say = partial(_say_step, progress, f"[{number}/{len(measured)}] ")
                rows.append(measuring.measure(load, server, route, pins, used, duration, say))
            memory = "" if server.death() else _memory(server)
    _show(rows, pins, duration)
    if used < connections:
        console.plain(console.out, f"{contestant.title} holds no more than {used} of the {connections} connections asked for.")
    if not memory:
        console.plain(console.out, "The server has ended, so there is no memory to be looked at.")
        return ExitCode.ENVIRONMENT
    console.plain(console.out, "\nMemory after the load:\n\n" + memory)
    return ExitCode.OK


def _say_step(progress: Progress, step: str, text: str) -> None:
    progress.say(step + text)


def _memory(server: RunningServer) -> str:
    path = memory_look.restmark_rss()
    result = subprocess.run([path, "--pid", str(server.pid)], capture_output=True, text=True, timeout=60, check=False)
    if result.returncode != 0:
        raise EnvironmentFault(f"{path} failed: {result.stderr.strip()}")
    return result.stdout


def _show(rows: list[Row], pins: pinning.Pinning, duration: int) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Route")
    for title in ("Requests/s", "p50 ms", "p99 ms", "CPU µs/req", "MiB/s"):
        table.add_column(title, justify="right")
    table.add_column("Remarks")
    for row in rows:
        table.add_row(row.route, *_figures(row), ", ".join(row.remarks))
    console.out.print()
    console.out.print(table)
    where = (
        f"Server on CPU {cpulist.render(pins.server)}, load on CPU {cpulist.render(pins.client)}"
        if pins.server and pins.client
        else f"Server and load share {len(os.sched_getaffinity(0))} CPU, not pinned: they take time from each other"
    )
    console.plain(console.out, f"\n{where}; {rows[0].connections} connection(s), {duration} s per route, no pipelining.")
    if pins.server and pins.client:
        for doubt in pinning.remarks(pins):
            console.plain(console.out, f"{doubt}.")
    if any("client-bound" in row.remarks for row in rows):
        console.plain(
            console.out,
            "client-bound: the load's CPU was full, the server's was not; requests/s is then its limit,\n"
            "and the CPU time per request is the figure to compare.",
        )


def _figures(row: Row) -> list[str]:
    """The row's columns between route and remarks; a dash where there is no figure."""
    cost = row.cpu_us_per_request
    if row.load is None or cost is None:
        return ["–"] * 4 + [""]
    quantiles = row.load.latency_quantiles_us
    return [
        f"{row.load.requests_per_s:,.0f}" if row.load.requests_per_s >= 10 else f"{row.load.requests_per_s:.2g}",
        f"{quantiles['50'] / 1000:.2f}",
        f"{quantiles['99'] / 1000:.2f}",
        f"{cost:,.1f}",
        f"{row.mib_per_s:,.0f}" if row.route == ROUTE_TRANSFER else "",
    ]
