"""Folders and files that the user wants written: found out early, and told with a remedy when it can not be done."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..model.errors import EnvironmentFault

_PROBE_BYTES = 1 << 20  # about what a run writes, its pages included


def unwritable(error: OSError, path: Path) -> EnvironmentFault:
    """The error as a fault that names the path and what would help."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    remedy = "make room there" if full else "let it be written to"
    return EnvironmentFault(
        f"can not write {path}: {error.strerror or error}", f"{remedy}, or name another folder with --output"
    )


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turns an OSError within the block into a fault that names the path. Raises EnvironmentFault."""
    try:
        yield
    except OSError as error:
        raise unwritable(error, path) from error


@contextmanager
def claimed(directory: Path) -> Iterator[None]:
    """Makes the folder and writes into it for a try, before work is done whose results are to go there.

    A folder that it made goes again if the block fails and nothing was put there. Raises EnvironmentFault.
    """
    with told(directory):
        made = _make(directory)
        _probe(directory)
    try:
        yield
    except BaseException:
        with suppress(OSError):  # not empty: it holds results, and stays
            for folder in made:
                folder.rmdir()
        raise


def _make(directory: Path) -> list[Path]:
    """Makes the folder; returns those that were not there, the deepest first."""
    missing = [folder for folder in (directory, *directory.parents) if not folder.exists()]
    directory.mkdir(parents=True, exist_ok=True)
    return missing


def _probe(directory: Path) -> None:
    handle, name = tempfile.mkstemp(dir=directory, prefix=".restmark-probe-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(bytes(_PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    finally:
        os.unlink(name)
