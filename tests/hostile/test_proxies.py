"""Every row behind nginx, HAProxy and Varnish: the back end sees exactly the requests that the proxy has forwarded, so both think that each ends in
the same place; none is smuggled, and none of anybody else's is reset."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import proxies
import pytest
from case import Case, End
from daemon import Daemon, wait_for
from table import TOPICS
from wire import Wire

QUIET_S = 0.3  # a proxy that sees the row otherwise may wait for more; then the client ends its side
END = b"GET /parse-msgpack?count=9 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


class Pair:
    """A proxy and the restmarkd behind it."""

    def __init__(self, kind: type[proxies.Proxy], folder: Path) -> None:
        self.log = folder / "access.log"
        self.daemon = Daemon(folder / "d", ("server.processes=1", f"log.access-log={self.log}"), environment={"MALLOC_PERTURB_": "165"})
        self.daemon.wait_ready()
        (self.worker,) = self.daemon.workers()
        self.n_fences = 0
        try:
            self.proxy = kind(folder / kind.name, self.daemon.port)
        except BaseException:
            self.daemon.finish()
            raise

    def seen(self) -> list[proxies.Request]:
        """What the back end has served."""
        return [proxies.Request.of(m[1], int(m[2])) for m in re.finditer(r'\] "(.*)" (\d+) \d+ \d+us', self.log.read_text())]

    def talk(self, case: Case) -> None:
        with Wire(self.proxy.front) as wire:
            try:
                wire.send(case.data if case.end is End.WAITS else case.data + END)
                if case.end is End.WAITS:
                    wire.socket.shutdown(socket.SHUT_WR)
                wire.socket.settimeout(QUIET_S)
                try:
                    while wire.socket.recv(1 << 16):
                        pass
                except TimeoutError:
                    wire.socket.shutdown(socket.SHUT_WR)
                    wire.socket.settimeout(10)
                    while wire.socket.recv(1 << 16):
                        pass
            except (BrokenPipeError, ConnectionResetError):
                pass  # the proxy may have had enough

    def ask(self, target: str) -> int:
        """An innocent request, which shares the proxy's connections to the back end with the row before."""
        with Wire(self.proxy.front) as wire:
            wire.send(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            return wire.read().status

    def fence(self) -> None:
        """Comes back when both logs have all that was before."""
        self.n_fences += 1
        fence = proxies.Request("GET", f"/fence-{self.n_fences}", 404)
        assert self.ask(fence.target) == 404
        wait_for("both logs are written", lambda: fence in self.seen() and fence in self.proxy.forwarded())


@pytest.fixture(scope="module", params=proxies.ALL, ids=lambda kind: kind.name)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    kind: type[proxies.Proxy] = request.param
    if not proxies.is_installed(kind):
        pytest.skip(f"{kind.name} is not installed (Debian's package {kind.name})")
    pair = Pair(kind, tmp_path_factory.mktemp("proxy"))
    pair.fence()
    yield pair
    pair.proxy.stop()
    pair.daemon.finish()


@pytest.mark.parametrize("topic", TOPICS)
def test_both_see_the_same_requests(pair: Pair, topic: str) -> None:
    before_back, before_front = len(pair.seen()), len(pair.proxy.forwarded())
    for case in TOPICS[topic]:
        pair.talk(case)
        assert pair.ask("/parse-msgpack?count=5") == 200, f"a request after the row {case.name!r} is lost"
    pair.fence()
    # A proxy of several threads may log what was before the fence behind it (varnishncsa, on a busy machine).
    for _ in range(100):
        smuggled, lost = proxies.unmatched(pair.seen()[before_back:], pair.proxy.forwarded()[before_front:])
        if not smuggled and not lost:
            break
        pair.fence()
    assert not smuggled and not lost, f"smuggled: {smuggled[:5]}; lost: {lost[:5]}"
    assert pair.daemon.workers() == [pair.worker]
