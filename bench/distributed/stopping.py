"""How a script ends that has to take something away first: by which signal, with which exit code, and with what it has begun. Standard library only."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from restmark_rig.host import proctree

ENVIRONMENT = 3
END_S = 120.0  # for a command to end what it has begun, once it was told to
_POLL_S = 0.02


class Fault(Exception):
    """What is shown to the user."""


class Stopped(BaseException):
    """The first signal that asks for the end. Not an Exception, so that only clean-up sees it on its way out."""


def say(text: str) -> None:
    """A line on standard error, also from within a signal handler, where print() may not be called."""
    with suppress(OSError):  # whoever listened is gone; what was made has to be taken away all the same
        os.write(2, f"{Path(sys.argv[0]).name}: {text}\n".encode())


class Signals:
    """SIGINT, SIGTERM and SIGHUP. The first one ends what is done within heard(), or what will be; all that follow are answered and change nothing:
    whoever is impatient must not be left with half of it."""

    def __init__(self) -> None:
        self.first: signal.Signals | None = None
        self._heard = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:  # as under nohup
                signal.signal(number, self._take)

    def _take(self, number: int, _: object) -> None:
        if self.first is not None:
            say("stopping… what was made is being taken away")
            return
        self.first = signal.Signals(number)
        if self._heard:
            raise Stopped

    @contextmanager
    def heard(self) -> Iterator[None]:
        """What may be left at any moment. Raises Stopped."""
        try:
            self._heard = True
            if self.first is not None:
                raise Stopped
            yield
        finally:
            self._heard = False


def concluded(body: Callable[[ExitStack], int], signals: Signals) -> int:
    """The exit code of a body, once all is taken away that it has put on the stack: its own also if that fails, which is said; 128 + signal if one has
    ended it."""
    code: int | None = None
    try:
        with ExitStack() as stack:
            code = body(stack)
    except Stopped:
        say(f"{'interrupted' if signals.first == signal.SIGINT else 'terminated'}; what was made is taken away")
    except (Fault, OSError) as fault:
        say(text_of(fault))
        code = code or (None if signals.first else ENVIRONMENT)
    return code if code is not None else 128 + (signals.first or 0)


def text_of(fault: Fault | OSError) -> str:
    """With the remedy where a disk is full."""
    if isinstance(fault, Fault):
        return str(fault)
    remedy = "; make room there, or name another folder with TMPDIR" if fault.errno in (errno.ENOSPC, errno.EDQUOT) else ""
    return f"{fault.filename or 'can not go on'}: {fault.strerror or fault}{remedy}"


def call(
    argv: Sequence[str | Path],
    signals: Signals,
    more: Mapping[str, str | Path] | None = None,
    shares_terminal: bool = False,
    stdout: int | None = None,
) -> int:
    """Runs a command to its end; its exit code, 128 + signal if one has ended it. more: of its environment; stdout: a descriptor in place of the script's.

    The first signal is passed on, and no later one: the terminal's go to the script's process group, and the command has its own. shares_terminal:
    it has not, because it reads from the terminal; that tells it of Ctrl-C then. Raises Stopped, once it has ended.
    """
    environment = {**os.environ, **{name: str(value) for name, value in (more or {}).items()}}
    script = os.getpid()
    process = subprocess.Popen(
        list(map(str, argv)),
        env=environment,
        stdout=stdout,
        process_group=None if shares_terminal else 0,
        preexec_fn=lambda: _end_with(script),
    )
    try:
        with signals.heard():
            code = process.wait()
    except BaseException:
        _end(process, signals.first or signal.SIGTERM, shares_terminal)
        raise
    return code if code >= 0 else 128 - code


def _end_with(script: int) -> None:
    """For a child before its exec: has the kernel tell it if the script is killed."""
    proctree.prctl(proctree.PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != script:
        os._exit(127)


def _end(process: subprocess.Popen[bytes], number: signal.Signals, shares_terminal: bool) -> None:
    """Hands a signal on, and waits for the end that it asks for."""
    tell = process.send_signal if shares_terminal else lambda which: os.killpg(process.pid, which)
    if not (shares_terminal and number == signal.SIGINT):
        with suppress(ProcessLookupError):
            tell(signal.SIGINT if number == signal.SIGINT else signal.SIGTERM)
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:
        say(f"{Path(str(process.args[0])).name} has not ended in {END_S:.0f} s, and is killed")  # type: ignore[index]
        with suppress(ProcessLookupError):
            tell(signal.SIGKILL)
        process.wait()


def wait_until(condition: Callable[[], object], limit_s: float) -> bool:
    """Polls, as nobody tells of the end of processes that are not one's own; False after the limit."""
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True
