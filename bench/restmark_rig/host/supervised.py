"""A process that ends when the rig says so, and also when the rig itself ends in whatever way. See supervisor.py."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from ..model.errors import StartFailed
from ..model.limits import UNLIMITED, Limits
from . import cgroup_limits, input_end, proctree
from .cgroup import Cgroup
from .proctree import ProcessTree

# In this order; without any of them the process tree is followed instead.
CGROUP_VERSIONS = (2, 1)

_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_SUPERVISOR_DEADLINE_S = 10.0  # on top of the grace that the server gets
_LIMIT_REMEDY = "--cpus and --memory take root's rights, or a control group that is delegated to you: systemd-run --user --scope -p Delegate=yes …"
_START_DEADLINE_S = 60.0  # until a Python interpreter has begun, on a machine that is busy with other things

# What a service manager passed to the rig is not meant for the server.
_NOT_INHERITED = (
    "NOTIFY_SOCKET",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_FDNAMES",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
)


@dataclass(frozen=True)
class ProcessSpec:
    """What to run. env is added to the rig's own environment; cpus: where it may run, None for everywhere.

    user: whose rights it gets instead of the rig's, which has to be root's then. remove: folders that are removed once it and all that
    it forked have ended, also when the rig has ended before. limits: of its control group, which it has to have then.
    """

    label: str
    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    log: Path
    cpus: frozenset[int] | None = None
    own_cgroup: bool = True
    user: str | None = None
    remove: tuple[Path, ...] = ()
    limits: Limits = UNLIMITED


@dataclass(frozen=True)
class StopReport:
    """How the end went: killed because it did not heed SIGTERM? Which other processes had to be killed?"""

    status: int | None
    forced: bool
    leftovers: tuple[str, ...]


class SupervisedProcess:
    """A running process and all that it forks. Use it as a context manager, or call stop() in a finally."""

    def __init__(self, spec: ProcessSpec) -> None:
        """Starts it. Raises StartFailed if it can not be executed."""
        self._spec = spec
        self._buffer = b""
        self._status: int | None = None
        self._stopped: StopReport | None = None
        self.pid = 0
        self._groups: list[Cgroup] = []
        self._supervisor = _start_supervisor(spec.log)
        limits = {"cpus": spec.limits.cpus, "memory_bytes": spec.limits.memory_bytes} if spec.limits else None
        group = {"name": _group_name(spec.label), "versions": CGROUP_VERSIONS, "limits": limits} if spec.own_cgroup else None
        self.scope: Cgroup | ProcessTree = ProcessTree(self._supervisor.pid)
        try:
            self._send(
                {
                    "argv": list(spec.argv),
                    "env": _environment(spec.env),
                    "cwd": str(spec.cwd),
                    "log": str(spec.log),
                    "cpus": sorted(spec.cpus or ()),
                    "cgroup": group,
                    "user": spec.user,
                    "remove": [str(folder) for folder in spec.remove],
                }
            )
            self._await_start()
        except BaseException:
            self.stop(grace_s=0)
            raise

    def __enter__(self) -> SupervisedProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _await_start(self) -> None:
        deadline = time.monotonic() + _START_DEADLINE_S
        message = self._next_event(deadline)
        if message is None:
            late = time.monotonic() >= deadline
            why = f"did not start it in {_START_DEADLINE_S:.0f} s" if late else "ended before it could start it"
            raise StartFailed(
                f"{self._spec.label}: the rig's supervisor process {why}:\n{tail(self._spec.log)}",
                f"see {self._spec.log}",
            )
        if message["event"] == "failed":
            raise StartFailed(
                f"{self._spec.label}: can not {message['stage']}: {os.strerror(message['errno'])}",
                _LIMIT_REMEDY if message["stage"].startswith("limit") else "check the argv in its contestant.toml, and 'restmark doctor'",
            )
        self.pid = message["pid"]
        self._groups = [Cgroup(group["version"], Path(group["path"])) for group in message["groups"]]
        if self._groups:
            self.scope = self._groups[0]

    @property
    def limited_by(self) -> str:
        """The control groups that limit it, "cgroup v2" say; empty if nothing does."""
        if not self._spec.limits:
            return ""
        return " and ".join(sorted({group.kind for group in self._groups if cgroup_limits.has_limit(group)}))

    def oom_kills(self) -> int:
        """How many of its processes the kernel has killed at the limit of its memory."""
        return cgroup_limits.oom_kills(self._groups)

    def status(self) -> int | None:
        """Exit status of the main process (negative: the signal that killed it), None while it runs."""
        return self.wait(0)

    def wait(self, timeout_s: float) -> int | None:
        """Waits for the main process to end, at most timeout_s. Returns what status() returns."""
        deadline = time.monotonic() + timeout_s
        while self._status is None and self._stopped is None:
            message = self._next_event(deadline)
            if message is not None:
                self._note(message)
            elif self._supervisor.poll() is not None:
                self._status = -signal.SIGKILL  # the supervisor was killed, and by PR_SET_PDEATHSIG the server with it
            else:
                break
        return self._status

    def stop(self, grace_s: float = 10.0) -> StopReport:
        """Ends it and all it forked: SIGTERM, after grace_s SIGKILL. Safe to call again."""
        if self._stopped is None:
            with contextlib.suppress(BrokenPipeError):
                self._send({"stop": grace_s})
            deadline = time.monotonic() + grace_s + _SUPERVISOR_DEADLINE_S
            while self._stopped is None and (message := self._next_event(deadline)) is not None:
                self._note(message)
            self._end_supervisor()
            if self._stopped is None:
                self._stop_without_supervisor()
        assert self._stopped is not None
        return self._stopped

    def _note(self, message: dict[str, Any]) -> None:
        if message["event"] == "exited":
            self._status = message["status"]
        elif message["event"] == "stopped":
            self._stopped = StopReport(self._status, message["forced"], tuple(message["leftovers"]))

    def _end_supervisor(self) -> None:
        """The supervisor ends when its input does. One that hangs is killed, and the kernel kills the server with it."""
        input_end.close_and_wait(self._supervisor, _SUPERVISOR_DEADLINE_S)

    def _stop_without_supervisor(self) -> None:
        """The supervisor was killed, or had nothing to stop: end what it may have left behind."""
        survivors: list[str] = []
        for group in self._groups:
            if group.path.exists():
                survivors += [f"{proctree.command_name(pid)} ({pid})" for pid in group.pids()]
                group.kill()
                group.remove()
        if self.pid and not self._groups:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)  # it leads its own session
        self._stopped = StopReport(self._status, True, tuple(survivors))

    def _send(self, message: dict[str, Any]) -> None:
        assert self._supervisor.stdin is not None
        self._supervisor.stdin.write(json.dumps(message).encode() + b"\n")
        self._supervisor.stdin.flush()

    def _next_event(self, deadline: float) -> dict[str, Any] | None:
        """The supervisor's next line; None after the deadline or when it is gone."""
        assert self._supervisor.stdout is not None
        fd = self._supervisor.stdout.fileno()
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([fd], [], [], max(0.0, deadline - time.monotonic()))
            if not ready or not (piece := os.read(fd, 65536)):
                return None
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message


def _start_supervisor(log_path: Path) -> subprocess.Popen[bytes]:
    with log_path.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(_SUPERVISOR)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # Ctrl-C is the rig's alone
        )


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
    return {**inherited, **extra}


def _group_name(label: str) -> str:
    safe = re.sub(r"[^a-z0-9-]", "-", label.lower())
    return f"restmark-{safe}-{os.getpid()}-{secrets.token_hex(3)}"


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log file, for error messages."""
    with log.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - 65536))
        text = file.read().decode(errors="replace")
    return "\n".join(text.splitlines()[-lines:])
