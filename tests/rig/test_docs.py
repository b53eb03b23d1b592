"""The documents say what the rig does: the worked example works, checks and options are all named."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import click
import pytest
from restmark_rig.contestants import builder, contestant, manifest_faults, placeholders
from restmark_rig.contestants.cache import Cache
from restmark_rig.contestants.templates import TEMPLATES
from restmark_rig.run import run_request
from restmark_rig.server.launcher import StartOptions
from restmark_rig.store.dataset import Dataset
from restmark_rig.ui.cli import PLACES, cli
from restmark_rig.ui.commands.dev import dev
from restmark_rig.verify.checks import CHECKS, COST, Verdict
from restmark_rig.verify.verifier import VerifyPlan

from .guide import GUIDE, block, commands
from .helpers import ROOT, Silent, run_rig, verify_until_decided

pytestmark = pytest.mark.xdist_group("workshop")
MAN = (ROOT / "docs" / "man" / "restmark.1.scd").read_text(encoding="utf-8")


def command_named(name: str) -> click.Command:
    """A command of restmark."""
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.name == name
    return command


def patched(text: str, diff: str) -> str:
    """text with the hunks of a diff applied; each has to fit in one place."""
    for hunk in re.split(r"^@@.*\n", diff, flags=re.MULTILINE)[1:]:
        lines = hunk.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if line[0] in " -")
        new = "".join(line[1:] for line in lines if line[0] in " +")
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="module")
def worked_example(workshop: Path) -> Path:
    """The guide's example, done as it says, in a copy of the template."""
    folder = workshop / "example" / "my-api"
    shutil.copytree(workshop / "my-api", folder)
    app = (folder / "app.py").read_text(encoding="utf-8")
    (folder / "app.py").write_text(patched(app, block("diff", "@@ app.py @@")), encoding="utf-8")
    with (folder / "requirements.txt").open("a", encoding="utf-8") as file:
        file.write(block("text", "granian=="))
    (folder / "contestant.toml").write_text(block("toml", 'name = "my-api"'), encoding="utf-8")
    return folder


def test_the_first_five_minutes(workshop: Path) -> None:
    _, verify, compare = commands()
    if os.environ.get("RESTMARK_LONG") != "1":
        # Costs take the most, and those of templates are looked at by test_verify.py (stdlib) and test_templates.py (node).
        verify += [word for check in CHECKS if check is not COST for word in ("--check", check.name)]
    for _ in range(6):  # as verify_until_decided does
        verified = run_rig(workshop / "cache", *verify, cwd=workshop, timeout_s=600)
        if "; undecided: " not in verified.stdout:
            break
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert verified.stdout.splitlines()[-1] == "1 of 1 contestants do the same work"
    assert "FAIL" not in verified.stdout
    planned = run_rig(workshop / "cache", *compare, "--dry-run", cwd=workshop)
    assert planned.returncode == 0, planned.stderr
    assert "my-api" in planned.stdout


@pytest.mark.long
def test_the_worked_example(workshop: Path, worked_example: Path, default_dataset: Dataset) -> None:
    cache = Cache(workshop / "cache")
    subject = contestant.load(worked_example)
    builder.build(subject, cache, Silent())
    plan = VerifyPlan(default_dataset, default_dataset, 42, StartOptions(default_dataset.path))
    report = verify_until_decided(subject, plan, cache)
    assert (report.state, report.problem) == ("verified", "")
    told = [(f.verdict, f.check, f.route, f.message) for f in report.findings if f.verdict is not Verdict.OK]
    # The guide tells of this note.
    assert [row[:3] for row in told] == [(Verdict.NOTE, "cost", "/encode-json")]
    assert "beside which its work" in told[0][3]
    pinned = block("text", "granian==").split()
    assert [f"{name}=={report.versions[name].split()[-1]}" for name in ("granian", "msgspec")] == pinned


@pytest.mark.long
def test_the_worked_example_gone_wrong(workshop: Path, worked_example: Path, default_dataset: Dataset) -> None:
    app = (worked_example / "app.py").read_text(encoding="utf-8")
    honest = "return PlainTextResponse(str(len(encode(RECORDS[: query.count[0]]))))"
    assert app.count(honest) == 1
    cached = f"if query.count[0]:\n        return PlainTextResponse(LENGTHS[query.count[0]])\n    {honest}"
    lengths = "\n\nLENGTHS = [str(len(encode(RECORDS[:count]))) for count in range(len(RECORDS) + 1)]\n"
    (worked_example / "app.py").write_text(app.replace(honest, cached) + lengths, encoding="utf-8")
    cache = Cache(workshop / "cache")
    subject = contestant.load(worked_example)
    builder.build(subject, cache, Silent())
    checks = tuple(check for check in CHECKS if check.name == "cost")
    plan = VerifyPlan(default_dataset, default_dataset, 42, StartOptions(default_dataset.path), checks)
    report = verify_until_decided(subject, plan, cache)
    (failure,) = report.failures
    shape = re.sub(r"\d+\.\d", "N", f"my-api: cost: FAIL: {failure.message.partition('; or a slow')[0]}")
    quoted = re.sub(r"\d+\.\d", "N", block("", "the encoded JSON (or its length) is cached"))
    assert shape == " ".join(quoted.split())


@pytest.mark.parametrize("text", [GUIDE, MAN], ids=["guide", "man"])
def test_every_check_is_described(text: str) -> None:
    for check in CHECKS:
        assert re.search(rf"^(\| {check.name} \||\*{check.name}\*$)", text, re.MULTILINE), check.name


def test_the_manual_names_every_option() -> None:
    commands = [cli, *(command_named(name) for name in PLACES)]
    inner = [(f"dev {name}", command) for name, command in dev.commands.items()]
    assert len(inner) >= 5
    for name, _ in inner:
        assert re.search(rf"^\*{name}\*", MAN, re.MULTILINE), name
    for command in [*commands, *dev.commands.values()]:
        for parameter in command.params:
            for option in parameter.opts:
                if option.startswith("--"):
                    assert f"*{option}*" in MAN, (command.name, option)
        if command in commands[1:]:
            assert f"*{command.name}*" in MAN


def test_the_manual_tells_the_lengths_of_a_run() -> None:
    for option, default in (
        ("--duration", run_request.DEFAULT_DURATION_S),
        ("--warmup", run_request.DEFAULT_WARMUP_S),
        ("--rounds", run_request.DEFAULT_ROUNDS),
    ):
        assert re.search(rf"^\*{option}\* _\w+_\n\t[^*]*\({default:g}\)", MAN, re.MULTILINE), option
        (told,) = [parameter.help for parameter in command_named("run").params if option in parameter.opts]
        assert f"[default: {default:g}]" in told, option


def manifest_keys(schema: dict[str, Any], prefix: str = "") -> dict[str, bool]:
    """Every key of a schema's tables, dotted -> whether it is required."""
    keys = {}
    for name, value in schema.get("properties", {}).items():
        keys[prefix + name] = name in schema.get("required", [])
        keys |= manifest_keys(value.get("items", value), f"{prefix}{name}.")
    return keys


def test_the_guide_describes_every_manifest_key_and_no_other() -> None:
    keys = manifest_keys(json.loads(manifest_faults.SCHEMA_PATH.read_text(encoding="utf-8")))
    tables = {key.partition(".")[0] for key in keys if "." in key} | {"versions"}
    named = {"requires": "[[requires]]"} | {table: f"[{table}]" for table in tables - {"requires"}}
    expected = {(named.get(key, key), required) for key, required in keys.items()}
    section = GUIDE[GUIDE.index("## The manifest") : GUIDE.index("### Placeholders")]
    assert {(key, bool(star)) for key, star in re.findall(r"^\| `([^`]+)`( \*)? \|", section, re.MULTILINE)} == expected


def test_the_guide_describes_every_placeholder() -> None:
    section = GUIDE[GUIDE.index("### Placeholders") : GUIDE.index("### A compiled server")]
    rows = re.findall(r"^\| (`\{[^|]*) \|", section, re.MULTILINE)
    assert set(re.findall(r"\{(\w+)\}", " ".join(rows))) == placeholders.START_NAMES


def test_the_guide_names_every_template() -> None:
    for template in TEMPLATES:
        assert f"--template {template}" in GUIDE
        assert f"_{template}_" in MAN


def test_what_the_way_to_a_contestant_quotes_of_verify_is_what_verify_says() -> None:
    guide = (ROOT / "docs" / "YOUR-SERVICE.md").read_text(encoding="utf-8")
    places = [*(ROOT / "bench" / "restmark_rig" / "verify").rglob("*.py"), *(ROOT / "bench" / "restmark_rig" / "server").glob("*.py")]
    # Literals of a message that stand in several lines are one text.
    said = re.sub(r'"\s*\n\s*f?"', "", "\n".join(path.read_text(encoding="utf-8") for path in places))
    section = guide[guide.index("| `verify` says |") : guide.index("| What happens besides |")]
    quoted = re.findall(rf"^\| (?:{'|'.join(check.name for check in CHECKS)}): `([^`]+)`", section, re.MULTILINE)
    assert len(quoted) > 15
    for text in quoted:
        assert text in said, text
    for template in TEMPLATES:
        assert f"`{template}`" in guide or template == "asgi", template
