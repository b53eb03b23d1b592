"""The study: its claims in the order of their numbers."""

from __future__ import annotations

from ...contestants.own_program import COMPILER
from ..study import Study
from . import broken_data, build, building, capacity, deploy, image, memory_life, start, texts, warm_up

STUDY = Study(
    name="costs",
    title="What it costs to live with",
    notice=texts.NOTICE,
    lead=texts.LEAD,
    contestants=("restmarkd", "python-uwsgi", "pypy-tuned", "go-nethttp", "rust-axum"),
    claims=(warm_up.CLAIM, start.CLAIM, build.CLAIM, broken_data.CLAIM, memory_life.CLAIM, capacity.CLAIM, deploy.CLAIM),
    requires=(COMPILER, building.COUNTER, image.TRACER),
)
