"""From --server to the Placement that it means."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..contestants.cache import Cache
from ..host import ssh
from ..host.installation import PACKAGE
from ..model.errors import EnvironmentFault, UsageFault
from ..server.placement import Local, Placement
from ..store import record_codec, rig_identity
from . import bootstrap, program
from .link import Link
from .protocol import Hello
from .remote import Remote

SCHEME = "ssh://"


@dataclass(frozen=True)
class ServerPlace:
    """What the options say of the servers' machine. server: ssh://[USER@]HOST[:PORT], None for this machine; agent: the command that is
    the agent there, None to send it; address: where the load reaches the servers, None for where ssh came in; ssh_config: a file for ssh
    in place of the user's own."""

    server: str | None = None
    agent: str | None = None
    address: str | None = None
    ssh_config: Path | None = None

    def check(self, loaded_by_ssh: bool = False) -> None:
        """Raises UsageFault for options that say nothing without --server, and for a --server that names no machine. loaded_by_ssh: whether
        --ssh-config is for load machines, too."""
        if self.server is None:
            config = None if loaded_by_ssh else self.ssh_config
            given = {"--server-agent": self.agent, "--server-address": self.address, "--ssh-config": config}
            if named := [name for name, value in given.items() if value is not None]:
                remedy = f"name the servers' machine, too: --server {SCHEME}HOST; --ssh-config also goes with --load-from"
                raise UsageFault(f"{' and '.join(named)} without --server", remedy)
        elif not self.server.startswith(SCHEME):
            raise UsageFault(f"--server {self.server}: servers are reached by ssh", f"write {SCHEME}[USER@]HOST[:PORT]")
        else:
            ssh.parse(self.server)

    def argv(self) -> list[str]:
        """The options again."""
        config = self.ssh_config.absolute() if self.ssh_config else None
        options = {"--server": self.server, "--server-agent": self.agent, "--server-address": self.address, "--ssh-config": config}
        return [word for name, value in options.items() if value is not None for word in (name, str(value))]


@contextmanager
def opened(place: ServerPlace, cache: Cache) -> Iterator[Placement]:
    """The servers' machine for the length of a with block; whatever ends that, nothing of the run is left there. Raises UsageFault,
    EnvironmentFault, ConnectionLost."""
    if place.server is None:
        yield Local(cache)
        return
    target = ssh.parse(place.server, place.ssh_config)
    words = ["python3", "-c", bootstrap.PROGRAM] if place.agent is None else shlex.split(place.agent)
    first = bootstrap.first_bytes() if place.agent is None else b""
    argv = ssh.ssh_command(target, words, reads_stdin=True)
    with speaking(place.server, argv, first, place.address, cache, ssh.by_hand(target)) as remote:
        yield remote


@contextmanager
def speaking(where: str, argv: list[str], first: bytes, address: str | None, cache: Cache, trial: str = "") -> Iterator[Remote]:
    """The machine on which this command is an agent, for the length of a with block. first: what is sent before all else; address: None for
    the one by which the agent was reached."""
    link = Link(where, argv, cache.log_file("agent"), first, trial)
    try:
        hello = record_codec.decode(Hello, link.hello)
        if hello.rig_sha256 != rig_identity.digest(PACKAGE):
            raise EnvironmentFault(
                f"the agent on {where} is of another restmark ({hello.version}, sources {hello.rig_sha256[:12]})",
                "install the same one there, or leave --server-agent out, and it is sent",
            )
        if not (address or hello.address):
            raise EnvironmentFault(f"the agent on {where} can not tell its address", "name it with --server-address")
        yield Remote(link, hello, address or hello.address, hello.boot_id == program.boot_id())
    finally:
        link.close()
