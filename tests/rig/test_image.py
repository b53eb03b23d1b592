"""A contestant that is an image, with a program that stands for podman: it keeps what it was asked for, and runs the command here."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from restmark_rig.contestants import contestant, requirements, versions
from restmark_rig.contestants.cache import Cache
from restmark_rig.contestants.contestant import Contestant
from restmark_rig.model.errors import BuildFailed, ManifestError
from restmark_rig.model.limits import Limits
from restmark_rig.server import launcher
from restmark_rig.server.launcher import StartOptions
from restmark_rig.server.placement import Local
from restmark_rig.store.dataset import Dataset

from .helpers import PYTHON, Silent, cheater_argv, processes_mentioning, write_contestant

IMAGE = "registry.example/team/server:1.2"
# It has no image until one is pulled, and pulls none whose name has "absent" in it.
STAND_IN = """#!/bin/sh
echo "$*" >>"$RECORD"
case "$1 $2" in
"image exists") [ -e "$RECORD.pulled" ]; exit ;;
"image inspect") [ "$4" = '{{.Id}}' ] && echo 'sha256:0123'; exit ;;
pull\\ *absent*) echo 'no such image' >&2; exit 125 ;;
pull\\ *) touch "$RECORD.pulled"; exit ;;
esac
while [ "${1#*/}" = "$1" ] || [ "${1#-}" != "$1" ]; do shift; done
shift
exec "$@"
"""


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A podman on PATH; what it was asked for, a line each."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "podman").write_text(STAND_IN)
    (tmp_path / "bin" / "podman").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("RECORD", str(tmp_path / "record"))
    versions.forget()
    return tmp_path / "record"


def in_image(parent: Path, image: str = IMAGE) -> Contestant:
    return contestant.load(write_contestant(parent, "boxed", cheater_argv("none"), image=image))


def test_an_image_is_pulled_and_run_within_the_limits(tmp_path: Path, record: Path, default_dataset: Dataset) -> None:
    subject, place = in_image(tmp_path), Local(Cache(tmp_path / "cache"))
    subject = replace(subject, start=replace(subject.start, env={"MODE": "secret"}))
    assert place.missing(subject) == [] and place.build_state(subject) == "unbuilt"
    assert not place.build(subject, Silent()).fresh and place.build(subject, Silent()).fresh
    assert record.read_text().splitlines() == [f"image exists {IMAGE}", f"pull {IMAGE}"], "once"
    assert place.versions(subject)["image"] == "sha256:0123"
    options = StartOptions(default_dataset.path, workers=1, limits=Limits(1, 256 << 20))
    with place.launch(subject, options) as server:
        with server.connect() as connection:
            assert connection.get("/").body == b"Welcome!\n"
        assert server.cpu_ns() > 0 and server.limited_by.startswith("cgroup v"), "the group that every server has"
    words = record.read_text().splitlines()[-1].split()
    assert words[:2] == ["run", "--rm"] and words[words.index(IMAGE) + 1] == PYTHON
    assert {"--pull=never", "--cgroups=disabled", "--network=host", "--env=MODE"} <= set(words)
    assert not any("secret" in word for word in words), "values are in podman's environment"
    assert f"--volume={subject.directory}:{subject.directory}:ro" in words
    assert f"--volume={default_dataset.path.parent}:{default_dataset.path.parent}:ro" in words
    assert not processes_mentioning(str(subject.directory))


def test_an_image_that_can_not_be_pulled_is_a_build_that_failed(tmp_path: Path, record: Path) -> None:
    with pytest.raises(BuildFailed, match=r"(?s)boxed: build step 1 of 1 failed.*no such image"):
        Local(Cache(tmp_path / "cache")).build(in_image(tmp_path, "registry.example/absent:1"), Silent())
    assert record.exists()


def test_an_image_with_a_build_of_its_own_is_not_pulled(tmp_path: Path, record: Path) -> None:
    folder = write_contestant(tmp_path, "boxed", cheater_argv("none"), '[build]\nsteps = [["true"]]\ninputs = ["contestant.toml"]\n', image="localhost/mine")
    Local(Cache(tmp_path / "cache")).build(contestant.load(folder), Silent())
    assert not record.exists()


def test_without_podman_it_is_said_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = in_image(tmp_path)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    (found,) = requirements.missing(subject)
    assert found.what == "podman not found" and found.remedy.startswith("restmark setup")


def test_a_command_without_an_image_stays_as_it_is(tmp_path: Path, default_dataset: Dataset) -> None:
    plain = contestant.load(write_contestant(tmp_path, "plain", cheater_argv("none")))
    argv, _ = launcher.start_command(plain, StartOptions(default_dataset.path), 1, Cache(tmp_path / "cache"))
    assert argv[0] == PYTHON


@pytest.mark.parametrize("image", ["", "--privileged", "a b", "$(x)"])
def test_what_is_no_image(tmp_path: Path, image: str) -> None:
    with pytest.raises(ManifestError, match="key 'image' has the wrong value"):
        in_image(tmp_path, image)
