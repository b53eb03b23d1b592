"""Runs the restmarkd of a build tree and talks to it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from http_client import Connection

from processes import children, is_alive, is_stopped

BUILD = Path(os.environ["RESTMARK_BUILD"])
RESTMARKD = BUILD / "src" / "restmarkd"
RESTMARKCTL = BUILD / "src" / "restmarkctl"
SOURCE = Path(__file__).resolve().parents[2]
DEADLINE_S = 300.0  # a generous one: of a machine that is busy with other things

T = TypeVar("T")


def wait_for(what: str, condition: Callable[[], T], deadline_s: float = DEADLINE_S) -> T:
    """Polls until the condition holds and returns its value."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {deadline_s} s")
        time.sleep(0.005)


def run(*arguments: str, timeout: float = DEADLINE_S, **keywords: Any) -> subprocess.CompletedProcess[str]:
    """Runs restmarkd to its end."""
    return subprocess.run([str(RESTMARKD), *arguments], capture_output=True, text=True, timeout=timeout, **keywords)


class Daemon:
    """A running restmarkd. `options` are section.key=value; port 0 and a control socket of its own are the default."""

    def __init__(
        self,
        folder: Path,
        options: tuple[str, ...] = (),
        *,
        config: str | None = None,
        environment: dict[str, str] | None = None,
        prefix: tuple[str, ...] = (),
        listen: bool = True,
        binary: int | None = None,
        user: int | None = None,
        program: str = str(RESTMARKD),
        cwd: Path | None = None,
        more: tuple[str, ...] = (),
        pass_fds: tuple[int, ...] = (),
        own_control: bool = True,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        self.folder = folder
        self.log_path = folder / "log"
        self.control = folder / "control.sock"
        arguments = [*more]
        if config is not None:
            (folder / "restmarkd.ini").write_text(config)
            arguments += ["-c", str(folder / "restmarkd.ini")]
        if listen:
            arguments += ["-o", "server.listen=127.0.0.1:0"]
        if own_control and not any(o.startswith("admin.control=") for o in options):  # else the configuration names it
            arguments += ["-o", f"admin.control={self.control}"]
        for option in options:
            arguments += ["-o", option]
        with self.log_path.open("w") as log:
            # As another user the build tree may be out of reach: the binary then comes as an open descriptor.
            path = program if binary is None else f"/proc/self/fd/{binary}"
            self.process = subprocess.Popen(
                [*prefix, path, *arguments],
                stderr=log,
                stdout=log,
                env={**os.environ, **(environment or {})},
                pass_fds=pass_fds if binary is None else (binary,),
                cwd=cwd,
                user=user,
                extra_groups=None if user is None else [],
            )
        self.pid = self.process.pid
        self.expect_failure = False

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def wait_log(self, pattern: str, deadline_s: float = DEADLINE_S) -> re.Match[str]:
        def look() -> re.Match[str] | None:
            found = re.search(pattern, self.log())
            if not found and self.process.poll() is not None:
                found = re.search(pattern, self.log())
                assert found, f"exited with {self.process.returncode} without {pattern!r}:\n{self.log()}"
            return found

        try:
            return wait_for(f"log has {pattern!r}", look, deadline_s)  # type: ignore[return-value]
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()}") from None

    def wait_ready(self) -> None:
        self.wait_log(r"ready: \d+ worker")
        self.addresses = re.findall(r"listening on (\S+):(\d+)\n", self.log())
        if self.addresses:  # else it has Unix sockets alone
            self.host, self.port = self.addresses[0][0].strip("[]"), int(self.addresses[0][1])

    def workers(self) -> list[int]:
        return children(self.pid)

    def status(self) -> dict[str, Any]:
        """Asked again where the daemon says so: on a busy machine the client may be too late for its reply."""

        def reply() -> subprocess.CompletedProcess[str] | None:
            command = [str(RESTMARKCTL), "-s", str(self.control), "--timeout", "300", "status", "-j"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
            return None if done.stderr.endswith("; ask again\n") else done

        done = wait_for("the daemon's whole reply", reply)
        assert done is not None and done.returncode == 0, (done.returncode, done.stderr)
        return json.loads(done.stdout)  # type: ignore[no-any-return]

    def top(self) -> tuple[dict[int, str], list[dict[str, Any]]]:
        """What `restmarkctl top` shows: the states of the slots, and the workers as it has them in JSON."""
        table, line = (
            subprocess.run(
                [str(RESTMARKCTL), "-s", str(self.control), "top", option, "-n", "1"], capture_output=True, text=True, timeout=300, check=True
            ).stdout
            for option in ("-b", "-j")
        )
        rows = re.findall(r"^ *(\d+) +([a-z]+) ", table, re.MULTILINE)
        return {int(slot): state for slot, state in rows}, json.loads(line)["workers"]

    def tell(self, command: bytes) -> bytes:
        """All that the control socket replies to these bytes."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(DEADLINE_S)
            client.connect(str(self.control))
            client.sendall(command)
            return b"".join(iter(lambda: client.recv(65536), b""))

    def ask(self, line: str) -> str:
        """The text of the control socket's reply to a quick command."""
        reply = self.tell(line.encode() + b"\n").decode()
        assert reply.startswith("ok\n"), reply
        return reply[3:]

    def events(self, kind: str | None = None) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = json.loads(self.ask("events json"))["events"]
        return [event for event in events if kind in (None, event["kind"])]

    def ends(self, cause: str) -> int:
        """How many workers have ended so far by this cause."""
        return sum(w["ends"][cause] for w in self.status()["workers"])

    def connect(self, timeout: float = 60.0) -> socket.socket:
        return socket.create_connection((self.host, self.port), timeout=timeout)

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def begin_stop(self) -> None:
        """As its service manager does. The workers have been told when this returns; the line in the log comes before that."""
        self.signal(signal.SIGTERM)
        wait_for("the workers are told to stop", lambda: self.status()["state"] == "stopping")

    def wait_exit(self, deadline_s: float = DEADLINE_S) -> int:
        return self.process.wait(deadline_s)

    def finish(self) -> None:
        """Stops it if it still runs, makes sure that nothing is left, and that no sanitizer complained."""
        workers = self.workers()
        if self.process.poll() is None:
            self.signal(signal.SIGINT)
            try:
                self.process.wait(300)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"did not stop:\n{self.log()}") from None
            assert self.process.returncode == 0, self.log()
        for pid in workers:
            wait_for(f"worker {pid} gone", lambda pid=pid: not is_alive(pid))  # type: ignore[misc]
        log = self.log()
        for complaint in ("ERROR: AddressSanitizer", "runtime error:", "LeakSanitizer"):
            assert complaint not in log, log


@contextmanager
def stopped_at_work(daemon: Daemon, target: str) -> Iterator[dict[str, Any]]:
    """The daemon's only worker stands still in the middle of a request; what the status says of that. It is answered afterwards.

    No request takes longer than a tenth of a second, so on a busy machine it is not always hit: then the next one is tried."""
    (worker,) = daemon.workers()
    with Connection((daemon.host, daemon.port), 60) as connection:
        assert connection.request("/").status == 200  # accepted
        for i in range(100):
            connection.send(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            time.sleep(0.01 * (i % 10))
            os.kill(worker, signal.SIGSTOP)
            try:
                wait_for("it is stopped", lambda: is_stopped(worker))
                working = daemon.status()["workers"][0]["working"]
                if working:
                    yield working
            finally:
                os.kill(worker, signal.SIGCONT)
            assert connection.read().status == 200
            if working:
                return
    raise AssertionError(f"the worker was never found at work for {target}")
