"""What can keep a proof from being made. None of it says anything about the server's reloads."""

from __future__ import annotations


class Missing(Exception):
    """A server's program is not installed; `remedy` says how to get it."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.remedy = remedy


class Fault(Exception):
    """The server does not start, does not answer rightly, or does not reload at all."""
