"""The package of the rig, as an ordinary user meets it: without a compiler, then with all that the package recommends."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import root
from conftest import only
from container import Container

pytestmark = pytest.mark.booted

USER = "somebody"
OURS = ("restmarkd", "restmarkd-tree")
QUICK_S = 120.0  # a first answer is there before


@pytest.fixture(scope="module")
def installed(fresh_root: Path, debs: Path) -> Path:
    """Both packages, installed by apt with what they depend on and no more."""
    for name in ("restmarkd", "restmark"):
        shutil.copyfile(only(debs, f"{name}_*.deb"), fresh_root / f"{name}.deb")
    root.in_root(fresh_root, "apt-get", "update")
    root.in_root(fresh_root, "apt-get", "install", "-y", "--no-install-recommends", "/restmarkd.deb", "/restmark.deb")
    root.in_root(fresh_root, "useradd", "--create-home", USER)
    return fresh_root


def as_user(folder: Path, *argv: str, timeout: float = 300) -> str:
    """Runs a command in the root, at home and with the PATH of an ordinary user."""
    return root.in_root(
        folder, "runuser", "-u", USER, "--", "env", "-i", "-C", f"/home/{USER}", f"HOME=/home/{USER}", "LC_ALL=C.UTF-8",
        "PATH=/usr/local/bin:/usr/bin:/bin", *argv, timeout=timeout,
    )  # fmt: skip


def states(folder: Path) -> dict[str, str]:
    """State of each contestant."""
    return {row["name"]: row["state"] for row in json.loads(as_user(folder, "restmark", "list", "--json"))}


def enabled(folder: Path) -> set[str]:
    """Units that a boot would start."""
    lines = root.in_root(folder, "systemctl", "--root=/", "list-unit-files", "--state=enabled", "--no-legend").splitlines()
    return {line.split()[0] for line in lines}


def records(folder: Path, results: str) -> list[dict[str, object]]:
    """The contestants of a results.json in the user's home."""
    document = json.loads((folder / "home" / USER / results / "results.json").read_text())
    return document["contestants"]  # type: ignore[no-any-return]


def test_no_compiler_comes_with_it(installed: Path) -> None:
    for command in ("cc", "c++", "cmake", "ninja", "pkg-config"):
        assert as_user(installed, "sh", "-c", f"command -v {command} || echo none") == "none\n"


def test_restmarkd_is_ready_as_it_is_installed(installed: Path) -> None:
    found = states(installed)
    assert [found[name] for name in OURS] == ["ready", "ready"], found


def test_a_first_look_is_there_in_two_minutes(installed: Path) -> None:
    shown = as_user(installed, "restmark", "quick", "--duration", "1", timeout=QUICK_S)
    for route in ("/parse-msgpack", "/encode-json", "/transfer-data", "/million-loop"):
        assert route in shown


def test_it_is_verified_and_measured_as_it_is_installed(installed: Path) -> None:
    named = ("-C", OURS[0], "-C", OURS[1])
    as_user(installed, "restmark", "verify", *named, "--check", "body")  # all of them are part of the run
    as_user(
        installed, "restmark", "run", *named, "--workload", "/", "--rounds", "1", "--duration", "0.5", "--warmup", "0.1",
        "--connections", "4", "--output", "run",
    )  # fmt: skip
    as_user(installed, "restmark", "memory", *named, "--workers", "1,2", "--duration", "1", "--output", "memory")
    for results in ("run", "memory"):
        measured = {str(record["name"]): record["versions"] for record in records(installed, results)}
        assert set(OURS) <= set(measured)
        for name, versions in measured.items():
            assert versions["installed program"] == "/usr/sbin/restmarkd", name  # type: ignore[index]
            assert str(versions["restmarkd"]).startswith("restmarkd "), name  # type: ignore[index]


def test_what_is_recommended_readies_more_and_starts_nothing(installed: Path, boot: Callable[[], Container]) -> None:
    before = enabled(installed)
    root.in_root(installed, "apt-get", "remove", "-y", "restmark")
    root.in_root(installed, "apt-get", "install", "-y", "/restmark.deb", timeout=1800)
    assert enabled(installed) == before
    found = states(installed)
    assert found["python-uwsgi"] == "ready" and found["epoll-limit"] == "unbuilt" and found["pypy-gunicorn"] == "unbuilt", found
    assert found["nginx"] == "skipped", "its installation starts a server"
    as_user(installed, "restmark", "verify", "-C", "python-uwsgi", "-C", "epoll-limit")
    assert boot().run("ss", "-Hltun") == ""
