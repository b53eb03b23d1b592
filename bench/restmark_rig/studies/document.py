"""The claims of a study as docs/STUDIES.md has them. Prints them: PYTHONPATH=bench python3 -m restmark_rig.studies.document pipelining"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from ..report.table import escape
from . import registry
from .study import Study


def render(study: Study) -> str:
    """Source, method, rule and misleading of each claim, in Markdown."""
    return "\n".join(_lines(study))


def _lines(study: Study) -> Iterator[str]:
    for claim in study.claims:
        yield f"### {claim.number}. {escape(claim.sentence)}\n"
        yield f"- **Source**: {escape(claim.source)}"
        yield f"- **Method**: {escape(claim.method)}"
        yield f"- **Rule**: {escape(claim.rule)}"
        yield f"- **What could mislead**: {escape(claim.misleads)}\n"


if __name__ == "__main__":
    print(render(registry.find(sys.argv[1])))
