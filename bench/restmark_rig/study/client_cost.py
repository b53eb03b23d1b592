"""What one answer costs the load generators: restmark-load with and without its look at every answer, and wrk. `restmark dev load-cost` runs it.

Each loads a server in turn from one CPU with one thread; the server should be on another one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ..load.engine import LoadEngine
from ..load.load import LoadPlan
from ..model import stats
from ..model.errors import EnvironmentFault
from ..model.stats import Estimate


@dataclass(frozen=True)
class Client:
    """A way to make the load: a program, and whether it looks at the bytes of answers."""

    engine: LoadEngine
    check: bool = True


@dataclass(frozen=True)
class Cost:
    """CPU time of the client per answer, user and system, and its ratio to the first client's."""

    us_per_answer: float
    ratio: Estimate


def cpu_us_per_answer(client: Client, plan: LoadPlan) -> float:
    """Microseconds. Raises EnvironmentFault at anything but right answers, and what the engine raises."""
    result = client.engine.run(replace(plan, check=client.check))
    if result.errors or not result.requests:
        raise EnvironmentFault(f"GET {plan.target}: {result.requests} right answers, {result.errors_by_kind}", "see what the server says")
    return result.client_cpu_ns / 1000 / result.requests


def compare(clients: Mapping[str, Client], plan: LoadPlan, rounds: int, say: Callable[[str], None]) -> dict[str, Cost]:
    """Rounds of all in turn, the order changing each time. Raises what cpu_us_per_answer() raises."""
    found: dict[str, list[float]] = {name: [] for name in clients}
    for number in range(rounds):
        for name in sorted(clients, reverse=number % 2 == 0):
            found[name].append(cpu_us_per_answer(clients[name], plan))
            say(f"round {number + 1} of {rounds}: {name} {found[name][-1]:.2f} µs")
    base = next(iter(found.values()))
    return {name: Cost(stats.median(values).value, stats.ratio(values, base, paired=True)) for name, values in found.items()}
