"""What systemd and restmarkd say to each other, with a fake systemd: a datagram socket that reads, and keeps descriptors."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from daemon import Daemon, wait_for
from http_client import Load

Start = Callable[..., Daemon]


class FakeSystemd:
    """The other end of $NOTIFY_SOCKET."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.environment = {"NOTIFY_SOCKET": str(path)}
        self.messages: list[str] = []

    def read(self) -> list[str]:
        """All that was said so far."""
        while True:
            try:
                data, _, _, _ = self.socket.recvmsg(65536, 0, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return self.messages
            self.messages.append(data.decode())

    def wait(self, pattern: str, deadline_s: float = 20) -> re.Match[str]:
        def look() -> re.Match[str] | None:
            return next((m for m in (re.fullmatch(pattern, text) for text in self.read()) if m), None)

        return wait_for(f"{pattern!r} is said", look, deadline_s)  # type: ignore[return-value]


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[FakeSystemd]:
    fake = FakeSystemd(tmp_path / "notify")
    yield fake
    fake.socket.close()


def test_the_status_line_is_kept_current(start: Start, systemd: FakeSystemd) -> None:
    """A few seconds late, and without a word when nothing has changed."""
    daemon = start("server.processes=2", environment=systemd.environment)
    systemd.wait(r"READY=1\nSTATUS=2 of 2 workers ready, generation 1, 0 requests/s")
    with Load((daemon.host, daemon.port), clients=2):
        systemd.wait(r"STATUS=2 of 2 workers ready, generation 1, [1-9]\d* requests/s")
    systemd.wait(r"STATUS=2 of 2 workers ready, generation 1, 0 requests/s")


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/schedstat").read_text().split()
    return int(fields[0]) / 1e9


def test_an_idle_master_costs_next_to_nothing(start: Start, systemd: FakeSystemd) -> None:
    daemon = start("server.processes=2", environment=systemd.environment)
    systemd.wait(r"READY=1\n.*")
    said, before, begin = len(systemd.read()), cpu_s(daemon.pid), time.monotonic()
    wait_for("twelve seconds of idleness", lambda: time.monotonic() - begin > 12, 20)
    assert (cpu_s(daemon.pid) - before) / (time.monotonic() - begin) < 0.001
    assert len(systemd.read()) == said  # nothing has changed, so nothing is said
