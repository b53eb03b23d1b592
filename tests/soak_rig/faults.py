"""The faults: each is done to the daemon, undone, and says what was wrong while it lasted. One at a time."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from held_sockets import lost_with
from restmark_proof.clients import Load, LocalFault, Profile

import processes

from . import proc
from .daemon import CHANGE_S, Broken, Daemon
from .friends import PROBE_S, probe
from .judge import Victim, judge_access_log, judge_torn

WORKERS_MIN, WORKERS_MAX = 2, 5
HOLD_S = 2.0
TAKEN_OVER_S = 4.5  # after a worker's heartbeat has been late for 3 s others serve what comes to it
STUCK_S = 3.0  # how long it is tried after that
# The longest that there is: a tenth of a second of work. By the closed form of docs/SPEC.md's loop: 4b(b − 1) + 2b, b = n / 4.
LONG_LOOP, LONG_LOOP_RESULT = "/million-loop?n=100000000", b"2499999950000000"
MASTER_CPU_MAX = 0.1  # of a CPU, while it can not accept; on a busy machine who spins gets no whole one


@dataclass
class Scene:
    """What a fault is done to, and where it leaves its traces."""

    daemon: Daemon
    rng: random.Random
    victims: list[Victim] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    undo: list[Callable[[], None]] = field(default_factory=list)  # run when a fault has failed in the middle

    def holds(self, what: str) -> None:
        """Notes what is wrong, if there is something."""
        if what:
            self.wrong.append(what)

    def serves(self, connections: int = 10) -> None:
        """New connections and the control socket are served while the fault lasts."""
        self.holds(probe(self.daemon, connections))
        self.daemon.tell("status", PROBE_S)


def worker_of(scene: Scene) -> int:
    return scene.rng.choice(scene.daemon.workers())


def stop_process(scene: Scene, pid: int) -> None:
    """SIGSTOP, and until it stands still. Whatever happens it is continued."""
    scene.undo.append(lambda: signal_if_there(pid, signal.SIGCONT))
    os.kill(pid, signal.SIGSTOP)
    proc.wait_for(f"process {pid} has stopped", lambda: processes.state(pid) in ("T", ""), 5)


def signal_if_there(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def held(daemon: Daemon, pid: int) -> frozenset[int]:
    """The clients' ports of what a worker that is stopped has, and of what has been passed to it that it has not taken yet."""
    return frozenset(lost_with(pid, [daemon.pid, *daemon.workers()], daemon.address[1]))


def gone(pid: int) -> Callable[[], bool]:
    return lambda: processes.state(pid) == ""


# ---- deaths ----


def _kill(scene: Scene, pid: int, number: signal.Signals) -> None:
    """It is stopped first, so that what it holds can be listed; it dies before it takes more. The master must pass it nothing until its
    descriptors are closed, which on a busy machine takes a while from the signal."""
    daemon = scene.daemon
    stop_process(scene, pid)
    stop_process(scene, daemon.pid)
    scene.victims.append(Victim(pid, time.monotonic(), held(daemon, pid), frozenset({"crash"})))
    os.kill(pid, number)
    signal_if_there(pid, signal.SIGCONT)
    proc.wait_for(f"worker {pid} has ended after {number.name}", lambda: processes.state(pid) in ("Z", ""), 10)
    os.kill(daemon.pid, signal.SIGCONT)
    proc.wait_for(f"worker {pid} is gone after {number.name}", gone(pid), 10)


def kill(scene: Scene) -> None:
    _kill(scene, worker_of(scene), signal.SIGKILL)


def crash(scene: Scene) -> None:
    _kill(scene, worker_of(scene), scene.rng.choice((signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS)))


def kill_all(scene: Scene) -> None:
    for pid in scene.daemon.workers():
        _kill(scene, pid, signal.SIGKILL)


# ---- changes that lose nothing ----


def _generation(daemon: Daemon) -> int:
    return int(daemon.status()["generation"])


def reload(scene: Scene) -> None:
    daemon = scene.daemon
    if scene.rng.random() < 0.5:
        daemon.tell("reload", CHANGE_S)
        return
    before = _generation(daemon)
    os.kill(daemon.pid, signal.SIGHUP)
    proc.wait_for("a reload by HUP", lambda: _generation(daemon) > before, CHANGE_S)


def upgrade(scene: Scene) -> None:
    daemon = scene.daemon
    if scene.rng.random() < 0.5:
        daemon.tell("upgrade", CHANGE_S)
        return
    daemon.new_events()
    before = _generation(daemon)
    os.kill(daemon.pid, signal.SIGUSR2)
    proc.wait_for("an upgrade by USR2", lambda: _generation(daemon) > before, CHANGE_S)


def scale(scene: Scene) -> None:
    daemon = scene.daemon
    daemon.wanted = scene.rng.choice([n for n in range(WORKERS_MIN, WORKERS_MAX + 1) if n != daemon.wanted])
    daemon.tell(f"scale {daemon.wanted}", CHANGE_S)


def ttin_ttou(scene: Scene) -> None:
    daemon = scene.daemon
    more = daemon.wanted < WORKERS_MAX and (daemon.wanted == WORKERS_MIN or scene.rng.random() < 0.5)
    daemon.wanted += 1 if more else -1
    os.kill(daemon.pid, signal.SIGTTIN if more else signal.SIGTTOU)


def drain(scene: Scene) -> None:
    scene.daemon.tell(f"drain {scene.rng.randrange(scene.daemon.wanted)}", CHANGE_S)


def rotation(scene: Scene) -> None:
    """The access log is moved away and opened again: no line is torn, and the new file grows."""
    daemon, disk = scene.daemon, scene.daemon.disk
    disk.move("access.log", "access.log.1")
    if scene.rng.random() < 0.5:
        daemon.tell("reopen")
    else:
        os.kill(daemon.pid, signal.SIGUSR1)
    proc.wait_for("lines in the new access log", lambda: disk.exists("access.log") and disk.size("access.log"), 15)
    settled = [-1]

    def is_settled() -> bool:
        """No worker is late with lines for the old file: it has not grown for a second."""
        size = disk.size("access.log.1")
        if size != settled[0]:
            settled[:] = [size, time.monotonic()]
        return time.monotonic() - settled[1] > 1.0

    proc.wait_for("the end of the old access log", is_settled, 15)
    for sentence in judge_access_log(disk.take("access.log.1")):
        scene.holds(sentence)


# ---- standstill ----


def stop_worker(scene: Scene) -> None:
    """Without harakiri it may stand as long as one likes, and others serve; with it, it is killed and replaced."""
    daemon = scene.daemon
    pid = worker_of(scene)
    stop_process(scene, pid)
    if daemon.harakiri_s:
        victim = Victim(pid, time.monotonic(), held(daemon, pid), frozenset({"wedged", "harakiri"}))
        scene.victims.append(victim)
        proc.wait_for(f"stopped worker {pid} is killed", gone(pid), daemon.harakiri_s + 10)
        scene.victims[-1] = Victim(pid, time.monotonic() - 1.0, victim.ports, victim.causes)
        return
    time.sleep(TAKEN_OVER_S)
    until_s = time.monotonic() + STUCK_S
    while time.monotonic() < until_s and not scene.wrong:
        scene.serves()
    os.kill(pid, signal.SIGCONT)


def freeze(scene: Scene) -> None:
    """All processes stop, as when the machine is suspended, with requests in work: nobody is late when they go on."""
    daemon = scene.daemon
    everyone = [daemon.pid, *daemon.workers()]
    kind = Profile("in work", LONG_LOOP, len(everyone), timeout_s=60, body=LONG_LOOP_RESULT)
    with Load(daemon.address, [kind], 60, requests=len(everyone)) as load:
        proc.wait_for("a request in work", lambda: any(worker["working"] for worker in daemon.status()["workers"]), 10)
        for pid in everyone:
            stop_process(scene, pid)
        time.sleep(daemon.harakiri_s + 1.5)
        for pid in scene.rng.sample(everyone, len(everyone)):
            os.kill(pid, signal.SIGCONT)
    total = load.total()
    scene.holds(f"requests in work when all was frozen: {'; '.join(map(str, total.failures))}" if total.lost else "")


# ---- want ----


def full_disk(scene: Scene) -> None:
    """The access log's file system is full; when there is room again lines are whole again."""
    disk = scene.daemon.disk
    disk.fill()
    scene.undo.append(lambda: disk.free() if disk.exists("filler") else None)
    _log_fails(scene)
    disk.free()
    _fresh_log(scene)


def file_size(scene: Scene) -> None:
    """RLIMIT_FSIZE at what the access log has already."""
    daemon = scene.daemon
    size = max(1, daemon.disk.size("access.log"))
    limited = [daemon.pid, *daemon.workers()]
    for pid in limited:
        scene.undo.append(_limit(pid, resource.RLIMIT_FSIZE, size))
    _log_fails(scene)
    for pid in daemon.workers():  # who was forked since has the master's limit
        _soft_limit(pid, resource.RLIMIT_FSIZE, resource.RLIM_INFINITY)
    for undo in scene.undo:
        undo()
    _fresh_log(scene)


def _log_fails(scene: Scene) -> None:
    until_s = time.monotonic() + HOLD_S
    while time.monotonic() < until_s:
        scene.serves()


def _fresh_log(scene: Scene) -> None:
    """What the fault has torn is ended before more is written; the file after it is a new one."""
    daemon, disk = scene.daemon, scene.daemon.disk
    size = disk.size("access.log")
    proc.wait_for("more lines in the access log", lambda: disk.size("access.log") > size, 15)
    disk.move("access.log", "access.log.1")
    daemon.tell("reopen")
    for sentence in judge_torn(disk.take("access.log.1")):
        scene.holds(sentence)


def _soft_limit(pid: int, kind: int, soft: int) -> None:
    if processes.is_alive(pid):
        _, hard = resource.prlimit(pid, kind)
        resource.prlimit(pid, kind, (hard if soft == resource.RLIM_INFINITY else soft, hard))


def _limit(pid: int, kind: int, soft: int) -> Callable[[], None]:
    """Sets a soft limit of a process, and returns what sets it back."""
    before, _ = resource.prlimit(pid, kind)
    _soft_limit(pid, kind, soft)
    return lambda: _soft_limit(pid, kind, before)


def descriptors_worker(scene: Scene) -> None:
    """A worker can have next to no more descriptors: who comes waits, and nobody is turned away."""
    pid = worker_of(scene)
    scene.undo.append(_limit(pid, resource.RLIMIT_NOFILE, proc.free_descriptor(pid) + 2))
    time.sleep(HOLD_S)
    for undo in scene.undo:
        undo()


def descriptors_master(scene: Scene) -> None:
    """The master can have no more descriptors: it waits for some, and does not spin."""
    daemon = scene.daemon
    undo = _limit(daemon.pid, resource.RLIMIT_NOFILE, proc.free_descriptor(daemon.pid))
    scene.undo.append(undo)
    waiting = [socket.create_connection(daemon.admin_address, timeout=5) for _ in range(4)]
    before_s, began_s = proc.cpu_s(daemon.pid), time.monotonic()
    time.sleep(HOLD_S)
    used = (proc.cpu_s(daemon.pid) - before_s) / (time.monotonic() - began_s)
    scene.holds(probe(daemon, 10))
    undo()
    for connection in waiting:
        connection.close()
    if used > MASTER_CPU_MAX:
        scene.holds(f"the master used {100 * used:.0f} % of a CPU while it had no descriptors left")


# ---- nobody listens ----


def stderr_stopped(scene: Scene) -> None:
    """Who reads the log has stopped, and its pipe is full."""
    daemon = scene.daemon
    deaf = daemon.listener.deaf_to_stderr
    scene.undo.append(deaf.clear)
    deaf.set()
    daemon.listener.fill_stderr()
    daemon.tell("reload", CHANGE_S)
    scene.serves()
    deaf.clear()


def notify_stopped(scene: Scene) -> None:
    """systemd does not read, and its socket is full."""
    daemon = scene.daemon
    deaf = daemon.listener.deaf_to_notify
    scene.undo.append(deaf.clear)
    deaf.set()
    daemon.listener.fill_notify()
    daemon.tell("reload", CHANGE_S)
    scene.serves()
    deaf.clear()


Fault = Callable[[Scene], None]
FAULTS: dict[str, Fault] = {
    "kill": kill,
    "crash": crash,
    "kill-all": kill_all,
    "reload": reload,
    "upgrade": upgrade,
    "scale": scale,
    "ttin-ttou": ttin_ttou,
    "drain": drain,
    "rotation": rotation,
    "stop-worker": stop_worker,
    "freeze": freeze,
    "full-disk": full_disk,
    "file-size": file_size,
    "descriptors-worker": descriptors_worker,
    "descriptors-master": descriptors_master,
    "stderr-stopped": stderr_stopped,
    "notify-stopped": notify_stopped,
}
NEEDS_SMALL_DISK = {"full-disk"}


def inject(name: str, scene: Scene) -> None:
    """One fault, with its end. What fails is noted in the scene, and undone."""
    try:
        FAULTS[name](scene)
    except (Broken, proc.NotInTime) as error:
        scene.holds(str(error))
    except (OSError, LocalFault) as error:
        scene.holds(f"{type(error).__name__}: {error}")
    finally:
        for undo in scene.undo:
            undo()
        scene.undo.clear()
