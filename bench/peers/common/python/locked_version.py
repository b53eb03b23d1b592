#!/usr/bin/python3
"""Print the version of a crate in a Cargo.lock: locked_version.py CARGO_LOCK CRATE."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

lock_path, crate = sys.argv[1:]
packages = tomllib.loads(Path(lock_path).read_text(encoding="utf-8"))["package"]
versions = [package["version"] for package in packages if package["name"] == crate]
if not versions:
    sys.exit(f"{lock_path} has no crate {crate}")
print(*versions)
