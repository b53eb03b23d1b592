"""The daemon that all rows are tried on, and what it has counted."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "integration"), str(TESTS)]

from daemon import Daemon, wait_for  # noqa: E402  (the path had to be set first)
from wire import PROBE, Wire  # noqa: E402


@dataclass
class Counts:
    """What the daemon has counted: a number for each name."""

    numbers: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, status: dict[str, Any]) -> Counts:
        routes = status["routes"]
        numbers = {what: sum(route[what] for route in routes.values()) for what in ("requests", "errors_4xx", "errors_5xx", "aborted")}
        return cls({**numbers, "other": routes["other"]["requests"], **{f"close {why}": n for why, n in status["closes"].items()}})

    def since(self, before: Counts) -> dict[str, int]:
        """What is more, without what is not."""
        return {name: n - before.numbers[name] for name, n in self.numbers.items() if n != before.numbers[name]}


class Target:
    """A daemon with one worker, which no row may end."""

    def __init__(self, daemon: Daemon, access_log: Path) -> None:
        self.daemon, self.access_log = daemon, access_log
        self.address = (daemon.host, daemon.port)
        (self.worker,) = daemon.workers()
        self.fence = Wire(self.address)
        self.counts = self.look()

    def look(self) -> Counts:
        return Counts.of(json.loads(self.daemon.ask("status json")))

    def turn(self) -> None:
        """Comes back when the only worker has looked at everything that was sent before."""
        self.fence.send(PROBE)
        assert self.fence.read().body == b"7"

    def require_counted(self, wanted: dict[str, int]) -> None:
        """Since the last time exactly this was counted; a connection's end is counted a moment after the client sees it."""
        before, wanted = self.counts, {name: n for name, n in wanted.items() if n}

        def is_counted() -> bool:
            self.counts = self.look()
            return self.counts.since(before) == wanted

        try:
            wait_for("the row is counted", is_counted, 60)
        except AssertionError:
            raise AssertionError(f"counted {self.counts.since(before)}, not {wanted}") from None
        assert self.daemon.workers() == [self.worker], "another worker took its place"


def serve(folder: Path, *options: str) -> Iterator[Target]:
    patient = ("limits.idle-timeout=10min", "limits.request-timeout=10min")
    daemon = Daemon(
        folder / "d",
        ("server.processes=1", *patient, "admin.listen=127.0.0.1:0", f"log.access-log={folder / 'access.log'}", *options),
        environment={"MALLOC_PERTURB_": "165"},  # a use after free shows
    )
    daemon.wait_ready()
    target = Target(daemon, folder / "access.log")
    yield target
    target.fence.socket.close()
    daemon.finish()


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    yield from serve(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def waiting_target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """One whose requests can wait."""
    yield from serve(tmp_path_factory.mktemp("waiting"), "workloads.wait=yes")
