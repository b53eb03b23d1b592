"""What the tests of upgrades share: a program that can be installed anew, and the command."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from daemon import RESTMARKCTL, RESTMARKD, Daemon, wait_for
from http_client import Connection

Start = Callable[..., Daemon]
SANITIZED = os.environ.get("RESTMARK_SANITIZED") == "1"


def ctl(daemon: Daemon, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(RESTMARKCTL), "-s", str(daemon.control), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def upgrade(daemon: Daemon) -> str:
    """An upgrade that must succeed."""
    result = ctl(daemon, "upgrade")
    assert result.returncode == 0, (result.stdout, result.stderr, daemon.log())
    assert result.stderr == ""
    return result.stdout


def workers(daemon: Daemon) -> list[int]:
    return [w["pid"] for w in daemon.status()["workers"]]


def install(path: Path, source: Path = RESTMARKD) -> None:
    """As a package manager does: the old file goes on to exist for those who run it."""
    new = path.with_name(path.name + ".new")
    shutil.copy(source, new)
    os.replace(new, path)


def install_script(path: Path, text: str) -> None:
    """A shell script in place of the program. `real` in it is a working restmarkd."""
    real = path.with_name("real")
    install(real)
    new = path.with_name(path.name + ".new")
    new.write_text("#!/bin/sh\n" + text.replace("real", str(real)))
    new.chmod(0o755)
    os.replace(new, path)


def runs(daemon: Daemon, path: Path) -> bool:
    return os.path.samestat(os.stat(f"/proc/{daemon.pid}/exe"), path.stat())


def refuse(daemon: Daemon) -> str:
    """An upgrade that must fail and change nothing."""
    before, executable = workers(daemon), os.stat(f"/proc/{daemon.pid}/exe").st_ino
    result = ctl(daemon, "upgrade")
    assert result.returncode == 1, (result.stdout, result.stderr)
    assert result.stdout == ""
    assert "nothing has changed: restmarkd " in result.stderr
    assert os.stat(f"/proc/{daemon.pid}/exe").st_ino == executable
    assert Path(f"/proc/{daemon.pid}/comm").read_text() == "restmarkd\n"
    assert workers(daemon) == before
    wait_for("nothing is left of the new program", lambda: sorted(daemon.workers()) == sorted(before))
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/").body == b"Welcome!\n"
    return result.stderr
