"""Which rig this is: a digest of its own sources, and the git commit of the checkout that it runs from."""

from __future__ import annotations

import functools
import hashlib
import subprocess
from pathlib import Path

from ..host.installation import PACKAGE
from ..model.results import Rig

_CHECKOUT = PACKAGE.parents[1]
_SOURCES = (".py", ".json", ".lua", ".html", ".css")
_TIMEOUT_S = 20


@functools.cache
def describe() -> Rig:
    """This rig. commit and dirty are None outside a checkout, or where git is missing or does not answer."""
    return Rig(digest(PACKAGE), *_commit(_CHECKOUT))


def digest(package: Path) -> str:
    """SHA-256 of the names and contents of the sources in a folder, whatever else lies there."""
    total = hashlib.sha256()
    for path in sorted(path for path in package.rglob("*") if path.suffix in _SOURCES and path.is_file()):
        name, content = str(path.relative_to(package)).encode(), path.read_bytes()
        total.update(b"%d:%s%d:%s" % (len(name), name, len(content), content))
    return total.hexdigest()


def _commit(checkout: Path) -> tuple[str | None, bool | None]:
    """(commit, dirty) of a checkout. A package within somebody else's repository is none of ours."""
    if not (checkout / ".git").exists() or not (checkout / "bench" / "peers").is_dir():
        return None, None
    commit = _git(checkout, "rev-parse", "--verify", "HEAD")
    changes = _git(checkout, "status", "--porcelain") if commit else None
    return (commit, bool(changes)) if commit and changes is not None else (None, None)


def _git(checkout: Path, *words: str) -> str | None:
    """What a git command prints; None if it can not be run or fails."""
    # Root may measure in a user's checkout, which git refuses otherwise; nothing of it is run, only read.
    safe = f"safe.directory={checkout}"
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", "-c", safe, "-c", "core.fsmonitor=false", "-C", str(checkout), *words],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
