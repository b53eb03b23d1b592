"""bench/micro/python-codecs: that every case runs and is told of. Figures are not a test's business."""

from __future__ import annotations

import json
import subprocess

from peer_process import BUILD_TIMEOUT_S, REPO

PROGRAM = str(REPO / "bench" / "micro" / "python-codecs")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=BUILD_TIMEOUT_S, check=False)


def test_every_case_has_a_figure_of_every_round() -> None:
    done = run("--rounds", "3", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["schema"] == "restmark-python-codecs/1"
    assert set(document["versions"]) == {"CPython", "msgpack", "msgspec", "orjson", "ormsgpack"}
    assert {work: len(cases) for work, cases in document["rounds"].items()} == {"parse MessagePack": 6, "encode JSON": 6}
    for cases in document["rounds"].values():
        for name, values in cases.items():
            assert len(values) == 3 and all(value > 0 for value in values), name


def test_the_table_compares_with_the_first_case() -> None:
    done = run("--rounds", "3")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    for first in ("msgpack.unpackb, dicts", "json.dumps and encode, dicts"):
        (line,) = [line for line in lines if line.strip().startswith(first)]
        assert " 1.000x" in line


def test_too_few_rounds_are_refused() -> None:
    done = run("--rounds", "2")
    assert done.returncode == 2 and "--rounds has to be 3 or more" in done.stderr
