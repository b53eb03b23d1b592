"""Who makes the load of a run: this machine, machines of a host file, or a Locust cluster that is there already."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ..contestants.cache import Cache
from ..host import ports
from ..load import cluster, host_file, load, locust
from ..load.engine import LoadEngine, WatchedEngine
from ..load.host_file import LoadHost
from ..load.master import Master
from ..model.errors import EnvironmentFault, UsageFault
from ..model.load_machines import LoadMachine

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class LoadMachines:
    """What is said of them. Neither hosts nor master: this machine alone. listen: the address at which servers listen; None: to be found out."""

    hosts: tuple[LoadHost, ...] = ()
    master: Master | None = None
    listen: str | None = None


@dataclass(frozen=True)
class Loaders:
    """Those that are ready. records: of each that is not this one; listen: the address at which they reach the servers; watched: the engine, where it tells
    how far it is."""

    engine: LoadEngine = load
    watched: WatchedEngine | None = load
    records: list[LoadMachine] = field(default_factory=list)
    listen: str = LOOPBACK


HERE = Loaders()


def wished(load_from: Path | None, load_cluster: str | None, listen: str | None, ssh_config: Path | None) -> LoadMachines:
    """What the options of a command line say. Raises UsageFault."""
    if load_from is not None and load_cluster is not None:
        raise UsageFault("--load-from starts a Locust master, and --load-cluster names one", "give one of them")
    if load_from is None and load_cluster is None and listen is not None:
        raise UsageFault("--listen is for load from other machines", "give --load-from or --load-cluster, too")
    _require_address(listen)
    if load_cluster is not None:
        if listen is None:
            raise UsageFault("--load-cluster can not find out by which address its machines reach this one", "say it: --listen ADDRESS")
        return LoadMachines(master=_master(load_cluster), listen=listen)
    return LoadMachines(tuple(host_file.read(load_from, ssh_config)) if load_from else (), listen=listen)


def _require_address(listen: str | None) -> None:
    try:
        if listen is not None and ipaddress.ip_address(listen.partition("%")[0]).is_unspecified:
            raise UsageFault(f"--listen {listen} is every address and none to ask for", "name the one that the load machines reach")
    except ValueError:
        raise UsageFault(f"--listen {listen} is no IP address", "name an address of this machine, such as 192.0.2.7") from None


def require_own(listen: str | None) -> None:
    """Raises UsageFault if this machine has not the address of --listen. For whoever is to listen here."""
    try:
        if listen is not None:
            ports.choose(listen)
    except EnvironmentFault as fault:
        raise UsageFault(f"--listen {listen}: {fault.message}", "name an address of this machine that the load machines reach: ip -brief address") from None


def _master(text: str) -> Master:
    host, separator, port = text.rpartition(":")
    if not separator or not host.strip("[]") or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise UsageFault(f"--load-cluster {text}: not HOST:PORT", "name the address of the Locust master's page, such as 127.0.0.1:8089")
    return Master(host.strip("[]"), int(port))


@contextmanager
def running(wishes: LoadMachines, cache: Cache, tell: Callable[[str], None]) -> Iterator[Loaders]:
    """Those that are wished for, for the length of a with block. Raises EnvironmentFault if one is not there or can not make load."""
    if wishes.master is not None:
        assert wishes.listen is not None
        engine = cluster.join(wishes.master)
        yield Loaders(engine, None, list(engine.machines.values()), wishes.listen)
    elif wishes.hosts:
        require_own(wishes.listen)
        listen = wishes.listen or locust.address_seen_by(wishes.hosts)
        with locust.running(wishes.hosts, listen, cache, tell) as engine:
            yield Loaders(engine, None, list(engine.machines.values()), listen)
    else:
        yield HERE
