"""All rows, by topic."""

from __future__ import annotations

import rows_begin
import rows_body
import rows_head
import rows_more
from case import Case

TOPICS: dict[str, list[Case]] = {**rows_begin.TOPICS, **rows_head.TOPICS, **rows_body.TOPICS, **rows_more.TOPICS}
ROWS: list[tuple[str, Case]] = [(topic, case) for topic, cases in TOPICS.items() for case in cases]


def row_id(topic: str, case: Case) -> str:
    """For pytest, which puts it into the environment of every program that a test starts: no NUL, and not long."""
    return f"{topic}: {case.name}".encode("ascii", "backslashreplace").decode()[:100]
