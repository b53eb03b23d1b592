"""What the database has counted itself: statements, rows, connections. Plain figures, and their differences."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Counts:
    """Since the start of a back end. statements: that read or write rows; transactions: BEGINs, COMMITs and ROLLBACKs; rows: read and written.

    commands: those of the cache. None: it can not be told, as where pg_stat_statements is not there.
    """

    statements: int | None = None
    transactions: int | None = None
    rows: int | None = None
    commands: int | None = None

    def since(self, before: Counts) -> Counts:
        """What has come since then."""
        return Counts(
            grown(before.statements, self.statements),
            grown(before.transactions, self.transactions),
            grown(before.rows, self.rows),
            grown(before.commands, self.commands),
        )


def grown(before: int | None, after: int | None) -> int | None:
    """The difference; None where one of them is not known, and never below 0."""
    return None if before is None or after is None else max(0, after - before)
