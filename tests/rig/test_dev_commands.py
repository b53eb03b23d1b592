"""restmark dev: article, balance, cost and load-cost, which developers use, measure with the rig's load engines."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import click
import pytest
from restmark_rig.contestants import builder, registry
from restmark_rig.contestants.cache import Cache, default_directory
from restmark_rig.host import installation
from restmark_rig.load import load_program
from restmark_rig.server.launcher import StartOptions, launch
from restmark_rig.store.dataset import Dataset
from restmark_rig.study import balance, tail
from restmark_rig.ui.commands.dev import dev

from .helpers import PYTHON, ROOT, Silent, cheater

pytestmark = pytest.mark.xdist_group("build-tree")
DURATION_S = 0.15
PROBES = 2  # of restmark-load, before it loads
WRAPPER = '#!/bin/sh\nexec {program} "$@" --no-probe --expect={body}\n'


@pytest.fixture(scope="module")
def build_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build tree's src/ with restmarkd and restmarkctl: ctest's own, or one that is made once for all tests of the rig."""
    if built := os.environ.get("RESTMARK_BUILD"):
        return Path(built)
    cache, ours = Cache(default_directory()), registry.resolve("restmarkd", installation.PEERS)
    builder.build(ours, cache, Silent())
    made = cache.build_dir(ours) / "cmake"
    subprocess.run(["cmake", "--build", made, "--target", "restmarkctl"], check=True, capture_output=True)
    tree = tmp_path_factory.mktemp("tree")
    (tree / "src").symlink_to(made / "src")
    return tree


def run(name: str, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a command of `restmark dev` to its end."""
    command = [PYTHON, str(ROOT / "bench" / "restmark"), "dev", name, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env={**os.environ, **environment})


def lines(text: str) -> list[list[str]]:
    """The lines of balance's table, without its head."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if re.match(r"\| \w+ \| \d", line)]


@pytest.mark.parametrize("close", [[], ["--close"]], ids=["kept", "close"])
def test_balance_prints_a_line_for_each_way_and_load(build_tree: Path, close: list[str]) -> None:
    options = ["--build", build_tree, "--workers", "2", "--duration", str(DURATION_S), "--connections", "1,8", "--target", "/"]
    done = run("balance", *options, *close)
    assert done.returncode == 0, done.stderr
    found = lines(done.stdout)
    assert [line[:2] for line in found] == [[way, count] for way in ("reuseport", "shared", "cpu") for count in ("1", "8")]
    for line in found:
        p50, p99, longest = map(float, line[3:6])
        busiest, idlest = (int(share.removesuffix(" %")) for share in line[6:8])
        assert float(line[2].replace(",", "")) > 0
        assert 0 < p50 <= p99 <= longest
        assert busiest >= idlest and busiest + idlest in range(99, 102)
        assert line[8] == "0"
        if line[1] == "1" and not close:
            # A kept connection stays with its worker; what was asked before the load is 1 % of few answers on a slow machine.
            asked_before_percent = 100 * PROBES / (float(line[2].replace(",", "")) * DURATION_S)
            assert idlest <= asked_before_percent + 0.5


def test_balance_spreads_connections_that_are_used_once(build_tree: Path) -> None:
    done = run("balance", "--build", build_tree, "--workers", "2", "--duration", "0.3", "--connections", "1", "--way", "reuseport", "--close")
    assert done.returncode == 0, done.stderr
    assert int(lines(done.stdout)[0][7].removesuffix(" %")) > 10


def test_balance_counts_wrong_answers(build_tree: Path, tmp_path: Path) -> None:
    """A load generator that is told to expect another body finds every answer wrong."""
    (tmp_path / "body").write_text("another")
    wrapper = tmp_path / "restmark-load"
    wrapper.write_text(WRAPPER.format(program=load_program.path(), body=tmp_path / "body"))
    wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
    options = ["--build", build_tree, "--duration", "0.2", "--connections", "4", "--way", "shared", "--target", "/"]
    done = run("balance", *options, RESTMARK_LOAD=str(wrapper))
    assert done.returncode == 0, done.stderr
    assert int(lines(done.stdout)[0][8]) > 10


def test_balance_offers_every_way_that_it_knows() -> None:
    (way,) = [parameter for parameter in dev.commands["balance"].params if parameter.name == "ways"]
    assert isinstance(way.type, click.Choice) and tuple(way.type.choices) == balance.WAYS


def test_balance_says_what_is_missing(tmp_path: Path) -> None:
    done = run("balance", "--build", tmp_path)
    assert done.returncode == 3
    assert f"{tmp_path}/src/restmarkd: no program is there" in done.stderr and "remedy: cmake" in done.stderr


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="takes a CPU for the server and one for the load")
def test_cost_compares_a_copy_with_itself(build_tree: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copy(build_tree / "src" / "restmarkd", tmp_path / "copy"))
    done = run("cost", "--rounds", "1", "--seconds", "1", build_tree / "src" / "restmarkd", copy)
    assert done.returncode == 0, done.stderr
    found = re.findall(r"^ *([\d.]+) us/request +([\d.]+) ", done.stdout, re.MULTILINE)
    assert len(found) == 2 and found[0][1] == "1.000"
    assert all(float(us) > 1 for us, _ in found)


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="takes a CPU for the server and one for the load")
def test_cost_ends_at_a_target_that_is_not_there(build_tree: Path) -> None:
    done = run("cost", "--rounds", "1", "--target", "/nope", build_tree / "src" / "restmarkd")
    assert done.returncode == 2
    assert "404" in done.stderr and "Traceback" not in done.stderr


def test_load_cost_compares_the_load_generators(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    with launch(cheater(tmp_path, "none"), StartOptions(default_dataset.path), cache) as server:
        done = run("load-cost", "--rounds", "1", "--seconds", "1", "--connections", "2", f"http://{server.host}:{server.port}")
    assert done.returncode == 0, done.stderr
    found = re.findall(r"^ *([\d.]+) us/answer +([\d.]+) .*/s of a CPU  (.+)$", done.stdout, re.MULTILINE)
    assert [name for *_, name in found][:2] == ["restmark-load --no-check", "restmark-load"]
    assert found[0][1] == "1.000"
    assert all(float(us) > 1 for us, *_ in found)


def test_load_cost_ends_at_a_server_that_is_not_there() -> None:
    done = run("load-cost", "--rounds", "1", "http://127.0.0.1:1")
    assert done.returncode == (3 if shutil.which("wrk") else 2)  # wrk is first in turn, and can only say that it failed
    assert "Connection refused" in done.stderr and "Traceback" not in done.stderr


def test_the_articles_command_line_is_printed_before_it_runs(tmp_path: Path) -> None:
    said = run("article", "--print", "--threads", "24", "--duration", "5", "http://h:1/", "http://h:1/x?n=1", PATH=str(tmp_path))
    assert (said.returncode, said.stderr) == (0, "")
    assert [line for line in said.stdout.splitlines() if line.startswith("$ ")] == [
        f"$ {program} -t24 -c64 -d5s {url}" for url in ("http://h:1/", "'http://h:1/x?n=1'") for program in ("wrk", "restmark-load")
    ]
    assert said.stdout.count("# wrk opens 48 of the 64 connections: 24 threads do not divide them") == 2


def test_the_article_is_loaded_by_both_with_the_same_figures(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    if not shutil.which("wrk"):
        pytest.skip("wrk is not installed")
    with launch(cheater(tmp_path, "none"), StartOptions(default_dataset.path), cache) as server:
        url = f"http://{server.host}:{server.port}/"
        done = run("article", "--threads", "1", "--connections", "4", "--duration", "1", url)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    for program in ("wrk", "restmark-load"):
        assert any(line.startswith("$ ") and line.endswith(f"{program} -t1 -c4 -d1s {url}") for line in lines)
    wrk = re.search(r"^Requests/sec: +([\d.]+)$", done.stdout, re.MULTILINE)
    ours = re.search(r"^requests +([\d.]+)/s answered", done.stdout, re.MULTILINE)
    closing = re.search(r"^# restmark-load ([\d,]+)/s, wrk ([\d,]+)/s: ", done.stdout, re.MULTILINE)
    assert wrk and ours and closing
    assert [int(figure.replace(",", "")) for figure in closing.groups()] == [round(float(ours[1])), round(float(wrk[1]))]


def test_the_article_says_what_is_missing(tmp_path: Path) -> None:
    nothing = run("article", "http://127.0.0.1:1/", PATH=str(tmp_path))
    assert nothing.returncode == 3 and "needs wrk" in nothing.stderr and "Traceback" not in nothing.stderr
    if shutil.which("wrk"):
        closed = run("article", "--duration", "1", "http://127.0.0.1:1/")
        assert closed.returncode == 3 and "Connection refused" in closed.stderr and "Traceback" not in closed.stderr
    assert "65 threads for 64 connections" in run("article", "--threads", "65", "http://h/").stderr


def test_tail_tells_latencies_at_shares_of_the_capacity_by_workers(build_tree: Path) -> None:
    del build_tree  # it makes sure that restmarkd is built
    result = run("tail", "-C", "restmarkd", "-C", "restmarkd-copy", "--workers", "1,2", "--rounds", 2, "--duration", DURATION_S, "--connections", 8)
    assert result.returncode == 0, result.stderr
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in result.stdout.splitlines()]
    assert table[0][2:5] == ["requests/s", "per worker", "p99 ms at 50%"]
    assert [line[1] for line in table[2:]] == ["1", "1", "2", "2"]
    for line in table[2:]:
        assert int(line[2].replace(",", "")) >= int(line[3].replace(",", "")) > 0
        for p99, late in ((line[4], line[5]), (line[6], line[7])):
            middle, least, most = map(float, re.findall(r"\d+\.\d+", p99))
            assert 0 <= least <= middle <= most
            assert re.fullmatch(r"[012] of 2", late)


def test_tail_takes_turns() -> None:
    assert list(tail.in_turn("ab", 3)) == [(0, "a"), (0, "b"), (1, "b"), (1, "a"), (2, "a"), (2, "b")]


def test_tail_ends_at_a_target_that_is_not_there(build_tree: Path) -> None:
    del build_tree
    result = run("tail", "-C", "restmarkd", "--target", "/nowhere", "--rounds", 1, "--duration", DURATION_S, "--connections", 2)
    assert result.returncode != 0 and "/nowhere" in result.stderr, result.stderr
