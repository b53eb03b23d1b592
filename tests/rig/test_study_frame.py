"""The frame of studies: any folder is one, its page stands alone, and whatever ends it nothing is left."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest
from restmark_rig.contestants.cache import Cache
from restmark_rig.host.pinning import Pinning
from restmark_rig.load import load
from restmark_rig.model.errors import EnvironmentFault, UsageFault
from restmark_rig.store.dataset import Dataset
from restmark_rig.store.results_file import ResultsError
from restmark_rig.studies import driver, files, registry, schema
from restmark_rig.studies.lab import Lab, Pace
from restmark_rig.studies.record import HOLDS, HOLDS_NOT, OPEN, Cell, StudyResults

from .helpers import ROOT, Silent, cheater, processes_mentioning, rig_command, run_rig, wait_until

EXAMPLE = Path(__file__).with_name("studies") / "keepalive"
QUICKEST = Pace(rounds=3, visit_s=0.05, budget_s=60.0)


def results_of(folder: Path, cache: Cache, dataset: Dataset) -> StudyResults:
    """The example's, of an honest server."""
    study, reporter = registry.find(str(EXAMPLE)), Silent()
    with Lab([cheater(folder, "none")], True, cache, dataset, Pinning(None, None), load, reporter) as lab:
        lab.pace = QUICKEST
        found = driver.run(study, study.claims, lab, reporter.say)
    assert any("A kept connection is cheaper" in line for line in reporter.said)
    return found


def test_a_study_from_anywhere_is_run_and_written(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    results = results_of(tmp_path / "peers", cache, default_dataset)
    first, second = results.claims
    assert first.finding == registry.find(str(EXAMPLE)).claims[0].judge(first.cells)  # and not one of ours: three short rounds may say anything
    assert first.finding.verdict in (HOLDS, HOLDS_NOT) and second.finding.verdict == OPEN
    assert "no moon" in results.claims[1].finding.why
    assert {len(cell.rounds) for cell in results.claims[0].cells} == {3}
    paths = files.write(results, tmp_path / "out")
    assert sorted(path.name for path in paths) == ["index.html", "results.json", "summary.md"]
    assert files.read(tmp_path / "out") == results
    jsonschema.validate(json.loads((tmp_path / "out" / "results.json").read_text()), schema.generate())
    page = (tmp_path / "out" / "index.html").read_text()
    assert "An example." in page.partition("<h1>")[0]
    assert "it is &lt;so&gt;" in page
    Standalone().feed(page)


def test_a_program_that_fails_costs_its_claim_alone(cache: Cache, default_dataset: Dataset) -> None:
    def fail(lab: Lab) -> list[Cell]:
        raise EnvironmentFault(f"the load of {len(lab.contestants)} contestants failed", "run it by hand")

    study, reporter = registry.find(str(EXAMPLE)), Silent()
    failing = [dataclasses.replace(claim, measure=fail) for claim in study.claims]
    with Lab([], True, cache, default_dataset, Pinning(None, None), load, reporter) as lab:
        found = driver.run(study, failing, lab, reporter.say)
    assert [claim.finding.verdict for claim in found.claims] == [OPEN, OPEN]
    assert "the load of 0 contestants failed" in found.claims[0].finding.why


class Standalone(HTMLParser):
    """Fails where a page would load something, or run it."""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "iframe", "object", "embed"), tag
        for name, value in attributes:
            if name in ("src", "href"):
                assert value is not None and value.startswith(("#", "data:")), (tag, name, value)


def test_results_that_do_not_fit_are_refused(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    files.write(results_of(tmp_path / "peers", cache, default_dataset), tmp_path)
    path = tmp_path / "results.json"
    document = json.loads(path.read_text())
    document["claims"][0]["finding"]["verdict"] = "certainly"
    path.write_text(json.dumps(document))
    with pytest.raises(ResultsError, match=r"claims.0.finding.verdict"):
        files.read(tmp_path)
    path.write_text('{"format": "restmark-results"}')
    with pytest.raises(ResultsError, match="not the results of a study"):
        files.read(tmp_path)


def test_the_schema_is_that_of_the_types() -> None:
    jsonschema.Draft202012Validator.check_schema(schema.generate())
    assert schema.SCHEMA_PATH.read_text(encoding="utf-8") == schema.text(), schema.__doc__


def test_studies_are_found_by_name_and_by_folder(tmp_path: Path) -> None:
    assert "pipelining" in registry.names()
    assert registry.find("pipelining").name == "pipelining"
    with pytest.raises(UsageFault, match="there are: .*pipelining"):
        registry.find("pipelinig")
    (tmp_path / "study.py").write_text("STUDY = 1\n")
    with pytest.raises(UsageFault, match="has no STUDY"):
        registry.find(str(tmp_path))


def test_claims_are_listed_and_chosen(tmp_path: Path) -> None:
    done = run_rig(tmp_path / "cache", "study", EXAMPLE, "--list")
    assert (done.returncode, done.stdout) == (0, " 7  A kept connection is cheaper.\n 8  The moon is cheaper.\n")
    done = run_rig(tmp_path / "cache", "study", EXAMPLE, "--claim", "9")
    assert done.returncode == 1
    assert "has no such claim" in done.stderr and "7, 8" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_whatever_ends_it_nothing_is_left(tmp_path: Path, number: signal.Signals) -> None:
    folder = cheater(tmp_path / "peers", "none").directory
    out = tmp_path / "out" / "results"
    argv = rig_command("-C", folder, "study", EXAMPLE, "--claim", "7", "--output", out)
    environment = {**os.environ, "RESTMARK_CACHE": str(tmp_path / "cache")}
    with subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as rig:
        assert wait_until(lambda: any("cheaters" in line for line in processes_mentioning(str(folder)).values()))
        rig.send_signal(number)
        rig.communicate(timeout=300)
    assert rig.returncode in (130, 143, -signal.SIGKILL)
    assert wait_until(lambda: not processes_mentioning(str(tmp_path)))
    if number != signal.SIGKILL:
        assert not out.exists()


def test_results_are_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text("{}")
    done = run_rig(tmp_path / "cache", "study", EXAMPLE, "--output", tmp_path)
    assert done.returncode == 1
    assert "holds other results" in done.stderr


def test_no_run_pipelines() -> None:
    """The depth of a plan is a study's alone to set."""
    package = ROOT / "bench" / "restmark_rig"
    users = [path for path in package.rglob("*.py") if "depth=" in path.read_text(encoding="utf-8")]
    assert users
    assert {path.relative_to(package).parts[0] for path in users} == {"studies"}
