"""The environment of a restmarkd whose forks fail and so on: see faults.c."""

from __future__ import annotations

import os
from pathlib import Path

from daemon import BUILD

LIBRARY = BUILD / "tests" / "integration" / "libfaults.so"


def preload(**variables: Path) -> dict[str, str]:
    environment = {"LD_PRELOAD": str(LIBRARY), **{name: str(path) for name, path in variables.items()}}
    if os.environ.get("RESTMARK_SANITIZED") == "1":
        environment["ASAN_OPTIONS"] = f"{os.environ.get('ASAN_OPTIONS', '')}:verify_asan_link_order=0"
    return environment
