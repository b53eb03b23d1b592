"""The study: its claims in the order of their numbers."""

from __future__ import annotations

from ..study import Study
from . import connections, head_of_line, inflation, parallel, round_trips, texts, work

STUDY = Study(
    name="pipelining",
    title="What HTTP pipelining does to figures, and what it would do to users",
    notice=texts.NOTICE,
    lead=texts.LEAD,
    contestants=("restmarkd", "epoll-limit", "go-nethttp", "go-fasthttp", "rust-actix"),
    claims=(inflation.CLAIM, work.CLAIM, head_of_line.CLAIM, round_trips.CLAIM, connections.CLAIM, parallel.CLAIM),
)
