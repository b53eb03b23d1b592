"""Builds and starts a peer from its contestant.toml, and talks to it over a plain socket."""

from __future__ import annotations

import fcntl
import hashlib
import os
import socket
import struct
import subprocess
import sys
import termios
import time
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

REPO = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / "bench"))

from restmark_rig.contestants import contestant as manifests  # noqa: E402  (the path had to be set first)
from restmark_rig.contestants import requirements, toolchains, versions  # noqa: E402
from restmark_rig.contestants.cache import Cache, default_directory  # noqa: E402
from restmark_rig.contestants.contestant import Contestant  # noqa: E402

PEERS = REPO / "bench" / "peers"
CACHE = Path(os.environ.get("RESTMARK_CACHE") or Path.home() / ".cache" / "restmark") / "peers"
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
    manifest: dict[str, Any] = field(init=False)
    contestant: Contestant = field(init=False)

    def __post_init__(self) -> None:
        self.contestant = toolchains.equip(manifests.load(self.source), Cache(default_directory()))
        self.manifest = tomllib.loads((self.source / "contestant.toml").read_text())

    @property
    def source(self) -> Path:
        return PEERS / self.name

    @property
    def build_dir(self) -> Path:
        return CACHE / self.name

    @property
    def routes(self) -> list[str]:
        """Those of the five that it has."""
        return [route for route in self.manifest.get("routes", ROUTES) if route in ROUTES]

    def missing(self) -> str | None:
        """What the peer needs and this machine has not, with the remedy."""
        for missing in requirements.missing(self.contestant):
            return f"{self.name}: {missing.what}: {missing.remedy}"
        return None

    def fill(self, words: list[str], **values: str) -> list[str]:
        return [word.format(source=self.source, build=self.build_dir, repo=REPO, **values) for word in words]

    def environment(self, table: str, **values: str) -> dict[str, str]:
        given = self.manifest.get(table, {}).get("env", {})
        path = versions.path_variable(self.contestant.search_path)
        return os.environ | path | dict(zip(given, self.fill(list(given.values()), **values), strict=True))

    def build(self) -> None:
        """Run the build steps unless the inputs are those of the last build."""
        plan = self.manifest.get("build")
        if plan is None:
            return
        # "src/**" of pathlib means folders alone; a manifest means the files below them.
        globs = [glob.replace("/**", "/**/*") for glob in plan["inputs"]]
        found = {path for glob in globs for path in self.source.glob(glob) if path.is_file()}
        digest = hashlib.sha256(repr(plan).encode())
        for path in sorted(found):
            digest.update(str(path).encode() + path.read_bytes())
        stamp = self.build_dir / ".inputs"
        if stamp.exists() and stamp.read_text() == digest.hexdigest():
            return
        self.build_dir.mkdir(parents=True, exist_ok=True)
        environment = self.environment("build")
        for step in plan["steps"]:
            subprocess.run(self.fill(step), cwd=self.source, env=environment, check=True, timeout=BUILD_TIMEOUT_S)
        stamp.write_text(digest.hexdigest())


class Server:
    """A running peer. Leaving the context ends the process that was started, and only that."""

    def __init__(self, peer: Peer, dataset: Path, log: Path, workers: int = 2) -> None:
        with socket.create_server((HOST, 0)) as probe:
            self.port = probe.getsockname()[1]
        self.log = log
        address = f"{HOST}:{self.port}"
        values = {"address": address, "host": HOST, "port": str(self.port), "workers": str(workers), "dataset": str(dataset)}
        with log.open("wb") as output:
            self.process = psutil.Popen(
                peer.fill(peer.manifest["start"]["argv"], **values),
                env=peer.environment("start", **values),
                cwd=log.parent,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            family = [self.process, *self.process.children(recursive=True)]
            self.process.terminate()
            _, alive = psutil.wait_procs(family, timeout=STOP_TIMEOUT_S)
            for process in alive:
                process.kill()

    def wait_ready(self) -> None:
        """Return when `/` answers 200."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"ended with {self.process.returncode} at start:\n{self.log.read_text()}")
            try:
                with Client(self.port) as client:
                    if client.get("/").status == 200:
                        return
            except OSError:
                time.sleep(0.02)
        raise AssertionError(f"not ready after {START_TIMEOUT_S} s:\n{self.log.read_text()}")


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
