"""That the rooms plan and fleet are pure: what they need from outside is in this list, and none of it knows the time, a file or a process.

Usage: pure.py COMPILER BUILD_DIRECTORY
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from compiling import PURE, Compiler

ALLOWED = {"abort", "calloc", "free", "memcmp", "memcpy", "memset", "strdup", "strcmp", "strlen", "snprintf", "vsnprintf", "strsignal"}
ALLOWED |= {"status_cause_name"}  # of the room shared
COMPILERS = ("__stack_chk_fail", "_GLOBAL_OFFSET_TABLE_")


def symbols(path: Path) -> tuple[set[str], set[str]]:
    """What the object defines, and what it lacks."""
    rows = [line.split() for line in subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout.splitlines()]
    return {row[-1] for row in rows if row[-2] != "U"}, {row[-1] for row in rows if row[-2] == "U"}


def main() -> int:
    with tempfile.TemporaryDirectory() as directory:
        compiler = Compiler(sys.argv[1], Path(sys.argv[2]), Path(directory))
        found = [symbols(compiler.object(source)) for source in PURE]
    own = set().union(*(defined for defined, _ in found))
    lacking = set().union(*(names for _, names in found)) - own
    wrong = sorted(name for name in lacking if name not in ALLOWED and not name.startswith(COMPILERS))
    for name in wrong:
        print(f"{name} is used where nothing of the system may be")
    print(f"{len(PURE)} files, {len(lacking)} names from outside: {len(wrong)} faults")
    return 1 if wrong or not lacking else 0


sys.exit(main())
