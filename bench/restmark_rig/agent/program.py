"""The agent: on the servers' machine it does what the rig asks, by the same code as the rig does on its own, and ends what it started."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

from .. import __version__
from ..contestants import aiming, registry, targets, toolchains
from ..contestants.cache import Cache, default_directory
from ..contestants.contestant import Contestant
from ..host import ending, identity
from ..host.installation import PACKAGE
from ..model.errors import EnvironmentFault, RigError, Terminated
from ..server.launcher import RunningServer, StartOptions
from ..server.placement import Local
from ..store import record_codec, rig_identity
from . import trees
from .protocol import SILENCE_S, ContestantThere, Hello, StartedThere, StartThere, fault_to
from .trees import FileState

T = TypeVar("T")
_LOOK_S = 1.0
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def main() -> int:
    """Serves the rig on standard input and output until the input ends; then nothing is left of what it started."""
    ending.heed()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # what a lost terminal sends; the end of the input says the same
    lines = Lines()
    try:
        with ExitStack() as stack:
            agent = Agent(Cache(default_directory()), stack, lines)
            lines.tell(hello=record_codec.encode(hello()))
            lines.listen()
            while True:
                agent.serve(lines.next())
    except Terminated:
        return 0  # the rig has gone, and with it whoever would read an exit code


def hello() -> Hello:
    """Who this is. The address by which the rig came is known to its ssh connection."""
    connection = os.environ.get("SSH_CONNECTION", "").split()
    address = connection[2] if len(connection) == 4 else ""
    return Hello(__version__, rig_identity.digest(PACKAGE), address, boot_id(), identity.read())


def boot_id() -> str:
    """Of the kernel: equal in all containers and namespaces of a machine."""
    return _BOOT_ID.read_text(encoding="ascii").strip()


class Lines:
    """Standard input and output. What else writes to standard output, a build's helper say, goes to standard error."""

    def __init__(self) -> None:
        self._out = os.dup(1)
        os.dup2(2, 1)
        self._lock = threading.Lock()
        self._calls: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def tell(self, **message: Any) -> None:
        """Writes a line. Raises Terminated if nobody reads any more."""
        data = json.dumps(message).encode() + b"\n"
        with self._lock:
            try:
                while data:
                    data = data[os.write(self._out, data) :]
            except BrokenPipeError:
                raise Terminated from None

    def listen(self) -> None:
        """Reads from now on, beside whatever else is done."""
        threading.Thread(target=self._listen, daemon=True).start()

    def next(self) -> dict[str, Any]:
        """The next call. Raises Terminated when there will be no more."""
        return self._calls.get()

    def _listen(self) -> None:
        try:
            self._hear()
        except ValueError as error:
            print(f"restmark agent: what comes is no line of the rig: {error}", file=sys.stderr, flush=True)
        finally:
            # Whatever it is in the middle of, a build say; and to that thread alone, since another one's signal would not wake it.
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)

    def _hear(self) -> None:
        """Returns when the rig is gone; raises ValueError if what comes is none of its lines."""
        buffer, heard = b"", time.monotonic()
        while time.monotonic() - heard < SILENCE_S:
            if not select.select([0], [], [], _LOOK_S)[0]:
                continue
            piece = os.read(0, 1 << 20)
            if not piece:
                break
            heard = time.monotonic()
            *whole, buffer = (buffer + piece).split(b"\n")
            for line in whole:
                message = json.loads(line)
                if "call" in message:
                    self._calls.put(message)
                else:
                    with contextlib.suppress(Terminated):  # the end of the input comes next
                        self.tell(alive=True)


class Agent:
    """Answers calls. stack: what is to end with the agent."""

    def __init__(self, cache: Cache, stack: ExitStack, lines: Lines) -> None:
        self._cache = cache
        self._local = Local(cache)
        self._stack = stack
        self._lines = lines
        self._servers: dict[int, tuple[RunningServer, ExitStack]] = {}
        self._awake: ExitStack | None = None
        self._wanted: dict[str, dict[str, FileState]] = {}
        self._calls: dict[str, Callable[..., Any]] = {
            "lacking": self._lacking,
            "deliver": self._deliver,
            "topology": self._local.topology,
            "missing": lambda contestant: self._local.missing(self._contestant(contestant)),
            "build_state": lambda contestant: self._local.build_state(self._contestant(contestant)),
            "build": lambda contestant, force: self._local.build(self._contestant(contestant), self, force),
            "versions": lambda contestant: self._local.versions(self._contestant(contestant)),
            "record": lambda contestant, options: self._local.record(self._contestant(contestant), self._options(options)),
            "background_load": lambda cpus: self._local.background_load(frozenset(cpus)),
            "work_ns": self._local.work_ns,
            "hold_awake": self._hold_awake,
            "let_sleep": self._let_sleep,
            "start": self._start,
            "end": self._end,
            "stop": lambda server, grace_s: self._server(server).stop(grace_s),
            "pids": lambda server: self._server(server).pids(),
            "cpu_ns": lambda server: self._server(server).cpu_ns(),
            "runqueue_wait_ns": lambda server: self._server(server).runqueue_wait_ns(),
            "n_runnable": lambda server: self._server(server).n_runnable(),
            "counters": lambda server, cpus: self._server(server).counters(frozenset(cpus) if cpus else None),
            "memory": lambda server: self._server(server).memory(),
            "abandoned": lambda server: self._server(server).abandoned(),
            "oom_kills": lambda server: self._server(server).oom_kills(),
            "death": lambda server, wait_s: self._server(server).death(wait_s),
        }

    def serve(self, message: dict[str, Any]) -> None:
        """Answers one call."""
        try:
            value = self._calls[message["call"]](**message["with"])
        except (RigError, OSError) as error:
            self._lines.tell(id=message["id"], fault=fault_to(error))
            return
        self._lines.tell(id=message["id"], value=record_codec.encode(value))

    def progress(self, text: str) -> None:
        """What is being done now, for the rig's user."""
        self._lines.tell(progress=text)

    def say(self, text: str) -> None:
        """A line that stays."""
        self._lines.tell(say=text)

    def _tree(self, key: str) -> Path:
        return self._cache.folder("trees") / key

    def _lacking(self, tree: str, files: dict[str, Any]) -> list[str]:
        self._wanted[tree] = {name: record_codec.decode(FileState, state) for name, state in files.items()}
        return trees.lacking(self._tree(tree), self._wanted[tree])

    def _deliver(self, tree: str, packed: str) -> None:
        trees.unpack(self._tree(tree), self._wanted[tree], packed)

    def _contestant(self, there: dict[str, Any]) -> Contestant:
        """Its manifest was checked where the run is coordinated."""
        asked = record_codec.decode(ContestantThere, there)
        found = registry.load_checked(self._tree(asked.tree) / asked.path)
        return toolchains.equip(aiming.aim(found, targets.named(asked.target)), self._cache)

    def _options(self, told: dict[str, Any]) -> StartOptions:
        asked = record_codec.decode(StartThere, told)
        return StartOptions(
            self._tree(asked.dataset_tree) / asked.dataset_name,
            asked.host,
            workers=asked.workers,
            cpus=asked.cpus,
            stop_grace_s=asked.stop_grace_s,
            back_ends=asked.back_ends,
            limits=asked.limits,
        )

    def _start(self, contestant: dict[str, Any], options: dict[str, Any]) -> StartedThere:
        stack = self._stack.enter_context(ExitStack())
        server = stack.enter_context(self._local.launch(self._contestant(contestant), self._options(options)))
        number = max(self._servers, default=0) + 1
        self._servers[number] = server, stack
        return StartedThere(
            number, server.port, server.pid, str(server.log), server.accounting, server.accounting_caveat, server.limited_by
        )

    def _server(self, number: int) -> RunningServer:
        if number not in self._servers:
            raise EnvironmentFault(f"there is no server {number}", "ask for one that was started")
        return self._servers[number][0]

    def _end(self, server: int) -> None:
        self._servers.pop(server)[1].close()

    def _hold_awake(self) -> int | None:
        self._let_sleep()
        self._awake = self._stack.enter_context(ExitStack())
        return self._awake.enter_context(self._local.idle.held())

    def _let_sleep(self) -> None:
        if self._awake is not None:
            self._awake.close()
            self._awake = None
