"""12 upgrades in place under load (50 with RESTMARK_LONG=1), and no client notices."""

from __future__ import annotations

import os
from collections.abc import Callable

from daemon import Daemon

from proof import load_on, must, require_unnoticed, times

Start = Callable[..., Daemon]
UPGRADES = times(50)


def test_upgrades_under_load_lose_nothing(start: Start) -> None:
    daemon = start("server.processes=2")
    must(daemon, "upgrade")
    before = len(os.listdir(f"/proc/{daemon.pid}/fd"))
    with load_on(daemon) as load:
        load.wait_requests(3)
        for _ in range(UPGRADES):
            old = set(daemon.workers())
            must(daemon, "upgrade")
            assert not old & set(daemon.workers())
        load.wait_requests(3)
    total = require_unnoticed(load)
    assert daemon.process.poll() is None  # the same process all the time
    assert len(daemon.workers()) == 2
    assert len(os.listdir(f"/proc/{daemon.pid}/fd")) <= before
    assert load.tallies["kept"].connections > UPGRADES, str(total)
