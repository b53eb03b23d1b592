"""By which command the user runs this: a script that makes machines for the length of a run alone has to make them anew before the run can go on."""

from __future__ import annotations

import os

RUN_AS = "RESTMARK_RUN_AS"  # of the environment: set by such a script


def run_command() -> str:
    """What goes before --resume, for people to type."""
    return os.environ.get(RUN_AS) or "restmark run"
