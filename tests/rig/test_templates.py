"""The templates of new-contestant that need no network (asgi is built and verified by test_docs.py)."""

from __future__ import annotations

from pathlib import Path

import pytest
from restmark_rig import contestant, verifier
from restmark_rig.cache import Cache
from restmark_rig.checks import Verdict
from restmark_rig.commands.new_contestant import TEMPLATE_DIR, TEMPLATES
from restmark_rig.dataset import Dataset
from restmark_rig.launcher import StartFailed, StartOptions, launch
from restmark_rig.verifier import VerifyPlan

from .helpers import Silent, run_rig


def written(tmp_path: Path, template: str, name: str = "mine") -> Path:
    done = run_rig(tmp_path / "cache", "new-contestant", name, "--template", template, "--directory", tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.split()) == sorted(str(path) for path in (tmp_path / name).iterdir())
    return tmp_path / name


def test_every_template_can_be_chosen() -> None:
    assert {path.name for path in TEMPLATE_DIR.iterdir()} == set(TEMPLATES)


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_longest_name_fits_into_the_title(tmp_path: Path, template: str) -> None:
    name = "n" * 28
    assert contestant.load(written(tmp_path, template, name)).title == name


def test_an_unknown_template(tmp_path: Path) -> None:
    done = run_rig(tmp_path / "cache", "new-contestant", "mine", "--template", "cgi", cwd=tmp_path)
    assert done.returncode == 1
    assert "'stdlib', 'asgi', 'node'" in done.stderr
    assert not (tmp_path / "mine").exists()


def test_node_passes_everything(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    subject = contestant.load(written(tmp_path, "node"))
    plan = VerifyPlan(default_dataset, default_dataset, 42, StartOptions(default_dataset.path))
    report = verifier.verify(subject, plan, cache, Silent())
    assert (report.state, report.problem) == ("verified", "")
    assert [f for f in report.findings if f.verdict is not Verdict.OK] == []
    assert report.versions["Node"].startswith("v")


@pytest.mark.parametrize("template", ["stdlib", "node"])
def test_a_bad_dataset_ends_the_server_with_a_message(tmp_path: Path, cache: Cache, template: str) -> None:
    subject = contestant.load(written(tmp_path, template))
    (tmp_path / "bad").write_bytes(b"\x92\xc4\x01")
    with pytest.raises(StartFailed, match=r"the server ended with exit code [1-9](.|\n)*MessagePack ends too early"):
        with launch(subject, StartOptions(tmp_path / "bad", workers=2), cache):
            pass
