"""All rows, by topic."""

from __future__ import annotations

import rows_begin
import rows_body
import rows_head
import rows_more
import rows_routes
from case import Case

TOPICS: dict[str, list[Case]] = {**rows_begin.TOPICS, **rows_head.TOPICS, **rows_body.TOPICS, **rows_more.TOPICS, **rows_routes.TOPICS}
ROWS: list[tuple[str, Case]] = [(topic, case) for topic, cases in TOPICS.items() for case in cases]
# Those that are tried once more where requests can wait, beside those that wait.
WHERE_OTHERS_WAIT: list[tuple[str, Case]] = [
    *(("waiting", case) for case in rows_routes.WAITING),
    *((topic, case) for topic in ("pipelines", "expectations", "bodies that are wanted") for case in TOPICS[topic]),
]


def row_id(topic: str, case: Case) -> str:
    """For pytest, which puts it into the environment of every program that a test starts: no NUL, and not long."""
    return f"{topic}: {case.name}".encode("ascii", "backslashreplace").decode()[:100]
