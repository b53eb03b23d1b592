"""What a command does not need is not imported: a command starts in a fraction of the time that everything takes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from restmark_rig.ui.cli import PLACES

from .helpers import ROOT

PROBE = """
import contextlib, io, json, sys
sys.path.insert(0, sys.argv[1])
from restmark_rig.ui.cli import cli
with contextlib.redirect_stdout(io.StringIO()):
    cli.main(args=sys.argv[2:], prog_name="restmark", standalone_mode=False)
print(json.dumps(sorted(sys.modules)))
"""
HEAVY = {"numpy", "jsonschema", "jinja2", "asyncio", "rich"}


def imported(*arguments: str) -> set[str]:
    """The modules that a command imports."""
    argv = [sys.executable, "-c", PROBE, str(ROOT / "bench"), *arguments]
    done = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=300)
    return set(json.loads(done.stdout))


def test_the_help_and_the_version_import_no_command() -> None:
    for arguments in (["--help"], ["--version"]):
        modules = imported(*arguments)
        assert "restmark_rig.ui.cli" in modules
        assert {name for name in modules if name.startswith("restmark_rig.ui.commands.")} == set()
        assert modules & HEAVY == set()


@pytest.mark.parametrize("name", PLACES)
def test_a_command_imports_its_own_module(name: str) -> None:
    assert PLACES[name].module in imported(name, "--help")


@pytest.mark.parametrize("name", PLACES)
def test_no_command_imports_what_it_does_before_it_does_it(name: str) -> None:
    modules = imported(name, "--help")
    assert modules & HEAVY == set()
    assert {module for module in modules if module.startswith(("restmark_rig.ui.actions", "restmark_rig.run", "restmark_rig.report"))} == set()
