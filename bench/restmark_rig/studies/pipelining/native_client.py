"""native-go's client as a load engine: HTTP/2 over TLS and HTTP/3 by the same program, as Debian's h2load speaks no HTTP/3."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...host import ports
from ...load import load_process
from ...load.load import LoadPlan, LoadResult, NotAnswered
from ...model.errors import EnvironmentFault, UsageFault
from . import h2load

READY = "ready\n"
_GRACE_S = 10.0


@dataclass(frozen=True)
class NativeClient:
    """An engine. streams: requests under way on a connection; body: what each answer has to be, None for the server's
    large one; within: the command that starts the program, where it is
    not to be started directly."""

    program: Path
    http3: bool
    streams: int
    body: str | None
    within: Sequence[str] = ()

    def run(self, plan: LoadPlan, begin: Callable[[], None] | None = None) -> LoadResult:
        """Sends the plan's number of requests, with all connections open beforehand; begin is called then. CPU time is from then on, too.

        Raises NotAnswered if the first request on a connection is not answered, EnvironmentFault, UsageFault for a plan without a number of requests.
        """
        if plan.requests is None:
            raise UsageFault("the native client has no clock", "give it a number of requests")
        argv = [
            *self.within, str(self.program), "--url", f"https://{ports.address(plan.host, plan.port)}{plan.target}", *(["--http3"] if self.http3 else []),
            "--connections", str(plan.connections), "--streams", str(self.streams), "--requests", str(plan.requests),
            *(["--large"] if self.body is None else ["--body", self.body]),
        ]  # fmt: skip
        with load_process.beside(plan.cpus), load_process.start(argv, plan.cpus) as process:
            timer = threading.Timer(plan.duration_s + plan.timeout_s + _GRACE_S, process.kill)
            timer.start()
            try:
                assert process.stdin and process.stdout and process.stderr
                if process.stdout.readline() != READY:
                    raise NotAnswered(f"{' '.join(argv)}: {process.stderr.read().strip()[-300:]}")
                if begin is not None:
                    begin()
                process.stdin.write("\n")
                process.stdin.flush()
                told, said = process.communicate()
            except BaseException:
                process.kill()
                raise
            finally:
                timer.cancel()
        if process.returncode != 0:
            raise EnvironmentFault(f"{' '.join(argv)}: exit code {process.returncode}: {said.strip()[-300:]}", "run it by hand")
        return figures(told)


def figures(told: str) -> LoadResult:
    """The result from the client's line of JSON."""
    found = json.loads(told)
    latencies: list[int] = found["latencies_us"]
    return LoadResult(
        duration_us=found["length_us"],
        total_us=found["length_us"],
        requests=found["requests"],
        in_window=found["requests"],
        bytes=0,
        connect_errors=0,
        read_errors=found["failed"],
        status_errors=0,
        timeouts=0,
        latency_min_us=latencies[0] if latencies else 0,
        latency_max_us=latencies[-1] if latencies else 0,
        latency_mean_us=sum(latencies) / len(latencies) if latencies else 0.0,
        latency_quantiles_us=h2load.quantiles(latencies),
        client_cpu_ns=found["cpu_ns"],
    )
