"""Command lines of ssh: what they say, and that what runs behind them ends with the connection."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest
from restmark_rig.host import proctree, ssh
from restmark_rig.host.ssh import SshTarget
from restmark_rig.model.errors import UsageFault

from .helpers import wait_until

_PATIENCE_S = 120


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("load1", SshTarget("load1")),
        ("ssh://load1", SshTarget("load1")),
        ("bench@load1.example:2222", SshTarget("load1.example", "bench", 2222)),
        ("ssh://bench@10.0.0.7:22/", SshTarget("10.0.0.7", "bench", 22)),
        ("root@[fe80::1%eth0]:2200", SshTarget("fe80::1%eth0", "root", 2200)),
        ("[::1]", SshTarget("::1")),
    ],
)
def test_a_machine_is_read_as_ssh_users_write_it(text: str, target: SshTarget) -> None:
    assert ssh.parse(text) == target
    assert ssh.parse(target.text) == target


@pytest.mark.parametrize("text", ["", "a b", "@host", "host:", "host:0", "host:70000", "-oProxyCommand=id", "-l@host", "::1", "host/path", "a@b@c"])
def test_what_names_no_machine_is_refused(text: str) -> None:
    with pytest.raises(UsageFault):
        ssh.parse(text)


def test_options_are_before_the_machine_and_never_ask() -> None:
    target = SshTarget("h", "u", 22, Path("/c/config"), Path("/run/s"))
    words = ssh.ssh_command(target, ["echo", "a b", "$x"], reads_stdin=True)
    machine = words.index("--") + 1
    assert words[machine:] == ["h", "echo 'a b' '$x'"]
    assert words[words.index("-F") + 1] == "/c/config"
    assert {"BatchMode=yes", "ControlMaster=auto", "ControlPath=/run/s/%C"} <= set(words[:machine])
    assert "ControlMaster=no" in ssh.ssh_command(SshTarget("h"), ["true"])


def test_a_guarded_command_keeps_its_words_and_exit_code() -> None:
    words = ["sh", "-c", 'printf "%s|" "$@"; exit 7', "sh", "it's", "$HOME", "a  b", "", "!x"]
    with subprocess.Popen(ssh.guarded(words), shell=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.read() == "it's|$HOME|a  b||!x|"
        assert process.wait(_PATIENCE_S) == 7


@pytest.mark.parametrize("trap", ["", "trap '' TERM; "])
def test_a_guarded_command_and_its_children_end_with_standard_input(trap: str) -> None:
    program = f"{trap}sleep 1000 & echo $! $$; wait; wait; wait"
    with subprocess.Popen(ssh.guarded(["sh", "-c", program]), shell=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        pids = [int(word) for word in process.stdout.readline().split()]
        assert not any(map(proctree.is_zombie, pids))
        process.stdin.close()
        process.stdout.read()  # its end: nobody holds it any more
        assert process.wait(_PATIENCE_S) in (128 + signal.SIGTERM, 128 + signal.SIGKILL)
    assert wait_until(lambda: all(map(proctree.is_zombie, pids)))
