"""Does the server end when it is told to, and leave nothing behind?"""

from __future__ import annotations

from collections.abc import Iterator

from .base import Check, Finding, Mismatch, Subject, judge

GRACE_S = 10.0


def check_stop(subject: Subject) -> Iterator[Finding]:
    """Ends the server; no other check can run after this one."""
    yield judge("stop", None, lambda: _stop(subject))


def _stop(subject: Subject) -> None:
    report = subject.server.stop(GRACE_S)
    if report.forced:
        raise Mismatch(f"it does not end within {GRACE_S:g} s of SIGTERM; it had to be killed")
    if report.leftovers:
        raise Mismatch(f"it ended and left processes behind: {', '.join(report.leftovers)}; they were killed")


STOP = Check("stop", "it ends on SIGTERM and leaves no process behind", check_stop)
