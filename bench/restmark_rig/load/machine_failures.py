"""What it means that a machine did not get as far as its load: for that machine alone, of the server, or for every machine. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..model.errors import EnvironmentFault
from .load import NotAnswered

_NOT_ANSWERED = 69  # exit codes of restmark-load, and of a shell
_EVERYWHERE = {64: "restmark-load there has to be of this rig's version", 126: "restmark-load there has to be built for that machine: name it by load="}


@dataclass(frozen=True)
class Failure:
    """Of one machine. client: as the master knows it; code: restmark-load's exit code, negative for a signal, None if it is not restmark-load that failed."""

    client: str
    name: str
    why: str
    code: int | None


def read(told: Iterable[dict[str, Any]]) -> list[Failure]:
    """As the master tells them."""
    return [Failure(one["client"], one["name"], one["why"].removeprefix("restmark-load: "), one["code"]) for one in told]


def own(failures: Iterable[Failure]) -> dict[str, str]:
    """Those that concern their machine alone, client to reason: the others can do without it.

    Raises EnvironmentFault for what every machine would run into."""
    found = {}
    for failure in failures:
        if failure.code in _EVERYWHERE:
            raise EnvironmentFault(f"the load machine {failure.name} can not make the load: {failure.why}", _EVERYWHERE[failure.code])
        if failure.code != _NOT_ANSWERED:
            found[failure.client] = failure.why
    return found


def require_answers(failures: Iterable[Failure]) -> None:
    """Raises NotAnswered if the server did not answer one of them."""
    unanswered = [failure for failure in failures if failure.code == _NOT_ANSWERED]
    if unanswered:
        raise NotAnswered(f"{unanswered[0].why} (asked by {', '.join(failure.name for failure in unanswered)})")
