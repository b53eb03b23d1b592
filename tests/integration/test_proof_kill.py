"""25 workers killed under load (100 with RESTMARK_LONG=1): only what they had in hand is lost, and each loss is accounted for."""

from __future__ import annotations

import os
import random
import re
import signal
from collections.abc import Callable

from daemon import Daemon, wait_for
from held_sockets import lost_with, queued
from restmark_proof.clients import Outcome

from processes import is_alive, is_stopped
from proof import load_on, ready_workers, text_of, times

Start = Callable[..., Daemon]
KILLS = times(100)
WORKERS = 4
# How a request ends whose worker dies: before a byte of the answer, or inside it.
BY_DEATH = {Outcome.RESET, Outcome.EOF, Outcome.TRUNCATED}


def test_only_requests_in_hand_are_lost(start: Start) -> None:
    """Each victim is stopped at a random moment first, so that what it holds can be listed; then it is killed as it stands.

    Every failure must be on a connection that a victim had accepted, or that was on its way to it: what waits for a slot without a worker
    is accepted by the master and passed to others. It is stopped as well while this is listed. Connections in a victim's queue are its
    successor's."""
    daemon = start(f"server.processes={WORKERS}")
    held: set[int] = set()
    n_held = n_queued = 0
    with load_on(daemon) as load:
        load.wait_requests(3)
        for _ in range(KILLS):
            victim = random.choice(ready_workers(daemon, WORKERS))
            os.kill(victim, signal.SIGSTOP)
            wait_for("it has stopped", lambda victim=victim: is_stopped(victim))  # type: ignore[misc]
            n_queued += wait_for("a connection in its queue", lambda victim=victim: queued(victim))  # type: ignore[misc]
            daemon.signal(signal.SIGSTOP)
            wait_for("nothing is passed on any more", lambda: is_stopped(daemon.pid))
            ports = lost_with(victim, [daemon.pid, *daemon.workers()], daemon.port)
            held, n_held = held | ports, n_held + len(ports)
            os.kill(victim, signal.SIGKILL)
            wait_for("its descriptors are closed", lambda victim=victim: not is_alive(victim))  # type: ignore[misc]
            daemon.signal(signal.SIGCONT)
            ready_workers(daemon, WORKERS, without=frozenset({victim}))
        load.wait_requests(3)
    total = load.stop()
    strangers = [failure for failure in total.failures if failure.port not in held or failure.outcome not in BY_DEATH]
    assert not strangers, text_of(strangers)
    assert total.lost + total.idle_races + total.idle_closes <= n_held, str(total)
    assert n_queued >= KILLS
    assert total.answered > 10 * KILLS
    # The kills did hit something, or there was nothing to prove.
    assert total.lost > 0
    assert len(re.findall(r"was killed by signal 9 \(SIGKILL, Killed\)", daemon.log())) == KILLS
    assert sum(w["restarts"] for w in daemon.status()["workers"]) == KILLS
    print(f"{KILLS} kills: {total}; {n_held} connections were held, {n_queued} queued")
