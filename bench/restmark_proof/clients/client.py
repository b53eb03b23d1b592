"""One client: a state machine on a socket that does not block."""

from __future__ import annotations

import errno
import os
import select
import socket
import struct
import time
from enum import Enum
from typing import Protocol

from .answer import Answer, Malformed
from .outcome import Failure, Outcome, Tally
from .profile import Profile

RECEIVE_BYTES = 262144
SLOW_BUFFER_BYTES = 16384  # the kernel doubles it, and holds some more
PAUSE_AFTER_FAILURE_S = 0.01  # else a server that refuses would be asked many thousand times a second

# What went wrong on this side, so that it must not be told of the server.
LOCAL_ERRORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL, errno.EACCES, errno.EPERM)
UNREACHABLE_ERRORS = (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH)


class LocalFault(Exception):
    """The load can not go on for a reason that is not the server's."""


class State(Enum):
    RESTING = 1  # until `wake_at_s`; a kept connection may be open
    CONNECTING = 2
    WAITING = 3  # for the answer, or inside it
    READING_LATER = 4  # a slow reader pauses inside the answer until `wake_at_s`
    ENDED = 5


class Driver(Protocol):
    """What a client needs of the loop that drives it."""

    address: tuple[str, int]
    family: socket.AddressFamily
    looked_s: float  # when what had come before was taken

    def watch(self, client: Client, events: int) -> None: ...
    def forget(self, client: Client) -> None: ...
    def may_begin(self) -> bool: ...


class Client:
    """At most one connection and one request at a time. Times are time.monotonic()."""

    def __init__(self, driver: Driver, profile: Profile, tally: Tally) -> None:
        self.driver = driver
        self.profile = profile
        self.tally = tally
        self.state = State.RESTING
        self.socket: socket.socket | None = None
        self.wake_at_s = 0.0
        self.deadline_s = 0.0
        self._request = profile.request(f"{driver.address[0]}:{driver.address[1]}")
        self._answer = Answer()
        self._port = 0
        self._nth = 0  # request of the connection
        self._began_s = 0.0
        self._rest_since_s = 0.0  # at the earliest
        self._again = False  # the request was sent before, and crossed a close

    # ---- the beginning of a request ----

    def begin(self, now_s: float) -> None:
        """Sends the next request, or ends if the load has enough of them."""
        if self.socket and not self._is_usable(now_s):
            return
        if not self._again and not self.driver.may_begin():
            self._drop()
            self.state = State.ENDED
            return
        if not self._again:
            self._began_s = now_s
            self.deadline_s = now_s + self.profile.timeout_s
        self._again = False
        if self.socket:
            self._send(now_s)
        else:
            self._connect(now_s)

    def _is_usable(self, now_s: float) -> bool:
        """Looks at a kept connection that rests. If it has ended it is given up, and the next request makes a new one."""
        assert self.socket
        try:
            ended = self.socket.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return True
        except OSError:
            ended = True
        if not ended:
            self._fail(Outcome.MALFORMED, "bytes behind the answer", now_s)
            return False
        self.tally.idle_closes += 1
        self._note_rest()
        self._drop()
        return True

    def _connect(self, now_s: float) -> None:
        try:
            self.socket = socket.socket(self.driver.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            if self.profile.read_bytes:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SLOW_BUFFER_BYTES)
            error = self.socket.connect_ex(self.driver.address)
        except OSError as local:
            raise LocalFault(f"cannot make a socket: {local}") from None
        self._nth = self._port = 0
        self._answer = Answer()
        if error not in (0, errno.EINPROGRESS):
            self._connect_failed(error, now_s)
            return
        self.tally.connections += 1
        self.state = State.CONNECTING
        self.driver.watch(self, select.EPOLLOUT)

    def _connect_failed(self, error: int, now_s: float) -> None:
        if error in LOCAL_ERRORS:
            raise LocalFault(f"cannot connect: {os.strerror(error)}")
        kind = Outcome.RESET
        if error in UNREACHABLE_ERRORS:
            kind = Outcome.REFUSED
        elif error == errno.ETIMEDOUT:
            kind = Outcome.TIMEOUT
        self._fail(kind, f"connect: {os.strerror(error)}", now_s)

    def _send(self, now_s: float) -> None:
        """All at once: a request is small, and nothing else is on its way."""
        assert self.socket
        self._nth += 1
        self._answer = Answer()
        self.state = State.WAITING
        try:
            sent = self.socket.send(self._request)
        except OSError as error:
            if self._nth > 1:  # reset since the look at it: nothing has been sent
                self._send_again(now_s)
            else:
                self._lost(error, now_s)
            return
        if sent != len(self._request):
            raise LocalFault(f"only {sent} of {len(self._request)} bytes of a request could be sent at once")
        self.driver.watch(self, select.EPOLLIN)

    # ---- events ----

    def on_event(self, now_s: float) -> None:
        """The socket can be written (while connecting) or read, or has ended."""
        assert self.socket
        if self.state is State.CONNECTING:
            error = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                self._connect_failed(error, now_s)
                return
            self._port = self.socket.getsockname()[1]
            self._send(now_s)
        elif self.state is State.RESTING:  # it has ended, or more came than was asked for
            self._is_usable(now_s)
        else:
            self._receive(now_s)

    def on_wake(self, now_s: float) -> None:
        """`wake_at_s` has come."""
        if self.state is State.RESTING:
            self.begin(now_s)
        else:
            self.state = State.WAITING
            self.driver.watch(self, select.EPOLLIN)

    def on_deadline(self, now_s: float) -> None:
        what = f"{self._answer.received} bytes came" if self._answer.started else "no answer"
        self._fail(Outcome.TIMEOUT, "no connection" if self.state is State.CONNECTING else what, now_s)

    def _receive(self, now_s: float) -> None:
        assert self.socket
        try:
            data = self.socket.recv(self.profile.read_bytes or RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._lost(error, now_s)
            return
        if not data:
            if self._answer.started and self._answer.end():
                self._finish(now_s)
            else:
                self._lost(None, now_s)
            return
        try:
            self._answer.feed(data)
        except Malformed as error:
            self._fail(Outcome.MALFORMED, str(error), now_s)
            return
        if self._answer.complete:
            self._finish(now_s)
        elif self.profile.read_bytes:
            self.state = State.READING_LATER
            self.wake_at_s = now_s + self.profile.read_pause_s
            self.driver.watch(self, 0)

    # ---- the end of a request ----

    def _finish(self, now_s: float) -> None:
        answer, profile = self._answer, self.profile
        if answer.status != profile.status:
            self._fail(Outcome.STATUS, f"{answer.status} {bytes(answer.body[:60])!r}", now_s)
            return
        if profile.body is not None and answer.body != profile.body:
            self._fail(Outcome.BODY, f"{len(answer.body)} bytes {bytes(answer.body[:60])!r}", now_s)
            return
        self.tally.answered += 1
        self.tally.slowest_ms = max(self.tally.slowest_ms, 1000 * (now_s - self._began_s))
        if answer.closes or not profile.keep_alive:
            self._drop()
        self._rest_since_s = self.driver.looked_s  # the server may have been done ever since
        self._rest(now_s + profile.pause_s)

    def _rest(self, until_s: float) -> None:
        self.state = State.RESTING
        self.wake_at_s = until_s
        if self.socket:
            self.driver.watch(self, select.EPOLLIN if self.profile.pause_s else 0)

    def _lost(self, error: OSError | None, now_s: float) -> None:
        """The connection ended before the answer was complete; None: in order."""
        how = os.strerror(error.errno or 0) if error else "end of stream"
        if self._answer.started:
            self._fail(Outcome.TRUNCATED, f"{how} after {self._answer.received} bytes", now_s)
        elif self._nth > 1 and not error and not self._was_taken():
            self._send_again(now_s)
        else:
            self._fail(Outcome.RESET if error else Outcome.EOF, how, now_s)

    def _send_again(self, now_s: float) -> None:
        self.tally.idle_races += 1
        self._note_rest()
        self._again = True
        self._drop()
        self._rest(now_s)

    def _note_rest(self) -> None:
        """The server has closed the connection, to which nothing had come for so long.

        Not `now_s`: a pause of the machine may lie between that and this."""
        self.tally.shortest_rest_s = min(self.tally.shortest_rest_s, time.monotonic() - self._rest_since_s)

    def _was_taken(self) -> bool:
        """Whether the peer had any byte of the last request when it ended its side: its FIN acknowledges all that it had.

        A reset proves nothing of that kind, as its acknowledgement is ignored."""
        assert self.socket
        info = self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        (acknowledged,) = struct.unpack_from("=Q", info, 120)  # tcpi_bytes_acked, the SYN included
        return bool(acknowledged > 1 + (self._nth - 1) * len(self._request))

    def _fail(self, outcome: Outcome, detail: str, now_s: float) -> None:
        age_ms = 1000 * (now_s - self._began_s)
        self.tally.add_failure(Failure(now_s, outcome, self.profile.name, self._port, max(self._nth, 1), age_ms, detail))
        self._drop()
        self._rest(now_s + max(PAUSE_AFTER_FAILURE_S, self.profile.pause_s))

    def _drop(self) -> None:
        if self.socket:
            self.driver.forget(self)
            self.socket.close()
            self.socket = None
