"""The experiments of the study of costs, on small servers: broken data, starts, deploys and builds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from restmark_rig.contestants import builder, contestant
from restmark_rig.contestants.cache import Cache
from restmark_rig.contestants.contestant import Contestant
from restmark_rig.host.pinning import Pinning
from restmark_rig.load import load
from restmark_rig.load.load import SoFar
from restmark_rig.model.errors import DatasetError
from restmark_rig.server import first_answer
from restmark_rig.store import dataset
from restmark_rig.store.dataset import Dataset
from restmark_rig.studies.costs import (
    broken_data,
    broken_files,
    build,
    building,
    deploy,
    start,
)
from restmark_rig.studies.costs.broken_data import Seen
from restmark_rig.studies.costs.broken_files import Broken
from restmark_rig.studies.lab import Lab
from restmark_rig.studies.record import HOLDS, HOLDS_NOT, OPEN, Cell

from .helpers import Silent, cheater, processes_mentioning, script, write_contestant

MISSING, *_ = broken_files.all_of_them()
EXTRA = next(one for one in broken_files.all_of_them() if one.harmless)
GOOD = dataset.compact_json(list(dataset.default_records(broken_files.RECORDS)))


@pytest.mark.parametrize(
    ("broken", "seen", "outcome"),
    [
        (MISSING, [Seen(200, b"", False, ""), Seen(200, GOOD, False, "")], broken_data.WRONG),
        (MISSING, [Seen(200, b"", False, "")], broken_data.WRONG),
        (MISSING, [Seen(None, b"", True, "Segmentation fault in record 57")], broken_data.CRASH),
        (MISSING, [Seen(500, b"", False, "record 57: no description"), Seen(None, b"", True, "")], broken_data.CRASH),
        (MISSING, [Seen(500, b"", False, "KeyError: 'description'")], broken_data.NAMED),
        (MISSING, [Seen(500, b"", False, "Internal Server Error")], broken_data.VAGUE),
        (MISSING, [Seen(500, b"", False, "")], broken_data.MUTE),
        (MISSING, [Seen(None, b"", False, "error: record 57 lacks a field")], broken_data.NAMED),
        (EXTRA, [Seen(200, b"", False, ""), Seen(200, GOOD, False, "")], broken_data.RIGHT),
        (EXTRA, [Seen(200, GOOD[:-9] + b"]", False, "")], broken_data.WRONG),
    ],
)
def test_what_comes_of_broken_data_has_a_name(broken: Broken, seen: list[Seen], outcome: str) -> None:
    assert broken_data.worst(seen, broken)[0] == outcome


def test_each_fault_is_one_for_a_strict_reader_and_names_its_place(tmp_path: Path) -> None:
    path = tmp_path / "data.msgpack"
    path.write_bytes(broken_files.good())
    assert len(dataset.read(path).records) == broken_files.RECORDS
    for broken in broken_files.all_of_them():
        path.write_bytes(broken.content)
        with pytest.raises(DatasetError):
            dataset.read(path)


def starts(name: str, values: Sequence[float], workers: int = 1) -> Cell:
    labels = {"contestant": name.title(), "name": name, "workers": str(workers), "page_cache": start.WARM}
    return Cell(labels, [{"first_answer_ms": value} for value in values])


def test_starts_are_judged() -> None:
    slow, fast = [300.0, 310.0, 305.0, 302.0], [100.0, 104.0, 99.0, 101.0]
    assert start.judge([starts("pypy-x", slow), starts("python-x", fast)]).verdict == HOLDS
    assert start.judge([starts("pypy-x", fast), starts("python-x", slow)]).verdict == HOLDS_NOT
    assert start.judge([starts("pypy-x", fast), starts("python-x", fast)]).verdict == OPEN
    assert start.judge([starts("pypy-x", fast)]).verdict == OPEN


NEVER_RIGHT = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"no\\n")
    def log_message(self, *_):
        pass
HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def test_only_a_right_answer_ends_a_start(tmp_path: Path, cache: Cache, default_dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "STARTS", 2)
    monkeypatch.setattr(first_answer, "_LONGEST_S", 2)
    monkeypatch.setattr(start, "_DROP", tmp_path / "none")
    peers = tmp_path / "peers"
    with Lab([cheater(peers, "none"), script(peers, "never", NEVER_RIGHT)], True, cache, default_dataset, Pinning(None, None), load, Silent()) as lab:
        cells = start.measure(lab)
    right, wrong = ([cell for cell in cells if cell.labels["name"] == name] for name in ("cheat-none", "never"))
    assert [len(cell.rounds) for cell in right] == [2, 2]
    assert all(value > 1 for cell in right for value in cell.values("first_answer_ms"))
    assert all("did not answer in 2 s" in cell.lost for cell in wrong)
    assert not processes_mentioning(str(peers))


def deployed(name: str, lost: Sequence[float]) -> Cell:
    figures = {"requests": 800.0, "cut_off": 0.0, "refused": 0.0, "unsent": 0.0, "longest_ms": 5.0}
    return Cell({"contestant": name, "name": name, "way": deploy.RELOADED}, [{**figures, "lost": count} for count in lost])


def test_deploys_are_judged() -> None:
    assert deploy.judge([deployed("a", [3, 2, 5]), deployed("b", [1, 1, 1])]).verdict == HOLDS
    assert deploy.judge([deployed("a", [3, 2, 5]), deployed("b", [0, 0, 0])]).verdict == HOLDS_NOT
    assert deploy.judge([deployed("a", [3, 2, 5]), deployed("b", [0, 1, 0])]).verdict == OPEN


def test_a_load_ends_when_what_was_due_is_answered_again() -> None:
    made: list[bool] = []
    watch = deploy._Deploy(None, SimpleNamespace(stop=lambda: made.append(True)), SimpleNamespace(enter_context=lambda _: None), deploy.RESTARTED, 8)
    watch._deploy = lambda: (made.append(True), setattr(watch, "done", True))
    ended = []
    for tick in range(1, 81):
        due = deploy.RATE_PER_S * tick // 10
        behind = 200 if 11 <= tick < 50 else 0  # it comes back after five seconds
        ended.append(watch.take(SoFar(tick * 100_000, due - behind, 0)))
    assert made == [True]
    assert ended.index(True) + 1 == 54


def test_a_server_without_a_reload_is_stopped_and_started(
    tmp_path: Path, cache: Cache, default_dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deploy, "ROUNDS", 1)
    peers = tmp_path / "peers"
    with Lab([cheater(peers, "none")], True, cache, default_dataset, Pinning(None, None), load, Silent()) as lab:
        (cell,) = deploy.measure(lab)
    assert (cell.labels["way"], cell.lost) == (deploy.RESTARTED, "")
    (figures,) = cell.rounds
    assert figures["requests"] > 0
    assert figures["refused"] + figures["lost"] > 0, "nobody listened for a while"
    assert not processes_mentioning(str(peers))


SHARING = """
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "9")
        self.end_headers()
        self.wfile.write(b"Welcome!\\n")
    def log_message(self, *_):
        pass
ThreadingHTTPServer.allow_reuse_port = "--share" in sys.argv
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def test_a_second_one_that_shares_the_port_takes_over(tmp_path: Path, cache: Cache, default_dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deploy, "ROUNDS", 1)
    peers = tmp_path / "peers"
    one = script(peers, "sharing", SHARING)
    with (one.directory / "contestant.toml").open("a") as manifest:
        manifest.write('\n[deploy]\nreuse_port = ["--share"]\n')
    with Lab([contestant.load(one.directory)], True, cache, default_dataset, Pinning(None, None), load, Silent()) as lab:
        (cell,) = deploy.measure(lab)
    assert (cell.labels["way"], cell.lost) == (deploy.SUCCEEDED, "")
    (figures,) = cell.rounds
    assert figures["requests"] > 0
    assert figures["refused"] == 0, "somebody listened all the time"
    assert not processes_mentioning(str(peers))


def compiled(parent: Path) -> Contestant:
    """A contestant of one C file, which a build copies as if it were compiled."""
    extra = '[build]\nsteps = [["/bin/cp", "{source}/main.c", "{build}/server"]]\ninputs = ["main.c", "other.c"]\n'
    folder = write_contestant(parent, "compiled", ["{build}/server", "{port}"], extra)
    (folder / "main.c").write_text("/* a */\nint main(void) {\n\n        return 0;\n}\n")
    (folder / "other.c").write_text("int other;\n")
    return contestant.load(folder)


def test_a_changed_line_is_built_in_a_copy_and_nothing_else_is_touched(tmp_path: Path, default_dataset: Dataset) -> None:
    one = compiled(tmp_path / "peers")
    before = {path: path.read_bytes() for path in one.directory.iterdir()}
    cache = Cache(tmp_path / "cache")
    with Lab([one], True, cache, default_dataset, Pinning(None, None), load, Silent()) as lab:
        imaged, clean, changed, tried = build.measure(lab)
    assert (imaged.labels["build"], bool(imaged.lost)) == (build.IMAGE, True), "what is no server has no image, and loses nothing else"
    assert (clean.labels["build"], len(clean.rounds)) == (build.CLEAN, 1)
    assert (changed.labels["build"], len(changed.rounds)) == (build.CHANGED, build.CHANGES)
    assert tried.labels["build"] == build.LOOP
    assert "can not execute" in tried.lost, "what is no server is not tried, and loses nothing else"
    assert all(entry["seconds"] > 0 and entry["cpu_s"] > 0 for cell in (clean, changed) for entry in cell.rounds)
    assert {path: path.read_bytes() for path in one.directory.iterdir()} == before
    assert float(clean.labels["artefact_mib"]) >= 0
    assert not list(cache.folder("study").iterdir())


@pytest.mark.parametrize(("cheat", "fault"), [("none", ""), ("wrong-float-text", "first difference at byte")])
def test_a_change_is_tried_by_right_answers_alone(tmp_path: Path, default_dataset: Dataset, cheat: str, fault: str) -> None:
    with Lab([cheater(tmp_path / "peers", cheat)], True, Cache(tmp_path / "cache"), default_dataset, Pinning(None, None), load, Silent()) as lab:
        *_, clean, changed, tried = build.measure(lab)
    assert [entry["seconds"] for cell in (clean, changed) for entry in cell.rounds] == [0.0] * (1 + build.CHANGES), "it is not compiled"
    assert fault in tried.lost
    assert [entry["seconds"] > 0 for entry in tried.rounds] == ([] if fault else [True] * build.CHANGES)


def test_the_largest_source_is_changed_so_that_a_build_has_to_be_made(tmp_path: Path) -> None:
    one = compiled(tmp_path / "peers")
    cache = Cache(tmp_path / "cache")
    building.build(one, cache, Silent())
    assert building.change(one) == building.Change(one.directory / "main.c", is_built=True)
    assert builder.state(one, cache) == "stale"


def test_what_a_lock_file_names_is_counted_for_who_has_its_manifest(tmp_path: Path) -> None:
    one = compiled(tmp_path / "peers")
    (one.directory.parent / "Cargo.lock").write_text('[[package]]\nname = "a"\n\n[[package]]\nname = "b"\n')
    assert building.dependencies(one) == 0
    (one.directory / "Cargo.toml").write_text("[package]\n")
    assert building.dependencies(one) == 2
    (one.directory / "requirements.lock").write_text("a==1 \\\n    --hash=x\nb[c]==2\n")
    assert building.dependencies(one) == 4
