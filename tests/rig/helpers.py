"""What several of the rig's tests need: contestants made of a few lines, the command, and a look at processes."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from restmark_rig.contestants import contestant
from restmark_rig.contestants.cache import Cache
from restmark_rig.contestants.contestant import Contestant
from restmark_rig.host import cgroup
from restmark_rig.server.placement import Local
from restmark_rig.terminal import console
from restmark_rig.ui import cli
from restmark_rig.verify import verifier
from restmark_rig.verify.verifier import Report, VerifyPlan

ROOT = Path(__file__).resolve().parents[2]
RESTMARK = ROOT / "bench" / "restmark"
CHEATER = Path(__file__).with_name("cheaters") / "server.py"
PYTHON = "/usr/bin/python3"


def manifest_text(name: str, argv: list[str], extra: str = "", **keys: object) -> str:
    """A contestant.toml; keys replace the top-level ones, extra is appended."""
    values = {"name": name, "title": name, "language": "Python", "model": "tree", "description": "For a test.", **keys}
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    version = f'[versions]\nCPython = ["{PYTHON}", "--version"]'
    return "\n".join([*lines, "", "[start]", f"argv = {json.dumps(argv)}", "", version, extra, ""])


def write_contestant(parent: Path, name: str, argv: list[str], extra: str = "", **keys: object) -> Path:
    """A contestant's folder below parent."""
    folder = parent / name
    folder.mkdir(parents=True)
    (folder / "contestant.toml").write_text(manifest_text(name, argv, extra, **keys), encoding="utf-8")
    return folder


def cheater_argv(cheat: str) -> list[str]:
    """The start command of a cheater."""
    return [
        PYTHON,
        str(CHEATER),
        "--label",
        "{source}",
        "--host",
        "{host}",
        "--port",
        "{port}",
        "--dataset",
        "{dataset}",
        "--cheat",
        cheat,
    ]


def cheater(parent: Path, cheat: str, extra: str = "", **keys: object) -> Contestant:
    """A contestant that cheats in the given way ("none": not at all)."""
    return contestant.load(write_contestant(parent, f"cheat-{cheat}", cheater_argv(cheat), extra, **keys))


def script(parent: Path, name: str, code: str, extra: str = "", **keys: object) -> Contestant:
    """A contestant whose server is a few lines of Python; its argv names parent, so that leaks are noticed. keys: of its manifest."""
    folder = write_contestant(parent, name, [PYTHON, "{source}/server.py", "{port}", "{dataset}"], extra, **keys)
    (folder / "server.py").write_text(code, encoding="utf-8")
    return contestant.load(folder)


def rig_command(*arguments: str | Path) -> list[str]:
    """The command line of restmark."""
    return [PYTHON, str(RESTMARK), *map(str, arguments)]


def run_rig(
    cache: Path, *arguments: str | Path, cwd: Path | None = None, timeout_s: float = 600
) -> subprocess.CompletedProcess[str]:
    """Runs restmark to its end, output captured as in a pipe."""
    environment = {**os.environ, "RESTMARK_CACHE": str(cache), "LC_ALL": "C.UTF-8"}
    environment.pop("COLUMNS", None)
    return subprocess.run(
        rig_command(*arguments),
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def call_rig(cache: Path, *arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """What run_rig() does, in this process: for all but signals, streams, start times and what is recorded of the process itself."""
    words, terminating = [str(argument) for argument in arguments], signal.getsignal(signal.SIGTERM)
    out, err = io.StringIO(), io.StringIO()
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    environment |= {"RESTMARK_CACHE": str(cache), "LC_ALL": "C.UTF-8"}
    console.forget()  # as wide as this environment says
    try:
        with (
            mock.patch.dict(os.environ, environment, clear=True),
            contextlib.chdir(cwd or os.getcwd()),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            mock.patch("sys.argv", [str(RESTMARK), *words]),
        ):
            code = cli.main(words)
    finally:
        signal.signal(signal.SIGTERM, terminating)
        console.forget()
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


def verify_until_decided(subject: Contestant, plan: VerifyPlan, cache: Cache, tries: int = 6) -> Report:
    """Verifies, and again where the machine was too noisy to tell, as a user would. What has failed, or been told, stays so."""
    for _ in range(tries):
        report = verifier.verify(subject, plan, Local(cache), Silent())
        if not report.undecided:
            break
    return report


def wait_until(condition: Callable[[], object], timeout_s: float = 60.0) -> bool:
    """Polls until condition() holds; False after the timeout."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def processes_mentioning(text: str) -> dict[int, str]:
    """Live processes (but this one) in whose command line text occurs."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            line = Path("/proc", entry, "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if text in line:
            found[int(entry)] = line
    return found


def groups_of(name: str, rig_pid: int | None = None) -> list[Path]:
    """Control groups that a rig (this process by default) made for a contestant and that are still there."""
    return [
        path
        for mount in cgroup.mounts()
        for parent in mount.groups()
        for path in parent.glob(f"restmark-{name}-{rig_pid or os.getpid()}-*")
    ]


class Silent:
    """A reporter that keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.reported: list[str] = []

    def progress(self, text: str) -> None:
        self.reported.append(text)

    def say(self, text: str) -> None:
        self.said.append(text)
