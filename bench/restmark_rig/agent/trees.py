"""Folders that are copied to another machine: only what has changed since the last time, and nothing stays that is not here any more."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import subprocess
import zipfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..model.errors import EnvironmentFault
from ..store.atomic_file import write_atomically

_COPIED = ".restmark-copied.json"
_NEVER = frozenset({".git", "__pycache__"})
_GIT_TIMEOUT_S = 60


@dataclass(frozen=True)
class FileState:
    """A file of a tree. sha256: of its content."""

    sha256: str
    executable: bool


def key_of(root: Path) -> str:
    """The tree's name on the other machine: its own for each folder, so that two checkouts are not mixed."""
    return f"{root.name}-{hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:10]}"


def states(root: Path) -> dict[str, FileState]:
    """All files below root, by their names with slashes: in a git checkout without those that git ignores."""
    found = {}
    for path in sorted(_files(root)):
        if path.is_file() and not _NEVER & set(path.relative_to(root).parts):
            found[path.relative_to(root).as_posix()] = state(path)
    return found


def state(path: Path) -> FileState:
    """That of one file."""
    return FileState(hashlib.sha256(path.read_bytes()).hexdigest(), os.access(path, os.X_OK))


def _files(root: Path) -> Iterator[Path]:
    try:
        # Root may measure a user's checkout, which git refuses otherwise; nothing of it is run, only read.
        words = ["git", "-c", "safe.directory=*", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        done = subprocess.run(words, capture_output=True, timeout=_GIT_TIMEOUT_S, check=False)
    except FileNotFoundError:
        done = None
    if done is not None and done.returncode == 0:
        yield from (root / os.fsdecode(name) for name in done.stdout.split(b"\0") if name)
    else:
        yield from root.rglob("*")


def packed(root: Path, names: Collection[str]) -> str:
    """These files of the tree, compressed, as text."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            # Not by write(): what was made before 1980 has no time in a zip.
            archive.writestr(zipfile.ZipInfo(name), (root / name).read_bytes(), zipfile.ZIP_DEFLATED)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def lacking(root: Path, wanted: Mapping[str, FileState]) -> list[str]:
    """What of a tree is not here yet, or different; files that are not in it any more are removed. Raises EnvironmentFault."""
    _refuse_foreign(root, wanted)
    had = _recorded(root)
    for name in had.keys() - wanted.keys():
        (root / name).unlink(missing_ok=True)
    return [name for name, state in wanted.items() if had.get(name) != state or not (root / name).is_file()]


def unpack(root: Path, wanted: Mapping[str, FileState], text: str) -> None:
    """Puts the packed files in their places; the tree is what is wanted afterwards."""
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(text))) as archive:
        _refuse_foreign(root, archive.namelist())
        for name in archive.namelist():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, archive.read(name))
            path.chmod(0o755 if wanted[name].executable else 0o644)
    record = {name: [state.sha256, state.executable] for name, state in wanted.items()}
    root.mkdir(parents=True, exist_ok=True)
    write_atomically(root / _COPIED, json.dumps(record).encode())


def _recorded(root: Path) -> dict[str, FileState]:
    try:
        record = json.loads((root / _COPIED).read_bytes())
    except FileNotFoundError:
        return {}
    return {name: FileState(*state) for name, state in record.items()}


def _refuse_foreign(root: Path, names: Collection[str]) -> None:
    """Nothing is written outside of the tree."""
    for name in names:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise EnvironmentFault(f"{name!r} is no file below {root}", "copy folders with the rig alone")
