"""Waiting until a server has nothing left to do."""

from __future__ import annotations

import time

from .launcher import RunningServer

# Garbage collectors and supervisors tick on; work on requests takes far more.
_MAX_SHARE = 0.10
DEADLINE_S = 10.0


def come_to_rest(server: RunningServer, window_s: float) -> bool:
    """Waits until the server has used less than a tenth of a CPU over window_s; False if it never does within 10 s.

    A load generator that ends leaves requests behind, which many servers work off although nobody waits for the answer:
    up to one a connection. Loaded again meanwhile, a slow server would be charged for them.
    """
    deadline = time.monotonic() + DEADLINE_S
    before_ns, before = server.cpu_ns(), time.monotonic()
    while time.monotonic() < deadline:
        time.sleep(window_s)  # the window over which the CPU time is looked at
        now_ns, now = server.cpu_ns(), time.monotonic()
        if now_ns - before_ns < _MAX_SHARE * (now - before) * 1e9:
            return True
        before_ns, before = now_ns, now
    return False
