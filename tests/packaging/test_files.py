"""What can be said of the packages without installing them."""

from __future__ import annotations

import configparser
import json
import os
import re
import socket
import subprocess
import tomllib
import xml.etree.ElementTree
from pathlib import Path

import pytest
import root
from conftest import SOURCE, build, only

RELEASES = (root.HOST,)  # programs are run from where the packages were unpacked to


@pytest.fixture(scope="session")
def unpacked(debs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both packages unpacked into one folder."""
    folder = tmp_path_factory.mktemp("unpacked")
    for deb in debs.glob("*.deb"):
        root.run("dpkg-deb", "--extract", deb, folder)
    return folder


def field(deb: Path, name: str) -> str:
    return root.run("dpkg-deb", "--field", deb, name).strip()


def test_another_build_elsewhere_gives_the_same_bytes(debs: Path, tmp_path: Path) -> None:
    again = build(tmp_path / "a" / "longer" / "path", "build-deb.sh", "--no-lintian", nocheck=True)
    for deb in debs.glob("*.deb"):
        assert deb.read_bytes() == (again / deb.name).read_bytes(), deb.name


def test_versions_agree(debs: Path) -> None:
    found = re.search(r"project\(restmark VERSION ([0-9.]+)", (SOURCE / "CMakeLists.txt").read_text())
    assert found
    version = found[1]
    assert (SOURCE / "packaging/debian/changelog").read_text().startswith(f"restmark ({version})")
    assert f"\nVersion: {version}\n" in (SOURCE / "packaging/rpm/restmark.spec").read_text()
    assert f'__version__ = "{version}"' in (SOURCE / "bench/restmark_rig/__init__.py").read_text()
    for name in ("restmarkd_*.deb", "restmark_*.deb"):
        assert field(only(debs, name), "Version") == version


def test_the_build_path_is_nowhere(unpacked: Path) -> None:
    for program in ("usr/sbin/restmarkd", "usr/bin/restmarkctl", "usr/bin/restmark-load"):
        data = (unpacked / program).read_bytes()
        assert b"/tmp/" not in data and str(SOURCE).encode() not in data


def test_programs_are_hardened(unpacked: Path) -> None:
    for program in ("usr/sbin/restmarkd", "usr/bin/restmarkctl", "usr/bin/restmark-load"):
        dynamic = root.run("readelf", "--wide", "--dynamic", "--file-header", unpacked / program)
        assert "BIND_NOW" in dynamic and "DYN (Position-Independent Executable file)" in dynamic
        symbols = root.run("readelf", "--wide", "--dyn-syms", unpacked / program)
        assert "__stack_chk_fail" in symbols and "_chk@" in symbols


def test_each_library_that_is_linked_is_used(unpacked: Path) -> None:
    """A package that depends on a library without need is one that cannot be installed without it."""
    for program in ("usr/sbin/restmarkd", "usr/bin/restmarkctl", "usr/bin/restmark-load"):
        # GnuTLS's stand-in is there so that libmicrohttpd finds it.
        done = subprocess.run(["ldd", "--unused", str(unpacked / program)], capture_output=True, text=True, check=False)
        assert ".so" not in done.stdout.replace("libgnutls.so", ""), f"{program}: {done.stdout}"


def test_dependencies_are_those_of_what_is_imported(debs: Path, unpacked: Path) -> None:
    """Each Python module that the rig imports has its package, and each package a module."""
    packages = {"click", "jinja2", "jsonschema", "msgpack", "numpy", "rich"}
    modules = set()
    for file in (unpacked / "usr/share/restmark/bench/restmark_rig").rglob("*.py"):
        if "template" not in file.parts:
            modules |= set(re.findall(r"(?m)^\s*(?:from|import) ([a-z_0-9]+)", file.read_text()))
    assert modules & packages == packages
    depends = field(only(debs, "restmark_*.deb"), "Depends")
    assert set(re.findall(r"python3-([a-z0-9]+)", depends)) == packages
    assert "restmarkd" in depends and "wrk" not in depends
    assert "wrk" in field(only(debs, "restmark_*.deb"), "Suggests")
    assert "python" not in field(only(debs, "restmarkd_*.deb"), "Depends")


def test_man_pages_are_clean(unpacked: Path) -> None:
    pages = [path for section in ("man1", "man5", "man8") for path in (unpacked / "usr/share/man" / section).iterdir()]
    assert {page.name for page in pages} == {
        "restmarkd.8.gz", "restmarkd.ini.5.gz", "restmarkctl.1.gz", "restmark-rss.1.gz", "restmark-load.1.gz", "restmark.1.gz",
    }  # fmt: skip
    for page in pages:
        done = subprocess.run(
            ["man", "--warnings", "--encoding=UTF-8", "--local-file", "--ditroff", str(page)],
            capture_output=True, check=False, env={**os.environ, "MANROFFSEQ": "", "MANWIDTH": "80", "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        assert done.returncode == 0 and done.stderr == b"", f"{page.name}: {done.stderr.decode()}"


def test_units_are_good_and_the_sandbox_is_tight(unpacked: Path, tmp_path: Path) -> None:
    units = next(path.parent for path in unpacked.rglob("restmarkd.service") if path.parent.name == "system")
    # Programs and the user are not installed here: the unit is checked in a root that has them.
    for name in ("restmarkd.service", "restmarkd@.service"):
        unit = units / name
        done = subprocess.run(
            ["systemd-analyze", "security", "--offline=yes", "--threshold=15", "--no-pager", str(unit)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
    assert "--now" not in (units / "restmarkd.socket").read_text()


def run_with_stubs(script: str, folder: Path, ctl_code: int = 0) -> subprocess.CompletedProcess[str]:
    """A script of the package, with a systemctl that knows one unit, which is reloading, and cannot read its units anew."""
    stubs = {
        "systemctl": 'echo "systemctl $*" >>calls; case "$1 $2" in daemon-reload*) exit 1;;\n'
        '"list-units --state="*) case ",${2#--state=}," in *,reloading,*) echo restmarkd.service loaded reloading reload;; esac;; esac',
        "restmarkctl": f'echo "restmarkctl $*" >>calls; exit {ctl_code}',
    }
    for name, text in stubs.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    (folder / "run/systemd/system").mkdir(parents=True, exist_ok=True)
    (folder / "calls").write_text("")
    return subprocess.run(
        ["sh", "-c", script.replace("/run/", f"{folder}/run/")], capture_output=True, text=True, check=False, cwd=folder,
        env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}, timeout=30,
    )  # fmt: skip


def test_an_upgrade_reaches_units_that_reload_also_when_systemd_cannot(tmp_path: Path) -> None:
    script = (SOURCE / "packaging/upgrade-running").read_text()
    done = run_with_stubs(script, tmp_path)
    assert (done.returncode, done.stdout) == (0, "restmarkd.service: upgraded in place\n")
    assert done.stderr.startswith("systemctl daemon-reload failed")
    assert f"restmarkctl -s {tmp_path}/run/restmark/control.sock upgrade\n" in (tmp_path / "calls").read_text()


def test_only_a_daemon_without_a_control_socket_is_restarted_by_an_upgrade(tmp_path: Path) -> None:
    script = (SOURCE / "packaging/upgrade-running").read_text()
    assert "no control socket, so it is restarted" in run_with_stubs(script, tmp_path, 69).stderr
    assert "systemctl try-restart restmarkd.service\n" in (tmp_path / "calls").read_text()
    (tmp_path / "run/restmark").mkdir()
    with socket.socket(socket.AF_UNIX) as full:  # which takes no command now
        full.bind(str(tmp_path / "run/restmark/control.sock"))
        assert "goes on with the program that it runs" in run_with_stubs(script, tmp_path, 69).stderr
    assert "try-restart" not in (tmp_path / "calls").read_text()


def test_logs_of_a_unit_that_reloads_are_opened_again(tmp_path: Path) -> None:
    found = re.search(r"postrotate\n(.*)\tendscript", (SOURCE / "packaging/logrotate").read_text(), re.DOTALL)
    assert found
    assert run_with_stubs(found[1], tmp_path).returncode == 0
    assert "systemctl kill --kill-who=main --signal=USR1 restmarkd.service\n" in (tmp_path / "calls").read_text()


def test_firewall_definitions_name_the_default_port_and_open_nothing(unpacked: Path) -> None:
    service = xml.etree.ElementTree.parse(unpacked / "usr/lib/firewalld/services/restmarkd.xml").getroot()
    assert service.tag == "service" and [port.attrib for port in service.findall("port")] == [{"protocol": "tcp", "port": "8080"}]
    ufw = configparser.ConfigParser()
    ufw.read(unpacked / "etc/ufw/applications.d/restmarkd")
    assert ufw["restmarkd"]["ports"] == "8080/tcp"
    text = root.run("grep", "--recursive", "--files-with-matches", "--include=*", "ListenStream", unpacked / "usr/lib") \
        if (unpacked / "usr/lib/systemd").exists() else root.run("grep", "-rl", "ListenStream", unpacked / "lib")  # fmt: skip
    assert [Path(line).name for line in text.split()] == ["restmarkd.socket"]


def test_the_installed_rig_finds_its_contestants(unpacked: Path, tmp_path: Path) -> None:
    """Run from where it was unpacked to, as it finds everything from its own place."""
    done = subprocess.run(
        [str(unpacked / "usr/bin/restmark"), "list"], capture_output=True, text=True, check=False,
        env={**os.environ, "RESTMARK_CACHE": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for peer in (SOURCE / "bench/peers").glob("*/contestant.toml"):
        assert peer.parent.name in done.stdout


def test_the_installed_rig_takes_the_installed_restmarkd_and_finds_it_to_do_the_work(unpacked: Path, tmp_path: Path) -> None:
    sources = ("find", unpacked, "-type", "f", "-not", "-name", "*.pyc")  # Python's cache is made by the package itself
    before = root.run(*sources)
    done = subprocess.run(
        [str(unpacked / "usr/bin/restmark"), "verify", "-C", "restmarkd", "-C", "epoll-limit", "--json"],
        capture_output=True, text=True, check=False, cwd=tmp_path, timeout=600,
        env={**os.environ, "RESTMARK_CACHE": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    versions = {row["name"]: row["versions"] for row in json.loads(done.stdout)["contestants"]}
    assert versions["restmarkd"]["installed program"] == str(unpacked / "usr/sbin/restmarkd")
    assert root.run(*sources) == before, "nothing is written where the package is installed"


def test_the_installed_rig_makes_a_contestant_of_its_own_sources(unpacked: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [str(unpacked / "usr/bin/restmark"), "new-contestant", "mine", "--template", "go"], capture_output=True, text=True, check=False,
        env={**os.environ, "RESTMARK_CACHE": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert {"mine/README.md", "mine/go.sum", "mine/common/go-workloads/loop.go"} <= set(done.stdout.split())


def words(deb: Path, name: str) -> set[str]:
    """The names of packages in a field."""
    return set(re.findall(r"(?:^|[,|]) *([a-z0-9][a-z0-9.+-]+)", field(deb, name)))


def test_what_contestants_need_is_recommended_or_suggested(debs: Path) -> None:
    deb = only(debs, "restmark_*.deb")
    known = words(deb, "Depends") | words(deb, "Recommends") | words(deb, "Suggests") | {"python3"}
    for peer in (SOURCE / "bench/peers").glob("*/contestant.toml"):
        manifest = tomllib.loads(peer.read_text())
        if "prebuilt" not in manifest:
            needed = {package for item in manifest.get("requires", []) for package in item["packages"]}
            unknown = [alternatives for alternatives in needed if not known & set(alternatives.split("|"))]
            assert not unknown, (peer, unknown)


def test_sizes_are_reported(debs: Path) -> None:
    for deb in sorted(debs.glob("*.deb")):
        facts = {name: field(deb, name) for name in ("Package", "Installed-Size", "Depends", "Recommends", "Suggests")}
        print(json.dumps({**facts, "deb bytes": deb.stat().st_size}))
        assert deb.stat().st_size < (4_000_000 if "-dbgsym_" in deb.name else 1_000_000)  # symbols for debuggers come when asked for alone
