"""A run's table and picture within another document, between two markers."""

from __future__ import annotations

from pathlib import Path

import jinja2

from ..model.errors import UsageFault
from ..model.results import Results
from . import charts, tables
from .markdown import answer_markdown
from .metrics import CPU_US_PER_REQUEST
from .table import escape, markdown
from .view import View

BEGIN = "<!-- restmark:results begin -->"
END = "<!-- restmark:results end -->"
PICTURE_NAME = "restmark-results.svg"


def write(results: Results, document: Path) -> list[Path]:
    """Renews what stands between the markers of a Markdown file, and the picture beside it; returns both paths.

    Raises UsageFault if the markers are not there, each once and in order, or the run has nothing to show.
    """
    text = document.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise UsageFault(
            f"{document}: the markers of the results are not there once each, in order",
            f"put the lines '{BEGIN}' and '{END}' where the table shall stand",
        )
    view = View(results)
    load = view.analysis.main_load
    graph = charts.overview(view.analysis, load) if load else None
    if load is None or graph is None:
        raise UsageFault("the run holds no measurements under load", "name a run of 'restmark run'")
    picture = document.with_name(PICTURE_NAME)
    picture.write_text(graph.render(alone()) + "\n", encoding="utf-8")
    cpu = tables.matrix(view.analysis, load, CPU_US_PER_REQUEST, f"Server CPU µs per request, {load.title}")
    parts = [
        BEGIN,
        answer_markdown(view.answer).rstrip(),
        f"![Requests per second of all contestants on all workloads, on a logarithmic scale]({PICTURE_NAME})",
        markdown(cpu, view.badges).rstrip(),
        f"{escape(view.where)}; {escape(view.how)}; {escape(view.started)}. Repeat it with:",
        f"    {view.command}",
        END,
    ]
    head, tail = text[: text.index(BEGIN)], text[text.index(END) + len(END) :]
    document.write_text(head + "\n\n".join(parts) + tail, encoding="utf-8")
    return [document, picture]


def alone(*more: str) -> str:
    """The page's colours and the figures' style, for a picture that stands alone; more: style sheets of other packages' templates, PACKAGE:NAME."""
    sheets = [_sheet("restmark_rig.report", name) for name in ("colours.css", "figures.css")]
    sheets += [_sheet(*name.split(":", 1)) for name in more]
    return "\n".join([*sheets, "svg { background: var(--page); font-family: system-ui, 'DejaVu Sans', sans-serif; }"])


def _sheet(package: str, name: str) -> str:
    loader = jinja2.PackageLoader(package, "templates")
    environment = jinja2.Environment(loader=loader, autoescape=False, undefined=jinja2.StrictUndefined)
    return environment.get_template(name).render()
