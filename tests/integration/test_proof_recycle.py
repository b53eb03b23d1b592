"""5 recycled workers for each cause under load (20 with RESTMARK_LONG=1), and no client notices."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from daemon import Daemon, wait_for

from proof import load_on, require_unnoticed, times

Start = Callable[..., Daemon]
RECYCLES = times(20)


@pytest.mark.parametrize(
    ("cause", "options"),
    [
        ("max-requests", ("server.processes=4", "workers.max-requests=50", "workers.max-requests-delta=20")),
        ("max-worker-lifetime", ("server.processes=8", "workers.max-worker-lifetime=1s")),
        # Below what any worker has; none is replaced before it is 5 s old, so there are as many as are to be replaced.
        ("reload-on-rss", (f"server.processes={RECYCLES}", "workers.reload-on-rss=100K")),
        ("reload-on-pss", (f"server.processes={RECYCLES}", "workers.reload-on-pss=50K")),
    ],
)
def test_recycling_under_load_loses_nothing(start: Start, cause: str, options: tuple[str, ...]) -> None:
    daemon = start(*options)
    with load_on(daemon) as load:
        load.wait_requests(3)
        wait_for(f"{RECYCLES} workers have ended by {cause}", lambda: daemon.ends(cause) >= RECYCLES, 60)
        load.wait_requests(3)
    require_unnoticed(load)
    for other in ("crash", "start", "harakiri", "wedged"):
        assert daemon.ends(other) == 0
