"""bench/renew-peers: which files are renewed, by which versions, and what is compared with what."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from restmark_rig.contestants import contestant, registry
from restmark_rig.contestants.cache import Cache
from restmark_rig.renewal import index, python_pins, twin
from restmark_rig.renewal.finding import pin_files, pin_files_below, pins, program_folders
from restmark_rig.renewal.index import Artifact
from restmark_rig.renewal.other_pins import GoModule, MavenProject, NpmPackage
from restmark_rig.renewal.pins import Move, RenewalFailed, moves, run_tool
from restmark_rig.renewal.python_pins import HashedRequirements, Lock, newest, read_pins
from restmark_rig.renewal.renewal import affected, renew, renewed

from .helpers import ROOT

BENCH = ROOT / "bench"
PEERS = BENCH / "peers"
STUDIES = BENCH / "restmark_rig" / "studies"
CODECS = BENCH / "micro"
TOOLS = (BENCH / "distributed", BENCH / "restmark_rig" / "attach")
PAGE = """<html><body>
<a href="../../packages/thing-1.0.tar.gz#sha256=aa" data-requires-python="&gt;=3.8">thing-1.0.tar.gz</a>
<a href="https://host/thing-1.0-py3-none-any.whl#sha256=ab">thing-1.0-py3-none-any.whl</a>
<a href="/a/thing-2.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl#sha256=ba">x</a>
<a href="/a/thing-2.0-cp311-cp311-manylinux_2_28_x86_64.whl#sha256=bb">x</a>
<a href="/a/thing-2.0-cp311-cp311-musllinux_1_2_aarch64.whl#sha256=bc">x</a>
<a href="/a/thing-3.0.tar.gz#sha256=ca" data-yanked="broken">x</a>
<a href="/a/thing-1.0.egg#sha256=ae">x</a> <a href="/a/thing-9.tar.gz">no hash</a> <a name="nothing">x</a>
<a href="/a/thing-2.0%2Blocal-py3-none-any.whl#sha256=bd">x</a>
</body></html>"""


def artifact(version: str, kind: str, sha256: str, requires_python: str = "", file: str = "") -> Artifact:
    return Artifact(file or f"thing-{version}.whl", version, kind, sha256, requires_python)


def test_a_page_of_the_index() -> None:
    found = index.artifacts(PAGE)
    assert [(one.sha256, one.version, one.kind) for one in found] == [
        ("aa", "1.0", "source"),
        ("ab", "1.0", "any"),
        ("ba", "2.0", "manylinux x86_64"),
        ("bb", "2.0", "manylinux x86_64"),
        ("bc", "2.0", "musllinux aarch64"),
        ("bd", "2.0+local", "any"),
    ]
    assert found[0].requires_python == ">=3.8"


OLD = artifact("1.0", "source", "aa")
OLD_WHEEL = artifact("1.0", "any", "ab")


@pytest.mark.parametrize(
    ("pinned", "offered", "chosen"),
    [
        (["aa"], [OLD], ["aa"]),
        (["aa"], [OLD, artifact("1.10", "source", "b"), artifact("1.9", "source", "c")], ["b"]),
        (["aa"], [OLD, artifact("2.0", "any", "b")], ["aa"]),  # no source package of the newer one
        (["aa", "ab"], [OLD, OLD_WHEEL, artifact("2", "any", "b"), artifact("2", "source", "c")], ["c", "b"]),
        (["aa"], [OLD, artifact("2.0rc1", "source", "b"), artifact("2.0.dev3", "source", "c")], ["aa"]),
        (["aa"], [OLD, artifact("2.0", "source", "b", ">=3.10")], ["aa"]),
        (["aa"], [OLD, artifact("2.0", "source", "b", ">=3.9,<4")], ["b"]),
        (["aa"], [OLD, artifact("not-a-version", "source", "b"), artifact("3", "source", "c", "nonsense")], ["aa"]),
        (
            ["ab"],
            [
                artifact("1", "manylinux x86_64", "ab"),
                artifact("2", "manylinux x86_64", "b", file="t-2-cp3-abi3-manylinux_2_28_x86_64.whl"),
                artifact("2", "manylinux x86_64", "c", file="t-2-cp3-abi3-manylinux_2_17_x86_64.whl"),
            ],
            ["c"],
        ),
    ],
)
def test_the_newest_release_of_the_kinds_that_are_pinned(pinned: list[str], offered: list[Artifact], chosen: list[str]) -> None:
    assert [one.sha256 for one in newest("thing", pinned, offered, "3.9", "file")] == chosen


@pytest.mark.parametrize(("pinned", "offered"), [([], [OLD]), (["zz"], [OLD]), (["aa", "zz"], [OLD]), (["aa"], [])])
def test_pins_that_the_index_does_not_know_are_not_guessed(pinned: list[str], offered: list[Artifact]) -> None:
    with pytest.raises(RenewalFailed) as caught:
        newest("thing", pinned, offered, "3.9", "requirements.txt")
    assert "requirements.txt: the index does not have the files of thing" in caught.value.message


def test_a_file_keeps_what_is_no_pin(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text(f"# why\n-r ../other.txt\nthing==1.0 --hash=sha256:{'a' * 64}\n", encoding="utf-8")
    offered = [artifact("1.0", "source", "a" * 64), artifact("2.0", "source", "b" * 64)]
    outcome = renewed(file, HashedRequirements(file, ask=lambda name: offered if name == "thing" else []))
    assert outcome.moves == [Move("thing", "1.0", "2.0")]
    assert file.read_text(encoding="utf-8") == f"# why\n-r ../other.txt\nthing==2.0 --hash=sha256:{'b' * 64}\n"
    assert read_pins("a==1 \\\n    --hash=sha256:0\n# b==2\nc[d]==3 ; python_version < '3'") == {"a": "1"}


@dataclass
class Faulty:
    """Half done when it fails."""

    files: tuple[Path, ...]
    said: Mapping[str, str] = field(default_factory=dict)

    def packages(self) -> Mapping[str, str]:
        return self.said

    def renew(self) -> None:
        for file in self.files:
            file.write_text("half", encoding="utf-8")
        raise RenewalFailed("no registry", "later")


def test_what_fails_is_as_it_was(tmp_path: Path) -> None:
    kept, absent = tmp_path / "go.mod", tmp_path / "go.sum"
    kept.write_bytes(b"before")
    outcome = renewed(kept, Faulty((kept, absent)))  # type: ignore[arg-type]
    assert outcome.fault is not None and not outcome.moves
    assert kept.read_bytes() == b"before" and not absent.exists()


def test_a_tool_that_fails_tells_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(RenewalFailed) as caught:
        run_tool(["sh", "-c", "echo first; echo last >&2; exit 3"], tmp_path)
    assert "first / last" in caught.value.message
    with pytest.raises(RenewalFailed) as caught:
        run_tool(["sh", "-c", "echo '[ERROR]'; echo '[ERROR] x not found'; echo '[ERROR] to get help'; exit 1"], tmp_path)
    assert caught.value.message == "sh failed: [ERROR] x not found"
    with pytest.raises(RenewalFailed):
        run_tool(["/no/such/tool"], tmp_path)
    assert run_tool(["sh", "-c", "echo $X"], tmp_path, {"X": "y"}) == "y\n"


@pytest.mark.parametrize("folder", [*(PEERS / name for name in registry.built_in_names(PEERS)), *program_folders(STUDIES)], ids=lambda folder: folder.name)
def test_all_pinned_files_are_found_and_read(folder: Path, cache: Cache) -> None:
    subject = contestant.load(folder)
    for file in pin_files(subject):
        found = pins(file, subject, cache)
        assert found.files[0] == file
        # A module without requirements of its own has none; all others pin something.
        assert found.packages() or (isinstance(found, GoModule) and "require" not in file.read_text(encoding="utf-8"))


def test_the_pinned_files_of_the_codecs_are_found_and_read(cache: Cache) -> None:
    toolchain = contestant.load(PEERS / "go-fasthttp")
    found = {file.name: pins(file, toolchain, cache).packages() for file in pin_files_below(CODECS)}
    assert found.keys() == {"go.mod", "Cargo.lock", "python-codecs-requirements.lock"}
    assert "github.com/bytedance/sonic" in found["go.mod"] and "sonic-rs" in found["Cargo.lock"] and "orjson" in found["python-codecs-requirements.lock"]


def test_every_file_with_pins_is_renewed() -> None:
    folders = [*(PEERS / name for name in registry.built_in_names(PEERS)), *program_folders(STUDIES)]
    renewed_ones = {file for folder in folders for file in pin_files(contestant.load(folder))}
    renewed_ones |= {file for folder in (CODECS, *TOOLS) for file in pin_files_below(folder)}
    patterns = ("*requirements*.txt", "*.lock", "go.mod", "pom.xml", "package.json")
    made = {"node_modules", "build", "target"}
    there = {path for pattern in patterns for path in BENCH.rglob(pattern) if not made & set(path.relative_to(BENCH).parts)}
    # What new-contestant lays down is its user's to renew.
    assert there - renewed_ones == {BENCH / "restmark_rig" / "contestants" / "template" / "asgi" / "requirements.txt"}


def test_a_lock_is_made_of_the_list_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []
    monkeypatch.setattr(python_pins, "run_tool", lambda argv, folder: asked.append((*argv, folder)))
    monkeypatch.setattr(Lock, "_uv", lambda self: Path("uv"))
    for name in ("requirements", "python-codecs-requirements"):
        Lock(tmp_path / f"{name}.lock", Cache(tmp_path)).renew()
        assert asked.pop()[-4:] == (f"{name}.in", "--output-file", f"{name}.lock", tmp_path)


def test_versions_are_read_as_each_language_writes_them(tmp_path: Path) -> None:
    module = tmp_path / "go.mod"
    module.write_text("module a/b\n\ngo 1.26.0\n\nrequire x.org/one v1.2.3\n\nrequire (\n\ty.org/z/v2 v2.0.0-rc.1 // indirect\n\tlocal v0.0.0\n)\n", encoding="utf-8")
    assert GoModule(module, "").packages() == {"x.org/one": "v1.2.3", "y.org/z/v2": "v2.0.0-rc.1"}
    assert MavenProject(PEERS / "java-vertx" / "pom.xml").packages().keys() >= {"io.vertx:vertx-web"}
    assert "fastify" in NpmPackage(PEERS / "node-fastify" / "package.json", ()).packages()
    with pytest.raises(RenewalFailed) as caught:
        NpmPackage(PEERS / "node-fastify" / "package.json", ()).renew()
    assert caught.value.remedy == "restmark build -C node-fastify"
    assert moves({"a": "1", "b": "1"}, {"a": "2", "c": "1"}) == [Move("a", "1", "2"), Move("b", "1", ""), Move("c", "", "1")]


def test_pypy_takes_what_debian_12s_does(cache: Cache) -> None:
    asked = {}
    for name in ("pypy-gunicorn", "python-fastapi", "go-nethttp"):
        subject = contestant.load(PEERS / name)
        asked[name] = {found.python for file in pin_files(subject) if isinstance(found := pins(file, subject, cache), HashedRequirements)}
    assert asked == {"pypy-gunicorn": {"3.9"}, "python-fastapi": set(), "go-nethttp": {"3.11"}}


def test_a_file_of_several_contestants_is_renewed_once_and_concerns_all(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    renewals: list[Path] = []

    def counted(self: HashedRequirements) -> None:
        renewals.append(self.file)

    monkeypatch.setattr(HashedRequirements, "renew", counted)
    both = [contestant.load(PEERS / name) for name in ("pypy-gunicorn", "pypy-uwsgi")]
    outcomes = renew(both, cache, lambda text: None)
    shared = (PEERS / "common" / "python" / "requirements.txt").resolve()
    assert renewals.count(shared) == 1
    assert affected(both, outcomes) == []
    assert [outcome.file for outcome in renew([], cache, lambda text: None, {shared: both[0]})] == [shared]
    moved = [replace(outcome, moves=[Move("x", "1", "2")]) if outcome.file == shared else outcome for outcome in outcomes]
    assert affected(both, moved) == both


def test_a_twin_is_the_contestant_as_it_was_under_another_name(tmp_path: Path, cache: Cache) -> None:
    small = tmp_path / "peers"
    for part in ("common/rust-workloads", "rust-axum", "rust-hyper"):
        shutil.copytree(PEERS / part, small / part)
    for file in ("Cargo.toml", "Cargo.lock"):
        shutil.copy(PEERS / file, small)
    (folder,) = twin.copy(small, ["rust-axum"], tmp_path / "before")
    subject = contestant.load(folder)
    assert subject.name == "rust-axum-before"
    members = (tmp_path / "before" / "Cargo.toml").read_text(encoding="utf-8")
    assert '"rust-axum-before"' in members and '"rust-hyper"' in members
    assert [file.name for file in pin_files(subject)] == ["Cargo.lock"]
    assert cache.build_dir(subject) != cache.build_dir(contestant.load(PEERS / "rust-axum"))
