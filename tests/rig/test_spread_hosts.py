"""What load machines are asked before their workers start, with a program in ssh's place: each that can not take part is named, with what helps."""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from restmark_rig.host import ssh
from restmark_rig.host.ssh import SshTarget
from restmark_rig.load import far_machine, host_file, load_program, locust
from restmark_rig.load.host_file import LoadHost
from restmark_rig.model.errors import EnvironmentFault, UsageFault

TARGET = SshTarget("far", "bench", 2222, Path("/c/config"))
FAR = LoadHost("load2", TARGET, where="hosts:3")


def _ssh(folder: Path, monkeypatch: pytest.MonkeyPatch, first: str = "") -> None:
    """A far side that is this one: runs what ssh is told to, by a shell that does something of its own first."""
    program = folder / "bin" / "ssh"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nwhile [ $# -gt 1 ]; do shift; done\nexport SSH_CONNECTION="10.0.0.1 5 10.0.0.2 22"\n{first}\neval "$1"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("RESTMARK_CACHE", str(folder / "far-cache"))


def test_a_far_machine_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _ssh(tmp_path, monkeypatch)
    assert locust.address_seen_by([LoadHost("local", None), FAR]) == "10.0.0.1"
    for _ in range(2):
        kept = Path(far_machine.keep_load_program(FAR))
        assert kept.read_bytes() == load_program.path().read_bytes() and os.access(kept, os.X_OK)
    assert list(kept.parent.iterdir()) == [kept] and kept.is_relative_to(tmp_path / "far-cache")
    far_machine.require_cpus(FAR)


@pytest.mark.parametrize("greeting", ["echo Welcome to this machine", "printf 'Welcome to this machine'"])
def test_a_shell_that_prints_by_itself_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, greeting: str) -> None:
    _ssh(tmp_path, monkeypatch, greeting)
    for ask in (far_machine.address_of_this, far_machine.keep_load_program):
        with pytest.raises(EnvironmentFault) as caught:
            ask(FAR)
        assert caught.value.message == "the shell of load2 prints 'Welcome to this machine' on standard output, where only answers may stand"
        assert "start-up files" in caught.value.remedy


@pytest.mark.parametrize("target", [TARGET, None])
def test_cpus_that_a_machine_has_not_are_named_with_those_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: SshTarget | None) -> None:
    _ssh(tmp_path, monkeypatch)
    beyond = max(os.sched_getaffinity(0)) + 4000
    path = tmp_path / "hosts"
    path.write_text(f"\nlocal name=load2 cpus=0,{beyond}\n")
    (host,) = host_file.read(path)
    with pytest.raises(UsageFault) as caught:
        far_machine.require_cpus(replace(host, target=target))
    assert caught.value.message == f"{path}:2: cpus=0,{beyond}: load2 has no CPU {beyond}"
    assert caught.value.remedy.startswith("choose out of ") and caught.value.remedy[-1].isdigit()


def test_a_folder_that_can_not_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _ssh(tmp_path, monkeypatch)
    (tmp_path / "far-cache").write_text("no folder")
    with pytest.raises(EnvironmentFault) as caught:
        far_machine.keep_load_program(FAR)
    assert f"restmark-load can not be kept in {tmp_path}/far-cache/load" in caught.value.message and caught.value.message.startswith("load2 ")
    assert "RESTMARK_CACHE" in caught.value.remedy and "load=" in caught.value.remedy and "ssh" not in caught.value.remedy


def test_only_where_ssh_failed_it_is_to_be_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _ssh(tmp_path, monkeypatch, "echo 'Connection refused' >&2; exit 255")
    with pytest.raises(EnvironmentFault, match="load2 can not be reached: Connection refused") as caught:
        far_machine.address_of_this(FAR)
    assert caught.value.remedy == "try: ssh -F /c/config -l bench -p 2222 far true"


def test_what_is_to_be_tried_is_what_ssh_takes() -> None:
    assert ssh.by_hand(SshTarget("h")) == "ssh h true"
    # ssh itself would say that it knows no such option, or no such host as HOST:PORT.
    words = shlex.split(ssh.by_hand(SshTarget("::1", None, 22, Path("/a b"))))
    assert words == ["ssh", "-F", "/a b", "-p", "22", "::1", "true"]


@pytest.mark.parametrize(("text", "told"), [("a cpus=5-3", "cpus=5-3 is no list"), ("a cpus=x", "cpus=x is no list")])
def test_cpus_that_are_no_list(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "hosts").write_text(text)
    with pytest.raises(UsageFault, match=told) as caught:
        host_file.read(tmp_path / "hosts")
    assert caught.value.remedy
