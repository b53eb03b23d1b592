"""Boots a root with systemd in a container that has a network of its own, and runs commands in it."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from processes import children, name

T = TypeVar("T")
HERE = Path(__file__).resolve().parent
BOOT_S = 90.0


def why_not() -> str | None:
    """Why no container can be booted here; None: one can."""
    if os.geteuid() != 0:
        return "root is needed to boot a container"
    probe = ["unshare", "--mount", "--pid", "--fork", "--net", "--uts", "--ipc", "--cgroup", "mount", "-t", "proc", "proc", "/proc"]
    done = subprocess.run(probe, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return f"namespaces are not to be had here: {done.stderr.strip()}"
    return None


def wait_for(what: str, condition: Callable[[], T], deadline_s: float = 30.0) -> T:
    """Polls until the condition holds and returns its value."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"{what}: not within {deadline_s:.0f} s"
        time.sleep(0.05)


class LoadInside:
    """A running load; its counts are there after `stop`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout
        line = process.stdout.readline()
        assert line == "started\n", f"the load does not start: {line!r}"
        self.counts: dict[str, object] = {}

    def stop(self) -> None:
        """Lets what was asked be answered."""
        out, _ = self.process.communicate(timeout=90)
        self.counts = json.loads(out)

    @property
    def failed(self) -> dict[str, int]:
        return self.counts["failed"]  # type: ignore[return-value]


class Container:
    """A booted root. Commands run in all its namespaces."""

    def __init__(self, root: Path, log: Path) -> None:
        self.root = root
        master, slave = pty.openpty()  # systemd writes its boot to a terminal
        self.process = subprocess.Popen(
            ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "--machine=restmark-test",
             f"--directory={root}", "--boot", "systemd.unit=multi-user.target"],
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self.console = log
        threading.Thread(target=_copy, args=(master, log), daemon=True).start()
        try:
            self.leader = wait_for("systemd in the container", self._find_leader, BOOT_S)
            wait_for("the end of the boot", self._is_up, BOOT_S)
        except BaseException:
            self.stop()
            raise

    def _find_leader(self) -> int | None:
        assert self.process.poll() is None, f"systemd-nspawn ended:\n{self.console.read_text(errors='replace')}"
        return next((child for child in children(self.process.pid) if name(child) == "systemd"), None)

    def _is_up(self) -> bool:
        # "degraded": something that a container cannot have failed, which is not this test's matter.
        return self.try_run("systemctl", "is-system-running").stdout.strip() in ("running", "degraded")

    def stop(self) -> None:
        """Powers it off; what does not end is killed, by the process that was started."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)  # systemd-nspawn passes it on as an orderly power-off
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def _argv(self, argv: tuple[str, ...]) -> list[str]:
        return ["nsenter", f"--target={self.leader}", "--all", "--wdns=/", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
                "HOME=/root", "DEBIAN_FRONTEND=noninteractive", "SYSTEMD_PAGER=", *argv]  # fmt: skip

    def try_run(self, *argv: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Runs a command as root in the container."""
        return subprocess.run(
            self._argv(argv), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False
        )

    def run(self, *argv: str, timeout: float = 120) -> str:
        """The same; it must succeed. Returns stdout."""
        done = self.try_run(*argv, timeout=timeout)
        assert done.returncode == 0, f"{' '.join(argv)}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def show(self, unit: str, *properties: str) -> str:
        """The values of a unit's properties, one a line."""
        return self.run("systemctl", "show", "--value", f"--property={','.join(properties)}", unit).strip()

    def verify_units(self) -> None:
        """systemd finds nothing to say about the installed units."""
        paths = [self.show(unit, "FragmentPath") for unit in ("restmarkd.service", "restmarkd@a.service", "restmarkd.socket")]
        done = self.try_run("systemd-analyze", "verify", "--man=no", *paths)
        assert done.returncode == 0 and "restmarkd" not in done.stderr, done.stderr

    def main_pid(self, unit: str = "restmarkd") -> int:
        return int(self.show(unit, "MainPID"))

    def workers(self, unit: str = "restmarkd") -> list[int]:
        """PIDs of the workers, as the container counts."""
        pid = self.main_pid(unit)
        return [int(child) for child in self.run("cat", f"/proc/{pid}/task/{pid}/children").split()]

    def get(self, path: str = "/", port: int = 8080) -> str:
        return self.run("curl", "-sS", "--fail", "--max-time", "20", f"http://127.0.0.1:{port}{path}")

    def journal(self, *arguments: str) -> str:
        return self.run("journalctl", "--no-pager", *arguments)

    def write(self, path: str, text: str) -> None:
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    @contextlib.contextmanager
    def load(self, address: str = "127.0.0.1:8080") -> Iterator[LoadInside]:
        """A load on the server inside, which has begun when this returns."""
        process = subprocess.Popen(
            ["nsenter", f"--target={self.leader}", "--net", sys.executable, "-B", str(HERE / "load_client.py"), address],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            load = LoadInside(process)
            yield load
            if process.poll() is None:
                load.stop()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def _copy(terminal: int, log: Path) -> None:
    with log.open("wb", buffering=0) as file:
        while True:
            try:
                data = os.read(terminal, 65536)
            except OSError:  # the other side is closed
                break
            if not data:
                break
            file.write(data)
    os.close(terminal)
