"""Builds: done once, done again for a reason only, and a failure that says where to look."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from restmark_rig.contestants import builder, contestant, versions
from restmark_rig.contestants.cache import Cache
from restmark_rig.contestants.contestant import Contestant
from restmark_rig.model.errors import BuildFailed, ManifestError

from .helpers import Silent, write_contestant

# Counts its runs, so that the tests see whether a build was done.
STEP = 'echo "$GREETING" >> {build}/runs; cat src/*.txt > {build}/out; echo done'


def make(
    tmp_path: Path, steps: list[list[str]] | None = None, inputs: str = '["src/**"]', env: str = "hello"
) -> Contestant:
    folder = tmp_path / "source" / "mine"
    if not folder.exists():
        (folder / "src" / "deep").mkdir(parents=True)
        (folder / "src" / "a.txt").write_text("a")
        (folder / "src" / "deep" / "b.txt").write_text("b")
        (tmp_path / "source" / "shared.txt").write_text("shared")
    build = f'[build]\nsteps = {json.dumps(steps or [["sh", "-c", STEP]])}\ninputs = {inputs}\nenv = {{ GREETING = "{env}" }}'
    scratch = write_contestant(tmp_path / f"text{os.urandom(4).hex()}", "mine", ["server", "{port}"], build)
    (scratch / "contestant.toml").replace(folder / "contestant.toml")
    return contestant.load(folder)


def runs(subject: Contestant, cache: Cache) -> list[str]:
    return (cache.build_dir(subject) / "runs").read_text().split()


def test_a_build_is_done_once(tmp_path: Path, cache: Cache) -> None:
    subject = make(tmp_path)
    assert builder.state(subject, cache) == "unbuilt"
    first = builder.build(subject, cache, Silent())
    assert not first.fresh
    assert builder.state(subject, cache) == "ready"
    assert builder.build(subject, cache, Silent()).fresh
    assert runs(subject, cache) == ["hello"]
    log = first.log.read_text()
    assert "$ sh -c" in log
    assert log.endswith("done\n")


def test_force_builds_again(tmp_path: Path, cache: Cache) -> None:
    subject = make(tmp_path)
    builder.build(subject, cache, Silent())
    assert not builder.build(subject, cache, Silent(), force=True).fresh
    assert len(runs(subject, cache)) == 2


def test_a_changed_new_or_removed_input_makes_it_stale(tmp_path: Path, cache: Cache) -> None:
    subject = make(tmp_path)
    src = subject.directory / "src"
    changes = [
        lambda: (src / "deep" / "b.txt").write_text("B"),
        lambda: (src / "deep" / "c.txt").write_text("c"),
        lambda: (src / "deep" / "c.txt").unlink(),
        lambda: (src / "a.txt").chmod(0o755),
    ]
    builder.build(subject, cache, Silent())
    for number, change in enumerate(changes):
        change()
        assert builder.state(subject, cache) == "stale", number
        assert not builder.build(subject, cache, Silent()).fresh
        assert builder.state(subject, cache) == "ready"


def test_a_file_that_is_no_input_does_not_matter(tmp_path: Path, cache: Cache) -> None:
    subject = make(tmp_path)
    builder.build(subject, cache, Silent())
    (subject.directory / "README").write_text("new")
    (subject.directory / "src" / "a.txt").touch()
    assert builder.build(subject, cache, Silent()).fresh


def test_inputs_beside_the_folder(tmp_path: Path, cache: Cache) -> None:
    subject = make(tmp_path, inputs='["src/*.txt", "../shared.txt"]')
    builder.build(subject, cache, Silent())
    (tmp_path / "source" / "shared.txt").write_text("changed")
    assert builder.state(subject, cache) == "stale"


def test_changed_steps_or_environment_make_it_stale(tmp_path: Path, cache: Cache) -> None:
    builder.build(make(tmp_path), cache, Silent())
    assert builder.state(make(tmp_path, env="other"), cache) == "stale"
    assert builder.state(make(tmp_path, steps=[["sh", "-c", STEP + " now"]]), cache) == "stale"
    assert builder.state(make(tmp_path), cache) == "ready"


def test_a_changed_tool_makes_it_stale(tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = make(tmp_path)
    builder.build(subject, cache, Silent())
    monkeypatch.setattr(versions, "first_line", lambda argv, cwd, search_path: "Python 3.99")
    assert builder.state(subject, cache) == "stale"


def test_a_failing_step_shows_the_log_and_is_tried_again(tmp_path: Path, cache: Cache) -> None:
    subject = make(tmp_path, steps=[["sh", "-c", "echo compiling"], ["sh", "-c", "echo a.c:7: error: no; exit 4"]])
    with pytest.raises(BuildFailed) as caught:
        builder.build(subject, cache, Silent())
    log = cache.log(subject, "build")
    assert "mine: build step 2 of 2 failed (exit code 4)" in caught.value.message
    assert "a.c:7: error: no" in caught.value.message
    assert str(log) in caught.value.message
    assert f"restmark build -C {subject.directory}'" in caught.value.remedy
    assert log.read_text().startswith("$ sh -c echo compiling\ncompiling\n")
    assert builder.state(subject, cache) == "unbuilt"


def test_a_failed_rebuild_does_not_count_as_built(tmp_path: Path, cache: Cache) -> None:
    subject = make(tmp_path, steps=[["sh", "-c", "test $(cat src/a.txt) = a"]])
    builder.build(subject, cache, Silent())
    (subject.directory / "src" / "a.txt").write_text("z")
    with pytest.raises(BuildFailed):
        builder.build(subject, cache, Silent())
    assert builder.state(subject, cache) == "unbuilt"


def test_a_tool_that_can_not_be_executed(tmp_path: Path, cache: Cache) -> None:
    subject = make(tmp_path, steps=[["no-such-compiler"]])
    with pytest.raises(BuildFailed, match="can not execute no-such-compiler: No such file or directory"):
        builder.build(subject, cache, Silent())


def test_an_input_glob_without_a_match_is_an_error(tmp_path: Path, cache: Cache) -> None:
    with pytest.raises(ManifestError, match="no file matches 'sorce/\\*'"):
        builder.build(make(tmp_path, inputs='["sorce/*"]'), cache, Silent())


def test_progress_names_the_step(tmp_path: Path, cache: Cache) -> None:
    told = Silent()
    builder.build(make(tmp_path), cache, told)
    assert told.said == ["mine: build step 1 of 1 (sh)"]


def test_sources_of_the_same_name_are_built_apart(tmp_path: Path, cache: Cache) -> None:
    other = make(tmp_path / "other")
    assert cache.build_dir(make(tmp_path)) != cache.build_dir(other)
