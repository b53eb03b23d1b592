"""The study."""

from __future__ import annotations

from ..study import Study
from . import one_route

STUDY = Study(
    name="front",
    title="One route at a time",
    notice="The figures of this study are of servers behind a front server: none of them enters the tables of restmark run, which asks servers themselves.",
    lead=(
        "A service is seldom moved in a day. A front server sends one route to the new stack and the others to the old: what that costs, and what it leaves "
        "of the gain."
    ),
    contestants=("python-uwsgi", "restmarkd", "go-nethttp", "rust-axum"),
    claims=(one_route.CLAIM,),
    requires=(one_route.FRONT.requirement,),
)
