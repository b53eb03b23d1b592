"""What others do to the CPUs of a run, before it and just before it measures."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ..host import background_load
from ..host.background_load import BackgroundLoad
from ..terminal.console import Progress
from . import preview
from .ground import Ground
from .preview import Preview


@dataclass(frozen=True)
class Busy:
    """What others did just before measuring, and how long they were waited for, seconds."""

    others: BackgroundLoad
    waited_s: float


def look_around(ground: Ground, found: Preview, wait_min: float | None, progress: Progress) -> None:
    """Says how long the whole run takes, and what others do to it, before anything is built. Raises EnvironmentFault."""
    wait_for_quiet(ground, wait_min, progress)
    now = _others(ground)
    parts = [f"to verify {len(found.present)} contestants", "to measure them"]
    if found.unbuilt:
        parts.insert(0, f"to build {', '.join(found.unbuilt)}")
    if now.quiet:
        progress.say(f"about {found.span(now.share).text}: {', '.join(parts)}")
    else:
        progress.say(preview.busy_warning(now, found.span(now.share)))


def look_again(ground: Ground, wait_min: float | None, progress: Progress) -> Busy:
    """What others do when all is ready to be measured, which may be minutes later."""
    started = time.monotonic()
    wait_for_quiet(ground, wait_min, progress)
    waited_s = time.monotonic() - started
    return Busy(_others(ground), waited_s)


def wait_for_quiet(ground: Ground, wait_min: float | None, progress: Progress) -> None:
    """Waits for wait_min minutes at most until others leave the CPUs alone, with progress; None: not at all."""
    if wait_min is not None:
        background_load.wait_for_quiet(lambda: _others(ground), 60 * wait_min, progress.progress)


def _others(ground: Ground) -> BackgroundLoad:
    """What others do here, or, if that is more, on the servers' machine."""
    here = background_load.look(preview.cpus_of(ground.pins))
    if not ground.pins.apart:
        return here
    there = ground.placement.background_load(ground.pins.server or frozenset())
    return max(here, there, key=lambda found: found.share)
