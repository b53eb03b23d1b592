"""Processes that end when their standard input does, also when whoever started them is killed."""

from __future__ import annotations

import contextlib
import subprocess


def close_and_wait(process: subprocess.Popen[bytes], deadline_s: float) -> None:
    """Closes its input and waits; one that has not ended in time is killed. Safe to call again."""
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    try:
        process.wait(deadline_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
