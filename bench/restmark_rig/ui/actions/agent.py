"""restmark agent: serves a run that is coordinated elsewhere."""

from __future__ import annotations

from ...agent import program


def agent() -> int:
    """Talks to that rig on standard input and output, until the input ends."""
    return program.main()
