"""The application for uWSGI's PyPy plugin, which would go on without one when loading it failed."""

from __future__ import annotations

import os
import sys
import traceback

try:
    from app import application  # noqa: F401
except BaseException as error:
    if isinstance(error, SystemExit):
        print(error, file=sys.stderr)
    else:
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(1)  # an exception would end in the plugin
