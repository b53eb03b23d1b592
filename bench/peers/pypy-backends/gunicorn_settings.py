"""gunicorn's settings: it loads the application once and forks; each worker opens its connections then."""

from __future__ import annotations

from typing import Any

preload_app = True
worker_class = "gthread"
threads = 1
keepalive = 5  # seconds; more would keep a client waiting whose second request in a packet gthread has lost


def post_fork(server: Any, worker: Any) -> None:
    del server, worker
    from backends_app import open_connections  # not before the settings are read: this loads the dataset

    open_connections()
