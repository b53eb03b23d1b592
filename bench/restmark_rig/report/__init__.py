"""The report of a run: rounds.csv, summary.md and index.html, all made from results.json and nothing else."""

from __future__ import annotations

from pathlib import Path

from ..results import Results
from . import markdown, page, rounds_csv
from .readme import write as write_readme
from .view import View

CSV_NAME = "rounds.csv"
MARKDOWN_NAME = "summary.md"
PAGE_NAME = "index.html"

__all__ = ["CSV_NAME", "MARKDOWN_NAME", "PAGE_NAME", "write", "write_readme"]


def write(results: Results, directory: Path, price_per_vcpu_hour: float | None = None) -> list[Path]:
    """Writes all reports of a run into directory; returns their paths. Raises OSError."""
    view = View(results, price_per_vcpu_hour)
    texts = {
        CSV_NAME: rounds_csv.render(results),
        MARKDOWN_NAME: markdown.render(view),
        PAGE_NAME: page.render(view),
    }
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, text in texts.items():
        path = directory / name
        path.write_text(text, encoding="utf-8", newline="")
        paths.append(path)
    return paths
