"""What README.md shows of a study: its first claim's verdict, sentence and picture, from a small file of results that is kept.

PYTHONPATH=bench python3 -m restmark_rig.studies.readme README.md KEPT.json [RESULTS]: RESULTS renews KEPT.json first.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

from ..model.errors import RigError, UsageFault
from ..report import readme as report_readme
from ..report.table import escape
from ..store import record_codec
from ..store.atomic_file import write_atomically
from . import charts, files
from .record import StudyResults

BEGIN = "<!-- restmark:study begin -->"
END = "<!-- restmark:study end -->"
PICTURE_NAME = "restmark-pipelining.svg"
_STYLE = "restmark_rig.studies:study.css"


def kept(results: StudyResults) -> StudyResults:
    """The little of a study that is shown: the first claim with its first picture, and nothing of where it was made. Raises UsageFault if there is none."""
    claim = next((claim for claim in results.claims if claim.number == 1 and claim.finding.charts), None)
    if claim is None:
        raise UsageFault("these results have no picture of claim 1", "name those of a study with --claim 1, or with all")
    finding = dataclasses.replace(claim.finding, charts=claim.finding.charts[:1], tables=[])
    subjects = [dataclasses.replace(subject, versions={}) for subject in results.subjects]  # some name folders
    machine = {**results.machine, "host": "unnamed"}
    return dataclasses.replace(results, claims=[dataclasses.replace(claim, finding=finding, cells=[])], subjects=subjects, machine=machine)


def picture(results: StudyResults) -> str:
    """The file's text."""
    drawn = charts.figure(results.claims[0].finding.charts[0])
    if drawn is None:
        raise UsageFault("the picture has no points", "repeat the study")
    return drawn.render(report_readme.alone(_STYLE)) + "\n"


def block(results: StudyResults) -> str:
    """What stands between the markers, and they."""
    claim, (chart, *_) = results.claims[0], results.claims[0].finding.charts
    parts = [
        BEGIN,
        f"**{escape(claim.sentence)}** {escape(claim.finding.verdict.capitalize())}: {escape(claim.finding.why)}. {escape(chart.title)}:",
        f"![{escape(chart.title)}]({PICTURE_NAME})",
        f"{escape(' · '.join(list(results.machine.values())[1:]))}; {escape(results.started[:10])}. Repeat it with `restmark study {results.study}"
        f"{' --quick' if results.quick else ''} --claim {claim.number}`.",
        END,
    ]
    return "\n\n".join(parts)


def renewed(text: str, results: StudyResults) -> str:
    """The document with the block anew. Raises UsageFault if the markers are not there, each once and in order."""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise UsageFault("the markers of the study are not there once each, in order", f"put the lines '{BEGIN}' and '{END}' where it shall stand")
    return text[: text.index(BEGIN)] + block(results) + text[text.index(END) + len(END) :]


def main(document: Path, store: Path, source: Path | None) -> None:
    """Renews the document and the picture beside it."""
    if source is not None:
        found = record_codec.encode(kept(files.read(source)))
        write_atomically(store, (json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode())
    results = files.read(store)
    write_atomically(document, renewed(document.read_text(encoding="utf-8"), results).encode())
    write_atomically(document.with_name(PICTURE_NAME), picture(results).encode())


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]) if len(sys.argv) > 3 else None)
    except RigError as error:
        sys.exit(f"{error.message}; remedy: {error.remedy}")
