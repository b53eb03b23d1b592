"""Debian's packages, by the script that alone installs any: need-packages.sh."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence

from ..host.installation import BENCH
from ..model.errors import EnvironmentFault, ExitCode

_SCRIPT = BENCH / "need-packages.sh"


def bring(lines: Sequence[str], dry_run: bool) -> bool:
    """Lists what the lines need and, unless dry_run, installs it. The script tells its list and progress on stderr.

    Returns whether what can be had is there now; it has said what to do otherwise. Raises EnvironmentFault.
    """
    if not _SCRIPT.is_file():
        raise EnvironmentFault(f"{_SCRIPT} is missing", "reinstall restmark")
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix="restmark-needs-") as file:
        file.write("".join(f"{line}\n" for line in lines))
        file.flush()
        options = ["--dry-run"] if dry_run else []
        status = subprocess.run([str(_SCRIPT), *options, "--needs", file.name], check=False).returncode
    if status not in (ExitCode.OK, ExitCode.ENVIRONMENT):
        raise EnvironmentFault(f"{_SCRIPT} ended with exit code {status}", "see what it said above")
    return status == ExitCode.OK
