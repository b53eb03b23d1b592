"""The templates of new-contestant (test_docs.py verifies asgi, test_verify.py stdlib). With RESTMARK_LONG=1 all are built and verified."""

from __future__ import annotations

import http.client
import os
import re
import sys
import tomllib
from pathlib import Path

import pytest
from restmark_rig.contestants import builder, contestant, templates
from restmark_rig.contestants.cache import Cache
from restmark_rig.contestants.contestant import Contestant
from restmark_rig.contestants.templates import FOLDER, TEMPLATES
from restmark_rig.host.installation import PEERS
from restmark_rig.model.workloads import MORE_ROUTES, ROUTES
from restmark_rig.server.launcher import StartFailed, StartOptions, launch
from restmark_rig.store import dataset
from restmark_rig.store.dataset import Dataset
from restmark_rig.ui import cli
from restmark_rig.verify.checks import Verdict
from restmark_rig.verify.verifier import VerifyPlan

from .helpers import ROOT, Silent, call_rig, verify_until_decided

sys.path.append(str(ROOT / "tests" / "peers"))
import peer_digest

DIGEST_FAULTS = [
    *("digest", "digest=", "digest=0", "digest=9", "digest=-1", "digest=1&digest=1", "digest=1&count=8", "digest=1&x=1"),
    *("seed=1", "seed=0&count=1", "digest=1&seed=", "digest=1&seed=2147483648", "digest=1&seed=1&seed=1"),
]


def written(tmp_path: Path, template: str, name: str = "mine") -> Path:
    done = call_rig(tmp_path / "cache", "new-contestant", name, "--template", template, "--directory", tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.split()) == sorted(str(path) for path in (tmp_path / name).rglob("*") if path.is_file())
    return tmp_path / name


@pytest.fixture(scope="module")
def workshop_of_all(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which each template was written by its own name, with "my-" before it, as no contestant is named so."""
    folder = tmp_path_factory.mktemp("templates")
    for template in TEMPLATES:
        assert cli.main(["new-contestant", f"my-{template}", "--template", template, "--directory", str(folder)]) == 0
    return folder


OF_CONTESTANTS = [name for name, template in TEMPLATES.items() if template.contestant]
# A word in a file -> the file of the same folder that it stands for.
_NEEDS = {".py": re.compile(r"^(?:import|from) (\w+)", re.MULTILINE), ".js": re.compile(r'require\("\./(?:common/node/)?([\w-]+)\.js"\)')}


def test_every_folder_of_templates_is_in_use() -> None:
    used = {place for template in TEMPLATES.values() for place in template.folders}
    assert {path.name for path in FOLDER.iterdir() if path.is_dir()} == used


@pytest.mark.parametrize("template", TEMPLATES)
def test_what_is_written_is_whole_and_stands_alone(workshop_of_all: Path, template: str) -> None:
    folder = workshop_of_all / f"my-{template}"
    subject = contestant.load(folder)
    assert (subject.name, subject.title, subject.optional) == (folder.name, folder.name, False)
    assert subject.fairness is not None
    assert set(subject.routes) == set((*ROUTES, *MORE_ROUTES) if TEMPLATES[template].contestant else ROUTES)
    if subject.build is not None:
        assert builder.input_files(subject, subject.build)  # every glob matches something, else it raises
        assert any(word.startswith("{build}") or "{build}" in word for step in subject.build.steps for word in step)
    for path in folder.rglob("*"):
        if path.is_file():
            text = path.read_text(encoding="utf-8").replace("{build}/../", "")
            if path.name == "go.mod" and path.parent.parent == folder / "common":
                text = text.replace("=> ../go-workloads", "")  # which is below common, too
            assert "../" not in re.sub(r"--hash=\S+|sha512-\S+", "", text), path
            assert "@NAME@" not in text and str(PEERS) not in text, path


@pytest.mark.parametrize("template", OF_CONTESTANTS)
def test_sources_are_those_of_the_contestant(workshop_of_all: Path, template: str) -> None:
    """Nothing is lost, and nothing but places and the name is changed."""
    folder, source = workshop_of_all / f"my-{template}", PEERS / TEMPLATES[template].contestant
    rewritten = {contestant.MANIFEST_NAME, "README.md", "Cargo.toml", "go.mod", "server.js"}
    for path in (path for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
        made = folder / path.relative_to(source)
        assert made.is_file(), path
        assert path.name in rewritten or made.read_bytes() == path.read_bytes(), path
    for made in (folder / "common").rglob("*"):
        assert made.is_dir() or made.read_bytes() == (PEERS / made.relative_to(folder)).read_bytes()
    ours, theirs = contestant.load(folder), contestant.load(source)
    assert ours.notes == "" and theirs.notes in (folder / "README.md").read_text(encoding="utf-8")
    assert (ours.language, ours.model, ours.level, ours.fairness) == (theirs.language, theirs.model, theirs.level, theirs.fairness)


@pytest.mark.parametrize("template", OF_CONTESTANTS)
def test_of_what_is_shared_there_is_what_is_needed_and_no_more(workshop_of_all: Path, template: str) -> None:
    folder = workshop_of_all / f"my-{template}"
    for suffix, shared in ((".py", "python"), (".js", "node")):
        known = {path.stem for path in (PEERS / "common" / shared).glob(f"*{suffix}")}
        started = set(re.findall(rf"common/{shared}/(\w+)\{suffix}", (folder / "contestant.toml").read_text(encoding="utf-8")))
        texts = [path.read_text(encoding="utf-8") for path in folder.glob(f"*{suffix}")]
        needed: set[str] = set()
        while more := (started | {name for text in texts for name in _NEEDS[suffix].findall(text)}) & known - needed:
            needed |= more
            texts += [(PEERS / "common" / shared / f"{name}{suffix}").read_text(encoding="utf-8") for name in more]
        assert {path.stem for path in folder.glob(f"common/{shared}/*{suffix}")} == needed


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_readme_tells_what_each_file_is_for(workshop_of_all: Path, template: str) -> None:
    folder = workshop_of_all / f"my-{template}"
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {folder.name}\n") and not re.search("@[A-Z]+@", text)
    assert f"| `{TEMPLATES[template].yours[0]}` | " in text and (folder / TEMPLATES[template].yours[0]).is_file()
    for path in sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file()):
        named = "common/" if path.parts[0] == "common" else str(path)
        assert named == "README.md" or f"| `{named}` | " in text, path


def test_a_lock_keeps_what_one_crate_needs() -> None:
    lock = (PEERS / "Cargo.lock").read_text(encoding="utf-8")
    pruned = templates.pruned_lock(lock, "rust-axum")
    names = {package["name"] for package in tomllib.loads(pruned)["package"]}
    assert {"rust-axum", "restmark-workloads", "axum", "tokio"} <= names
    assert not {"rust-actix", "actix-web", "rust-hyper"} & names
    assert templates.pruned_lock(pruned, "rust-axum") == pruned
    known = tomllib.loads(lock)["package"]
    assert all(package in known for package in tomllib.loads(pruned)["package"])


def test_of_two_versions_a_lock_keeps_the_one_that_is_needed() -> None:
    head = "version = 4\n\n"
    blocks = ['name = "a"\nversion = "1"\ndependencies = [\n "b 2",\n "a-c",\n]\n', 'name = "a-c"\nversion = "1"\n']
    blocks += ['name = "b"\nversion = "1"\ndependencies = ["a"]\n', 'name = "b"\nversion = "2"\n']
    lock = head + "\n".join(f"[[package]]\n{block}" for block in blocks)
    found = [(package["name"], package["version"]) for package in tomllib.loads(templates.pruned_lock(lock, "a"))["package"]]
    assert found == [("a", "1"), ("a-c", "1"), ("b", "2")]


def test_a_template_that_is_not_whole_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(templates, "PEERS", tmp_path / "nowhere")
    assert cli.main(["new-contestant", "mine", "--template", "rust", "--directory", str(tmp_path)]) == 3
    assert "the template rust is not whole" in capsys.readouterr().err
    assert not (tmp_path / "mine").exists()


@pytest.mark.skipif("RESTMARK_LONG" not in os.environ, reason="builds servers in all languages, from their registries: RESTMARK_LONG=1")
@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_verifies_as_it_is(tmp_path: Path, cache: Cache, template: str, default_dataset: Dataset) -> None:
    subject = contestant.load(written(tmp_path, template))
    builder.build(subject, cache, Silent())
    report = verify_until_decided(subject, VerifyPlan(default_dataset, default_dataset, 42, StartOptions(default_dataset.path)), cache)
    assert (report.state, report.problem) == ("verified", "")
    assert [f.message for f in report.findings if f.verdict not in (Verdict.OK, Verdict.NOTE)] == []


def test_it_prints_what_it_writes(tmp_path: Path) -> None:
    assert len(list(written(tmp_path, "rust").rglob("*.rs"))) > 1


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_longest_name_fits_into_the_title(tmp_path: Path, template: str) -> None:
    name = "n" * 28
    assert cli.main(["new-contestant", name, "--template", template, "--directory", str(tmp_path)]) == 0
    assert contestant.load(tmp_path / name).title == name


def test_an_unknown_template(tmp_path: Path) -> None:
    done = call_rig(tmp_path / "cache", "new-contestant", "mine", "--template", "cgi", cwd=tmp_path)
    assert done.returncode == 1
    assert all(f"'{template}'" in done.stderr for template in TEMPLATES)
    assert not (tmp_path / "mine").exists()


def test_node_passes_everything(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    subject = contestant.load(written(tmp_path, "node"))
    plan = VerifyPlan(default_dataset, default_dataset, 42, StartOptions(default_dataset.path))
    report = verify_until_decided(subject, plan, cache)
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


def records_up_to(largest: int) -> list[dict[str, object]]:
    """Seven records with texts that are not all ASCII, and integers of both signs as large as that."""
    names = ["", "K\u00e4se \u6f22\u5b57 \U0001f600", 'quotes " and \\']
    return [
        {**record, "name": names[i % 3], "id": largest - i, "count": -largest + i}
        for i, record in enumerate(dataset.default_records(7))
    ]


@pytest.mark.parametrize(
    ("template", "largest"),
    [("stdlib", 2**63 - 1), ("node", 2**52)],  # JavaScript's integers have 53 bits
)
def test_digests_of_the_definition(tmp_path: Path, cache: Cache, template: str, largest: int) -> None:
    check_digests(contestant.load(written(tmp_path, template)), cache, tmp_path, largest)


@pytest.mark.xdist_group("workshop")
def test_asgi_digests_of_the_definition(tmp_path: Path, workshop: Path) -> None:
    subject = contestant.load(workshop / "my-api")
    assert (workshop / "my-api" / "app.py").read_bytes() == (FOLDER / "asgi" / "app.py").read_bytes()
    check_digests(subject, Cache(workshop / "cache"), tmp_path, 2**63 - 1)


def check_digests(subject: Contestant, cache: Cache, tmp_path: Path, largest: int) -> None:
    records = records_up_to(largest)
    (tmp_path / "far").write_bytes(dataset.encode(tuple(records)))
    builder.build(subject, cache, Silent())
    with launch(subject, StartOptions(tmp_path / "far"), cache) as server:
        connection = http.client.HTTPConnection(server.host, server.port, timeout=20)

        def get(target: str) -> tuple[int, str]:
            connection.request("GET", target)
            response = connection.getresponse()
            return response.status, response.read().decode()

        for count in (0, 1, 7):
            for repetitions, seed in ((1, 0), (2, 12345), (8, 2**31 - 1)):
                asked = (records[:count], repetitions, seed)
                query = f"seed={seed}&count={count}&digest={repetitions}"
                assert get(f"/parse-msgpack?{query}") == (200, str(peer_digest.of_decoded(*asked))), query
                assert get(f"/encode-json?{query}") == (200, str(peer_digest.of_encoded(*asked))), query
        assert get("/parse-msgpack?digest=1") == (200, str(peer_digest.of_decoded(records, 1, 0)))
        assert get("/encode-json?digest=1") == (200, str(peer_digest.of_encoded(records, 1, 0)))
        targets = [f"{route}?{fault}" for route in ("/parse-msgpack", "/encode-json") for fault in DIGEST_FAULTS]
        for target in [*targets, "/transfer-data?digest=1", "/million-loop?digest=1&seed=1"]:
            assert get(target)[0] in (400, 422), target
        connection.close()
