"""Builds and starts a peer from its contestant.toml, and talks to it over a plain socket."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import psutil

REPO = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / "bench"))

from restmark_rig.contestants import builder, placeholders, requirements, toolchains, versions  # noqa: E402
from restmark_rig.contestants import contestant as manifests  # noqa: E402  (the path had to be set first)
from restmark_rig.contestants.cache import Cache, default_directory  # noqa: E402
from restmark_rig.contestants.contestant import Contestant  # noqa: E402
from restmark_rig.host import ports  # noqa: E402

PEERS = REPO / "bench" / "peers"
RIG_CACHE = Cache(default_directory())
HOST = "127.0.0.1"
BUILD_TIMEOUT_S = 900
START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 60.0
ANSWER_TIMEOUT_S = 20

ROUTES = ["/", "/parse-msgpack", "/encode-json", "/transfer-data", "/million-loop"]


@dataclass
class Peer:
    """A contestant's folder."""

    name: str
    contestant: Contestant = field(init=False)

    def __post_init__(self) -> None:
        self.contestant = toolchains.equip(manifests.load(self.source), RIG_CACHE)

    @property
    def source(self) -> Path:
        return PEERS / self.name

    @property
    def routes(self) -> list[str]:
        """Those of the five that it has."""
        return [route for route in self.contestant.routes if route in ROUTES]

    def missing(self) -> str | None:
        """What the peer needs and this machine has not, with the remedy."""
        for missing in requirements.missing(self.contestant):
            return f"{self.name}: {missing.what}: {missing.remedy}"
        return None

    def build(self) -> None:
        """Builds as restmark does, and where it does: what is up to date is not built again."""
        builder.build(self.contestant, RIG_CACHE, Silent())

    def start_command(self, **values: str) -> tuple[list[str], dict[str, str]]:
        """argv and environment of the server."""
        plan, known = self.contestant.start, self.contestant.placeholder_values(RIG_CACHE.build_dir(self.contestant)) | values
        path = versions.path_variable(self.contestant.search_path)
        return placeholders.expand_all(plan.argv, known), os.environ | path | placeholders.expand_values(plan.env, known)


class Silent:
    """Where a build tells how far it is."""

    def progress(self, text: str) -> None:
        """Says nothing."""

    def say(self, text: str) -> None:
        """Says nothing."""


class Server:
    """A running peer. Leaving the context ends the process that was started, and only that."""

    def __init__(self, peer: Peer, dataset: Path, log: Path, workers: int = 2, more: Mapping[str, str] | None = None) -> None:
        """more: values of further placeholders."""
        self.log = log
        self._peer = peer
        self._values = {"host": HOST, "workers": str(workers), "dataset": str(dataset)}
        self._values |= dict.fromkeys(placeholders.BACK_END_NAMES, "") | dict(more or {})
        self._start()

    def _start(self) -> None:
        with socket.create_server((HOST, 0)) as probe:
            self.port = probe.getsockname()[1]
        argv, environment = self._peer.start_command(address=f"{HOST}:{self.port}", port=str(self.port), **self._values)
        with self.log.open("wb") as output:
            self.process = psutil.Popen(
                argv,
                env=environment,
                cwd=self.log.parent,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        if self.process.poll() is None:
            family = [self.process, *self.process.children(recursive=True)]
            self.process.terminate()
            _, alive = psutil.wait_procs(family, timeout=STOP_TIMEOUT_S)
            for process in alive:
                process.kill()

    def wait_settled(self) -> list[psutil.Process]:
        """Returns its processes when their start is over: none runs, or has run since the last look. One that answers may not be so far: uWSGI ignores a SIGTERM that comes before its master's
        loop, and its workers a SIGINT before they have their handlers."""
        deadline = time.monotonic() + START_TIMEOUT_S
        before: dict[int, float] = {}
        while time.monotonic() < deadline:
            family = [self.process, *self.process.children(recursive=True)]
            try:
                family = [one for one in family if one.status() != psutil.STATUS_ZOMBIE]
                now = {one.pid: sum(one.cpu_times()[:2]) for one in family if one.status() == psutil.STATUS_SLEEPING}
            except psutil.NoSuchProcess:  # a helper of the start
                now = {}
            if len(now) == len(family) and now == before:
                return family
            before = now
            time.sleep(0.2)
        raise AssertionError(f"does not come to rest after its start: {before}")

    def wait_ready(self) -> None:
        """Return when `/` answers 200. Between the choice of a port and the server's own look another program may have taken it: then it is started
        again, on another one."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self._is_taken():
                self._stop()
                self._start()
            if self.process.poll() is not None:
                raise AssertionError(f"ended with {self.process.returncode} at start:\n{self.log.read_text()}")
            try:
                with Client(self.port) as client:
                    if client.get("/").status == 200:
                        return
            except OSError:
                time.sleep(0.02)
        raise AssertionError(f"not ready after {START_TIMEOUT_S} s:\n{self.log.read_text()}")


    def _is_taken(self) -> bool:
        """Whether others listen on its port, and it does not."""
        holders = {pid for pid in ports.listeners(self.port) if pid is not None}
        try:
            return bool(holders) and not holders & {self.process.pid, *(child.pid for child in self.process.children(recursive=True))}
        except psutil.NoSuchProcess:
            return bool(holders)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class Client:
    """One connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((HOST, port), timeout=ANSWER_TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def get(self, target: str, method: str = "GET") -> Answer:
        self.send(request(target, method))
        return self.read()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def wait_delivered(self) -> None:
        """Return when all that was sent is acknowledged: what follows is a packet of its own."""
        deadline = time.monotonic() + ANSWER_TIMEOUT_S
        while struct.unpack("i", fcntl.ioctl(self.socket, termios.TIOCOUTQ, b"\0" * 4))[0]:
            assert time.monotonic() < deadline, "sent bytes are not acknowledged"
            time.sleep(0.001)

    def _receive(self) -> None:
        chunk = self.socket.recv(1 << 16)
        if not chunk:
            raise ConnectionResetError(f"closed by the server after {self.received[-80:]!r}")
        self.received += chunk

    def read(self) -> Answer:
        """Read one answer with a Content-Length."""
        while b"\r\n\r\n" not in self.received:
            self._receive()
        head, self.received = self.received.split(b"\r\n\r\n", 1)
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        size = int(headers["content-length"])
        while len(self.received) < size:
            self._receive()
        body, self.received = self.received[:size], self.received[size:]
        return Answer(int(first.split()[1]), headers, body)


def request(target: str, method: str = "GET") -> bytes:
    return f"{method} {target} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
