"""Folders that last as long as what runs in them, and certificates in them that are made for the run."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..contestants.cache import make_folder
from ..contestants.contestant import Requirement
from ..model.errors import StartFailed
from .lab import Lab

CERTIFIER = Requirement("/usr/bin/openssl", ("openssl",))
CERTIFICATE, KEY = "certificate.pem", "key.pem"


@contextmanager
def folder(lab: Lab, name: str) -> Iterator[Path]:
    """One of that name for the length of a with block. What studies have left behind that were killed goes as well."""
    above = lab.cache.folder("study")
    _sweep(above)
    own = make_folder(above / f"{name}-{os.getpid()}")
    try:
        yield own
    finally:
        shutil.rmtree(own)


def _sweep(above: Path) -> None:
    for left in above.iterdir():
        if not Path("/proc", left.name.rpartition("-")[2]).exists():
            shutil.rmtree(left)


def certify(place: Path) -> None:
    """Makes a certificate and its key there, for this once. Raises StartFailed."""
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost")
    argv = [CERTIFIER.command, "req", "-x509", *kind, "-keyout", str(place / KEY), "-out", str(place / CERTIFICATE)]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    except OSError as error:
        raise StartFailed(f"no certificate could be made: {error}", "restmark setup pipelining") from None
    if done.returncode != 0:
        raise StartFailed(f"no certificate could be made: {done.stderr.strip()[-300:]}", "openssl has to be installed")
