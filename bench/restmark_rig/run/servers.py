"""All servers of a run, up at the same time: started one after the other, and one that dies started again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

from ..model.errors import StartFailed
from ..server.launcher import RunningServer, StartOptions
from ..server.placement import Placement
from .participants import Participant


class Fleet:
    """The servers that run, by the names of their participants. absent: who does not run any more, and why."""

    def __init__(self, participants: Mapping[str, Participant], options: StartOptions, placement: Placement) -> None:
        self._participants = participants
        self._options = options
        self._placement = placement
        self._stacks: dict[str, ExitStack] = {}
        self.servers: dict[str, RunningServer] = {}
        self.absent: dict[str, str] = {}

    def start(self, name: str) -> None:
        """Starts one; who does not start is absent from then on."""
        stack, participant = ExitStack(), self._participants[name]
        try:
            self.servers[name] = stack.enter_context(self._placement.launch(participant.contestant, participant.options(self._options)))
        except StartFailed as fault:
            self.absent[name] = fault.message
            return
        self._stacks[name] = stack

    def restart(self, name: str) -> None:
        """Puts a new server in the place of one that has died."""
        self.stop(name)
        self.start(name)

    def stop(self, name: str) -> None:
        """Stops one, if it runs."""
        self.servers.pop(name, None)
        if stack := self._stacks.pop(name, None):
            stack.close()

    def idle_cpu_ns(self, loaded: str) -> int:
        """CPU time so far of all but one, which have nothing to do while that one is loaded, nanoseconds."""
        return sum(server.cpu_ns() for name, server in self.servers.items() if name != loaded)


@contextmanager
def running(
    participants: Mapping[str, Participant], options: StartOptions, placement: Placement, tell: Callable[[str], None]
) -> Iterator[Fleet]:
    """All of them, for the length of a with block; whatever ends it, they are gone afterwards."""
    fleet = Fleet(participants, options, placement)
    with ExitStack() as stack:
        for name in participants:
            tell(f"starting {name}")
            stack.callback(fleet.stop, name)
            fleet.start(name)
        yield fleet
