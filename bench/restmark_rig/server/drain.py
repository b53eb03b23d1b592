"""Waiting until a server has nothing left to do."""

from __future__ import annotations

import time

from ..host.ports import Abandoned
from .launcher import RunningServer

# Garbage collectors and supervisors tick on; work on requests takes far more.
_MAX_SHARE = 0.10
_MAX_WANTED = 0.50  # with the time that it waits for a CPU; what ticks waits for moments
DEADLINE_S = 10.0
DEADLINE_MAX_S = 60.0
_UNKNOWN_BACKLOG_S = 15.0
# A connection that the client has closed and the server has read to its end may have an answer under way, or belong to a
# server that closes late; so it is not waited for much longer than an answer takes.
_LATE_CLOSE_S = 1.0
_WENT_ON_MIN = 0.10  # of the work that all requests left behind would be
_BACKLOG_FACTOR = 2.0  # of the time that a backlog took under load: without a client a server is hardly slower


def come_to_rest(server: RunningServer, window_s: float, backlog_s: float = 0.0) -> str:
    """Waits until the server uses less than a tenth of a CPU over window_s, nor waits for one half of that time or at its end because others
    have them all, and has no connection left that its client has closed; returns what it is still doing when patience ends, empty if it is at rest.

    A load generator that ends leaves requests behind, up to one a connection, which many servers work off although nobody
    waits for the answer. Loaded again meanwhile, a slow server would be charged for them; and one that waits for a database
    or a lock in them uses no CPU, but is not at rest. backlog_s: how long the server took for so many requests under load, see
    backlog_s(); patience is 10 s, and twice that time where it is longer, a minute at most.
    """
    patience_s = min(max(DEADLINE_S, _BACKLOG_FACTOR * backlog_s), DEADLINE_MAX_S)
    late_close_s = min(max(_LATE_CLOSE_S, _BACKLOG_FACTOR * backlog_s), DEADLINE_MAX_S)
    started = before = changed = time.monotonic()
    before_ns, waited_ns, had = server.cpu_ns(), server.runqueue_wait_ns(), Abandoned(0, 0)
    while True:
        time.sleep(window_s)  # the window over which the CPU time is looked at
        now_ns, wait_ns, now = server.cpu_ns(), server.runqueue_wait_ns(), time.monotonic()
        share = (now_ns - before_ns) / 1e9 / (now - before)
        wants = share + (wait_ns - waited_ns) / 1e9 / (now - before)
        busy = share >= _MAX_SHARE or wants >= _MAX_WANTED or server.n_runnable() > 0
        left = server.abandoned()
        changed = changed if left == had else now
        if not busy and not left.unread and (not left.open or now - changed >= late_close_s):
            return ""
        if server.death():
            return ""
        if now - started >= patience_s:
            work = f"it used {share:.0%} of a CPU, and wanted {wants:.0%}" if busy else f"{left.unread} of them were unread"
            return f"{now - started:.0f} s after a load the server was still busy with its requests: {work}"
        before_ns, waited_ns, before, had = now_ns, wait_ns, now, left


def backlog_s(connections: int, requests_per_s: float) -> float:
    """How long a server takes for one request of each connection, by its rate under load, seconds; a guess if no answer came."""
    return connections / requests_per_s if requests_per_s else _UNKNOWN_BACKLOG_S


def worked_off(connections: int, requests: int, loaded_ns: int, afterwards_ns: int) -> int:
    """How many requests beside those that were answered are in the server's CPU time: all that the load left behind, if it
    went on with them after the load; else none.

    loaded_ns, afterwards_ns: CPU time within the load, and from its end until rest. A server that drops what nobody waits
    for at most ends what it had begun.
    """
    cost_ns = loaded_ns / requests if requests else 0.0
    return connections if afterwards_ns > _WENT_ON_MIN * connections * cost_ns else 0
