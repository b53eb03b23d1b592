"""summary.md of a study: the claims with their verdicts, and the tables that the page has, to the digit."""

from __future__ import annotations

from collections.abc import Iterator

from ..report.table import escape, markdown
from . import page
from .record import ClaimRecord, StudyResults


def render(results: StudyResults) -> str:
    """The file's text."""
    return "\n".join(_lines(results))


def _lines(results: StudyResults) -> Iterator[str]:
    yield f"**{escape(results.notice)}**\n"
    yield f"# {escape(results.title)}\n"
    yield f"{escape(results.started)} · {escape(' · '.join(results.machine.values()))} · restmark {results.rig_version}\n"
    yield "| Claim | Verdict |\n| --- | --- |"
    yield from (f"| {claim.number}. {escape(claim.sentence)} | {claim.finding.verdict} |" for claim in results.claims)
    yield ""
    yield from (f"- {escape(remark)}" for remark in results.remarks)
    for claim in results.claims:
        yield from _claim(claim)


def _claim(claim: ClaimRecord) -> Iterator[str]:
    yield f"\n## {claim.number}. {escape(claim.sentence)}\n"
    yield f"**{claim.finding.verdict}**: {escape(claim.finding.why)}\n"
    yield from (f"{markdown(page.as_table(table), {})}" for table in claim.finding.tables)
    yield from (f"- {escape(note)}" for note in claim.finding.notes)
    yield f"\nRule: {escape(claim.rule)}\n"
