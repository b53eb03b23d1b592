"""The image of a container that holds a server and nothing else: the files that it opens while it starts and answers, as one layer. No engine is needed."""

from __future__ import annotations

import gzip
import io
import re
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ...contestants.contestant import Contestant, Requirement, StartPlan
from ...server.launcher import StartOptions
from ...server.placement import Local
from .. import scratch
from ..lab import Lab
from .asking import ask_all

TRACER = Requirement("strace", ("strace",))
_TRACE = "trace=open,openat,openat2,execve,execveat"
_SLOWER = 10  # times as long as by itself a start may take under the tracer
_NOT_IN_IT = ("/proc/", "/sys/", "/dev/")
_LEVEL = 6  # gzip's own, with which most images are pushed
_WRITES = re.compile(r"O_(?:WRONLY|RDWR|CREAT|DIRECTORY)")
# With -y the result of an open is followed by where it leads: = 3</usr/lib/x86_64-linux-gnu/libc.so.6>
_OPENED = re.compile(r"= \d+<(/[^>]*)>$")
_EXECUTED = re.compile(r'execve(?:at)?\((?:[^"]*)"(/[^"]+)"')


@dataclass(frozen=True)
class Image:
    """files: in its only layer; bytes of that as a tar, and packed by gzip, as a registry keeps it."""

    files: int
    tar_bytes: int
    packed_bytes: int


def of(lab: Lab, contestant: Contestant) -> Image:
    """That of a contestant that is built. Raises StartFailed, or ProbeError where it does not answer."""
    with scratch.folder(lab, f"image-{contestant.name}") as place:
        trace = place / "trace"
        options = StartOptions(lab.dataset.path, workers=1, cpus=lab.pins.server)
        with Local(lab.cache).launch(_traced(contestant, trace), options) as server:
            ask_all(server, lab.dataset)
            mapped = list(_mapped(server.pids()))
        found = {*opened(trace.read_text(encoding="utf-8", errors="replace").splitlines()), *mapped}
    left_out = {lab.dataset.path.resolve(), server.log.resolve()}
    return packed(path for path in sorted(found) if path not in left_out)


def _traced(contestant: Contestant, trace: Path) -> Contestant:
    """The same, started by the tracer."""
    argv = (TRACER.command, "--follow-forks", "--interruptible=2", "-qq", "-y", "-s", "4096", "-e", _TRACE, "-o", str(trace), *contestant.start.argv)
    return replace(contestant, start=StartPlan(argv, contestant.start.env), ready_timeout_s=_SLOWER * contestant.ready_timeout_s)


def opened(lines: Iterable[str]) -> Iterator[Path]:
    """Files that a trace says were opened to be read, or executed; those that are there."""
    for line in lines:
        if executed := _EXECUTED.search(line):
            yield from _file(executed[1])
        elif (found := _OPENED.search(line)) and not _WRITES.search(line):
            yield from _file(found[1])


def _mapped(pids: Iterable[int]) -> Iterator[Path]:
    """What the kernel itself has mapped into the server's processes, the dynamic linker for one. The tracer is none of them."""
    for pid in pids:
        try:
            program, maps = Path("/proc", str(pid), "exe").resolve().name, Path("/proc", str(pid), "maps").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if program != TRACER.command:
            for line in maps.splitlines():
                yield from _file(line.partition("/")[1] + line.partition("/")[2])


def _file(name: str) -> Iterator[Path]:
    path = Path(name)
    if name and not name.startswith(_NOT_IN_IT) and path.is_file():
        yield path.resolve()


def packed(paths: Iterable[Path]) -> Image:
    """How large a layer of these files is. Nothing of it is written to a disk; owners and times are the same everywhere."""
    layer, count = io.BytesIO(), 0  # a hundred megabytes at most
    with tarfile.open(fileobj=layer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for path in paths:
            entry = tarfile.TarInfo(str(path).lstrip("/"))
            entry.size, entry.mode = path.stat().st_size, path.stat().st_mode & 0o777
            with path.open("rb") as file:
                tar.addfile(entry, file)
            count += 1
    content = layer.getvalue()
    return Image(count, len(content), len(gzip.compress(content, _LEVEL, mtime=0)))
