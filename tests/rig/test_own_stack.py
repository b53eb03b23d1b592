"""A contestant whose tools the build makes: {build}/venv in every place that needs it, and what is said when it is not there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from restmark_rig.contestants import builder, contestant, requirements, versions
from restmark_rig.contestants.cache import Cache
from restmark_rig.contestants.contestant import Contestant
from restmark_rig.model.errors import BuildFailed
from restmark_rig.server import launcher
from restmark_rig.server.launcher import StartOptions
from restmark_rig.server.placement import Local
from restmark_rig.store.dataset import Dataset
from restmark_rig.verify import verifier
from restmark_rig.verify.checks import CHECKS
from restmark_rig.verify.verifier import VerifyPlan

from .helpers import CHEATER, PYTHON, Silent, write_contestant

VENV = [PYTHON, "-m", "venv", "--clear", "--without-pip", "--system-site-packages", "{build}/venv"]
SERVER = """
import os, runpy, sys
sys.argv = ["server.py", "--port", sys.argv[1], "--dataset", os.environ["RECORDS"]]
assert sys.prefix == os.environ["PREFIX"], (sys.prefix, os.environ["PREFIX"])
runpy.run_path(os.environ["CHEATER"], run_name="__main__")
"""


def own(parent: Path, steps: list[list[str]] | None = None, product: str = "{build}/venv/bin/python") -> Contestant:
    """A contestant that runs in a venv of its own and gets its dataset by the environment."""
    lines = [
        "[build]",
        f"steps = {json.dumps(steps or [VENV])}",
        'inputs = ["server.py"]',
        f'[[requires]]\ncommand = "{product}"\npackages = []',
        '[[requires]]\ncommand = "{source}/server.py"\npackages = []',
    ]
    folder = write_contestant(
        parent, "own", ["{build}/venv/bin/python", "{source}/server.py", "{port}"], "\n".join(lines)
    )
    manifest = folder / "contestant.toml"
    env = f'env = {{ RECORDS = "{{dataset}}", PREFIX = "{{build}}/venv", CHEATER = "{CHEATER}" }}'
    version = 'in-venv = ["{build}/venv/bin/python", "-c", "import sys; print(sys.prefix)"]'
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace("\n[versions]\n", f"{env}\n[versions]\n{version}\n"), encoding="utf-8")
    (folder / "server.py").write_text(SERVER, encoding="utf-8")
    return contestant.load(folder)


def test_a_venv_in_the_build_folder(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    subject = own(tmp_path)
    assert requirements.missing(subject) == []  # the venv is not looked for before it can be there
    assert builder.state(subject, cache) == "unbuilt"
    builder.build(subject, cache, Silent())
    assert builder.state(subject, cache) == "ready"
    assert versions.collect(subject, cache.build_dir(subject))["in-venv"] == f"{cache.build_dir(subject)}/venv"
    checks = tuple(check for check in CHECKS if check.name in ("body", "vary"))
    plan = VerifyPlan(default_dataset, default_dataset, 42, StartOptions(default_dataset.path), checks)
    report = verifier.verify(subject, plan, Local(cache), Silent())
    assert (report.state, report.problem, report.failures) == ("verified", "", [])


def test_the_environment_of_the_server(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    code = "import os, pathlib, sys; pathlib.Path(os.environ['OUT']).write_text(os.environ['ALL']); sys.exit(3)"
    folder = write_contestant(tmp_path, "mine", [PYTHON, "-c", code])
    text = (folder / "contestant.toml").read_text(encoding="utf-8")
    names = ("source", "build", "host", "port", "workers", "dataset")
    env = f'env = {{ OUT = "{tmp_path}/out", ALL = "{" ".join("{" + name + "}" for name in names)} {{{{x}}}}" }}'
    (folder / "contestant.toml").write_text(text.replace("\n[versions]", f"{env}\n[versions]"), encoding="utf-8")
    subject = contestant.load(folder)
    with pytest.raises(launcher.StartFailed):
        with launcher.launch(subject, StartOptions(default_dataset.path, port=0, workers=3), cache):
            pass
    source, build, host, port, *rest = (tmp_path / "out").read_text().split()
    assert (source, build, host) == (str(folder), str(cache.build_dir(subject)), "127.0.0.1")
    assert port.isdecimal()
    assert rest == ["3", str(default_dataset.path), "{x}"]


def test_a_venv_whose_interpreter_has_gone_is_built_again(tmp_path: Path, cache: Cache) -> None:
    subject = own(tmp_path)
    builder.build(subject, cache, Silent())
    python = cache.build_dir(subject) / "venv" / "bin" / "python3"
    python.unlink()
    python.symlink_to("/usr/bin/no-such-python")
    assert builder.state(subject, cache) == "unbuilt"
    assert not builder.build(subject, cache, Silent()).fresh
    assert builder.build(subject, cache, Silent()).fresh


def test_steps_that_do_not_make_what_is_required(tmp_path: Path, cache: Cache) -> None:
    subject = own(tmp_path, product="{build}/venv/bin/uvicorn")
    with pytest.raises(BuildFailed) as caught:
        builder.build(subject, cache, Silent())
    wanted = cache.build_dir(subject) / "venv" / "bin" / "uvicorn"
    assert f"own: all build steps succeeded, but did not make {wanted}; the log is" in caught.value.message
    assert "[[requires]]" in caught.value.remedy
    assert builder.state(subject, cache) == "unbuilt"


def test_a_version_command_that_fails_gives_no_version(tmp_path: Path, cache: Cache) -> None:
    subject = own(tmp_path)
    builder.build(subject, cache, Silent())
    shutil.rmtree(cache.build_dir(subject))
    python = cache.build_dir(subject) / "venv" / "bin" / "python"
    assert versions.first_line((str(python),), tmp_path) == f"unknown ({python} not found)"
    failing = (PYTHON, "-c", "import no_such_module")
    assert versions.first_line(failing, tmp_path) == (
        f"unknown ({PYTHON} failed: ModuleNotFoundError: No module named 'no_such_module')"
    )


def test_a_version_does_not_begin_with_the_path_of_what_was_asked(tmp_path: Path) -> None:
    server = tmp_path / "server"
    assert versions.first_line(("sh", "-c", 'echo "$0: go1.26.8"', str(server)), tmp_path) == "go1.26.8"
