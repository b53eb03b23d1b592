"""What a run prints at its end, as a terminal of 80 columns shows it."""

from __future__ import annotations

import io

from restmark_rig.report.view import View
from restmark_rig.ui import run_table
from rich.console import Console

from . import synthetic_results


def printed(rounds: int = 5, faults: bool = False) -> str:
    run = synthetic_results.build(rounds=rounds)
    if faults:
        synthetic_results.plant_faults(run)
    out = io.StringIO()
    run_table.show(Console(file=out, width=80), View(run))
    return out.getvalue()


def test_the_answer_comes_last_where_the_eye_is_and_fits_the_terminal() -> None:
    lines = printed(faults=True).splitlines()
    begin = next(n for n, line in enumerate(lines) if line.startswith("Should this back end stay on"))
    assert begin > next(n for n, line in enumerate(lines) if line.startswith("GET /million-loop"))
    assert 15 <= len(lines) - begin <= 32
    assert max(len(line.rstrip()) for line in lines) <= 80


def test_rows_stand_in_the_order_of_their_figure_with_ranges_of_ranks() -> None:
    text = printed()
    block = text[text.index("GET /transfer-data") : text.index("GET /million-loop")].splitlines()
    column = block[1].index("CPU µs")
    figures = [float(line[column : column + 6]) for line in block[2:] if line.strip()]
    assert figures == sorted(figures) and len(figures) == 10
    assert any("–" in line[:5] for line in block[2:])
