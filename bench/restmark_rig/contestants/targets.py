"""What processors compiled contestants are built for: the same for all of them, in each compiler's own words.

The levels are those of the x86-64 psABI; Go names them v1 to v4, GCC, clang and rustc x86-64 and x86-64-v2 to x86-64-v4.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path

from ..model.errors import EnvironmentFault

DEFAULT, NATIVE = "default", "native"
V2, V3 = "x86-64-v2", "x86-64-v3"
NAMES = (DEFAULT, V2, V3, NATIVE)

# Flags of /proc/cpuinfo that a level asks for beyond the level before it (x86-64 psABI, table 3.1; lzcnt is called abm there).
_V2_FLAGS = frozenset({"cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"})
_V3_FLAGS = frozenset({"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"})
_CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Target:
    """One target. cc: an option of GCC and clang; rust: rustc's target-cpu; go: GOAMD64."""

    name: str
    cc: str
    rust: str
    go: str

    def placeholder_values(self) -> dict[str, str]:
        """Values of {target_cc}, {target_rust} and {target_go}."""
        return {"target_cc": self.cc, "target_rust": self.rust, "target_go": self.go}


def named(name: str, machine: str | None = None, flags: frozenset[str] | None = None) -> Target:
    """The target of a name in NAMES, on this machine. machine: uname's; flags: those of its processor.

    Raises EnvironmentFault if the machine can not run what is built for it.
    """
    machine = platform.machine() if machine is None else machine
    if machine != "x86_64":
        if name in (V2, V3):
            raise EnvironmentFault(f"--target-cpu {name}: this machine is {machine}", f"choose {DEFAULT} or {NATIVE}")
        return Target(name, "-mcpu=native", "native", "v1") if name == NATIVE else Target(name, "-mcpu=generic", "generic", "v1")
    if name == DEFAULT:
        return Target(name, "-march=x86-64", "x86-64", "v1")
    level = _level(_processor_flags() if flags is None else flags)
    if name == NATIVE:
        return Target(name, "-march=native", "native", f"v{level}")
    if level < (wanted := int(name[-1])):
        raise EnvironmentFault(
            f"--target-cpu {name}: this processor is x86-64-v{level}", f"choose {V2 if wanted == 3 and level == 2 else DEFAULT} or {NATIVE}"
        )
    return Target(name, f"-march={name}", name, f"v{wanted}")


def _level(flags: frozenset[str]) -> int:
    if not flags >= _V2_FLAGS:
        return 1
    return 3 if flags >= _V3_FLAGS else 2


def _processor_flags() -> frozenset[str]:
    for line in _CPUINFO.read_text(encoding="utf-8").splitlines():
        if line.startswith("flags"):
            return frozenset(line.partition(":")[2].split())
    return frozenset()
