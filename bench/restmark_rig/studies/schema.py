"""The JSON Schema of a study's results, generated from the types of record.py.

study.schema.json is what this prints: PYTHONPATH=bench python3 -m restmark_rig.studies.schema > bench/restmark_rig/studies/study.schema.json
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..store import schema
from . import record

SCHEMA_PATH = Path(__file__).with_name("study.schema.json")
_CHOICES: dict[tuple[type, str], list[Any]] = {
    (record.Finding, "verdict"): list(record.VERDICTS),
    (record.Chart, "kind"): list(record.CHART_KINDS),
    (record.StudyResults, "format"): [record.FORMAT],
    (record.StudyResults, "version"): [record.VERSION],
}


def generate() -> dict[str, Any]:
    """The schema."""
    definitions: dict[str, Any] = {}
    root = schema.of(record.StudyResults, definitions, _CHOICES)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Results of a restmark study",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }


def text() -> str:
    """The file's."""
    return json.dumps(generate(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(text(), end="")
