"""The application for uWSGI's PyPy plugin, which would go on without one when loading it failed, and which misreads escaped paths."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote_to_bytes

try:
    import app
except BaseException as error:
    if isinstance(error, SystemExit):
        print(error, file=sys.stderr)
    else:
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(1)  # an exception would end in the plugin


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The application, with the path as WSGI wants it: the plugin ends it at a zero byte, and decodes it as UTF-8 where Latin-1 is due."""
    path = environ["REQUEST_URI"].partition("?")[0]
    if "%" in path:
        environ["PATH_INFO"] = unquote_to_bytes(path).decode("latin-1")
    return app.application(environ, start_response)
