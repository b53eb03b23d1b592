"""Daemons whose /transfer-data is sent from its file already."""

from __future__ import annotations

from collections.abc import Callable

from daemon import Daemon

LARGE_BYTES = 133622
FROM_FILE = r"worker \d+: the JSON is sent from its file now(.*)\n"


def start_sending(start: Callable[..., Daemon], *settings: str, **keywords: object) -> Daemon:
    """With one worker."""
    daemon = start("server.processes=1", "log.level=debug", *settings, **keywords)
    daemon.wait_log(FROM_FILE)
    return daemon
