"""Drives all clients of a load from one thread."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import replace

from .client import Client, LocalFault, State
from .outcome import Tally
from .profile import Profile

TURN_S = 0.02  # how late a deadline may be seen
TIMED = (State.RESTING, State.READING_LATER)


class Load:
    """Clients that ask from entering the context until `stop`, at most for `seconds` and `requests`.

    No request that has begun is given up at the end: each is answered, or fails. Meanwhile the counts can be read from
    any thread; they are exact after `stop`.
    """

    def __init__(
        self, address: tuple[str, int], profiles: Sequence[Profile], seconds: float = 600.0, requests: int = 10_000_000
    ) -> None:
        info = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0]
        self.family: socket.AddressFamily = info[0]
        self.address: tuple[str, int] = info[4][:2]  # type: ignore[assignment]
        self.tallies = {profile.name: Tally() for profile in profiles}
        self._seconds = seconds
        self._requests_left = requests
        self._poll = select.epoll()
        self._watched: dict[int, tuple[Client, int]] = {}
        self._forgotten: set[int] = set()  # descriptors that were closed since the last poll
        self._until_s = 0.0
        self.looked_s = 0.0
        self._stop = threading.Event()
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self._clients = [
            Client(self, profile, self.tallies[profile.name]) for profile in profiles for _ in range(profile.clients)
        ]
        self._longest_s = max(profile.timeout_s for profile in profiles)

    # ---- for who uses it ----

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> Tally:
        """Lets all requests end and returns the sum. Raises LocalFault if the load itself failed."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(self._longest_s + 30)
            if self._thread.is_alive():
                raise LocalFault("the load does not end")
        self._poll.close()
        if self._fault:
            raise self._fault
        return self.total()

    def total(self) -> Tally:
        total = Tally()
        for tally in self.tallies.values():
            total.merge(replace(tally, failures=list(tally.failures)))
        return total

    @property
    def runs(self) -> bool:
        return self._thread.is_alive()

    def wait_requests(self, more: int = 1, seconds: float = 30.0) -> None:
        """Until each profile has had so many more requests, answered or not. Raises LocalFault."""
        goals = {name: tally.requests + more for name, tally in self.tallies.items()}
        until_s = time.monotonic() + seconds
        while any(self.tallies[name].requests < goal for name, goal in goals.items()):
            if not self.runs or time.monotonic() > until_s:
                got = ", ".join(f"{name} {tally.requests}" for name, tally in self.tallies.items())
                raise LocalFault(f"no {more} more requests of each kind within {seconds:.0f} s: {got}")
            time.sleep(0.002)

    # ---- for the clients ----

    def watch(self, client: Client, events: int) -> None:
        """Sets what wakes the client: EPOLLIN, EPOLLOUT, or 0 for nothing but its timer."""
        assert client.socket
        fd = client.socket.fileno()
        if fd not in self._watched:
            self._poll.register(fd, events)
        elif self._watched[fd][1] != events:
            self._poll.modify(fd, events)
        self._watched[fd] = (client, events)

    def forget(self, client: Client) -> None:
        assert client.socket
        fd = client.socket.fileno()
        if self._watched.pop(fd, None):
            self._poll.unregister(fd)
            self._forgotten.add(fd)

    def may_begin(self) -> bool:
        """Whether another request is wanted; counts it."""
        if self._stop.is_set() or self._requests_left <= 0 or time.monotonic() > self._until_s:
            return False
        self._requests_left -= 1
        return True

    # ---- the loop ----

    def _run(self) -> None:
        try:
            self.looked_s = time.monotonic()
            self._until_s = self.looked_s + self._seconds
            self._loop()
        except BaseException as fault:  # who calls stop() gets it
            self._fault = fault
        finally:
            for client in self._clients:
                if client.socket:
                    client.socket.close()

    def _loop(self) -> None:
        while True:
            now_s = time.monotonic()
            next_s = now_s + TURN_S
            active = False
            for client in self._clients:
                state = client.state
                if state in TIMED and (now_s >= client.wake_at_s or (state is State.RESTING and self._stop.is_set())):
                    client.on_wake(now_s)
                elif state not in (State.RESTING, State.ENDED) and now_s >= client.deadline_s:
                    client.on_deadline(now_s)
                active |= client.state is not State.ENDED
                if client.state in TIMED and client.wake_at_s < next_s:
                    next_s = client.wake_at_s
            if not active:
                return
            self._take_events(max(0.0, next_s - time.monotonic()))

    def _take_events(self, patience_s: float) -> None:
        self._forgotten.clear()
        events = self._poll.poll(patience_s)
        now_s = time.monotonic()
        for fd, _ in events:
            # An event may be of a descriptor that a client has closed meanwhile and another one got; if it is of the new one's,
            # the next poll says so again.
            if fd in self._watched and fd not in self._forgotten:
                self._watched[fd][0].on_event(now_s)
        self.looked_s = now_s
