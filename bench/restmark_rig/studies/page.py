"""index.html of a study: one file with everything in it, no script, nothing loaded from anywhere; in the style of a run's report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..report import page as report_page
from ..report.svg import Figure
from ..report.table import CellText, Column, Table
from . import charts
from .record import HOLDS, HOLDS_NOT, ClaimRecord, FigureTable, StudyResults

_CSS = {HOLDS: "verdict-holds", HOLDS_NOT: "verdict-not"}


@dataclass(frozen=True)
class ClaimView:
    """What the template shows of a claim."""

    record: ClaimRecord

    @property
    def anchor(self) -> str:
        return f"claim-{self.record.number}"

    @property
    def css(self) -> str:
        """The class of the verdict."""
        return _CSS.get(self.record.finding.verdict, "verdict-open")

    def figures(self) -> Iterator[Figure]:
        """The drawings of its charts."""
        for chart in self.record.finding.charts:
            if (drawn := charts.figure(chart)) is not None:
                yield drawn

    def tables(self) -> list[Table]:
        """Its tables."""
        return [as_table(table) for table in self.record.finding.tables]


class StudyView:
    """What the template asks for."""

    badges: dict[str, str] = {}  # noqa: RUF012  (of a run's report: a study's tables have none)

    def __init__(self, results: StudyResults) -> None:
        self.results = results
        self.claims = [ClaimView(claim) for claim in results.claims]


def as_table(table: FigureTable) -> Table:
    """The same for the report's template. A column is set flush right if all that stands in it begins with a digit."""
    numeric = [all(row[at][:1].isdigit() or row[at][:1] in ("–", "") for row in table.rows) for at in range(len(table.columns))]
    columns = [Column(title, numeric=at > 0 and numeric[at]) for at, title in enumerate(table.columns)]
    return Table(table.key, table.caption, columns, [[CellText(text) for text in row] for row in table.rows])


def render(results: StudyResults) -> str:
    """The page's text."""
    template = report_page.environment("restmark_rig.studies").get_template("study.html.j2")
    return template.render(view=StudyView(results), symbols={}) + "\n"
