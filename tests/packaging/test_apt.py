"""The APT repository: what apt takes from it, and what it refuses."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import root
from root import SOURCE

BUILD = SOURCE / "packaging" / "apt" / "build-repository"
SUITE = "bookworm"


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment with a keyring of two throwaway keys."""
    home = tmp_path_factory.mktemp("gnupg")
    home.chmod(0o700)
    environment = {**os.environ, "GNUPGHOME": str(home)}
    for name in ("releases", "stranger"):
        root.run(
            "gpg", "--batch", "--passphrase", "", "--quick-generate-key", f"{name} <{name}@example.org>", "ed25519", "sign", "1d", env=environment
        )  # fmt: skip
    yield environment
    subprocess.run(["gpgconf", "--kill", "all"], env=environment, check=False, capture_output=True)


def make_package(folder: Path, version: str = "1.0") -> Path:
    """A small package: what is in it does not matter here."""
    tree = folder / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "usr/share/restmarkd").mkdir(parents=True)
    (tree / "usr/share/restmarkd/hello").write_text(version)
    (tree / "DEBIAN/control").write_text(
        f"Package: restmarkd\nVersion: {version}\nArchitecture: amd64\nMaintainer: a <a@example.org>\nDescription: for a test\n"
    )
    deb = folder / f"restmarkd_{version}_amd64.deb"
    root.run("dpkg-deb", "--root-owner-group", "--build", tree, deb)
    return deb


def build(output: Path, environment: dict[str, str], *debs: Path, key: str = "releases", suite: str = SUITE) -> str:
    return root.run(BUILD, "--no-install", "--key", key, "--suite", suite, "--output", output, *debs, env=environment)


class Machine:
    """apt with a state of its own, which knows this repository and nothing else."""

    def __init__(self, folder: Path, repository: Path, key: Path) -> None:
        for name in ("lists/partial", "cache/archives/partial", "parts", "work"):
            (folder / name).mkdir(parents=True)
        (folder / "status").write_text("")
        self.work = folder / "work"
        (folder / "list").write_text(f"deb [arch=amd64 signed-by={key}] file:{repository} {SUITE} main\n")
        settings = {
            "Dir::State": folder, "Dir::State::lists": folder / "lists", "Dir::State::status": folder / "status", "Dir::Cache": folder / "cache",
            "Dir::Etc::sourcelist": folder / "list", "Dir::Etc::sourceparts": folder / "parts", "Dir::Etc::preferencesparts": folder / "parts",
            "APT::Architecture": "amd64", "APT::Architectures": "amd64", "APT::Sandbox::User": "", "Debug::NoLocking": "true",
        }  # fmt: skip
        self.options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]

    def apt(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = ["apt-get", *self.options, "-o", "APT::Update::Error-Mode=any", *words]
        return subprocess.run(command, cwd=self.work, capture_output=True, text=True, timeout=120, check=False, env={**os.environ, "LC_ALL": "C.UTF-8"})


@pytest.fixture
def repository(tmp_path: Path, keyring: dict[str, str]) -> Path:
    said = build(tmp_path / "apt", keyring, make_package(tmp_path / "one"))
    assert f"https://example.org/restmark {SUITE} main" in said
    return tmp_path / "apt"


def test_apt_installs_from_it(repository: Path, tmp_path: Path) -> None:
    machine = Machine(tmp_path / "machine", repository, repository / "restmark-archive-keyring.gpg")
    updated = machine.apt("update")
    assert updated.returncode == 0 and not updated.stderr.strip(), updated.stderr
    fetched = machine.apt("download", "restmarkd")
    assert fetched.returncode == 0, fetched.stderr
    assert "unauthenticated" not in fetched.stdout + fetched.stderr
    (deb,) = machine.work.glob("*.deb")
    root.run("dpkg-deb", "--extract", deb, tmp_path / "installed")
    assert (tmp_path / "installed/usr/share/restmarkd/hello").read_text() == "1.0"
    planned = machine.apt("--simulate", "install", "restmarkd")
    assert f"Inst restmarkd (1.0 restmark:{SUITE} [amd64])" in planned.stdout, planned.stdout + planned.stderr


def test_another_key_is_refused(repository: Path, keyring: dict[str, str], tmp_path: Path) -> None:
    other = tmp_path / "other.gpg"
    root.run("gpg", "--batch", "--output", other, "--export", "stranger", env=keyring)
    updated = Machine(tmp_path / "machine", repository, other).apt("update")
    assert updated.returncode != 0 and "NO_PUBKEY" in updated.stderr, updated.stderr


@pytest.mark.parametrize("name", [f"dists/{SUITE}/InRelease", f"dists/{SUITE}/main/binary-amd64/Packages"])
def test_what_was_changed_afterwards_is_refused(repository: Path, tmp_path: Path, name: str) -> None:
    path = repository / name
    for packed in path.parent.glob(f"{path.name}.*"):
        packed.unlink()
    before = path.read_text()
    path.write_text(before.replace("Architectures: amd64", "Architectures: amd65").replace("Version: 1.0", "Version: 9.9"))
    assert path.read_text() != before
    assert Machine(tmp_path / "machine", repository, repository / "restmark-archive-keyring.gpg").apt("update").returncode != 0


def test_a_package_that_was_changed_afterwards_is_refused(repository: Path, tmp_path: Path) -> None:
    machine = Machine(tmp_path / "machine", repository, repository / "restmark-archive-keyring.gpg")
    assert machine.apt("update").returncode == 0
    (deb,) = repository.glob("pool/*/*.deb")
    deb.write_bytes(deb.read_bytes()[:-1] + b"x")
    fetched = machine.apt("download", "restmarkd")
    assert fetched.returncode != 0 and "Hash Sum mismatch" in fetched.stderr + fetched.stdout, fetched.stderr


def test_more_is_added_and_another_suite_stays(repository: Path, keyring: dict[str, str], tmp_path: Path) -> None:
    other = (repository / "dists" / SUITE / "InRelease").read_bytes()
    build(repository, keyring, make_package(tmp_path / "trixie", "3.0"), suite="trixie")
    assert (repository / "dists" / SUITE / "InRelease").read_bytes() == other
    build(repository, keyring, make_package(tmp_path / "two", "2.0"))
    machine = Machine(tmp_path / "machine", repository, repository / "restmark-archive-keyring.gpg")
    assert machine.apt("update").returncode == 0
    assert "(2.0 " in machine.apt("--simulate", "install", "restmarkd").stdout
    assert "(1.0 " in machine.apt("--simulate", "install", "restmarkd=1.0").stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "--key is missing"),
        (("--key", "nobody"), "your keyring has no such secret key"),
        (("--key", "releases", "/nonexistent.deb"), "/nonexistent.deb: no such file; packaging/build-deb.sh makes them"),
        (("--key", "releases", "--suite", "../x"), "--suite ../x: write a code name"),
        (("--nonsense",), "unknown option --nonsense"),
    ],
)
def test_what_is_wrong_is_said(keyring: dict[str, str], tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    done = subprocess.run([BUILD, "--no-install", "--output", tmp_path / "apt", *arguments], env=keyring, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and says in done.stderr, done.stderr


def test_the_apparmor_profile_is_parsed() -> None:
    profile = SOURCE / "packaging" / "apparmor" / "restmarkd"
    parser = shutil.which("apparmor_parser")
    if not parser:
        pytest.skip("no apparmor_parser")
    command = [parser, "--skip-kernel-load", "--skip-cache"]
    done = subprocess.run([*command, str(profile)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    broken = subprocess.run(command, input=profile.read_text().replace("rwk,", "rwq,"), capture_output=True, text=True, check=False)
    assert broken.returncode != 0, "it is looked at"
