"""25 changes of the number of workers under load (100 with RESTMARK_LONG=1), and no client notices."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from daemon import Daemon, wait_for

from proof import load_on, must, require_unnoticed, times

Start = Callable[..., Daemon]
CHANGES = times(100)
SIZES = (8, 1, 4, 2)


def test_scaling_under_load_loses_nothing(start: Start) -> None:
    """2 → 8 → 1 → 4 → 2 …"""
    daemon = start("server.processes=2")
    with load_on(daemon) as load:
        load.wait_requests(3)
        for n in itertools.islice(itertools.cycle(SIZES), CHANGES):
            must(daemon, "scale", str(n))
            assert [(w["state"], w["beside"]) for w in daemon.status()["workers"]] == [("ready", None)] * n  # at once
        load.wait_requests(3)
    require_unnoticed(load)
    last = SIZES[(CHANGES - 1) % len(SIZES)]
    assert wait_for("no worker is left over", lambda: len(daemon.workers()) == last)
