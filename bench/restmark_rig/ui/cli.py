"""The command restmark."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress

import click
from click.utils import PacifyFlushWrapper

from .. import __version__
from ..contestants.settings import Settings
from ..host import ending
from ..model.errors import EnvironmentFault, ExitCode, RigError, Terminated, missing_package
from ..terminal import console
from ..terminal.console import OutputFault, flush, give_up_output, plain, require_open, show_error
from .lazy_group import LazyGroup, Place
from .shared_options import shared_options

_COMMANDS = "restmark_rig.ui.commands."
PLACES = {
    "agent": Place(_COMMANDS + "agent", "agent", "Run servers here for a run on another machine.", watches=True),
    "attach": Place(_COMMANDS + "attach", "attach", "Look at a live service: what its requests cost, and what others could save.", watches=True),
    "bill": Place(_COMMANDS + "bill", "bill", "Reckon what a rate of requests costs in a year, for each stack."),
    "build": Place(_COMMANDS + "build", "build", "Build contestants."),
    "compare": Place(_COMMANDS + "compare", "compare", "Compare two runs, cell by cell, with intervals."),
    "costs": Place(_COMMANDS + "costs", "costs", "Measure what a stack costs to live with.", watches=True),
    "decide": Place(_COMMANDS + "decide", "decide", "Write the page for a meeting: move or stay, and what would turn that."),
    "dev": Place(_COMMANDS + "dev", "dev", "Benchmarks for restmark's own developers.", watches=True),
    "doctor": Place(_COMMANDS + "doctor", "doctor", "Report what makes this machine noisy, and what is missing.", watches=True),
    "list": Place(_COMMANDS + "list", "list_contestants", "List contestants: ready, unbuilt, or skipped and why."),
    "memory": Place(_COMMANDS + "memory", "memory", "Measure memory at rest, under load and after it.", watches=True),
    "new-contestant": Place(_COMMANDS + "new_contestant", "new_contestant", "Write a contestant to start from."),
    "quick": Place(_COMMANDS + "quick", "quick", "Check and measure one server, in a minute.", watches=True),
    "report": Place(_COMMANDS + "report", "report_command", "Make the pages of a run anew from its results."),
    "run": Place(_COMMANDS + "run", "run", "Verify and measure contestants against each other.", watches=True),
    "setup": Place(_COMMANDS + "setup", "setup", "Install what contestants need."),
    "study": Place(_COMMANDS + "study", "study", "Put claims to the test, one by one, and write a page.", watches=True),
    "verify": Place(_COMMANDS + "verify", "verify", "Verify that contestants do the work, byte for byte.", watches=True),
}


@click.group(cls=LazyGroup, places=PLACES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", prog_name="restmark", message="%(prog)s %(version)s")
@shared_options
@click.pass_context
def cli(context: click.Context) -> None:
    """Compares REST servers that provably do the same work.

    Exit codes: 0 all is well, 1 wrong usage, 2 verification failed or undecided, 3 the environment lacks something,
    4 a comparison found what got worse.
    """
    context.ensure_object(Settings)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit code. Whatever was started is stopped on every way out."""
    ending.heed()
    try:
        return _run(arguments)
    except OutputFault as fault:
        # The message itself may be what can not be written: then the exit code has to say it.
        with suppress(OutputFault):
            show_error(fault)
        return fault.exit_code
    except ModuleNotFoundError as error:  # maybe what messages are printed with
        missing = missing_package(error)
        with suppress(OSError):
            print(f"restmark: {missing}", file=sys.stderr)
        return missing.exit_code
    finally:
        give_up_output()


def _run(arguments: Sequence[str] | None) -> int:
    """Runs it and tells of what ended it. Raises OutputFault if that can not be told."""
    try:
        require_open()
        code = cli.main(args=arguments, prog_name="restmark", standalone_mode=False)
        flush()
        return int(code or ExitCode.OK)
    except click.ClickException as error:
        error.show(console.err.file)
        return ExitCode.USAGE
    except OutputFault:
        raise
    except RigError as error:
        show_error(error)
        return error.exit_code
    except SystemExit:
        if isinstance(sys.stdout, PacifyFlushWrapper):  # how click ends when it prints into a closed pipe
            raise OutputFault("can not write to standard output: its reader is gone") from None
        raise
    except OSError as error:
        show_error(EnvironmentFault(f"{error.filename or 'can not write'}: {error.strerror or error}"))
        return ExitCode.ENVIRONMENT
    except (click.Abort, KeyboardInterrupt):
        plain(console.err, "restmark: interrupted; what it had started is stopped")
        return ExitCode.INTERRUPTED
    except Terminated:
        plain(console.err, "restmark: terminated; what it had started is stopped")
        return ExitCode.TERMINATED
