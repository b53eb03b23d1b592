"""The files of a study: results.json, which has all, and what is made of it alone: index.html and summary.md."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ..store import record_codec, writing
from ..store.atomic_file import write_atomically
from ..store.results_file import ResultsError
from . import page, summary
from .record import FORMAT, VERSION, StudyResults
from .schema import SCHEMA_PATH

RESULTS_NAME = "results.json"
PAGE_NAME = "index.html"
SUMMARY_NAME = "summary.md"


def write(results: StudyResults, directory: Path) -> list[Path]:
    """Writes all files, each whole or not at all; returns their paths. Raises ResultsError, EnvironmentFault."""
    document = record_codec.encode(results)
    _check(document, "the results to be written")
    texts = {
        RESULTS_NAME: json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        SUMMARY_NAME: summary.render(results),
        PAGE_NAME: page.render(results),
    }
    with writing.told(directory):
        directory.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        with writing.told(directory / name):
            write_atomically(directory / name, text.encode())
    return [directory / name for name in texts]


def read(path: Path) -> StudyResults:
    """Of a results.json, or the one in a folder. Raises ResultsError."""
    path = path / RESULTS_NAME if path.is_dir() else path
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ResultsError(f"{path}: can not be read: {os.strerror(error.errno or 0)}", f"name the folder of a study, with its {RESULTS_NAME}") from None
    except ValueError as error:
        raise ResultsError(f"{path}: not valid JSON: {error}", "restore the file as the study wrote it") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT or document.get("version") != VERSION:
        raise ResultsError(f"{path}: not the results of a study of this version ({FORMAT} {VERSION})", "use the restmark that wrote it")
    _check(document, str(path))
    return record_codec.decode(StudyResults, document)


def _check(document: Any, name: str) -> None:
    import jsonschema  # which takes a third of a command's start

    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA_PATH.read_text(encoding="utf-8")))
    faults = [f"{name}: {'.'.join(map(str, error.absolute_path))}: {error.message:.200}" for error in validator.iter_errors(document)]
    if faults:
        raise ResultsError("\n".join(faults[:5]), f"it has to fit {SCHEMA_PATH.name}")
