"""h2load as a load engine: HTTP/2, over TLS or in the clear, and HTTP/1.1 without pipelining over TLS. Its own log of each request gives the latencies."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...contestants.contestant import Requirement
from ...host import ports
from ...load import load_process
from ...load.load import LoadPlan, LoadResult, TargetResult
from ...model.errors import EnvironmentFault, UsageFault

REQUIREMENT = Requirement("/usr/bin/h2load", ("nghttp2-client",))
ASKER = Requirement("/usr/bin/nghttp", ("nghttp2-client",))
_FINISHED = re.compile(r"^finished in ([\d.]+)(us|ms|s), ", re.MULTILINE)
_REQUESTS = re.compile(r"^requests: .* (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout$", re.MULTILINE)
_STATUS = re.compile(r"^status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx$", re.MULTILINE)
_ANSWERED = re.compile(r"^ *\d+ +\+\S+ +\+\S+ +\S+ +200 +\S+ /")  # a line of nghttp's statistics
_TRAFFIC = re.compile(r"^traffic: .*\((\d+)\) total, .* .*\((\d+)\) data$", re.MULTILINE)
_UNITS_US = {"us": 1.0, "ms": 1e3, "s": 1e6}
_GRACE_S = 30.0
_QUANTILES = ("50", "90", "99", "99.9")


@dataclass(frozen=True)
class H2Load:
    """An engine. streams: requests under way on a connection, always 1 with http1; body_bytes: of each answer, None if they differ; clear: without
    TLS; first_waits_us: how long the first of the plan's targets takes at least, which tells it from the others in h2load's log, where it has no name: the
    result has the others first then, and it second."""

    streams: int
    http1: bool
    body_bytes: int | None
    clear: bool = False
    first_waits_us: int | None = None

    def run(self, plan: LoadPlan, begin: Callable[[], None] | None = None) -> LoadResult:
        """Sends the plan's number of requests. h2load does not say when its connections are open: begin is called before it starts, and
        their handshakes are in the CPU time, but in no other figure.

        Raises EnvironmentFault when it fails, UsageFault for a plan without a number of requests.
        """
        if plan.requests is None:
            raise UsageFault("h2load counts connections' handshakes to its time", "give it a number of requests")
        with tempfile.NamedTemporaryFile(prefix="restmark-h2load-", suffix=".log") as log:
            argv = self.command(plan, Path(log.name))
            if begin is not None:
                begin()
            ended = load_process.finish(argv, plan.cpus, plan.duration_s + plan.timeout_s + _GRACE_S)
            if ended.returncode != 0:
                raise EnvironmentFault(f"h2load failed: {' '.join(argv)}\n{(ended.output + ended.told).strip()[-2000:]}", "run it by hand")
            told = Path(log.name).read_text(encoding="ascii")
            result = figures(ended.output, told, self.body_bytes, ended.cpu_ns, plan.threads)
            if self.first_waits_us is None:
                return result
            share = plan.weights[0] / sum(plan.weights)
            return replace(result, targets=apart(latencies_of(told), round(plan.requests * share), self.first_waits_us))

    def command(self, plan: LoadPlan, log: Path) -> list[str]:
        """The command line. Of several targets, each has its turn as often as its weight says."""
        targets = (plan.target, *plan.more_targets)
        weights = plan.weights or (1,) * len(targets)
        url = f"{'http' if self.clear else 'https'}://{ports.address(plan.host, plan.port)}"
        urls = [url + target for target, weight in zip(targets, weights, strict=True) for _ in range(weight)]
        protocol = ["--h1"] if self.http1 else []
        return [
            REQUIREMENT.command, *protocol, f"-c{plan.connections}", f"-m{self.streams}", f"-t{plan.threads}", f"-n{plan.requests}", f"--log-file={log}", *urls,
        ]  # fmt: skip


def figures(output: str, log: str, body_bytes: int | None, client_cpu_ns: int, threads: int) -> LoadResult:
    """The result from what h2load prints and has logged. Where bodies have another number of bytes than they should, all answers count as wrong."""
    finished, requests, status, traffic = (pattern.search(output) for pattern in (_FINISHED, _REQUESTS, _STATUS, _TRAFFIC))
    if finished is None or requests is None or status is None or traffic is None:
        raise EnvironmentFault(f"h2load printed what is not understood:\n{output.strip()[-1000:]}", "nghttp2-client 1.43 or newer is")
    succeeded, failed, errored, timeout = map(int, requests.groups())
    wrong_status = sum(map(int, status.groups()[1:]))
    length_us = _length_us(log) or round(float(finished[1]) * _UNITS_US[finished[2]])
    latencies = latencies_of(log)
    wrong_bodies = 0 if body_bytes is None or int(traffic[2]) == succeeded * body_bytes else succeeded
    return LoadResult(
        duration_us=length_us,
        total_us=length_us,
        requests=succeeded,
        in_window=succeeded,
        bytes=int(traffic[1]),
        connect_errors=0,
        read_errors=failed + errored,
        status_errors=wrong_status,
        timeouts=timeout,
        body_errors=wrong_bodies,
        latency_min_us=latencies[0] if latencies else 0,
        latency_max_us=latencies[-1] if latencies else 0,
        latency_mean_us=sum(latencies) / len(latencies) if latencies else 0.0,
        latency_quantiles_us=quantiles(latencies),
        client_cpu_ns=client_cpu_ns,
        threads=threads,
    )


def latencies_of(log: str) -> list[int]:
    """Of all requests in it, microseconds, sorted."""
    return sorted(int(line.split("\t")[2]) for line in log.splitlines())


def _length_us(log: str) -> int:
    """From when the first request was sent to the last byte of all answers; 0 without any. The opening of connections is no part of it."""
    times = [(int(start), int(start) + int(took)) for start, _, took in (line.split("\t")[:3] for line in log.splitlines())]
    return max((end for _, end in times), default=0) - min((start for start, _ in times), default=0)


def apart(latencies: Sequence[int], dear: int, waits_us: int) -> tuple[TargetResult, TargetResult]:
    """Of cheap requests and of dear ones, of which there are so many and each takes at least so long. Where cheap ones took longer than that, too, as
    many of the shortest of those as there are dear ones are taken for dear: what is said of the cheap ones is never too short."""
    first = next((at for at, latency in enumerate(latencies) if latency >= waits_us), len(latencies))
    first = min(first, max(0, len(latencies) - dear))
    slow, others = latencies[first : first + dear], [*latencies[:first], *latencies[first + dear :]]
    return _target("cheap", others), _target("dear", slow)


def _target(name: str, latencies: Sequence[int]) -> TargetResult:
    return TargetResult(name, len(latencies), 0, latencies[-1] if latencies else 0, quantiles(latencies))


def quantiles(latencies: Sequence[int]) -> dict[str, int]:
    """By nearest rank."""
    last = len(latencies) - 1
    return {name: latencies[min(last, int(float(name) / 100 * len(latencies)))] for name in _QUANTILES} if latencies else {}


def body_of(port: int, target: str, clear: bool = False) -> bytes:
    """The body of an answer by HTTP/2, over TLS or in the clear. Raises EnvironmentFault if none comes."""
    done = _ask([f"{'http' if clear else 'https'}://127.0.0.1:{port}{target}"])
    if not done:  # without a connection it ends with 0 as well
        raise EnvironmentFault(f"no body came of {target} from port {port}", "see the server's log")
    return done


def order_of(port: int, targets: Sequence[str], clear: bool = False) -> list[str]:
    """The targets, all different, in the order in which their answers came, when all were asked for at once on one connection by HTTP/2.

    Raises EnvironmentFault if not all were answered.
    """
    scheme = "http" if clear else "https"
    output = _ask([f"{scheme}://127.0.0.1:{port}{target}" for target in targets], "--null-out", "--stat").decode(errors="replace")
    found = [line.split()[-1] for line in output.splitlines() if _ANSWERED.match(line)]
    if sorted(found) != sorted(targets):
        count = f"of {len(targets)} requests by HTTP/2 to port {port} {len(found)} were answered"
        raise EnvironmentFault(f"{count}:\n{output.strip()[-500:]}", "see the server's log")
    return found


def _ask(urls: Sequence[str], *options: str) -> bytes:
    argv = [ASKER.command, "--no-verify-peer", "--timeout=10", *options, *urls]
    done = subprocess.run(argv, capture_output=True, timeout=30, check=False)
    if done.returncode != 0:
        told = done.stderr.decode(errors="replace").strip()[-300:]
        raise EnvironmentFault(f"{' '.join(argv)}: exit code {done.returncode}: {told}", "see the server's log")
    return done.stdout
