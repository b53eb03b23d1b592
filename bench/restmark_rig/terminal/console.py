"""Output: results to stdout, progress and errors to stderr, colour on a terminal only."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from ..model.errors import EnvironmentFault, RigError

if TYPE_CHECKING:  # rich is imported by the first line that is printed: a command starts in half the time
    from rich.console import Console
    from rich.status import Status

    out: Console
    err: Console

for stream in (sys.stdout, sys.stderr):
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")  # where a locale has no dash, "?" is better than a traceback


class OutputFault(EnvironmentFault):
    """Standard output or error can not be written to: a closed pipe, a full disk."""


class _Stream:
    """sys.stdout or sys.stderr, whichever that is at the moment; a failed write is a fault that says so."""

    def __init__(self, name: str, title: str) -> None:
        self._name = name
        self._title = title

    def write(self, text: str) -> int:
        """Raises OutputFault."""
        with self._told():
            return int(self._stream.write(text))

    def flush(self) -> None:
        """Raises OutputFault."""
        with self._told():
            self._stream.flush()

    @property
    def _stream(self) -> Any:
        stream = getattr(sys, self._name)
        if stream is None:
            raise OutputFault(f"{self._title} is closed")
        return getattr(stream, "rich_proxied_file", stream)  # while a spinner runs, rich puts itself in between

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputFault(f"can not write to {self._title}: {error.strerror or error}") from error

    def __getattr__(self, name: str) -> Any:
        stream = getattr(sys, self._name)
        return getattr(getattr(stream, "rich_proxied_file", stream), name)


_stdout = _Stream("stdout", "standard output")
_stderr = _Stream("stderr", "standard error")

_PIPE_PROGRESS_EVERY_S = 15.0
_SPINNER_COLUMNS = 3


def __getattr__(name: str) -> Any:
    """The consoles of standard output and error, out and err: made when they are first used."""
    if name in ("out", "err"):
        return _console(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache
def _console(name: str) -> Console:
    from rich.console import Console

    return Console(file=_stdout if name == "out" else _stderr, highlight=False)  # type: ignore[arg-type]


def forget() -> None:
    """Lets the consoles be made anew, by what the environment then says."""
    _console.cache_clear()


def plain(console: Console, text: str, style: str = "") -> None:
    """Prints text as it is: no markup, and lines are not wrapped."""
    from rich.text import Text

    console.print(Text(text, style=style), soft_wrap=True)


def show_error(error: RigError) -> None:
    """An error with its remedy on stderr."""
    from rich.text import Text

    err = _console("err")
    err.print(Text.assemble(("restmark: ", "bold red"), error.message), soft_wrap=True)
    if error.remedy:
        err.print(Text.assemble(("  remedy: ", "bold"), error.remedy), soft_wrap=True)


def show_json(text: str) -> None:
    """A JSON document on stdout, untouched by rich."""
    _stdout.write(text + "\n")


def flush() -> None:
    """Writes out what is left of the results. Raises OutputFault."""
    _stdout.flush()


def require_open() -> None:
    """Raises OutputFault if standard output or error is closed: its number would go to the next file that is opened."""
    for stream, title in ((sys.stdout, "standard output"), (sys.stderr, "standard error")):
        if stream is None:
            raise OutputFault(f"{title} is closed", "send it to /dev/null if you do not want it")


def give_up_output() -> None:
    """Sends what can no longer be written nowhere, so that the interpreter does not fail over it when it ends."""
    for stream in (sys.stdout, sys.stderr):
        if stream is None:
            continue
        with suppress(OSError, ValueError):
            stream.flush()
            continue
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


class Progress:
    """What the rig does now: a spinner line on a terminal, a plain line now and then in a pipe."""

    def __init__(self, status: Status | None) -> None:
        self._status = status
        self._last_line = time.monotonic()

    def progress(self, text: str) -> None:
        """What is being done now. In a pipe it is printed only if nothing has been for a while."""
        if self._status is not None:
            from rich.text import Text

            line = Text(text)
            line.truncate(max(1, _console("err").width - _SPINNER_COLUMNS), overflow="ellipsis")  # a second line would flicker
            self._status.update(line)
        elif time.monotonic() - self._last_line > _PIPE_PROGRESS_EVERY_S:
            self.say(text)

    def say(self, text: str) -> None:
        """A line that stays."""
        plain(_console("err"), text)
        self._last_line = time.monotonic()


@contextmanager
def progress() -> Iterator[Progress]:
    """A Progress for the length of a with block."""
    if not _console("err").is_terminal:
        yield Progress(None)
        return
    with _console("err").status("") as status:
        yield Progress(status)
