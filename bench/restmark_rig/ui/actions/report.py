"""restmark report: the reports of a finished run, made anew from its results.json."""

from __future__ import annotations

from pathlib import Path

from ... import report
from ...model import traffic
from ...store import results_file, writing
from ...terminal import console
from . import mix as mix_action


def report_command(
    directory: Path,
    output: Path | None,
    price: float | None,
    readme: Path | None,
    baseline: str | None,
    mix: dict[str, float] | None,
    mix_from: Path | None,
    mix_map: tuple[str, ...],
) -> None:
    """Make rounds.csv, summary.md and index.html anew from DIRECTORY/results.json alone."""
    results = results_file.read(directory)
    if baseline is not None:
        names = [record.name for record in results.contestants if record.same_as is None]
        baseline = traffic.baseline_name(baseline, names, "name one that took part")
    measured = [cell.route for cell in results.cells if cell.rounds]
    mix = mix_action.chosen(mix, mix_from, mix_map, lambda: results.settings.dataset_json_bytes)
    mapped = "let --mix-map say what else it stands for, or measure it with 'restmark run --mix-from'"
    traffic.require_measured(mix, measured, mapped if mix_from else "take it out of the mix")
    results = report.choosing(results, baseline, mix)
    where = output or (directory if directory.is_dir() else directory.parent)
    paths = report.write(results, where, price)
    if readme is not None:
        with writing.told(readme):
            paths += report.write_readme(results, readme)
    for path in paths:
        console.plain(console.out, str(path))
