"""restmark agent: the far side of restmark run --server."""

from __future__ import annotations

import click


@click.command()
def agent() -> int:
    """Build, run and watch servers here for a run on another machine.

    'restmark run --server' starts it through ssh, and sends it where it is not installed; it talks JSON on standard input and output, and
    ends, with all that it has started, when its input does.
    """
    from ..actions import agent as action

    return action.agent()
