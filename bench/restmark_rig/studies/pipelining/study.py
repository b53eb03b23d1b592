"""The study: its claims in the order of their numbers."""

from __future__ import annotations

from ...contestants.own_program import COMPILER
from ..proxy import PROXIES
from ..scratch import CERTIFIER
from ..study import Study
from . import (
    behind_proxies,
    browser,
    browsers,
    connections,
    freeze,
    h2load,
    head_of_line,
    http2,
    in_one_order,
    inflation,
    parallel,
    quic,
    round_trips,
    rpc,
    texts,
    work,
)

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
        browsers.CLAIM,
        freeze.CLAIM,
        http2.CLAIM,
        round_trips.CLAIM,
        rpc.CLAIM,
        quic.CLAIM,
        connections.CLAIM,
        parallel.CLAIM,
        in_one_order.CLAIM,
    ),
    requires=(*(one.requirement for one in PROXIES), COMPILER, h2load.REQUIREMENT, h2load.ASKER, CERTIFIER, browser.REQUIREMENT, browser.FIREFOX, quic.ENTER),
)
