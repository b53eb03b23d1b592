"""What --target-cpu means to each compiler, and that all commands that build heed it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from restmark_rig.contestants import builder, contestant, registry, targets, versions
from restmark_rig.contestants.cache import Cache
from restmark_rig.contestants.settings import Settings
from restmark_rig.model.errors import EnvironmentFault
from restmark_rig.run.run_request import selection

from .helpers import ROOT, Silent, run_rig, write_contestant

V1 = frozenset({"fpu", "sse2"})
V2 = V1 | {"cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"}
V3 = V2 | {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"}
STEPS = """[build]
steps = [["sh", "-c", "echo {target_cc} {target_rust} {target_go} $AIM >> {build}/aims"]]
inputs = []
env = { AIM = "{target_rust}" }
"""


@pytest.mark.parametrize(
    ("name", "machine", "flags", "words"),
    [
        ("default", "x86_64", V1, ("-march=x86-64", "x86-64", "v1")),
        ("x86-64-v2", "x86_64", V2, ("-march=x86-64-v2", "x86-64-v2", "v2")),
        ("x86-64-v2", "x86_64", V3, ("-march=x86-64-v2", "x86-64-v2", "v2")),
        ("x86-64-v3", "x86_64", V3, ("-march=x86-64-v3", "x86-64-v3", "v3")),
        ("native", "x86_64", V1, ("-march=native", "native", "v1")),
        ("native", "x86_64", V3 | {"avx512f"}, ("-march=native", "native", "v3")),
        ("default", "aarch64", V1, ("-mcpu=generic", "generic", "v1")),
        ("native", "aarch64", V1, ("-mcpu=native", "native", "v1")),
    ],
)
def test_a_target_in_the_words_of_each_compiler(name: str, machine: str, flags: frozenset[str], words: tuple[str, str, str]) -> None:
    target = targets.named(name, machine, flags)
    assert (target.cc, target.rust, target.go) == words


@pytest.mark.parametrize(
    ("name", "machine", "flags", "remedy"),
    [
        ("x86-64-v3", "x86_64", V2, "choose x86-64-v2 or native"),
        ("x86-64-v3", "x86_64", V3 - {"avx2"}, "choose x86-64-v2 or native"),
        ("x86-64-v3", "x86_64", V1, "choose default or native"),
        ("x86-64-v2", "x86_64", V3 - {"popcnt"}, "choose default or native"),
        ("x86-64-v2", "aarch64", V3, "choose default or native"),
    ],
)
def test_what_this_machine_can_not_run_is_refused(name: str, machine: str, flags: frozenset[str], remedy: str) -> None:
    with pytest.raises(EnvironmentFault) as caught:
        targets.named(name, machine, flags)
    assert caught.value.remedy == remedy


def test_each_target_has_a_build_of_its_own(tmp_path: Path, cache: Cache) -> None:
    subject = contestant.load(write_contestant(tmp_path, "one", ["x", "{port}"], STEPS.replace("inputs = []", 'inputs = ["*.toml"]')))
    aimed = dataclasses.replace(subject, target=targets.named(targets.NATIVE, "x86_64", V3))
    for one in (subject, aimed):
        assert not builder.build(one, cache, Silent()).fresh
        assert builder.build(one, cache, Silent()).fresh
    assert (cache.build_dir(subject) / "aims").read_text().split() == ["-march=x86-64", "x86-64", "v1", "x86-64"]
    assert (cache.build_dir(aimed) / "aims").read_text().split() == ["-march=native", "native", "v3", "native"]
    assert versions.collect(aimed, cache.build_dir(aimed))["compiled for"] == "native"
    assert "compiled for" not in versions.collect(subject, cache.build_dir(subject))


def test_the_command_line_reaches_the_build_and_the_record(tmp_path: Path, cache: Cache) -> None:
    folder = write_contestant(tmp_path, "one", ["x", "{port}"], STEPS.replace("inputs = []", 'inputs = ["*.toml"]'))
    done = run_rig(cache.root, "build", "-C", folder, "--target-cpu", "native")
    assert done.returncode == 0, done.stderr
    (aims,) = (cache.root / "build").glob("one-*-native/aims")
    assert "native" in aims.read_text()
    assert selection(Settings(selectors=["x"], target_cpu="native"))[-2:] == ["--target-cpu", "native"]


def test_a_program_that_was_compiled_elsewhere_is_not_taken_for_another_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = (ROOT / "bench" / "peers" / "restmarkd" / "contestant.toml").read_text(encoding="utf-8")
    (tmp_path / "restmarkd").mkdir()
    (tmp_path / "restmarkd" / "contestant.toml").write_text(manifest, encoding="utf-8")
    assert [one.name for one in Settings(peers_dir=tmp_path).asked_for()] == ["restmarkd"]
    monkeypatch.setattr(targets, "_processor_flags", lambda: V3)
    with pytest.raises(EnvironmentFault) as caught:
        Settings(peers_dir=tmp_path, target_cpu=targets.V3).asked_for()
    assert "restmarkd is the installed program" in str(caught.value)


def test_both_of_restmarkd_are_one_build(cache: Cache) -> None:
    structs, trees = (contestant.load(ROOT / "bench" / "peers" / name) for name in ("restmarkd", "restmarkd-tree"))
    assert structs.build is not None and trees.build is not None
    assert cache.build_dir(structs) == cache.build_dir(trees)
    assert builder.fingerprint(structs, structs.build, cache) == builder.fingerprint(trees, trees.build, cache)
    assert registry.resolve("restmarkd", ROOT / "bench" / "peers").build == structs.build
