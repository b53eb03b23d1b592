"""Who takes part in a run: contestants that could be built, one of them a second time under another name (A/A)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..contestants.builder import Reporter
from ..contestants.contestant import Contestant
from ..contestants.settings import Settings
from ..model.errors import EnvironmentFault
from ..model.results import OUR_CONTESTANTS, Skipped
from ..server.launcher import StartOptions
from ..server.placement import Placement

_AGAIN = "-again"


@dataclass(frozen=True)
class Participant:
    """A contestant under the name that it has in this run. scales: the name under which it takes part with another number of workers.
    workers, cpus: its own, None for those of the run."""

    name: str
    contestant: Contestant
    same_as: str | None = None
    scales: str | None = None
    workers: int | None = None
    cpus: frozenset[int] | None = None

    def options(self, usual: StartOptions) -> StartOptions:
        """How it is started where usual is how those of the run are."""
        return replace(usual, workers=self.workers or usual.workers, cpus=self.cpus or usual.cpus)


def with_again(contestants: Sequence[Contestant]) -> list[Participant]:
    """The contestants, and one of them again: what separates the two is noise, and so is any smaller difference.

    Ours is taken where it takes part, else the first one.
    """
    participants = [Participant(contestant.name, contestant) for contestant in contestants]
    twice = next((participant for participant in participants if participant.name == OUR_CONTESTANTS[0]), participants[0])
    name = twice.name + _AGAIN
    while any(participant.name == name for participant in participants):
        name += _AGAIN
    return [*participants, Participant(name, twice.contestant, same_as=twice.name)]


def scaled(participants: Sequence[Participant], cpus: Mapping[int, frozenset[int]]) -> list[Participant]:
    """The same with each of several numbers of workers, on their own CPUs; the first number is that of the names they have. A/A doubles
    stay alone. cpus: number of workers to its CPUs; with one number nothing changes."""
    if len(cpus) < 2:
        return list(participants)
    usual, *others = cpus
    mains = [replace(participant, workers=usual, cpus=cpus[usual]) for participant in participants]
    more = [
        Participant(f"{one.name}-{count}w", one.contestant, scales=one.name, workers=count, cpus=cpus[count])
        for one in mains
        if one.same_as is None
        for count in others
    ]
    return [*mains, *more]


def prepare(
    settings: Settings, contestants: Sequence[Contestant], placement: Placement, reporter: Reporter
) -> tuple[list[Contestant], list[Skipped]]:
    """Builds what needs it. Those that lack something or do not build are returned as skipped.

    Raises EnvironmentFault if one is among them that the command line names, or if none is left.
    """
    ready, skipped = [], []
    for contestant in contestants:
        try:
            _require(contestant, placement)
            placement.build(contestant, reporter)
        except EnvironmentFault as fault:
            if settings.named(contestant):
                raise
            reason = fault.message.removeprefix(f"{contestant.name}: ")
            skipped.append(Skipped(contestant.name, contestant.title, reason, fault.remedy))
            reporter.say(f"{contestant.name}: skipped: {reason.splitlines()[0]}; remedy: {fault.remedy}")
            continue
        ready.append(contestant)
    require_some(ready)
    return ready, skipped


def require_some(contestants: Sequence[Contestant]) -> None:
    """Raises EnvironmentFault if there are none."""
    if not contestants:
        raise EnvironmentFault("no contestant can be built here", "see 'restmark doctor' for what is missing")


def _require(contestant: Contestant, placement: Placement) -> None:
    if missing := placement.missing(contestant):
        raise EnvironmentFault(
            f"{contestant.name}: {'; '.join(m.what for m in missing)}",
            "; ".join(dict.fromkeys(m.remedy for m in missing)),
        )
