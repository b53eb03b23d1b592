"""A client of the RPC port for tests: sends what it is told, and reads answers one by one. Messages are made by Debian's msgpack."""

from __future__ import annotations

import re
import socket
from types import TracebackType
from typing import Any

import msgpack
from daemon import Daemon

Answer = tuple[int, Any, Any]


def addresses(daemon: Daemon) -> list[str]:
    """Where it listens for calls: "127.0.0.1:1234", "unix:/path"."""
    return re.findall(r"listening on (\S+) for calls\n", daemon.log())


class RpcClient:
    def __init__(self, address: str, timeout_s: float = 60) -> None:
        if address.startswith("unix:"):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout_s)
            self.socket.connect(address[5:])
        else:
            host, port = address.rsplit(":", 1)
            self.socket = socket.create_connection((host, int(port)), timeout_s)
        self.unpacker = msgpack.Unpacker(raw=False, max_buffer_size=1 << 28)

    def send(self, *messages: Any) -> None:
        self.socket.sendall(b"".join(msgpack.packb(m) for m in messages))

    def call(self, number: int, method: str, /, **parameters: Any) -> None:
        self.send([0, number, method, [parameters] if parameters else []])

    def read(self) -> Answer | None:
        """The next answer (id, error, result), or None at the end."""
        while True:
            for type_, id_, error, result in self.unpacker:
                assert type_ == 1
                return id_, error, result
            try:
                more = self.socket.recv(1 << 16)
            except ConnectionResetError:
                return None
            if not more:
                return None
            self.unpacker.feed(more)

    def ask(self, method: str, /, **parameters: Any) -> Any:
        self.call(1, method, **parameters)
        answer = self.read()
        assert answer is not None and answer[:2] == (1, None), answer
        return answer[2]

    def __enter__(self) -> RpcClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.socket.close()
