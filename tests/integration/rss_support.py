"""What the tests of restmark-rss share: running the script, and process trees and /proc folders to run it on."""

import contextlib
import csv
import io
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

BENCH = Path(__file__).resolve().parents[2] / "bench"
SCRIPT = BENCH / "restmark-rss"
DEADLINE_S = 300.0

# Everything that the script may call besides awk. Nothing here is outside coreutils, except the shell.
COREUTILS = ("cat", "date", "env", "ls", "od", "readlink", "sleep", "stat", "stty", "tr")

# The third environment is what a small distribution has: no GNU program at all.
ENVIRONMENTS = [name for name in ("mawk", "gawk", "busybox") if shutil.which(name)]
if shutil.which("busybox"):
    ENVIRONMENTS.append("busybox-only")


def command(name: str) -> str:
    """Absolute path of a command that must be there."""
    path = shutil.which(name)
    assert path is not None, f"the tests need {name}"
    return path


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Poll until `condition()` is true; fail after DEADLINE_S seconds."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"timed out waiting until {what}"
        time.sleep(0.01)


@dataclass
class Rss:
    """The script in one environment of shell, awk and coreutils."""

    path: str
    argv: list[str]
    user: str | None = None
    env: dict[str, str] = field(default_factory=dict)

    def _options(self) -> dict:
        env = {"PATH": self.path, "LC_ALL": "C.UTF-8", **self.env}
        options: dict = {"env": env}
        if self.user is not None:
            options |= {"user": self.user, "group": "nogroup", "extra_groups": []}
        return options

    def run(self, *args: str | bytes | int | Path, **options: object) -> subprocess.CompletedProcess[bytes]:
        argv = [*self.argv, *(arg if isinstance(arg, bytes) else str(arg) for arg in args)]
        settings = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": DEADLINE_S, **self._options()}
        return subprocess.run(argv, **(settings | options), check=False)

    def start(self, *args: str | int | Path, **options: object) -> subprocess.Popen[bytes]:
        argv = [*self.argv, *map(str, args)]
        settings = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **self._options()}
        return subprocess.Popen(argv, **(settings | options))

    def json(self, *args: str | bytes | int | Path, status: int = 0) -> dict:
        """Run with --json; check the exit status and that stdout is one object on one line."""
        done = self.run(*args, "--json")
        assert done.returncode == status, done
        assert done.stdout.count(b"\n") == 1 and done.stdout.endswith(b"}\n"), done.stdout
        return json.loads(done.stdout.decode("utf-8"))

    def csv(self, *args: str | int | Path, status: int = 0) -> list[dict[str, str]]:
        """Run with --csv; check the exit status and the line ends."""
        done = self.run(*args, "--csv")
        assert done.returncode == status, done
        return parse_csv(done.stdout)

    def table(self, *args: str | int | Path, status: int = 0) -> str:
        done = self.run(*args)
        assert done.returncode == status, done
        return done.stdout.decode("utf-8")


def parse_csv(data: bytes) -> list[dict[str, str]]:
    """Rows of RFC 4180 text: every line ends with CR LF and has as many fields as the header."""
    assert data.endswith(b"\r\n")
    assert data.count(b"\n") == data.count(b"\r\n") == data.count(b"\r")
    rows = list(csv.reader(io.StringIO(data.decode("utf-8"), newline=""), strict=True))
    assert all(len(row) == len(rows[0]) for row in rows)
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def processes(block: dict) -> dict[int, dict]:
    """All process objects of a JSON block by PID."""
    return {process["pid"]: process for group in block["groups"] for process in group["processes"]}


def link_commands(folder: Path, names: tuple[str, ...], target: str | None = None) -> str:
    """Fill `folder` with links, named like the commands, to them or all to `target`. Returns the folder."""
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).symlink_to(target or command(name))
    return str(folder)


def make_rss(environment: str, folder: Path, script: Path = SCRIPT) -> Rss:
    """The script with an awk chosen by name, or with nothing but busybox."""
    if environment == "busybox-only":
        path = link_commands(folder, (*COREUTILS, "awk", "sh"), command("busybox"))
        return Rss(path, [f"{path}/sh", str(script)])
    path = link_commands(folder, ("awk",), command(environment))
    return Rss(f"{path}:{os.environ['PATH']}", [str(script)])


def hold_pauses(rss: Rss, folder: Path) -> Callable[[], None]:
    """Make each pause of a watch last until the returned function is called, however slow the machine is."""
    gate = folder / "gate"
    os.mkfifo(gate)
    pauses = folder / "pauses"
    pauses.mkdir()
    (pauses / "sleep").write_text(f"#!{command('dash')}\nexec {command('cat')} {gate}\n")
    (pauses / "sleep").chmod(0o755)
    rss.path = f"{pauses}:{rss.path}"

    def end_pause() -> None:
        opened: list[int] = []

        def open_gate() -> bool:
            with contextlib.suppress(OSError):  # ENXIO: the pause has not begun
                opened.append(os.open(gate, os.O_WRONLY | os.O_NONBLOCK))
            return bool(opened)

        wait_for(open_gate, "the watch pauses")
        os.close(opened[0])

    return end_pause


# --- process trees -----------------------------------------------------------------------------------

# A pre-forked server: the workers map `shared` MiB together and `private` MiB each. It ends, with its
# workers, when its standard input does, and reaps workers as they end.
PREFORK = r"""
import json, mmap, os, select, signal, socket, sys

workers, shared_mib, private_mib, path = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]

def touch(mapping):
    for offset in range(0, len(mapping), 4096):
        mapping[offset] = 1

shared = mmap.mmap(-1, shared_mib << 20, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)
touch(shared)
if path:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
lifeline_r, lifeline_w = os.pipe()
ready_r, ready_w = os.pipe()
pids = []
for _ in range(workers):
    pid = os.fork()
    if pid == 0:
        os.close(lifeline_w)
        os.close(0)
        if path:
            listener.close()
        touch(shared)
        private = mmap.mmap(-1, private_mib << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        touch(private)
        os.write(ready_w, b"r")
        os.read(lifeline_r, 1)
        os._exit(0)
    pids.append(pid)
for _ in range(workers):
    os.read(ready_r, 1)
wake_r, wake_w = os.pipe()
os.set_blocking(wake_w, False)
signal.set_wakeup_fd(wake_w)
signal.signal(signal.SIGCHLD, lambda *_: None)
print(json.dumps(pids), flush=True)

def reap(options):
    try:
        while os.waitpid(-1, options)[0]:
            pass
    except ChildProcessError:
        pass

while 0 not in select.select([0, wake_r], [], [])[0]:
    os.read(wake_r, 64)
    reap(os.WNOHANG)
os.close(lifeline_w)
reap(0)
"""

# A process with a child that has ended and is not reaped.
ZOMBIE = r"""
import json, os, sys
pid = os.fork()
if pid == 0:
    os._exit(0)
os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
print(json.dumps([pid]), flush=True)
sys.stdin.read()
"""

# A process that gives itself a command name (hexadecimal) and holds a child, so that the name has to be
# understood to find it.
NAMED = r"""
import ctypes, json, os, sys
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(15, bytes.fromhex(sys.argv[1]), 0, 0, 0) == 0
lifeline_r, lifeline_w = os.pipe()
pid = os.fork()
if pid == 0:
    os.close(lifeline_w)
    os.read(lifeline_r, 1)
    os._exit(0)
print(json.dumps([pid]), flush=True)
sys.stdin.read()
os.close(lifeline_w)
os.waitpid(pid, 0)
"""


@contextlib.contextmanager
def server(program: str, *args: object) -> Iterator[tuple[int, list[int]]]:
    """Run a Python program that prints the PIDs of its children when it is ready and ends with its
    standard input. Yields its PID and theirs."""
    with subprocess.Popen(
        [sys.executable, "-c", program, *map(str, args)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            line = process.stdout.readline()
            assert line, "the test's server did not start"
            yield process.pid, json.loads(line)
        finally:
            stop(process)


def stop(process: subprocess.Popen) -> None:
    """End a process by closing its standard input, or, if it does not listen, by a signal."""
    process.stdin.close()
    try:
        process.wait(DEADLINE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


@contextlib.contextmanager
def titled(*argv: bytes | str, **options: object) -> Iterator[int]:
    """A small process with this command line. Yields its PID."""
    with subprocess.Popen(argv, executable=command("cat"), stdin=subprocess.PIPE, **options) as process:
        # Popen returns when exec has succeeded, so the command line is in place.
        try:
            yield process.pid
        finally:
            stop(process)


def smaps_kib(pid: int) -> dict[str, int]:
    """RSS, PSS and USS of a process, from smaps: another file than the script reads."""
    totals: dict[str, int] = {}
    for line in Path(f"/proc/{pid}/smaps").read_text(errors="replace").splitlines():
        words = line.split()
        if len(words) == 3 and words[2] == "kB":
            totals[words[0]] = totals.get(words[0], 0) + int(words[1])
    private = totals["Private_Clean:"] + totals["Private_Dirty:"]
    return {
        "rss": totals["Rss:"],
        "pss": totals["Pss:"],
        "uss": private + totals["Private_Hugetlb:"],
        "shared": totals["Rss:"] - private,
    }


# --- made-up /proc folders ---------------------------------------------------------------------------

ROLLUP = """\
00400000-7ffe0000 ---p 00000000 00:00 0                          [rollup]
Rss:            {rss:8d} kB
Pss:            {pss:8d} kB
Shared_Clean:   {shared:8d} kB
Shared_Dirty:          0 kB
Private_Clean:         0 kB
Private_Dirty:  {private:8d} kB
Shared_Hugetlb:        0 kB
Private_Hugetlb:{hugetlb:8d} kB
Swap:           {swap:8d} kB
SwapPss:        {swap:8d} kB
"""


def rollup(rss: int, pss: int, private: int, hugetlb: int = 0, swap: int = 0) -> str:
    """Text of a smaps_rollup file; sizes in KiB."""
    return ROLLUP.format(rss=rss, pss=pss, private=private, shared=rss - private, hugetlb=hugetlb, swap=swap)


class FakeProc:
    """A folder that looks like /proc, for what cannot be had on demand: other kernels, races, systemd."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "net").mkdir(parents=True)
        (root / "net" / "unix").write_text("Num       RefCount Protocol Flags    Type St Inode Path\n")
        (root / "mounts").write_text("")

    def add(
        self,
        pid: int,
        ppid: int = 0,
        *,
        comm: bytes = b"server",
        cmdline: bytes = b"server\0",
        state: str = "S",
        flags: int = 0,
        threads: int = 1,
        start_ticks: int = 1000,
        memory: str | None = None,
        smaps: str | None = None,
        fds: tuple[str, ...] = (),
    ) -> Path:
        """Add a process; `memory` and `smaps` are texts of the files of that name, None for no file."""
        folder = self.root / str(pid)
        folder.mkdir()
        tail = f"{state} {ppid} 1 1 0 -1 {flags} 0 0 0 0 0 0 0 0 20 0 {threads} 0 {start_ticks}" + " 0" * 30
        (folder / "stat").write_bytes(b"%d (%s) %s\n" % (pid, comm, tail.encode()))
        (folder / "cmdline").write_bytes(cmdline)
        if memory is not None:
            (folder / "smaps_rollup").write_text(memory)
        if smaps is not None:
            (folder / "smaps").write_text(smaps)
        (folder / "fd").mkdir()
        for number, target in enumerate(fds):
            (folder / "fd" / str(number)).symlink_to(target)
        return folder

    def listen(self, inode: int, path: str, flags: int = 0x10000) -> None:
        """Add a line to the table of Unix sockets."""
        with (self.root / "net" / "unix").open("a") as table:
            table.write(f"0000000000000000: 00000002 00000000 {flags:08X} 0001 01 {inode:5d} {path}\n")
