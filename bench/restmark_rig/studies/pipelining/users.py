"""Clients who ask for one dear thing after the other while others are measured."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ...server.http_probe import Connection, ProbeError

_TIMEOUT_S = 30.0


@contextmanager
def asking(port: int, target: str, count: int) -> Iterator[None]:
    """So many users, each on a connection of its own, all of whom have been answered once when the with block begins.

    Raises ProbeError if one of them is not.
    """
    users = [_User(port, target) for _ in range(count)]
    try:
        for user in users:
            user.start()
        for user in users:
            user.await_first()
        yield
    finally:
        for user in users:
            user.stop()


class _User:
    def __init__(self, port: int, target: str) -> None:
        self._connection = Connection("127.0.0.1", port, _TIMEOUT_S)
        self._target = target
        self._answered = threading.Event()  # or has failed
        self._stopping = False
        self._fault: ProbeError | None = None
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def await_first(self) -> None:
        """Raises ProbeError."""
        self._answered.wait(_TIMEOUT_S)
        if self._fault:
            raise self._fault

    def stop(self) -> None:
        """Lets the request end that is under way."""
        self._stopping = True
        if self._thread.ident is not None:
            self._thread.join(_TIMEOUT_S)
        self._connection.close()

    def _ask(self) -> None:
        try:
            while not self._stopping:
                self._connection.get(self._target)
                self._answered.set()
        except ProbeError as fault:
            self._fault = fault
            self._answered.set()
