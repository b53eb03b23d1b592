"""A process may end, and a descriptor be closed, between two looks at them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import processes


@pytest.fixture
def ended() -> int:
    """The pid of a process that has been waited for."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    assert process.wait(60) == 0
    return process.pid


def test_of_one_that_has_ended_nothing_is_told(ended: int) -> None:
    assert processes.stat_fields(ended) == []
    assert (processes.state(ended), processes.name(ended), processes.children(ended)) == ("", "", [])
    assert not processes.is_alive(ended) and not processes.is_stopped(ended)
    with pytest.raises(FileNotFoundError):
        processes.open_files(ended)


def test_it_ends_between_the_open_and_the_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_late(_path: Path) -> str:
        raise ProcessLookupError

    monkeypatch.setattr(Path, "read_text", too_late)
    assert processes.stat_fields(os.getpid()) == []
    assert processes.name(os.getpid()) == ""
    assert processes.children(os.getpid()) == []


def test_a_zombie_is_not_alive() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert processes.is_alive(process.pid) and process.pid in processes.children(os.getpid())
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert processes.state(process.pid) == "Z" and not processes.is_alive(process.pid)


def test_what_is_closed_meanwhile_is_left_out() -> None:
    """The listing has the descriptor with which the folder itself is read, which is closed when its link is."""
    with open(__file__, encoding="utf-8") as file:
        found = processes.open_files(os.getpid())
        assert found[file.fileno()] == os.path.realpath(__file__)
        assert set(os.listdir("/proc/self/fd")) - {str(number) for number in found}


def test_sockets_are_named_by_their_inodes() -> None:
    with socket.socket() as one:
        assert str(os.fstat(one.fileno()).st_ino) in processes.sockets(os.getpid())
