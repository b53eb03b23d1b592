"""What every kind of pinned file has in common, and how a tool is run that rewrites one."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..model.errors import EnvironmentFault

_TOOL_TIMEOUT_S = 600.0


class RenewalFailed(EnvironmentFault):
    """A registry or a tool did not give newer versions of one file."""


@dataclass(frozen=True)
class Move:
    """A package whose version changed. before or after is empty if it is new or gone."""

    package: str
    before: str
    after: str


class Pins(Protocol):
    """One file in which versions are pinned, or a pair of a list and its lock."""

    @property
    def files(self) -> tuple[Path, ...]:
        """All that renew() may rewrite; the first one has the versions."""

    def packages(self) -> dict[str, str]:
        """Package -> version, as the file has it now."""

    def renew(self) -> None:
        """Rewrites the files with the newest versions. Raises RenewalFailed; the files may be half done then."""


def moves(before: Mapping[str, str], after: Mapping[str, str]) -> list[Move]:
    """What differs, by package."""
    names = sorted(before.keys() | after.keys())
    return [Move(name, before.get(name, ""), after.get(name, "")) for name in names if before.get(name) != after.get(name)]


def run_tool(argv: Sequence[str | Path], folder: Path, env: Mapping[str, str] | None = None) -> str:
    """What the tool printed on stdout. Raises RenewalFailed with the last lines of what it said if it fails."""
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(
            words, cwd=folder, env={**os.environ, **(env or {})}, capture_output=True, text=True, errors="replace",
            stdin=subprocess.DEVNULL, timeout=_TOOL_TIMEOUT_S, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise RenewalFailed(f"{words[0]} is not there", "restmark setup --all installs what contestants need") from None
    except subprocess.TimeoutExpired:
        raise RenewalFailed(f"{' '.join(words)}: no end after {_TOOL_TIMEOUT_S:.0f} s", "is the registry reachable?") from None
    if done.returncode != 0:
        said = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        # Maven and npm say what went wrong first and then how to get help, others last.
        told = next((line for line in said if re.search(r"(?i)\b(error|failed)\b.*\w \w", line)), " / ".join(said[-4:]))
        raise RenewalFailed(f"{words[0]} failed: {told}", f"to see all of it: {' '.join(words)}")
    return done.stdout
