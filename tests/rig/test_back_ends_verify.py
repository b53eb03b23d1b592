"""verify with a real database and a real cache: the honest server passes, and each that cheats or errs is found out by the check meant for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from restmark_rig.backends import back_ends
from restmark_rig.backends.back_ends import BackEnds
from restmark_rig.contestants import contestant
from restmark_rig.contestants.cache import Cache
from restmark_rig.contestants.contestant import Contestant
from restmark_rig.model.workloads import BACK_END_ROUTES, BACK_ENDS, DB_ROUTES, ORM_ROUTES, UPDATE_ROUTES
from restmark_rig.server.launcher import StartOptions
from restmark_rig.server.placement import Local
from restmark_rig.store.dataset import Dataset
from restmark_rig.verify import verifier
from restmark_rig.verify.checks import CHECKS, Verdict
from restmark_rig.verify.checks.connection import second_of_pair
from restmark_rig.verify.verifier import Report, VerifyPlan

from .helpers import PYTHON, Silent, write_contestant

SERVER = Path(__file__).with_name("back_end_servers") / "server.py"

pytestmark = [
    pytest.mark.xdist_group("back ends"),
    pytest.mark.skipif(any(map(back_ends.unmet, BACK_ENDS)), reason="; ".join(filter(None, map(back_ends.unmet, BACK_ENDS)))),
]


@pytest.fixture(scope="module")
def running(default_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackEnds]:
    """A database and a cache for all tests here."""
    cache = Cache(tmp_path_factory.mktemp("back-ends"))
    with back_ends.running(BACK_ENDS, back_ends.NO_WISHES, 16, default_dataset, cache) as found:
        assert found.absent == {}
        yield found


def subject(parent: Path, cheat: str, routes: tuple[str, ...] = BACK_END_ROUTES) -> Contestant:
    argv = [PYTHON, str(SERVER), "--label", "{source}", "--host", "{host}", "--port", "{port}", "--dataset", "{dataset}", "--cheat", cheat]
    return contestant.load(write_contestant(parent, f"asks-{cheat}", argv, routes=["/", *routes], back_ends=list(BACK_ENDS)))


def verify(parent: Path, running: BackEnds, data: Dataset, cheat: str, *checks: str) -> Report:
    chosen = tuple(check for check in CHECKS if not checks or check.name in checks)
    options = StartOptions(data.path, workers=1, back_ends=running.access)
    report = verifier.verify(subject(parent, cheat), VerifyPlan(data, data, 42, options, chosen, BACK_END_ROUTES, running), Local(Cache(parent / "cache")), Silent())
    assert report.state == "verified", report.problem
    return report


def test_the_honest_server_passes_everything(tmp_path: Path, running: BackEnds, default_dataset: Dataset) -> None:
    report = verify(tmp_path, running, default_dataset, "none")
    said = [(f.check, f.route, f.message) for f in report.findings if f.verdict not in (Verdict.OK, Verdict.NOT_OFFERED)]
    assert said == []
    judged = {(finding.check, finding.route) for finding in report.findings}
    assert {("body", route) for route in BACK_END_ROUTES} | {("queries", route) for route in BACK_END_ROUTES} <= judged
    assert {("prepared", "/db/record"), ("prepared", "/orm/record")} <= judged
    assert {("transaction", "/db/update"), ("transaction", "/orm/update"), ("survive", "/db/record"), ("survive", "/cache/records")} <= judged


PLANTED = [
    ("from-memory", "fresh", "/db/record", "wrong body"),
    ("from-memory", "queries", "/orm/record", "not all of the work is done"),
    ("keeps-values", "fresh", "/cache/json", "wrong body"),
    ("counts-only", "fresh", "/cache/records", "holds no MessagePack"),
    ("skips-the-write", "transaction", "/db/update", "wrong body"),
    ("each-by-itself", "transaction", "/db/update", "has not locked it before"),
    ("locks-nothing", "transaction", "/orm/update", "has not locked it before"),
    ("leaves-open", "transaction", "/db/update", "a transaction is left open"),
    ("one-by-one", "queries", "/db/records", "20.0 statements a request instead of 1"),
    ("one-by-one", "queries", "/orm/records", "one for each row (N + 1)"),
    ("prepares-nothing", "prepared", "/db/record", "planned 60 times for 60 requests: its statements are not prepared"),
    ("interpolates", "fresh", "/db/search", "wrong body"),
    ("matches", "fresh", "/orm/search", "wrong body"),
    ("too-many", "queries", None, "connections to the database open; 4 for each of 1 workers are allowed"),
]


@pytest.mark.parametrize(("cheat", "check", "route", "says"), PLANTED)
def test_who_cheats_is_found_out(
    tmp_path: Path, running: BackEnds, default_dataset: Dataset, cheat: str, check: str, route: str | None, says: str
) -> None:
    report = verify(tmp_path, running, default_dataset, cheat, check)
    assert says in "\n".join(f.message for f in report.failures if f.route == route), report.failures


def test_who_never_reconnects_is_named_and_passes(tmp_path: Path, running: BackEnds, default_dataset: Dataset) -> None:
    report = verify(tmp_path, running, default_dataset, "never-reconnects", "survive")
    assert report.failures == []
    (told,) = [f for f in report.findings if f.verdict is Verdict.NOTE]
    assert told.route == "/db/record"
    assert told.message.startswith("it never reconnects")


def test_an_orm_that_does_not_prepare_is_named_and_passes(tmp_path: Path, running: BackEnds, default_dataset: Dataset) -> None:
    report = verify(tmp_path, running, default_dataset, "prepares-nothing", "prepared")
    assert [f.route for f in report.failures] == ["/db/record"]
    (told,) = [f for f in report.findings if f.verdict is Verdict.NOTE]
    assert told.route == "/orm/record" and "the ORM's statements are not prepared" in told.message


def test_routes_of_what_does_not_run_are_left_out_and_said_to_be(tmp_path: Path, default_dataset: Dataset) -> None:
    one = subject(tmp_path, "none")
    plan = VerifyPlan(default_dataset, default_dataset, 42, StartOptions(default_dataset.path), tuple(c for c in CHECKS if c.name == "body"))
    assert plan.of_interest(one).routes == ("/",)
    assert one.without(["database"]).routes == ("/", "/cache/records", "/cache/json")
    assert set(ORM_ROUTES) <= set(one.routes)


def test_no_pair_changes_a_row_behind_its_first_answer() -> None:
    """What is expected of the first is read when the second may have been done."""
    offered = ("/", *DB_ROUTES, *ORM_ROUTES)
    seconds = [second_of_pair(offered, number) for number in range(len(offered))]
    assert not set(seconds) & set(UPDATE_ROUTES)
    assert seconds[:2] == list(offered[1:3]) and seconds[-1] == "/"
    assert second_of_pair(UPDATE_ROUTES, 0) == UPDATE_ROUTES[0]
