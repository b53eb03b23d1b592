"""System calls of a running daemon, and of what it starts from then on, that fail or take long: by strace."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from daemon import Daemon, wait_for

under_strace = pytest.mark.skipif(os.environ.get("RESTMARK_SANITIZED") == "1", reason="the leak sanitizer does not run under strace")


@contextmanager
def traced(pid: int, trace: Path, call: str, *options: str) -> Iterator[None]:
    """Meanwhile a process's calls of this kind are written to `trace`."""
    with subprocess.Popen(["strace", "-q", "-o", str(trace), "-e", f"trace={call}", *options, "-p", str(pid)], stderr=subprocess.DEVNULL) as strace:
        try:
            wait_for("strace has it", lambda: "TracerPid:\t0" not in Path(f"/proc/{pid}/status").read_text())
            yield
        finally:
            strace.terminate()
            strace.wait(60)


@contextmanager
def tampered(daemon: Daemon, tmp_path: Path, call: str, fault: str) -> Iterator[None]:
    """Meanwhile `fault`, in the words of strace's option --inject, befalls each `call`."""
    with traced(daemon.pid, tmp_path / "trace", call, "-f", "-e", f"inject={call}:{fault}"):
        yield


@contextmanager
def failing_starts(daemon: Daemon, tmp_path: Path) -> Iterator[None]:
    """Workers that are forked meanwhile do not get an epoll descriptor, and end."""
    with tampered(daemon, tmp_path, "epoll_create1", "error=ENOMEM"):
        yield
