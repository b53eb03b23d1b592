"""A command out of a Python package, in a virtual environment of its own in the cache."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from ..contestants import toolchains, versions
from ..contestants.builder import Reporter
from ..contestants.cache import Cache, make_folder
from ..contestants.contestant import Requirement
from ..host.supervised import ProcessSpec, SupervisedProcess, tail
from ..model.errors import EnvironmentFault

_REPORT_EVERY_S = 0.5


def install(requirement: Requirement, cache: Cache, reporter: Reporter) -> None:
    """Installs the requirement's pinned Python package, and leads bin/COMMAND to it. Raises EnvironmentFault.

    Made anew if it is there already: that was another version, or half of one.
    """
    assert requirement.pip_requirements is not None
    folder = toolchains.folder(cache, requirement)
    shutil.rmtree(folder, ignore_errors=True)
    make_folder(folder / "bin")
    environment = folder / "environment"
    log = cache.log_file(f"toolchain-{folder.name}")
    log.unlink(missing_ok=True)
    log.touch()
    _run([sys.executable, "-m", "venv", str(environment)], folder.name, log, reporter)
    pip = [
        str(environment / "bin" / "python3"),
        "-m",
        "pip",
        "install",
        "--require-hashes",
        "--no-deps",
        "--no-cache-dir",
    ]
    _run(
        [*pip, "--disable-pip-version-check", "--requirement", str(requirement.pip_requirements)],
        folder.name,
        log,
        reporter,
    )
    command = environment / "bin" / folder.name
    if not command.is_file():
        raise EnvironmentFault(
            f"{requirement.pip_requirements}: what it pins has no command {folder.name}",
            "pin a package that brings it",
        )
    # The environment's other commands, such as its python3, are not to be found by what is built.
    (folder / "bin" / folder.name).symlink_to(command)
    versions.forget()


def _run(argv: Sequence[str], name: str, log: Path, reporter: Reporter) -> None:
    spec = ProcessSpec(f"toolchain-{name}", argv, {}, Path("/"), log, own_cgroup=False)
    started = time.monotonic()
    with SupervisedProcess(spec) as process:
        while (status := process.wait(_REPORT_EVERY_S)) is None:
            reporter.progress(f"{name}: {time.monotonic() - started:.0f} s: {tail(log, 1).strip()}")
    if status != 0:
        raise EnvironmentFault(
            f"{name}: {' '.join(argv)} failed with status {status}; last lines of {log}:\n{tail(log, 20)}",
            "mend what they say, then run 'restmark setup' again",
        )
