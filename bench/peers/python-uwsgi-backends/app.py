"""The application for uWSGI, which loads it once and forks: each worker opens its connections then."""

from __future__ import annotations

import uwsgi
from backends_app import application, open_connections

uwsgi.post_fork_hook = open_connections

__all__ = ["application"]
