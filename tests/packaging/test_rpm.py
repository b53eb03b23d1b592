"""The .rpm packages, as far as a Debian machine can show them: docs/PACKAGING.md says what only Fedora or RHEL could.

The root is Debian's, with the libraries that the programs were built against; rpm's own database in it is empty, hence --nodeps.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import root
from conftest import NEXT_VERSION, build, only
from container import Container

RELEASES = (root.HOST,)  # rpm's builds are made on this machine
INI = "/etc/restmark/restmarkd.ini"


@pytest.fixture(scope="session")
def rpms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the packages. The build runs the unit tests, and rpmlint on what it makes."""
    return build(tmp_path_factory.mktemp("rpms"), "build-rpm.sh")


@pytest.fixture(scope="session")
def next_rpms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("next-rpms"), "build-rpm.sh", "--version", NEXT_VERSION)


@pytest.fixture(scope="module")
def machine(
    fresh_root: Path, rpms: Path, next_rpms: Path, debs: Path, boot: Callable[[], Container]
) -> Iterator[Container]:
    """rpm, and the libraries, in a root; the package is installed from outside, with rpm --root; then it is booted."""
    depends = root.run("dpkg-deb", "--field", only(debs, "restmarkd_*.deb"), "Depends")
    libraries = [word.split()[0] for word in depends.split(", ") if word.startswith("lib")]
    root.in_root(fresh_root, "apt-get", "update")
    root.in_root(fresh_root, "apt-get", "install", "-y", "--no-install-recommends", "rpm", *libraries)
    shutil.copyfile(only(next_rpms, "restmarkd-*.x86_64.rpm"), fresh_root / "next.rpm")
    root.run("rpm", "--root", fresh_root, "--install", "--nodeps", only(rpms, "restmarkd-*.x86_64.rpm"))
    yield boot()


def query(rpm: Path, *arguments: str) -> str:
    return root.run("rpm", "--query", "--package", *arguments, rpm)


def test_two_packages_and_their_source(rpms: Path) -> None:
    assert {rpm.name.rsplit("-", 2)[0] for rpm in rpms.glob("*.rpm")} == {"restmarkd", "restmark"}
    assert only(rpms, "restmark-[0-9]*.x86_64.rpm") and only(rpms, "restmarkd-*.src.rpm")


def test_the_configuration_survives_upgrades(rpms: Path) -> None:
    flags = query(only(rpms, "restmarkd-*.x86_64.rpm"), "--queryformat", "[%{FILENAMES} %{FILEFLAGS:fflags}\n]")
    assert f"{INI} cn" in flags.splitlines()


def test_only_libraries_and_systemd_are_required(rpms: Path) -> None:
    required = query(only(rpms, "restmarkd-*.x86_64.rpm"), "--requires").split("\n")
    names = {line.split()[0].split("(")[0].split(".so")[0] for line in required if line and not line.startswith("rpmlib")}
    assert names <= {"libc", "libm", "libmicrohttpd", "libmsgpackc", "libmsgpack-c", "libjson-c", "libsystemd", "libz", "ld-linux-x86-64",
                     "rtld", "systemd", "shadow-utils", "config", "/bin/sh", "/usr/bin/sh",
                     "/usr/libexec/restmark/upgrade-running"}, names  # fmt: skip
    rig = query(only(rpms, "restmark-[0-9]*.x86_64.rpm"), "--requires")
    assert "python3-click" in rig and "wrk" not in rig and "libmicrohttpd" not in rig


@pytest.mark.booted
def test_scriptlets_made_the_user_and_the_log_folder(machine: Container) -> None:
    assert machine.run("getent", "passwd", "restmark").strip().split(":")[5:] == ["/nonexistent", "/usr/sbin/nologin"]
    assert machine.run("stat", "--format=%U:%G %a", "/var/log/restmark").strip() == "restmark:adm 2750"
    assert machine.try_run("systemctl", "is-enabled", "restmarkd").stdout.strip() == "disabled"


@pytest.mark.booted
def test_the_unit_starts_and_serves(machine: Container) -> None:
    machine.verify_units()
    machine.run("systemctl", "enable", "--now", "restmarkd")
    assert machine.get() == "Welcome!\n"
    machine.run("systemctl", "reload", "restmarkd")


@pytest.mark.booted
def test_an_upgrade_under_load_loses_nothing(machine: Container) -> None:
    machine.write(INI, (machine.root / INI.lstrip("/")).read_text() + "\n; mine\n")
    pid = machine.main_pid()
    with machine.load() as load:
        machine.run("rpm", "--upgrade", "--nodeps", "/next.rpm")
        load.stop()
    assert not load.failed and load.counts["answered"], load.counts
    assert NEXT_VERSION in machine.run("restmarkctl", "status")
    assert machine.main_pid() == pid
    assert "; mine" in (machine.root / INI.lstrip("/")).read_text()


@pytest.mark.booted
def test_a_removal_stops_it_and_keeps_an_edited_configuration(machine: Container) -> None:
    machine.run("rpm", "--erase", "restmarkd")
    assert machine.run("ss", "-Hltn") == ""
    assert "; mine" in (machine.root / f"{INI.lstrip('/')}.rpmsave").read_text()
    assert not (machine.root / "usr/sbin/restmarkd").exists()
