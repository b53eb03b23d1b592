"""The WSGI application that uWSGI and gunicorn serve: a short answer and a long one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

WELCOME = b"Welcome!\n"
LONG = b"0123456789abcdef" * 8192
BODIES = {"/": WELCOME, "/long": LONG}


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    body = BODIES.get(environ["PATH_INFO"])
    if body is None:
        start_response("404 Not Found", [("Content-Length", "0")])
        return [b""]
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
