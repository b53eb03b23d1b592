"""The documents say what the rig does: the worked example works, checks and options are all named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from restmark_rig import contestant, verifier
from restmark_rig.cache import Cache
from restmark_rig.checks import CHECKS, Verdict
from restmark_rig.cli import cli
from restmark_rig.dataset import Dataset
from restmark_rig.launcher import StartOptions
from restmark_rig.verifier import VerifyPlan

from .helpers import ROOT, Silent, run_rig

GUIDE = (ROOT / "docs" / "COMPARE-YOUR-OWN.md").read_text(encoding="utf-8")
MAN = (ROOT / "docs" / "man" / "restmark.1.scd").read_text(encoding="utf-8")


def block(language: str, containing: str) -> str:
    """The guide's first code block in a language that contains a text."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
    return next(text for kind, text in blocks if kind == language and containing in text)


def worked_example(tmp_path: Path) -> Path:
    """The guide's example, done as it says."""
    assert run_rig(tmp_path / "cache", "new-contestant", "my-server", cwd=tmp_path).returncode == 0
    folder = tmp_path / "my-server"
    server = (folder / "server.py").read_text(encoding="utf-8")
    start, end = server.index("class Decoder:"), server.index("def encode(")
    replaced = server[:start] + block("python", "unpackb") + "\n\n" + server[end:]
    (folder / "server.py").write_text(replaced, encoding="utf-8")
    (folder / "contestant.toml").write_text(block("toml", 'name = "my-server"'), encoding="utf-8")
    return folder


def test_the_worked_example(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    plan = VerifyPlan(default_dataset, default_dataset, 42, StartOptions(default_dataset.path))
    report = verifier.verify(contestant.load(worked_example(tmp_path)), plan, cache, Silent())
    assert report.state == "verified", report.problem
    assert {finding.verdict for finding in report.findings} == {Verdict.OK}
    assert re.fullmatch(r"\(\d+, \d+, \d+\)", report.versions["msgpack"])


def test_the_worked_example_gone_wrong(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    folder = worked_example(tmp_path)
    server = (folder / "server.py").read_text(encoding="utf-8")
    honest = "len(encode(self.records[: self.count(query)]))"
    assert honest in server
    cached = "(len(self.full_json) if self.count(query) == len(self.records) else " + honest + ")"
    (folder / "server.py").write_text(server.replace(honest, cached), encoding="utf-8")
    checks = tuple(check for check in CHECKS if check.name == "cost")
    plan = VerifyPlan(default_dataset, default_dataset, 42, StartOptions(default_dataset.path), checks)
    report = verifier.verify(contestant.load(folder), plan, cache, Silent())
    (failure,) = report.failures
    shape = re.sub(r"\d+\.\d", "N", f"my-server: cost: FAIL: {failure.message}")
    quoted = re.sub(r"\d+\.\d", "N", block("", "the encoded JSON (or its length) is cached"))
    assert shape == " ".join(quoted.split())


@pytest.mark.parametrize("text", [GUIDE, MAN], ids=["guide", "man"])
def test_every_check_is_described(text: str) -> None:
    for check in CHECKS:
        assert re.search(rf"^(\| {check.name} \||\*{check.name}\*$)", text, re.MULTILINE), check.name


def test_the_manual_names_every_option() -> None:
    for command in [cli, *cli.commands.values()]:
        for parameter in command.params:
            for option in parameter.opts:
                if option.startswith("--"):
                    assert f"*{option}*" in MAN, (command.name, option)
        if command is not cli:
            assert f"*{command.name}*" in MAN


def test_the_guide_names_every_manifest_key() -> None:
    for key in ("name", "title", "language", "model", "description", "routes", "notes", "max_connections", "timeout_s"):
        assert f"`{key}`" in GUIDE
    for table in ("[[requires]]", "[build]", "[start]", "[ready]", "[versions]", "[limits]"):
        assert f"`{table}`" in GUIDE
