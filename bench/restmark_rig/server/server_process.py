"""What is asked of the processes of a started server, wherever they run; and those of this machine."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Protocol

from ..host import ports, proctree
from ..host.ports import Abandoned
from ..host.supervised import StopReport, SupervisedProcess, tail
from . import memory_look, sampler
from .memory_look import MemoryReading
from .sampler import Counters

OUT_OF_MEMORY = "out of memory at its limit, see --memory"


class ServerProcess(Protocol):
    """The processes of one server. What is read of them is of the machine on which they run."""

    @property
    def pid(self) -> int:
        """Pid of the process that the manifest's argv started."""
        ...

    @property
    def log(self) -> Path:
        """What it writes, on its machine."""
        ...

    @property
    def accounting(self) -> str:
        """Where CPU figures come from: "cgroup v2", "cgroup v1" or "process tree"."""
        ...

    @property
    def accounting_caveat(self) -> str:
        """What those figures can not say; empty if nothing."""
        ...

    @property
    def limited_by(self) -> str:
        """What limits them, "cgroup v2" say; empty if nothing does."""
        ...

    def pids(self) -> list[int]:
        """All live processes."""
        ...

    def cpu_ns(self) -> int:
        """CPU time used so far, user and system, nanoseconds."""
        ...

    def runqueue_wait_ns(self) -> int:
        """Time that the threads have spent ready to run without a CPU, nanoseconds."""
        ...

    def n_runnable(self) -> int:
        """How many threads run, or want to, at this moment."""
        ...

    def counters(self, cpus: frozenset[int] | None) -> Counters:
        """All that is counted, and the use of these CPUs by anyone, None for all that may be used."""
        ...

    def memory(self) -> MemoryReading:
        """The memory now. Raises EnvironmentFault if restmark-rss fails."""
        ...

    def abandoned(self) -> Abandoned:
        """What clients have left behind at the port."""
        ...

    def oom_kills(self) -> int:
        """How many of them the kernel has killed at the limit of their memory."""
        ...

    def death(self, wait_s: float) -> str:
        """How the main process ended, in words with the last lines of its log; empty if it still runs after wait_s."""
        ...

    def stop(self, grace_s: float) -> StopReport:
        """Ends them: SIGTERM, after grace_s SIGKILL. Safe to call again."""
        ...


class LocalProcess:
    """The processes of a server of this machine."""

    def __init__(self, process: SupervisedProcess, port: int, log: Path) -> None:
        self._process = process
        self._port = port
        self._runqueue_wait = proctree.RunqueueWait()
        self.log = log
        self.pid = process.pid

    @property
    def accounting(self) -> str:
        """See ServerProcess."""
        return self._process.scope.kind

    @property
    def accounting_caveat(self) -> str:
        """See ServerProcess."""
        return self._process.scope.caveat

    @property
    def limited_by(self) -> str:
        """See ServerProcess."""
        return self._process.limited_by

    def pids(self) -> list[int]:
        """See ServerProcess."""
        return self._process.scope.pids()

    def cpu_ns(self) -> int:
        """See ServerProcess."""
        return self._process.scope.cpu_ns()

    def runqueue_wait_ns(self) -> int:
        """See ServerProcess."""
        return self._runqueue_wait.read_ns(self.pids())

    def n_runnable(self) -> int:
        """See ServerProcess."""
        return proctree.n_runnable(self.pids())

    def counters(self, cpus: frozenset[int] | None) -> Counters:
        """See ServerProcess."""
        return sampler.count(self.pid, self.pids(), self.cpu_ns(), self.runqueue_wait_ns(), cpus, self.oom_kills())

    def memory(self) -> MemoryReading:
        """See ServerProcess."""
        return memory_look.read(self.pid, self.pids(), self._port)

    def abandoned(self) -> Abandoned:
        """See ServerProcess."""
        return ports.abandoned(self._port)

    def oom_kills(self) -> int:
        """See ServerProcess."""
        return self._process.oom_kills()

    def death(self, wait_s: float) -> str:
        """See ServerProcess."""
        status = self._process.wait(wait_s)
        if status is None:
            return ""
        why = f" ({OUT_OF_MEMORY})" if self.oom_kills() else ""
        return f"{describe_status(status)}{why}\n{log_excerpt(self.log)}"

    def stop(self, grace_s: float) -> StopReport:
        """See ServerProcess."""
        return self._process.stop(grace_s)


def describe_status(status: int) -> str:
    """An exit status in words; negative: killed by that signal."""
    return f"ended with exit code {status}" if status >= 0 else f"was killed by {signal.Signals(-status).name}"


def log_excerpt(log: Path) -> str:
    """The last lines of a server's log, with its path."""
    text = tail(log)
    return f"last lines of {log}:\n{text}" if text else f"it wrote nothing to {log}"
