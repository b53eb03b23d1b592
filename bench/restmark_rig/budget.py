"""How long a run takes, and how --quick fills the time that it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .errors import UsageFault
from .plan import CellSpec
from .results import RunSettings

# "In under 5 minutes", the table included, and what warm-ups of just-in-time compilers and slow servers take beyond the plan:
# up to half a minute with all contestants.
QUICK_LIMIT_S = 255.0
QUICK_PATIENCE_S = 20.0  # of that, for waiting until the machine is quiet
_PACE_SHARE = 0.02  # of the time for measuring, for getting to know the machine's pace before
_PACE_LONGEST_S = 15.0
VERIFY_S = 6.5  # for each contestant: 3.5 s for the fast ones, 12 s for CPython
START_S = 0.6  # start, two looks at memory, stop; three times that under uWSGI and PyPy
VISIT_S = 1.15  # beside load and warm-up: probes, looks at the pace, the tenth of a second in which a wrk ends, longer warm-ups
_QUICK_RESERVE = 0.95  # slow cells are measured for longer
_QUICK_WARM_UP_SHARE = 0.4
_QUICK_LONGEST_S = 4.0
# Rounds and the load each has to last for at least; the first that fits is taken.
_QUICK_CHOICES = ((5, 1.5), (3, 0.6), (2, 0.4), (1, 0.4))


def measuring_s(cells: Mapping[str, Sequence[CellSpec]], rounds: int, duration_s: float, warmup_s: float) -> float:
    """Length of the measured part, seconds."""
    visits = sum(len(own) for own in cells.values())
    return rounds * (len(cells) * START_S + visits * (VISIT_S + duration_s + warmup_s))


def run_s(cells: Mapping[str, Sequence[CellSpec]], settings: RunSettings, contestants: int) -> float:
    """Length of the whole run, seconds, without builds."""
    measured = measuring_s(cells, settings.rounds, settings.duration_ms / 1e3, settings.warmup_ms / 1e3)
    return contestants * VERIFY_S + measured


def quick(cells: Mapping[str, Sequence[CellSpec]], left_s: float) -> tuple[int, int, int]:
    """(rounds, duration in ms, warm-up in ms) that fit into the time left. Raises UsageFault if nothing does."""
    visits = sum(len(own) for own in cells.values())
    for rounds, shortest_s in _QUICK_CHOICES:
        spare_s = left_s * _QUICK_RESERVE - measuring_s(cells, rounds, 0, 0)
        visit_s = spare_s / rounds / visits
        load_s = min(visit_s * (1 - _QUICK_WARM_UP_SHARE), _QUICK_LONGEST_S)
        if load_s >= shortest_s:
            warmup_s = load_s / (1 - _QUICK_WARM_UP_SHARE) - load_s
            return rounds, int(load_s * 10) * 100, max(100, int(warmup_s * 20) * 50)
    raise UsageFault(
        f"{visits} cells do not fit into {left_s:.0f} s",
        "name fewer contestants (-C), workloads (--workload) or connections, or leave --quick out",
    )


def pace_s(measuring_s: float) -> float:
    """How long to look at the machine's pace before measuring for so long, seconds."""
    return min(_PACE_SHARE * measuring_s, _PACE_LONGEST_S)


def clock(seconds: float) -> str:
    """A length of time as people write it: 45 s, 3:07 min, 1:02:09 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02} h"
