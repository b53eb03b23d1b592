"""Neighbours: a process on each CPU that computes for a random time, rests for a random time, and so on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from types import TracebackType

_COMPUTE = "import os, sys; os.sched_setaffinity(0, {int(sys.argv[1])})\nwhile True: pass"
# Ends with its parent, however that ends (PR_SET_PDEATHSIG).
_DIE_WITH_PARENT = "import ctypes, signal; ctypes.CDLL(None).prctl(1, signal.SIGKILL)\n"
SHORTEST_S, LONGEST_S = 0.05, 5.0


class Hogs:
    """They run while the context lasts. seed: of when each computes and rests, for times from SHORTEST_S to LONGEST_S, short ones as likely as long ones on
    a logarithmic scale."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self.turns = 0

    def __enter__(self) -> Hogs:
        for cpu in sorted(os.sched_getaffinity(0)):
            process = subprocess.Popen([sys.executable, "-c", _DIE_WITH_PARENT + _COMPUTE, str(cpu)])
            thread = threading.Thread(target=self._drive, args=(process, random.Random(self._random.random())))
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _drive(self, process: subprocess.Popen[bytes], dice: random.Random) -> None:
        """Stops and continues a process until all is over, and ends it."""
        computes = True
        try:
            while not self._over.wait(SHORTEST_S * (LONGEST_S / SHORTEST_S) ** dice.random()):
                computes = not computes
                process.send_signal(signal.SIGCONT if computes else signal.SIGSTOP)
                self.turns += 1
        finally:
            process.kill()
            process.wait()
