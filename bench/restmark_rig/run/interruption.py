"""What is left of a run that ended early: said once, after the progress line has gone, with its report made."""

from __future__ import annotations

from .. import report
from ..host import own_command
from ..model.errors import RigError, Terminated
from ..terminal import console
from .recording import Recording


def reason(error: BaseException) -> str:
    """By what a run was interrupted, for its record."""
    if isinstance(error, KeyboardInterrupt):
        return "Ctrl-C (SIGINT)"
    if isinstance(error, Terminated):
        return "SIGTERM"
    if isinstance(error, RigError):
        return error.message.splitlines()[0]
    return f"a fault of the rig's own: {type(error).__name__}"


def tell(recording: Recording) -> None:
    """Says what is saved and how to go on, and makes the report of it, or names the command that does."""
    results = recording.results
    made, remaining = len(results.visits_made()), recording.remaining()
    where = f"in round {remaining[0].round} of {results.settings.rounds}" if remaining else "after the last visit"
    lines = [
        f"interrupted {where}: {made} of {len(results.order)} visits are saved in {recording.directory}",
        f"go on with: {own_command.run_command()} --resume {recording.directory}",
    ]
    for line in lines:
        console.plain(console.err, line)
    if not made:
        return
    try:
        paths = report.write(results, recording.directory)
    except (RigError, KeyboardInterrupt) as error:
        why = f"{error.message}; " if isinstance(error, RigError) else ""
        console.plain(console.err, f"{why}make its report with: restmark report {recording.directory}")
        return
    for path in paths:
        console.plain(console.err, f"report of what there is: {path}")
