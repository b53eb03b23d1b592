"""Folders at fixed places that several scripts use at once: whoever comes first makes one, and whoever leaves last takes it away."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from restmark_rig.host import proctree

_LOCKS = Path("/run")
_MADE = b"made\n"


@dataclass(frozen=True)
class SharedFolder:
    """A folder that may have been there before, and then stays. Who uses it has a lock, which the kernel gives up for those that are killed; the lock's
    file says whether the folder was made."""

    path: Path

    @property
    def lock(self) -> Path:
        """Beside the users' folders, not within one: sshd wants its own empty."""
        return _LOCKS / f"restmark-{self.path.name}.lock"

    @contextmanager
    def used(self) -> Iterator[Path]:
        """It is there for the length of a with block."""
        descriptor = self._joined()
        try:
            yield self.path
        finally:
            self._left(descriptor)

    def _joined(self) -> int:
        while True:
            descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            if self._is_current(descriptor):
                break
            os.close(descriptor)  # the last one before has just taken it away
        with suppress(FileExistsError):
            self.path.mkdir(mode=0o755)
            os.pwrite(descriptor, _MADE, 0)
        return descriptor

    def _is_current(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self.lock.stat())
        except FileNotFoundError:
            return False

    def _left(self, descriptor: int) -> None:
        try:
            # Of several that leave at one instant exactly one gets it: each gives up its own share first.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # others use it
        else:
            if os.pread(descriptor, len(_MADE), 0) == _MADE and not self._is_taken_over():
                with suppress(FileNotFoundError):  # somebody else was quicker
                    shutil.rmtree(self.path)
            self.lock.unlink(missing_ok=True)
        finally:
            os.close(descriptor)

    def _is_taken_over(self) -> bool:
        return self == SSHD_RUN and _other_sshd()


def _other_sshd() -> bool:
    """Whether any sshd of this machine runs, the administrator's say, who has started it meanwhile; what containers have is not this folder."""
    ours = os.stat("/proc/self/ns/mnt")
    for pid in proctree.all_pids():
        with suppress(FileNotFoundError, ProcessLookupError, PermissionError):  # it has ended, or is none of this machine's own
            if proctree.command_name(pid).startswith("sshd") and os.path.samestat(ours, os.stat(f"/proc/{pid}/ns/mnt")):
                return True
    return False


SSHD_RUN = SharedFolder(Path("/run/sshd"))  # into which sshd locks its unprivileged part, wherever it is started
# At one place, so that a run that is gone on with has the same paths in what is built, as that is what builds are known by.
FAR_CACHE = SharedFolder(Path("/var/cache/restmark-far"))


def clean() -> None:
    """Takes away what users that were killed have left, if there are none now."""
    for shared in (SSHD_RUN, FAR_CACHE):
        if shared.lock.exists():
            with shared.used():
                pass
