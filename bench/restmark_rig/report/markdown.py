"""summary.md: the page's sentences and tables as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from .answer import Answer
from .table import Table, escape, markdown
from .view import Section, View


def render(view: View) -> str:
    """The file's text."""
    return "\n".join(_lines(view)).rstrip() + "\n"


def _lines(view: View) -> Iterator[str]:
    yield "# restmark: REST servers compared\n"
    yield f"{escape(view.started)} · {escape(view.where)} · {escape(view.how)}\n"
    yield answer_markdown(view.answer)
    yield from _list("Read this first", view.alarms())
    for first in (view.against_section(), view.overview()):
        if first:
            yield from _section(view, first)
    if behind := view.back_ends_section():
        yield from _section(view, behind)
    for section in view.workloads():
        yield from _section(view, section)
    if view.results.cells:
        yield "## Latency\n"
        for section in view.latencies():
            yield from (_table(view, table) for block in section.blocks for table in block.tables)
    for extra in (view.load_machines_section(), view.scaling_section(), view.memory_section(), view.cost_section()):
        if extra:
            yield from _section(view, extra)
    yield from _trust(view)
    yield "## The run\n"
    yield from (f"- {escape(label)}: {escape(value)}" for label, value in view.facts())
    yield f"\nCommand:\n\n    {view.command}\n"
    yield _table(view, view.contestants())
    yield from _list("Skipped", [f"{s.title} ({s.name}): {s.reason}; {s.remedy}" for s in view.results.skipped])


def answer_markdown(found: Answer) -> str:
    """The answer's title and its lines as a list."""
    lines = [f"- **{escape(line.kind)}:** {escape(line.text)}" for line in found.lines]
    return "\n".join([f"**{escape(found.title)}**\n", *lines]) + "\n"


def _trust(view: View) -> Iterator[str]:
    yield from _list("What the verdicts mean", [f"{view.badges[name]}: {text}" for name, text in view.legend()])
    for table in (view.doubtful_cells(), view.warm_ups(), view.same_server()):
        if table:
            yield _table(view, table)
    yield from _list("Rounds far from the others", view.outliers())
    yield from _list("How it was measured", view.methodology)
    yield from _list("Bias", view.bias)
    yield from _list("Where restmarkd is not first", view.not_first())


def _list(title: str, items: list[str]) -> Iterator[str]:
    if items:
        yield f"## {title}\n"
        yield from (f"- {escape(item)}" for item in items)
        yield ""


def _section(view: View, section: Section) -> Iterator[str]:
    yield f"## {escape(section.title)}\n"
    if section.text:
        yield f"{escape(section.text)}\n"
    if section.sentences:
        yield "\n".join(f"- {escape(text)}" for text in section.sentences) + "\n"
    for table in [*(table for block in section.blocks for table in block.tables), *section.tables]:
        yield _table(view, table)


def _table(view: View, table: Table) -> str:
    return markdown(table, view.badges)
