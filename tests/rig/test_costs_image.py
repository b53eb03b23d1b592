"""The image of a server: the files that it needs, and no others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from restmark_rig.contestants import requirements
from restmark_rig.contestants.cache import Cache
from restmark_rig.host.pinning import Pinning
from restmark_rig.load import load
from restmark_rig.model.errors import StartFailed
from restmark_rig.report import numbers
from restmark_rig.store.dataset import Dataset
from restmark_rig.studies.costs import build, image
from restmark_rig.studies.lab import Lab
from restmark_rig.studies.record import HOLDS, HOLDS_NOT, OPEN, Cell

from .helpers import Silent, cheater, processes_mentioning, script

MIB = 2**20
# Reads one file at its start, in a child of its own, another one when it is asked, and writes a third.
READS = """
import pathlib, subprocess, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
here = pathlib.Path(__file__).parent
subprocess.run(["/bin/cat", here / "at-start"], stdout=subprocess.DEVNULL, check=True)
(here / "written").write_bytes(b"x" * 2**22)
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        (here / "when-asked").read_bytes()
        body = b"Welcome!\\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""

tracing = pytest.mark.skipif(requirements.locate(image.TRACER) is None, reason="strace is not installed: restmark setup costs")


def of(folder: Path, cache: Cache, dataset: Dataset, sizes: dict[str, int]) -> image.Image:
    """The image of that server, with files of such sizes beside it."""
    one = script(folder / "peers", "reads", READS, routes=["/"])
    for name, size in sizes.items():
        (one.directory / name).write_bytes(os.urandom(size))
    with Lab([one], True, cache, dataset, Pinning(None, None), load, Silent()) as lab:
        return image.of(lab, one)


@tracing
def test_what_is_read_is_in_it_and_nothing_else(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    small = of(tmp_path / "small", cache, default_dataset, {"at-start": 10, "when-asked": 10, "never": 10})
    large = of(tmp_path / "large", cache, default_dataset, {"at-start": MIB, "when-asked": 2 * MIB, "never": 8 * MIB})
    assert large.files == small.files > 20, "an interpreter and its modules"
    assert large.tar_bytes - small.tar_bytes == pytest.approx(3 * MIB, abs=20_480)
    assert large.packed_bytes - small.packed_bytes == pytest.approx(3 * MIB, rel=0.02), "random bytes can not be packed"
    assert list(cache.folder("study").iterdir()) == []
    assert not processes_mentioning(str(tmp_path))


@tracing
def test_what_does_not_start_has_none(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    with pytest.raises(StartFailed):
        of(tmp_path, cache, default_dataset, {"when-asked": 10})


def test_a_trace_is_read(tmp_path: Path) -> None:
    there, link, other = tmp_path / "there", tmp_path / "link", tmp_path / "other"
    there.touch()
    other.touch()
    link.symlink_to("there")
    lines = [
        f'12 execve("{link}", ["x"], 0x7ff /* 3 vars */) = 0',
        f'12 openat(AT_FDCWD<{tmp_path}>, "other", O_RDONLY|O_CLOEXEC) = 3<{other}>',
        f'12 openat(AT_FDCWD<{tmp_path}>, "missing", O_RDONLY) = -1 ENOENT (No such file or directory)',
        f"13 <... openat resumed>) = 4<{other}>",
        f'12 openat(AT_FDCWD<{tmp_path}>, "there", O_WRONLY|O_CREAT, 0666) = 3<{there}>',
        f'12 openat(AT_FDCWD<{tmp_path}>, ".", O_RDONLY|O_DIRECTORY) = 3<{tmp_path}>',
        '12 openat(AT_FDCWD</>, "/proc/self/maps", O_RDONLY) = 3</proc/12/maps>',
        f'12 execve("{tmp_path}/missing", ["x"], 0x7ff /* 3 vars */) = -1 ENOENT (No such file or directory)',
    ]
    assert list(image.opened(lines)) == [there, other, other]
    assert image.packed([there, other]) == image.packed([there, other])


def built(name: str, language: str, seconds: list[float]) -> list[Cell]:
    labels = {"contestant": name, "name": name, "language": language}
    return [
        Cell({**labels, "build": build.CLEAN}, [{"seconds": 60.0, "cpu_s": 90.0, "peak_mib": 500.0}]),
        Cell({**labels, "build": build.CHANGED}, [{"seconds": one, "cpu_s": one, "peak_mib": 100.0} for one in seconds]),
        Cell({**labels, "build": build.LOOP}, [{"seconds": one + 0.5} for one in seconds]),
        Cell({**labels, "build": build.IMAGE}, [{"files": 6.0, "tar_mib": 4.95, "packed_mib": 2.27}]),
    ]


@pytest.mark.parametrize(("seconds", "verdict"), [([16, 17, 15], HOLDS), ([3, 4, 3], HOLDS_NOT), ([14, 16, 15], OPEN)])
def test_builds_are_judged_and_images_told(seconds: list[float], verdict: str) -> None:
    python = [Cell({"contestant": "p", "name": "p", "language": "Python", "build": build.CLEAN}, [{"seconds": 0.0, "cpu_s": 0.0, "peak_mib": 0.0}])]
    lost = [Cell({"contestant": "p", "name": "p", "language": "Python", "build": build.IMAGE}, lost="it did not start")]
    finding = build.judge([*built("r", "Rust", seconds), *python, *lost])
    assert finding.verdict == verdict
    (table,) = finding.tables
    column = table.columns.index("Image MiB")
    assert [row[column] for row in table.rows] == ["4.95 (2.27)", "–"]
    column = table.columns.index("And tried, s")
    assert [row[column] for row in table.rows] == [numbers.plain(sorted(seconds)[1] + 0.5), "–"]
    assert finding.notes == ["p / p / Python / image: it did not start"]


@tracing
def test_a_planted_server_of_this_rig_has_one(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    one = cheater(tmp_path / "peers", "none")
    with Lab([one], True, cache, default_dataset, Pinning(None, None), load, Silent()) as lab:
        found = image.of(lab, one)
    assert 5 * MIB < found.tar_bytes < 200 * MIB
    assert found.packed_bytes < found.tar_bytes
