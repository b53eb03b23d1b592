"""verify on honest servers: users' datasets, the process-tree fallback, the template, and how the outcome is shown."""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
from pathlib import Path

import msgpack
import pytest
from restmark_rig.contestants import contestant
from restmark_rig.contestants.cache import Cache
from restmark_rig.contestants.contestant import Contestant
from restmark_rig.host import supervised
from restmark_rig.model.errors import ExitCode
from restmark_rig.model.workloads import WorkloadRequest
from restmark_rig.server.launcher import StartOptions
from restmark_rig.store import dataset
from restmark_rig.store.dataset import Dataset
from restmark_rig.ui import verify_report
from restmark_rig.verify.checks import CHECKS, Finding, Verdict
from restmark_rig.verify.checks.meter import Meter
from restmark_rig.verify.verifier import Report, VerifyPlan
from rich.console import Console

from .helpers import ROOT, call_rig, cheater, cheater_argv, verify_until_decided, write_contestant

ODD_TEXTS = [
    'quotes " and \\ backslashes',
    "control \x00\x01\x08\x09\x0a\x0c\x0d\x1b\x1f and \x7f",
    "</script> & 'single' /slashes/",
    "Ünïcödé, кириллица, 日本語, \u2028\u2029, \ufeff, 𝄞🚀",
    "",
    "x" * 70_000,
]

OF_BACK_ENDS = ("fresh", "transaction", "queries", "prepared", "survive")
USUAL = [check for check in CHECKS if check.name not in OF_BACK_ENDS]  # of a contestant without back ends


def plan_of(chosen: Dataset, default: Dataset, *checks: str) -> VerifyPlan:
    selected = tuple(check for check in CHECKS if not checks or check.name in checks)
    return VerifyPlan(chosen, default, 42, StartOptions(chosen.path), selected)


def assert_passed(report: Report) -> None:
    assert (report.state, report.problem) == ("verified", "")
    assert [finding for finding in report.findings if finding.verdict is Verdict.FAIL] == []


def write_dataset(path: Path, count: int) -> Dataset:
    """A user's dataset: odd texts, extreme integers, doubles of all magnitudes."""
    numbers = [0, -1, 127, 128, -32, -33, 2**31, -(2**31) - 1, 2**63 - 1, -(2**63)]
    doubles = [0.1, -2.5e-300, 1.7976931348623157e308, 5e-324, 123456789.125, 0.30000000000000004]
    records = [
        {
            "id": numbers[i % len(numbers)],
            "name": ODD_TEXTS[i % len(ODD_TEXTS)],
            "description": ODD_TEXTS[(i + 1) % len(ODD_TEXTS)][:300],
            "type": ODD_TEXTS[(i + 2) % len(ODD_TEXTS)][:10],
            "count": numbers[(i + 3) % len(numbers)],
            "created_at": doubles[i % len(doubles)],
        }
        for i in range(count)
    ]
    path.write_bytes(msgpack.packb([msgpack.packb(record) for record in records]))
    return dataset.read(path)


def template(tmp_path: Path) -> Contestant:
    done = call_rig(tmp_path / "cache", "new-contestant", "my-server", "--directory", tmp_path)
    assert done.returncode == 0, done.stderr
    return contestant.load(tmp_path / "my-server")


@pytest.mark.parametrize("count", [0, 1, 6, 25])
def test_a_users_dataset(tmp_path: Path, cache: Cache, default_dataset: Dataset, count: int) -> None:
    chosen = write_dataset(tmp_path / "own", count)
    left_out = {"cost", "burst"} if count in (0, 25) else {"cost", "burst", "idle"}  # which takes longest, whatever the texts
    checks = [check.name for check in CHECKS if check.name not in left_out]
    assert_passed(
        verify_until_decided(cheater(tmp_path, "none"), plan_of(chosen, default_dataset, *checks), cache)
    )


def test_costs_of_a_small_dataset_are_checked_with_the_default_one(
    tmp_path: Path, cache: Cache, default_dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = write_dataset(tmp_path / "own", 6)
    measure, measured = Meter.slice_ns, set[str]()

    def slice_ns(self: Meter, request: WorkloadRequest, repeat: int) -> float:
        measured.add(request.target)
        return measure(self, request, repeat)

    monkeypatch.setattr(Meter, "slice_ns", slice_ns)
    report = verify_until_decided(cheater(tmp_path, "cached-encoder"), plan_of(chosen, default_dataset, "type", "cost"), cache)
    assert [(finding.check, finding.route) for finding in report.failures] == [("cost", "/encode-json")]
    assert {"/parse-msgpack?count=1000", "/encode-json?count=1000"} <= measured
    assert report.remarks == ["6 records are too few to measure a cost: 'cost' is checked with the default dataset"]


def test_only_the_workloads_of_interest_are_verified(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    """A run proves what it measures: a cheater of another workload is none of its business, and takes none of its time."""
    subject = cheater(tmp_path, "cached-encoder")
    every = plan_of(default_dataset, default_dataset, "body", "cost")
    other = dataclasses.replace(every, routes=("/", "/parse-msgpack"))
    report = verify_until_decided(subject, other, cache)
    assert_passed(report)
    judged = {finding.route for finding in report.findings if finding.verdict is not Verdict.NOT_OFFERED}
    assert judged == {"/", "/parse-msgpack"}
    assert report.contestant.routes == subject.routes
    report = verify_until_decided(subject, dataclasses.replace(every, routes=("/encode-json",)), cache)
    assert [(finding.check, finding.route) for finding in report.failures] == [("cost", "/encode-json")]


def test_of_a_contestant_without_the_workloads_of_interest_all_are_verified(tmp_path: Path, default_dataset: Dataset) -> None:
    subject = cheater(tmp_path, "none")
    plan = dataclasses.replace(plan_of(default_dataset, default_dataset), routes=("/wait",))
    assert plan.of_interest(dataclasses.replace(subject, routes=("/",))).routes == ("/",)
    assert plan_of(default_dataset, default_dataset).of_interest(subject) is subject


def test_a_large_dataset_of_a_user(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    path = tmp_path / "own"
    path.write_bytes(dataset.encode(dataset.default_records(15_500)))
    chosen = dataset.read(path)
    assert chosen.json_bytes > 2_000_000
    routes = ["/encode-json", "/transfer-data"]  # whose answers and costs are as large as the dataset
    subject = cheater(tmp_path, "none", routes=routes)
    report = verify_until_decided(subject, plan_of(chosen, default_dataset, "body", "cost"), cache)
    assert_passed(report)
    assert report.remarks == []


def test_a_deviation_on_a_users_dataset_is_named(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    # A server that escapes all but ASCII, as json does unless told otherwise.
    source = Path(__file__).with_name("cheaters") / "honest.py"
    text = source.read_text(encoding="utf-8")
    assert "ensure_ascii=False, " in text
    folder = write_contestant(
        tmp_path,
        "escapes",
        ["/usr/bin/python3", "{source}/server.py", "--port", "{port}", "--dataset", "{dataset}"],
        notes="Escapes all but ASCII.",
    )
    for part in (source.parent, ROOT / "bench" / "peers" / "common" / "python"):  # the second one has what the first one imports
        shutil.copytree(part, folder, dirs_exist_ok=True)
    (folder / "honest.py").write_text(text.replace("ensure_ascii=False, ", ""), encoding="utf-8")
    record = {**dataset.default_records(1)[0], "name": "Übung"}
    (tmp_path / "own").write_bytes(dataset.encode((record,)))
    chosen = dataset.read(tmp_path / "own")
    plan = plan_of(chosen, default_dataset, "body", "args", "keep", "pair")
    report = verify_until_decided(contestant.load(folder), plan, cache)
    shown = rendered([report], plan)
    assert shown.count("GET /transfer-data: wrong body, first difference at byte") == 1
    assert "escapes: wrong bodies on the same routes also in: keep" in shown
    assert not [finding for finding in report.failures if finding.check == "args"]
    assert "»\\\\u00dc" in shown  # what it sends, against the two bytes of Ü
    assert "»\\xc3\\x9c" in shown
    assert "its manifest notes:\n    Escapes all but ASCII." in shown


def test_the_template_passes_everything(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    report = verify_until_decided(template(tmp_path), plan_of(default_dataset, default_dataset), cache)
    assert_passed(report)
    assert {finding.verdict for finding in report.findings} == {Verdict.OK}
    assert report.versions["CPython"].startswith("Python 3.")


def test_the_template_with_a_users_dataset(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    chosen = write_dataset(tmp_path / "own", 25)
    checks = ("body", "type", "size", "vary", "args", "stop")
    assert_passed(verify_until_decided(template(tmp_path), plan_of(chosen, default_dataset, *checks), cache))


def test_without_control_groups(
    tmp_path: Path, cache: Cache, default_dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervised, "CGROUP_VERSIONS", ())
    plan = plan_of(default_dataset, default_dataset, "cost", "idle", "stop")
    routes = ["/", "/parse-msgpack"]
    report = verify_until_decided(cheater(tmp_path, "none", routes=routes), plan, cache)
    assert_passed(report)
    assert report.accounting == "process tree"
    assert "no control group can be made here" in report.remarks[0]
    cheat = verify_until_decided(cheater(tmp_path, "skipped-decode", routes=routes), plan, cache)
    assert [(finding.check, finding.route) for finding in cheat.failures] == [("cost", "/parse-msgpack")]


def test_a_contestant_with_few_routes(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    folder = write_contestant(
        tmp_path,
        "few",
        cheater_argv("none"),
        model="none",
        routes=["/", "/transfer-data"],
    )
    plan = plan_of(default_dataset, default_dataset)
    report = verify_until_decided(contestant.load(folder), plan, cache)
    assert_passed(report)
    shown = rendered([report], plan, width=100).splitlines()
    made = [check.name for check in CHECKS if check.name not in ("validate", "wait", "record", *OF_BACK_ENDS)]
    assert shown[1].split() == ["contestant", *made]
    assert shown[2].split() == ["few", "ok", "ok", "ok", "–", "–", "–", "ok", "ok", "ok", "ok", "ok", "–", "ok", "ok"]
    assert shown[4].split() == ["few", "ok", "–", "–", "ok", "–", "ok"]


def test_random_requests_depend_on_the_seed_alone(tmp_path: Path, default_dataset: Dataset) -> None:
    from restmark_rig.verify.checks import Subject
    from restmark_rig.verify.oracle import Oracle

    class NoServer:
        contestant = cheater(tmp_path, "none")

    def draw(seed: int) -> list[int]:
        subject = Subject(NoServer(), Oracle(default_dataset), seed, True)
        return [subject.rng("vary").randint(0, 10**9) for _ in range(3)]

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)


def rendered(reports: list[Report], plan: VerifyPlan, verbose: bool = False, width: int = 80) -> str:
    """What show() prints into a pipe of so many columns."""
    console = Console(file=io.StringIO(), width=width, highlight=False)
    verify_report.show(console, reports, plan, verbose)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


def reports_of_all_kinds(tmp_path: Path) -> list[Report]:
    names = ("a-name-of-many-letters", "restmarkd-tree", "broken", "absent")
    tmp_path.mkdir(exist_ok=True)
    subjects = [contestant.load(write_contestant(tmp_path, name, ["x", "{port}"])) for name in names]
    passed = [Finding(check.name, None, Verdict.OK) for check in USUAL]
    failed = [Finding(check.name, "/", Verdict.FAIL, "GET /: wrong") for check in USUAL]
    return [
        Report(subjects[0], findings=passed),
        Report(subjects[1], findings=failed),
        Report(subjects[2], "failed", "broken: build step 1 of 1 failed", "see the log"),
        Report(subjects[3], "skipped", "cargo not found", "install Rust"),
    ]


def test_the_table_fits_into_80_columns(tmp_path: Path, default_dataset: Dataset) -> None:
    shown = rendered(reports_of_all_kinds(tmp_path), plan_of(default_dataset, default_dataset)).splitlines()
    tables = shown[1:10]
    assert max(map(len, tables)) <= 80
    names = [check.name for check in USUAL]
    half = (len(names) + 1) // 2
    assert tables[0].split() == ["contestant", *names[:half]]
    assert tables[1].startswith("a-name-of-many-letters ok")
    assert tables[2].split() == ["restmarkd-tree", *(["FAIL"] * half)]
    assert tables[3].split() == ["contestant", *names[half:]]
    assert tables[5].split() == ["restmarkd-tree", *(["FAIL"] * (len(USUAL) - half))]
    assert tables[6].split()[1:] == ["/", "parse-msgpack", "encode-json", "transfer-data", "million-loop", "server"]
    wide = rendered(reports_of_all_kinds(tmp_path / "wide"), plan_of(default_dataset, default_dataset), width=120)
    assert wide.splitlines()[1].split() == ["contestant", *names]


def test_undecided_is_told_apart_from_failed_and_passed(tmp_path: Path, default_dataset: Dataset) -> None:
    subject = contestant.load(write_contestant(tmp_path, "noisy", ["x", "{port}"]))
    open_ = Finding("cost", "/encode-json", Verdict.UNDECIDED, "the machine was too noisy to tell")
    report = Report(subject, findings=[Finding("body", "/", Verdict.OK), open_])
    plan = plan_of(default_dataset, default_dataset, "body", "cost")
    shown = rendered([report], plan).splitlines()
    assert shown[1].split() == ["contestant", "body", "cost"]
    assert shown[2].split() == ["noisy", "ok", "undecided"]
    assert "noisy: cost: UNDECIDED: the machine was too noisy to tell" in shown
    assert shown[-1] == "0 of 1 contestants do the same work; undecided: noisy"
    assert (report.passed, report.failures, report.undecided) == (False, [], [open_])
    assert report.objection == (
        "not the same work as far as can be told: cost /encode-json: the machine was too noisy to tell"
    )
    document = json.loads(verify_report.as_json([report], plan))
    assert document["exit_code"] == 2
    assert document["contestants"][0]["findings"][1]["verdict"] == "undecided"
    report.findings.append(Finding("type", "/", Verdict.FAIL, "GET /: wrong"))
    assert report.objection.startswith("verification failed: type /: GET /: wrong; cost /encode-json: ")
    assert rendered([report], plan).splitlines()[-1] == "0 of 1 contestants do the same work; differ: noisy"


def test_names_keep_apart_in_the_table(tmp_path: Path, default_dataset: Dataset) -> None:
    names = ("python-fastapi-uvicorn", "python-fastapi-uvicorn-again", "python-fastapi-uvloopvicorn")
    passed = [Finding(check.name, None, Verdict.OK) for check in USUAL]
    reports = [
        Report(contestant.load(write_contestant(tmp_path, name, ["x", "{port}"])), findings=passed) for name in names
    ]
    plan = plan_of(default_dataset, default_dataset)
    narrow = [line.split()[0] for line in rendered(reports, plan).splitlines()[2:5]]
    assert len(set(narrow)) == 3
    wide = [line.split()[0] for line in rendered(reports, plan, width=130).splitlines()[2:5]]
    assert wide == list(names)


def test_everybody_is_accounted_for(tmp_path: Path, default_dataset: Dataset) -> None:
    shown = rendered(reports_of_all_kinds(tmp_path), plan_of(default_dataset, default_dataset))
    assert "restmarkd-tree: body: FAIL: GET /: wrong" in shown
    assert "broken: build step 1 of 1 failed\n  remedy: see the log" in shown
    assert "absent: skipped: cargo not found; remedy: install Rust" in shown
    assert shown.splitlines()[-1] == (
        "1 of 4 contestants do the same work; differ: restmarkd-tree; could not be built or started: broken; skipped: absent"
    )


def test_exit_codes(tmp_path: Path) -> None:
    passed, failed, broken, skipped = reports_of_all_kinds(tmp_path)
    assert verify_report.exit_code([passed, skipped]) is ExitCode.OK
    assert verify_report.exit_code([passed, broken]) is ExitCode.ENVIRONMENT
    assert verify_report.exit_code([passed, broken, failed]) is ExitCode.VERIFICATION
    assert verify_report.exit_code([skipped]) is ExitCode.ENVIRONMENT


def test_json(tmp_path: Path, default_dataset: Dataset) -> None:
    document = json.loads(
        verify_report.as_json(reports_of_all_kinds(tmp_path), plan_of(default_dataset, default_dataset))
    )
    assert document["seed"] == 42
    assert document["exit_code"] == 2
    assert document["dataset"]["json_bytes"] == 133622
    assert [entry["state"] for entry in document["contestants"]] == ["verified", "verified", "failed", "skipped"]
    first = document["contestants"][1]["findings"][0]
    assert first == {"check": "body", "route": "/", "verdict": "fail", "message": "GET /: wrong", "details": []}


def test_a_long_list_is_shortened_on_the_terminal_alone(tmp_path: Path, default_dataset: Dataset) -> None:
    details = tuple(f"/?x={number}: 200" for number in range(27))
    subject = contestant.load(write_contestant(tmp_path, "lenient", ["x", "{port}"]))
    reports = [Report(subject, findings=[Finding("args", "/", Verdict.FAIL, "GET /: bad queries:", details)])]
    plan = plan_of(default_dataset, default_dataset)
    shown = rendered(reports, plan)
    assert "/?x=5: 200\n" in shown
    assert "/?x=6: 200" not in shown
    assert "and 21 more: --verbose shows all" in shown
    complete = rendered(reports, plan, verbose=True)
    assert [line.strip() for line in complete.splitlines() if "/?x=" in line] == list(details)
    document = json.loads(verify_report.as_json(reports, plan))
    assert document["contestants"][0]["findings"][0]["details"] == list(details)


def test_verbose_repeats_what_is_left_out_else(tmp_path: Path, default_dataset: Dataset) -> None:
    subject = contestant.load(write_contestant(tmp_path, "wrong", ["x", "{port}"]))
    findings = [Finding(check, "/", Verdict.FAIL, f"GET /: wrong body, {check}") for check in ("body", "keep")]
    plan = plan_of(default_dataset, default_dataset)
    assert "also in: keep (--verbose shows them)" in rendered([Report(subject, findings=findings)], plan)
    assert "wrong: keep: FAIL: GET /: wrong body, keep" in rendered([Report(subject, findings=findings)], plan, True)
