"""The study: its claims in the order of their numbers."""

from __future__ import annotations

from ..neighbour import COMPILER
from ..study import Study
from . import (
    behind_proxies,
    connections,
    freeze,
    h2load,
    head_of_line,
    http2,
    inflation,
    parallel,
    round_trips,
    texts,
    work,
)
from .proxy import CERTIFIER, PROXIES

STUDY = Study(
    name="pipelining",
    title="What HTTP pipelining does to figures, and what it would do to users",
    notice=texts.NOTICE,
    lead=texts.LEAD,
    contestants=("restmarkd", "epoll-limit", "go-nethttp", "go-fasthttp", "rust-actix"),
    claims=(
        inflation.CLAIM,
        work.CLAIM,
        head_of_line.CLAIM,
        behind_proxies.CLAIM,
        freeze.CLAIM,
        http2.CLAIM,
        round_trips.CLAIM,
        connections.CLAIM,
        parallel.CLAIM,
    ),
    requires=(*(one.requirement for one in PROXIES), COMPILER, h2load.REQUIREMENT, h2load.ASKER, CERTIFIER),
)
