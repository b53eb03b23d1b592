"""Output: results to stdout, progress and errors to stderr, colour on a terminal only."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.status import Status
from rich.text import Text

from .errors import RigError

for stream in (sys.stdout, sys.stderr):
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")  # where a locale has no dash, "?" is better than a traceback

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

_PIPE_PROGRESS_EVERY_S = 15.0


def plain(console: Console, text: str, style: str = "") -> None:
    """Prints text as it is: no markup, and lines are not wrapped."""
    console.print(Text(text, style=style), soft_wrap=True)


def show_error(error: RigError) -> None:
    """An error with its remedy on stderr."""
    err.print(Text.assemble(("restmark: ", "bold red"), error.message), soft_wrap=True)
    if error.remedy:
        err.print(Text.assemble(("  remedy: ", "bold"), error.remedy), soft_wrap=True)


def show_json(text: str) -> None:
    """A JSON document on stdout, untouched by rich."""
    sys.stdout.write(text + "\n")


class Progress:
    """What the rig does now: a spinner line on a terminal, a plain line now and then in a pipe."""

    def __init__(self, status: Status | None) -> None:
        self._status = status
        self._last_line = time.monotonic()

    def progress(self, text: str) -> None:
        """What is being done now. In a pipe it is printed only if nothing has been for a while."""
        if self._status is not None:
            self._status.update(Text(text, no_wrap=True, overflow="ellipsis"))
        elif time.monotonic() - self._last_line > _PIPE_PROGRESS_EVERY_S:
            self.say(text)

    def say(self, text: str) -> None:
        """A line that stays."""
        plain(err, text)
        self._last_line = time.monotonic()


@contextmanager
def progress() -> Iterator[Progress]:
    """A Progress for the length of a with block."""
    if not err.is_terminal:
        yield Progress(None)
        return
    with err.status("") as status:
        yield Progress(status)
