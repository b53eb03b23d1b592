"""The rig is tested on servers that cheat: each has to be found out by the check that is meant for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from restmark_rig.contestants.cache import Cache
from restmark_rig.model.workloads import MORE_ROUTES, ROUTES
from restmark_rig.server import launcher
from restmark_rig.server.launcher import StartOptions
from restmark_rig.store.dataset import Dataset
from restmark_rig.verify.checks import CHECKS, Verdict, meter
from restmark_rig.verify.verifier import Report, VerifyPlan

from .helpers import cheater, verify_until_decided


def verify(
    tmp_path: Path, cache: Cache, dataset: Dataset, cheat: str, checks: tuple[str, ...] = (), **keys: object
) -> Report:
    """Verifies a cheater with the named checks, or with all of them. keys: of its manifest."""
    chosen = tuple(check for check in CHECKS if not checks or check.name in checks)
    plan = VerifyPlan(dataset, dataset, 42, StartOptions(dataset.path), chosen)
    report = verify_until_decided(cheater(tmp_path, cheat, **keys), plan, cache)
    assert report.state == "verified", report.problem
    return report


@pytest.fixture(autouse=True)
def _brief_warm_ups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is blamed of its costs is warmed up for seconds before they are measured again; these cheat from the first request."""
    monkeypatch.setattr(meter, "_STEADY_NS", 300_000_000)
    monkeypatch.setattr(meter, "_WARM_UP_NS", 1_000_000_000)


def failing(report: Report) -> dict[str, set[str | None]]:
    """check -> routes on which it failed."""
    found: dict[str, set[str | None]] = {}
    for finding in report.failures:
        found.setdefault(finding.check, set()).add(finding.route)
    return found


def messages(report: Report, check: str) -> str:
    return "\n".join(line for f in report.findings if f.check == check for line in (f.message, *f.details))


def test_the_honest_server_passes_everything(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    report = verify(tmp_path, cache, default_dataset, "none-of-eight", routes=[*ROUTES, *MORE_ROUTES])
    assert [(f.check, f.route, f.message) for f in report.findings if f.verdict is not Verdict.OK] == []
    assert {finding.check for finding in report.findings} == {check.name for check in CHECKS} - {"fresh", "transaction", "queries", "prepared", "survive"}
    assert {(check, route) for check in ("body", "type", "size", "args", "path", "keep", "frag", "pair") for route in (*ROUTES, *MORE_ROUTES)} <= {
        (finding.check, finding.route) for finding in report.findings
    }


def test_a_cheater_fails_the_check_that_is_meant_for_it_and_no_other(
    tmp_path: Path, cache: Cache, default_dataset: Dataset
) -> None:
    report = verify(tmp_path, cache, default_dataset, "cached-encoder", routes=["/", "/encode-json", "/transfer-data"])
    assert failing(report) == {"cost": {"/encode-json"}}
    assert report.undecided == []


# cheat, the check that is meant for it, its routes, what its message says.
PLANTED = [
    ("cached-encoder", "cost", {"/encode-json"}, "the encoded JSON (or its length) is cached"),
    ("cached-full-encoder", "cost", {"/encode-json"}, "without parameters it takes"),
    ("skipped-decode", "cost", {"/parse-msgpack"}, "decoding is skipped, or its result is cached"),
    ("decodes-nothing", "cost", {"/parse-msgpack"}, "decoding is skipped, or its result is cached"),
    ("linear-digest", "cost", {"/parse-msgpack"}, "decoding is skipped, or its result is cached"),
    ("two-faced-parser", "cost", {"/parse-msgpack"}, "decoding is skipped, or its result is cached"),
    ("prepared-lengths", "cost", {"/encode-json"}, "the encoded JSON (or its length) is cached"),
    ("two-faced-encoder", "cost", {"/encode-json"}, "the encoded JSON (or its length) is cached"),
    ("half-the-fields", "digest", {"/parse-msgpack"}, "wrong body, first difference at byte"),
    ("patched-fragments", "digest", {"/encode-json"}, "wrong body, first difference at byte"),
    ("closed-form-loop", "cost", {"/million-loop"}, "that fast: a closed form, or a cached result"),
    ("cached-loop", "cost", {"/million-loop"}, "that fast: a closed form, or a cached result"),
    ("sleeping-loop", "cost", {"/million-loop"}, "that fast: a closed form, or a cached result"),
]


@pytest.mark.parametrize(("cheat", "check", "routes", "message"), PLANTED, ids=[row[0] for row in PLANTED])
def test_planted_cheater(
    tmp_path: Path,
    cache: Cache,
    default_dataset: Dataset,
    cheat: str,
    check: str,
    routes: set[str | None],
    message: str,
) -> None:
    # It offers the route on which it cheats alone, since costs take seconds to measure.
    report = verify(tmp_path, cache, default_dataset, cheat, (check,), routes=["/", *routes])
    assert failing(report) == {check: routes}
    assert report.undecided == []
    assert message in messages(report, check)


def test_a_sleeping_worker(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    report = verify(tmp_path, cache, default_dataset, "sleeping-worker", ("idle",))
    assert "/" in failing(report)["idle"]  # on the others the work may be longer than the sleep
    assert "nobody does: it sleeps" in messages(report, "idle")


def test_errors_after_many_requests(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    report = verify(tmp_path, cache, default_dataset, "error-after-many", ("keep", "burst"))
    assert failing(report) == {"burst": {None}}
    assert "status 500 instead of 200; it said out of luck" in messages(report, "burst")


def test_a_contestant_without_digests(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    report = verify(tmp_path, cache, default_dataset, "knows-no-digest", ("digest", "args"))
    assert failing(report) == {"digest": {"/parse-msgpack", "/encode-json"}}
    assert "refused with status 400" in messages(report, "digest")
    assert "docs/SPEC.md defines it" in messages(report, "digest")


# These break what other checks need, too, so that only the one that is meant is looked at.
BROKEN = [
    ("truncated-body", "size", {"/transfer-data"}, "after 133522 bytes of the body (133622 bytes by Content-Length)"),
    ("surplus-byte", "size", {"/", "/parse-msgpack", "/encode-json", "/transfer-data", "/million-loop"}, "1 bytes follow the answer, first b'\\n'"),
    ("closes-after-each", "keep", {"/", "/parse-msgpack", "/encode-json", "/transfer-data", "/million-loop"}, "keep-alive is not kept, the connection ended after answer 1"),
    ("wrong-float-text", "body", {"/transfer-data"}, "»8}"),
    ("wrong-content-type", "type", {"/transfer-data"}, "wrong Content-Type 'text/html', expected application/json"),
    ("prepared-loop", "vary", {"/million-loop"}, "wrong body, first difference at byte"),
    ("lenient", "args", {"/", "/parse-msgpack", "/encode-json", "/transfer-data", "/million-loop"}, "/million-loop?n=-1: 200"),
    ("fails-500", "args", {"/", "/parse-msgpack", "/encode-json", "/transfer-data", "/million-loop"}, "/?x=1: 500"),
    ("catch-all", "path", {None}, "status 200 instead of 404"),
    ("impatient", "frag", {"/", "/parse-msgpack", "/encode-json", "/transfer-data", "/million-loop"}, "before the request was complete"),
    ("truncates-second", "pair", {"/", "/parse-msgpack", "/encode-json", "/transfer-data", "/million-loop"}, "closed the connection after 20 bytes of the headers"),
    ("stubborn", "stop", {None}, "does not end within 1 s of SIGTERM"),
    ("leaves-child", "stop", {None}, "left processes behind: python3 ("),
]  # fmt: skip


@pytest.mark.parametrize(("cheat", "check", "routes", "message"), BROKEN, ids=[row[0] for row in BROKEN])
def test_broken_server(
    tmp_path: Path,
    cache: Cache,
    default_dataset: Dataset,
    cheat: str,
    check: str,
    routes: set[str | None],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("restmark_rig.verify.checks.stop.GRACE_S", 1.0)
    report = verify(tmp_path, cache, default_dataset, cheat, (check,))
    assert failing(report) == {check: routes}
    assert message in messages(report, check)


def test_the_float_is_shown_where_it_differs(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    text = messages(verify(tmp_path, cache, default_dataset, "wrong-float-text", ("body",)), "body")
    offset = default_dataset.json(1).index(b"1569882498.9117897") + len("1569882498.911789")
    assert f"GET /transfer-data: wrong body, first difference at byte {offset}" in text
    assert 'expected …ed_at":1569882498.911789»7},{"id":1,"name":"My na…' in text
    assert 'got      …ed_at":1569882498.911789»8},{"id":1,"name":"My na…' in text


def test_a_dropped_second_request_is_a_failure(
    tmp_path: Path, cache: Cache, default_dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = launcher.RunningServer.connect
    monkeypatch.setattr(
        launcher.RunningServer, "connect", lambda self, timeout_s=0.3: connect(self, min(timeout_s, 0.3))
    )
    report = verify(tmp_path, cache, default_dataset, "drops-second", ("pair",))
    assert "no byte came for 0.3 s" in messages(report, "pair")
    assert len(failing(report)["pair"]) == 5


def test_closing_on_a_second_request_is_noted(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    report = verify(tmp_path, cache, default_dataset, "closes-on-second", ("pair",))
    assert [finding.verdict for finding in report.findings] == [Verdict.NOTE] * 5
    assert "the client sends the second one again" in messages(report, "pair")


def test_422_is_a_refusal(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    report = verify(tmp_path, cache, default_dataset, "refuses-422", ("args",))
    assert {finding.verdict for finding in report.findings} == {Verdict.OK}


def test_a_refusal_with_404_is_noted(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    report = verify(tmp_path, cache, default_dataset, "refuses-404", ("args",))
    assert [finding.verdict for finding in report.findings] == [Verdict.NOTE] * 5
    assert "bad parameters are refused with 404" in messages(report, "args")


def test_every_query_that_was_not_refused_is_kept(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    report = verify(tmp_path, cache, default_dataset, "fails-500", ("args",))
    loop = next(finding for finding in report.failures if finding.route == "/million-loop")
    assert loop.message == "GET /million-loop: 53 of 53 bad queries not refused with 400 or 422"
    assert len(loop.details) == len(set(loop.details)) == 53


def test_a_death_during_the_checks(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    report = verify(tmp_path, cache, default_dataset, "crashes")
    text = messages(report, "body")
    assert "during this check the server ended with exit code 11" in text
    assert "segmentation fault, more or less" in text
    assert "not run: the server died during 'body'" in messages(report, "burst")
    assert {check.name for check in CHECKS} == set(failing(report))


def test_a_stall_by_delayed_acknowledgements_is_noted(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    report = verify(tmp_path, cache, default_dataset, "splits-answers", ("idle",))
    assert failing(report) == {}
    notes = [finding for finding in report.findings if finding.verdict is Verdict.NOTE]
    # The large body is acknowledged at once, whatever its last byte waits for.
    assert {"/", "/parse-msgpack", "/encode-json", "/million-loop"} <= {finding.route for finding in notes}
    assert "set TCP_NODELAY or send both at once" in notes[0].message
