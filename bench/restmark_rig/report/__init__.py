"""The report of a run: rounds.csv, summary.md and index.html, all made from results.json and nothing else."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ..model.results import Results
from ..store import writing
from . import markdown, page, rounds_csv
from .readme import write as write_readme
from .view import View

CSV_NAME = "rounds.csv"
MARKDOWN_NAME = "summary.md"
PAGE_NAME = "index.html"

__all__ = ["CSV_NAME", "MARKDOWN_NAME", "PAGE_NAME", "choosing", "write", "write_readme"]


def choosing(results: Results, baseline: str | None, mix: dict[str, float] | None) -> Results:
    """The results with another choice of what to compare with; None leaves the run's own."""
    settings = results.settings
    chosen = dataclasses.replace(settings, baseline=baseline or settings.baseline, mix=mix or settings.mix)
    return dataclasses.replace(results, settings=chosen)


def write(results: Results, directory: Path, price_per_vcpu_hour: float | None = None) -> list[Path]:
    """Writes all reports of a run into directory; returns their paths. Raises EnvironmentFault."""
    view = View(results, price_per_vcpu_hour)
    texts = {
        CSV_NAME: rounds_csv.render(view.analysis),
        MARKDOWN_NAME: markdown.render(view),
        PAGE_NAME: page.render(view),
    }
    with writing.told(directory):
        directory.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        with writing.told(directory / name):
            (directory / name).write_text(text, encoding="utf-8", newline="")
    return [directory / name for name in texts]
