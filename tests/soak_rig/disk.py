"""The file system that the access log is on: a small one of its own where that can be had."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

SIZE_BYTES = 48 << 20
MOUNT = 'mount -t tmpfs -o size="$1" tmpfs "$0" && shift && exec "$@"'


def private_mount(folder: Path) -> list[str]:
    """What to put before a command so that `folder` is a small tmpfs, which this command and its children alone see."""
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", MOUNT, str(folder), str(SIZE_BYTES)]


def why_no_mount(folder: Path) -> str:
    """Why no such file system can be had here; empty: it can."""
    if os.geteuid() != 0:
        return "a tmpfs takes root"
    tried = subprocess.run([*private_mount(folder), "true"], capture_output=True, text=True, timeout=20, check=False)
    return "" if tried.returncode == 0 else f"a tmpfs cannot be mounted: {tried.stderr.strip()}"


class Disk:
    """The folder as the daemon sees it. `open` it while the daemon lives; afterwards it can still be read."""

    def __init__(self, folder: Path, is_small: bool) -> None:
        self.folder = folder
        self.is_small = is_small
        self._fd = -1

    def open(self, pid: int) -> None:
        self._fd = os.open(f"/proc/{pid}/root{self.folder}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _path(self, name: str) -> Path:
        return Path(f"/proc/self/fd/{self._fd}/{name}")

    def size(self, name: str) -> int:
        return self._path(name).stat().st_size

    def fill(self) -> None:
        """Leaves no byte free."""
        with self._path("filler").open("wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(b"\0" * (1 << 20))
            except OSError:
                pass  # full for this size: the rest byte by byte pages
            try:
                while True:
                    filler.write(b"\0" * 4096)
            except OSError:
                pass  # full

    def free(self) -> None:
        self._path("filler").unlink()

    def move(self, name: str, to: str) -> None:
        self._path(name).rename(self._path(to))

    def take(self, name: str) -> str:
        """The text of the file, which is removed."""
        text = self._path(name).read_text(errors="replace")
        self._path(name).unlink()
        return text

    def exists(self, name: str) -> bool:
        return self._path(name).exists()
