"""The signals that end the command. Each becomes an exception, which arrives even where Python ignores exceptions."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType

from ..model.errors import Terminated

_AGAIN_S = 0.05


def heed() -> None:
    """From now on SIGTERM raises Terminated, once; SIGINT raises KeyboardInterrupt, as ever. To be called in the main thread.

    A handler may run within a callback whose exceptions nobody gets: a hook of fork (logging has some), a finalizer. Then the command would go
    on as if nobody had asked it to end.
    """
    signal.signal(signal.SIGTERM, _on_terminate)
    sys.unraisablehook = _on_unraisable


def _on_terminate(_: int, __: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the clean-up that this sets off must not be cut short
    raise Terminated


def _on_unraisable(what: sys.UnraisableHookArgs) -> None:
    if isinstance(what.exc_value, (Terminated, KeyboardInterrupt)) and threading.current_thread() is threading.main_thread():
        _raise_later(type(what.exc_value))
    else:
        sys.__unraisablehook__(what)


def _raise_later(kind: type[BaseException]) -> None:
    """By a timer: whatever is raised from here is ignored, too."""

    def again(_: int, __: FrameType | None) -> None:
        raise kind

    signal.signal(signal.SIGALRM, again)
    signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
