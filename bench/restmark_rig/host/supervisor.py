"""The supervisor: a small process between the rig and one server (or build step) that outlives a crash of the rig.

The rig runs this file as a program and talks to it in lines of JSON:

    in   first the specification: {"argv", "env", "cwd", "log", "cpus", "cgroup": {"name", "versions", "limits":
         {"cpus", "memory_bytes"} or null} or null,
         "user": whose rights it has, or null for the rig's own, "remove": folders that go with it}
         then {"stop": seconds}: ask with SIGTERM, after so many seconds kill
    out  {"event": "started", "pid", "groups": [{"version", "path"}]}, {"event": "failed", "stage", "errno"},
         {"event": "exited", "status"} (negative: killed by that signal),
         {"event": "stopped", "forced", "leftovers": [names]}

The control group is the supervisor's, not the rig's, to make and to remove: Ctrl-C and a crash do not reach the supervisor, so
no empty group is left behind either.

The end of its standard input means that the rig is gone, however it went, so the supervisor stops the server at once.
It adopts orphans (PR_SET_CHILD_SUBREAPER), so what the server forks can not slip away, not even as a daemon; and
should the supervisor itself be killed, the kernel kills the server (PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pwd
import select
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from restmark_rig.host import cgroup, cgroup_limits, proctree
from restmark_rig.host.cgroup import Cgroup

PR_SET_CHILD_SUBREAPER = 36
ORPHAN_GRACE_S = 2.0  # for a graceful end when the rig is gone
LEFTOVER_GRACE_S = 1.0  # workers may end a moment after their master
KILL_DEADLINE_S = 5.0


class Commands:
    """The rig's lines on descriptor 0, read without a buffer that select() can not see."""

    def __init__(self) -> None:
        self._text = b""

    def has_line(self) -> bool:
        """Whether next() returns without waiting."""
        return b"\n" in self._text

    def next(self) -> Any:
        """The next line, decoded, or None at the end of the input. Waits for it."""
        while not self.has_line():
            piece = os.read(0, 65536)
            if not piece:
                return None
            self._text += piece
        line, _, self._text = self._text.partition(b"\n")
        return json.loads(line)


class Supervisor:
    """One server from its start to its end."""

    def __init__(self, spec: dict[str, Any], commands: Commands) -> None:
        self._spec = spec
        self._commands = commands
        self._groups: list[Cgroup] = []
        self._wake_fd, write_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        os.set_blocking(write_fd, False)
        signal.set_wakeup_fd(write_fd)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, lambda *_: None)  # noticed through the wakeup descriptor
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        self._server = 0
        self._status: int | None = None
        self._stop_asked = False
        self._grace_s = ORPHAN_GRACE_S

    def run(self) -> None:
        """Starts the server and serves the rig until it says stop or is gone; then nothing is left running."""
        proctree.prctl(PR_SET_CHILD_SUBREAPER, 1)
        try:
            if self._start():
                while not self._stop_asked:
                    self._turn(None)
                self._stop()
        finally:
            for group in self._groups:
                group.remove()
            for folder in self._spec.get("remove", ()):
                shutil.rmtree(folder, ignore_errors=True)  # the rig may have been quicker

    def _start(self) -> bool:
        stage = "make a control group"
        try:
            self._groups = _make_groups(self._spec["cgroup"])
            if limits := (self._spec["cgroup"] or {}).get("limits"):
                stage = "limit it by a control group"
                if not self._groups:
                    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
                cgroup_limits.limit(self._groups, self._spec["cgroup"]["name"], limits["cpus"], limits["memory_bytes"])
        except OSError as error:
            _tell(event="failed", stage=f"{stage}{f' ({error.filename})' if error.filename else ''}", errno=error.errno)
            return False
        error_read, error_write = os.pipe2(os.O_CLOEXEC)
        supervisor = os.getpid()
        self._server = os.fork()
        if self._server == 0:
            _become_server(self._spec, self._groups, supervisor, error_write)
        os.close(error_write)
        with os.fdopen(error_read, "rb") as errors:
            report = errors.read()
        if report:
            os.waitpid(self._server, 0)
            _tell(event="failed", **json.loads(report))
            return False
        groups = [{"version": group.version, "path": str(group.path)} for group in self._groups]
        _tell(event="started", pid=self._server, groups=groups)
        return True

    def _turn(self, timeout_s: float | None) -> None:
        """Waits for a command, a signal or the timeout and takes note of it."""
        inputs = [self._wake_fd] if self._stop_asked else [0, self._wake_fd]
        ready, _, _ = select.select(inputs, [], [], 0 if self._commands.has_line() else timeout_s)
        if self._wake_fd in ready:
            numbers = os.read(self._wake_fd, 512)
            self._stop_asked = self._stop_asked or signal.SIGTERM in numbers
        if not self._stop_asked and (0 in ready or self._commands.has_line()):
            self._stop_asked = True
            if command := self._commands.next():
                self._grace_s = float(command["stop"])
        self._reap()

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self._server:
                    self._status = os.waitstatus_to_exitcode(status)
                    _tell(event="exited", status=self._status)

    def _stop(self) -> None:
        """Asks the server to end, then ends whatever is left of it."""
        if self._status is None:
            os.kill(self._server, signal.SIGTERM)
        self._wait(lambda: self._status is not None, self._grace_s)
        forced = self._status is None
        if not forced:
            self._wait(lambda: not self._alive(), LEFTOVER_GRACE_S)
        leftovers = [f"{proctree.command_name(pid)} ({pid})" for pid in self._alive() if pid != self._server]
        self._kill_all()
        _tell(event="stopped", forced=forced, leftovers=leftovers)

    def _wait(self, condition: Any, timeout_s: float) -> None:
        """Returns when condition() holds, or after the timeout. The ends of children wake it up."""
        deadline = time.monotonic() + timeout_s
        while not condition() and (left := deadline - time.monotonic()) > 0:
            # Grandchildren that are not (yet) adopted end without a signal to us, hence the upper bound.
            self._turn(min(left, 0.05))

    def _alive(self) -> list[int]:
        inside = [pid for group in self._groups for pid in group.pids()]
        return sorted({*proctree.descendants(os.getpid()), *inside})

    def _kill_all(self) -> None:
        for group in self._groups:
            group.kill()
        deadline = time.monotonic() + KILL_DEADLINE_S
        while pids := self._alive():
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if time.monotonic() > deadline:
                sys.exit(f"supervisor: processes {pids} do not die")
            self._turn(0.02)
        self._reap()


def _make_groups(wanted: dict[str, Any] | None) -> list[Cgroup]:
    """The control group for the server, or none where this user may not make one. Raises OSError.

    Where that one does not account for memory, a second one of version 1's memory hierarchy follows.
    """
    group = cgroup.create(wanted["name"], tuple(wanted["versions"])) if wanted else None
    if wanted is None or group is None:
        return []
    memory = None if (group.path / "memory.current").exists() else cgroup.create_for_memory(wanted["name"])
    return [group, memory] if memory else [group]


def _become_server(spec: dict[str, Any], groups: list[Cgroup], supervisor: int, error_fd: int) -> NoReturn:
    """In the forked child: sets everything up and executes the server. Reports a failure on error_fd."""
    stage = "session"
    try:
        os.setsid()
        proctree.die_with_parent(supervisor)
        for group in groups:
            stage = f"join {group.path}"
            group.procs_file.write_text("0")
        if spec["cpus"]:
            stage = f"pin to the CPUs {spec['cpus']}"
            os.sched_setaffinity(0, spec["cpus"])
        stage = f"log {spec['log']}"
        log = os.open(spec["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        os.dup2(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        if spec.get("user") is not None:
            stage = f"take the rights of the user {spec['user']}"
            _become(spec["user"])
            proctree.die_with_parent(supervisor)  # which a change of user forgets
        stage = f"change to the folder {spec['cwd']}"
        os.chdir(spec["cwd"])
        signal.set_wakeup_fd(-1)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        for number in (
            signal.SIGCHLD,
            signal.SIGTERM,
            signal.SIGINT,
            signal.SIGHUP,
            signal.SIGPIPE,
            signal.SIGXFSZ,
        ):
            signal.signal(number, signal.SIG_DFL)
        stage = f"execute {spec['argv'][0]}"
        os.execvpe(spec["argv"][0], spec["argv"], spec["env"])
    except OSError as error:
        os.write(error_fd, json.dumps({"stage": stage, "errno": error.errno}).encode())
    os._exit(127)


def _become(name: str) -> None:
    """Gives up root's rights for those of a user. Raises OSError."""
    entry = pwd.getpwnam(name)
    os.initgroups(name, entry.pw_gid)
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def _tell(**message: Any) -> None:
    """A line to the rig; that it may be gone is no reason to stop cleaning up."""
    with contextlib.suppress(BrokenPipeError):
        os.write(1, json.dumps(message).encode() + b"\n")


def main() -> None:
    """Reads the specification and keeps the server."""
    commands = Commands()
    if spec := commands.next():
        Supervisor(spec, commands).run()


if __name__ == "__main__":
    main()
