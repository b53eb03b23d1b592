"""The energy that the machine's packages use, as RAPL counts it in /sys/class/powercap. Most virtual machines show none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")


@dataclass(frozen=True)
class Reading:
    """Counters by zone, µJ, and the values at which each begins anew. unseen: why there are none, empty if there are."""

    counters: dict[str, int]
    ranges: dict[str, int]
    unseen: str = ""


def read(powercap: Path | None = None) -> Reading:
    """Packages alone (intel-rapl:0 …): what lies below them is part of theirs. powercap: None for this machine's."""
    powercap = powercap or POWERCAP
    zones = sorted(path for path in powercap.glob("intel-rapl:*") if path.name.count(":") == 1) if powercap.is_dir() else []
    if not zones:
        return Reading({}, {}, f"this machine counts no energy: {powercap} shows no package (RAPL)")
    counters, ranges = {}, {}
    for zone in zones:
        try:
            counters[zone.name] = int((zone / "energy_uj").read_text())
            ranges[zone.name] = int((zone / "max_energy_range_uj").read_text())
        except PermissionError:
            return Reading({}, {}, f"{zone / 'energy_uj'} may be read by root alone")
        except (OSError, ValueError) as error:
            return Reading({}, {}, f"{zone}: {error}")
    return Reading(counters, ranges)


def joules(before: Reading, after: Reading) -> float | None:
    """Between two readings that lie less than one round of a counter apart; None where one of them has none."""
    if before.unseen or after.unseen or before.counters.keys() != after.counters.keys():
        return None
    total = 0
    for zone, end in after.counters.items():
        used = end - before.counters[zone]
        total += used if used >= 0 else used + after.ranges[zone]
    return total / 1e6
