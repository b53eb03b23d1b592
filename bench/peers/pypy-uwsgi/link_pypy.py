"""Run by PyPy: links DIR/libpypy.so and DIR/pypy-home to its library and its home, which Debian names after its version."""

from __future__ import annotations

import os
import sys


def library() -> str:
    """The path of the interpreter's shared library, wherever this architecture and release have it."""
    # This process maps it.
    with open("/proc/self/maps", encoding="utf-8") as maps:
        for line in maps:
            path = line.rstrip("\n").partition("/")[2]
            if os.path.basename(path).startswith("libpypy"):
                return "/" + path
    sys.exit(f"{sys.executable} does not have its interpreter in a shared library, which uWSGI's plugin needs")


def link(target: str, path: str) -> None:
    if os.path.lexists(path):
        os.unlink(path)
    os.symlink(target, path)


link(library(), os.path.join(sys.argv[1], "libpypy.so"))
link(os.path.dirname(os.__file__), os.path.join(sys.argv[1], "pypy-home"))
