"""Types of options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ...model import limits, traffic
from ...model.errors import UsageFault
from ...model.workloads import ALL_ROUTES, GROUPS

_CONNECTIONS = click.IntRange(1, 10_000)


class CountList(click.ParamType):
    """Numbers: 64, or 1,16,256."""

    name = "counts"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        return tuple(_CONNECTIONS.convert(part.strip(), param, ctx) for part in str(value).split(","))


class Route(click.Choice):
    """A workload, with or without its slash."""

    def __init__(self) -> None:
        super().__init__(ALL_ROUTES)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return traffic.parse_route(str(value))
        except UsageFault as fault:
            self.fail(f"{fault.message}; {fault.remedy}", param, ctx)


class Workload(click.Choice):
    """A workload, with or without its slash, or a group of them: all its routes."""

    def __init__(self) -> None:
        super().__init__([*GROUPS, *ALL_ROUTES])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        if value in GROUPS:
            return GROUPS[value]
        return (Route().convert(value, param, ctx),)


class Mix(click.ParamType):
    """Routes with their weights: /=5,/encode-json=3."""

    name = "mix"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, float]:
        if isinstance(value, dict):
            return value
        try:
            return traffic.parse_mix(str(value))
        except UsageFault as fault:
            self.fail(f"{fault.message}; {fault.remedy}", param, ctx)


baseline_option = click.option(
    "--baseline",
    metavar="NAME|DIR",
    help="Show the others against this contestant, e.g. the one that you have now.",
)
_mix_option = click.option(
    "--mix",
    type=Mix(),
    metavar="ROUTE=WEIGHT,…",
    help="Also show one figure for a traffic of these workloads, e.g. '/=5,/encode-json=3'.",
)
_mix_from_option = click.option(
    "--mix-from",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Make the mix of your own traffic: an access log (nginx, Apache; also .gz), a HAR file, or an OpenAPI document. "
    "What is taken for what is printed.",
)
_mix_map_option = click.option(
    "--mix-map",
    multiple=True,
    metavar="REGEX=ROUTE",
    help="What requests of --mix-from whose 'METHOD /path' matches stand for; - leaves them out. Repeatable; the first that fits counts.",
)


_database_url_option = click.option(
    "--database-url",
    metavar="URL|@FILE",
    help="Your own PostgreSQL instead of one that is started: an empty database of it, postgresql://USER@HOST/NAME, or a file with the URL. "
    "The password stands in that file, or in the environment as RESTMARK_DATABASE_PASSWORD.",
)
_cache_url_option = click.option(
    "--cache-url",
    metavar="URL|@FILE",
    help="Your own Redis instead of one that is started: an empty database of it, redis://HOST:PORT/NUMBER or unix:///PATH, or a file with the "
    "URL. The password stands in that file, or in the environment as RESTMARK_CACHE_PASSWORD.",
)
_database_connections_option = click.option(
    "--database-connections",
    type=click.IntRange(1, 100),
    default=4,
    show_default=True,
    metavar="N",
    help="Connections to the database that each worker may open, equal for all.",
)
_back_end_cpus_option = click.option(
    "--back-end-cpus", metavar="LIST", help="CPUs of the database and the cache that are started [default: some of the client's]."
)


_load_from_option = click.option(
    "--load-from",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="HOSTFILE",
    help="Make the load on these machines, reached by ssh: a file with [USER@]HOST[:PORT] on each line. Takes 'restmark setup distributed', here and there.",
)
_load_cluster_option = click.option(
    "--load-cluster",
    metavar="HOST:PORT",
    help="Make the load on the workers of a Locust master that runs already, with restmark's locustfile: the address of its page. Takes --listen.",
)
_listen_option = click.option(
    "--listen",
    metavar="ADDRESS",
    help="Address of this machine by which the load machines reach servers [default: that by which ssh reached the first of them].",
)


def load_machine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--load-from, --load-cluster and --listen."""
    return _load_from_option(_load_cluster_option(_listen_option(command)))


def back_end_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--database-url, --cache-url, --database-connections and --back-end-cpus."""
    return _database_url_option(_cache_url_option(_database_connections_option(_back_end_cpus_option(command))))


class Memory(click.ParamType):
    """An amount of memory, bytes."""

    name = "memory"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> int:
        """Raises click.BadParameter."""
        try:
            return value if isinstance(value, int) else limits.parse_memory(value)
        except UsageFault as fault:
            self.fail(f"{fault.message}; {fault.remedy}", parameter, context)


_cpus_option = click.option(
    "--cpus",
    type=click.FloatRange(0.01, 4096),
    metavar="N",
    help="CPU time that each server may use at most, by its control group, 2 or 0.5 CPUs' worth say [default: no limit].",
)
_memory_option = click.option(
    "--memory", type=Memory(), metavar="SIZE", help="Memory that each server may use at most, by its control group, e.g. 512M [default: no limit]."
)


def limit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--cpus and --memory."""
    return _cpus_option(_memory_option(command))


_server_option = click.option(
    "--server",
    metavar="ssh://[USER@]HOST[:PORT]",
    help="Build, run and watch the servers on that machine, and load them from here. It needs Python 3.11 and what contestants need.",
)
_server_agent_option = click.option(
    "--server-agent", metavar="COMMAND", help="The agent there, e.g. 'restmark agent' where restmark is installed [default: it is sent]."
)
_server_address_option = click.option(
    "--server-address", metavar="ADDRESS", help="Where servers listen there, and the load reaches them [default: where ssh comes in]."
)
ssh_config_option = click.option(
    "--ssh-config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="For --server and --load-from, a configuration of ssh in place of your own.",
)


def server_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--server, --server-agent and --server-address."""
    return _server_option(_server_agent_option(_server_address_option(command)))


def mix_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--mix, --mix-from and --mix-map."""
    return _mix_option(_mix_from_option(_mix_map_option(command)))
