"""Running restmarkctl."""

from __future__ import annotations

import subprocess

from daemon import RESTMARKCTL


def ctl(*arguments: str, **keywords: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(RESTMARKCTL), *arguments], capture_output=True, text=True, timeout=300, **keywords)  # type: ignore[call-overload, no-any-return]
