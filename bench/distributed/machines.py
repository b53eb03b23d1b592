"""Machines made of this one: each a network namespace, joined to this one by a link, with an sshd of its own. taking_away.py has the other way."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import taking_away
from shared_folder import SSHD_RUN
from stopping import Fault, Signals, wait_until
from taking_away import run

PORT = 2222
SUBNET = "198.18"  # and 198.19: for benchmarks, by RFC 2544; nobody's on the internet
WAIT_S = 60.0
ROOM_BYTES = 1 << 16  # of keys, configurations and logs


def temporary() -> Path:
    """Where folders are made. Not tempfile.gettempdir(): that goes elsewhere without a word if the one that was named is full."""
    return Path(os.environ.get("TMPDIR") or "/tmp")


def make_folder(name: str, stack: ExitStack) -> Path:
    """A private one, gone with the stack. Raises OSError, with its name, if nothing can be written there."""
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=temporary()))
    stack.callback(taking_away.folder, folder)
    room = folder / "room"
    try:
        room.write_bytes(bytes(ROOM_BYTES))
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(temporary())) from None
    room.unlink()
    return folder


def free_net(stack: ExitStack) -> str:
    """The first three numbers of a network that this machine has no address in, held by a name that the kernel gives to one alone."""
    taken = run("ip", "-o", "-4", "address")
    for third in range(256):
        net = f"{SUBNET}.{(os.getpid() + third) % 256}"
        if f" {net}." in taken:
            continue
        held = stack.enter_context(socket.socket(socket.AF_UNIX))
        try:
            held.bind(f"\0restmark-{net}")
        except OSError:
            continue  # another one has just chosen it
        return net
    raise Fault(f"all networks of {SUBNET}.0.0/16 are in use; namespaces clean")


class Access:
    """Keys and configurations of ssh that lead to these machines alone. sshd_lines: more of sshd_config."""

    def __init__(self, folder: Path, name: str, sshd_lines: str = "") -> None:
        self.folder = folder
        self.config, self.sshd_config = folder / "ssh_config", folder / "sshd_config"
        for key in ("host_key", "key"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder / key)
        shutil.copy(folder / "key.pub", folder / "authorized_keys")
        public = " ".join((folder / "host_key.pub").read_text().split()[:2])
        (folder / "known_hosts").write_text(f"* {public}\n[*]:{PORT} {public}\n")
        self.sshd_config.write_text(
            f"Port {PORT}\nHostKey {folder}/host_key\nAuthorizedKeysFile {folder}/authorized_keys\nPidFile none\nUsePAM no\n"
            "StrictModes no\nPermitRootLogin prohibit-password\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nUseDNS no\n"
            f"MaxStartups 100\n{sshd_lines}"
        )
        self.config.write_text(
            f"Host *\n  User root\n  IdentityFile {folder}/key\n  IdentitiesOnly yes\n  StrictHostKeyChecking yes\n"
            f"  UserKnownHostsFile {folder}/known_hosts\n  GlobalKnownHostsFile /dev/null\n  LogLevel ERROR\n"
        )


@dataclass(frozen=True)
class Machine:
    """What is to be made. device: this side's end of the link; near: this side's address, as it sees it."""

    space: str
    device: str
    near: str
    address: str

    @property
    def log(self) -> str:
        """Of its sshd, within the folder of its access."""
        return f"{self.space}.log"


def make(
    machine: Machine, access: Access, signals: Signals, stack: ExitStack, group_of: Callable[[str], Path | None] = lambda _: None
) -> None:
    """A namespace, a link of which one end is in it, and an sshd there, gone with the stack. group_of: makes a control group of that name for it.

    Raises Fault, OSError, Stopped.
    """
    with signals.heard():
        pass  # between two of them it may end
    stack.callback(taking_away.machine, machine.space, machine.device)
    run("ip", "netns", "add", machine.space)
    run("ip", "link", "add", machine.device, "type", "veth", "peer", "name", "eth0", "netns", machine.space)
    run("ip", "address", "add", machine.near, "peer", machine.address, "dev", machine.device)
    run("ip", "link", "set", machine.device, "up")
    here = ("address", "add", machine.address, "peer", machine.near, "dev", "eth0")
    for words in (here, ("link", "set", "eth0", "up"), ("link", "set", "lo", "up")):
        run("ip", "-netns", machine.space, *words)
    _start_sshd(machine, access, signals, group_of(machine.space))


def join(machine: Machine) -> None:
    """Lets it reach the others, where one of them has the servers; that ends with the link."""
    run("ip", "-netns", machine.space, "route", "add", "default", "via", machine.near)
    Path(f"/proc/sys/net/ipv4/conf/{machine.device}/forwarding").write_text("1\n")


def _start_sshd(machine: Machine, access: Access, signals: Signals, group: Path | None) -> None:
    log = access.folder / machine.log
    # Not `ip netns exec`: that hides the control groups below /sys, by which CPU time is accounted for.
    words = ["nsenter", f"--net={taking_away.SPACES / machine.space}", "/usr/sbin/sshd", "-D", "-e", "-f", str(access.sshd_config)]
    with log.open("wb") as file:
        sshd = subprocess.Popen(
            [*words, "-o", f"ListenAddress={machine.address}"],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
            preexec_fn=lambda: _enter(group),
        )
    with signals.heard():
        wait_until(lambda: b"Server listening" in log.read_bytes() or sshd.poll() is not None, WAIT_S)
    if b"Server listening" not in log.read_bytes():
        raise Fault(f"the sshd of {machine.space} did not start: {log.read_text(errors='replace').strip()}")


def _enter(group: Path | None) -> None:
    if group is not None:
        (group / "cgroup.procs").write_text(str(os.getpid()))


def sshd_folder(stack: ExitStack) -> None:
    """What every sshd wants to be there."""
    stack.enter_context(SSHD_RUN.used())
