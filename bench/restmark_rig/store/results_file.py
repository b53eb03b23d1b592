"""results.json: written whole or not at all, and checked against its schema whenever it is written or read."""

from __future__ import annotations

import functools
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..model.errors import UsageFault
from ..model.results import FORMAT, VERSION, Results
from . import record_codec, results_upgrade, writing

if TYPE_CHECKING:
    import jsonschema

FILE_NAME = "results.json"
SCHEMA_PATH = Path(__file__).with_name("results.schema.json")


class ResultsError(UsageFault):
    """A results.json can not be read, or a document does not fit the schema."""


@functools.cache
def _validator() -> jsonschema.Draft202012Validator:
    import jsonschema  # which takes a third of a command's start

    return jsonschema.Draft202012Validator(json.loads(SCHEMA_PATH.read_text(encoding="utf-8")))


def to_document(results: Results) -> dict[str, Any]:
    """The JSON document. Raises ResultsError if it does not fit the schema: then the rig itself is wrong."""
    document: dict[str, Any] = {"format": FORMAT, "version": VERSION, **record_codec.encode(results)}
    _check(document, "the results to be written")
    _check_references(results, "the results to be written")
    return document


def from_document(document: Any, name: str) -> Results:
    """Results from a JSON document; name stands in errors. Raises ResultsError."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ResultsError(f"{name}: not the results of a run", f"name a {FILE_NAME} that 'restmark run' wrote")
    version = document.get("version")
    if type(version) is not int or not 1 <= version <= VERSION:
        raise ResultsError(
            f"{name}: has version {version!r}, this restmark reads versions 1 to {VERSION}",
            f"use the restmark that wrote it (rig_version {document.get('rig_version')!r}), or a newer one",
        )
    document = results_upgrade.upgrade(document)
    _check(document, name)
    try:
        results = record_codec.decode(Results, document)
    except record_codec.CodecError as error:
        raise ResultsError(f"{name}: {error}", "restore the file as the run wrote it") from None
    _check_references(results, name)
    return results


def write(results: Results, directory: Path) -> Path:
    """Writes DIRECTORY/results.json whole or not at all; returns its path. Raises ResultsError, EnvironmentFault."""
    document = to_document(results)
    with writing.told(directory):
        directory.mkdir(parents=True, exist_ok=True)
        return _replace(document, directory)


def _replace(document: dict[str, Any], directory: Path) -> Path:
    path = directory / FILE_NAME
    handle, temporary = tempfile.mkstemp(dir=directory, prefix=".results-", suffix=".json")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=1, ensure_ascii=False, allow_nan=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())  # mkstemp's 0600 would keep others from reading a shared report
        os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):  # a signal may come when it has just got its name
            os.unlink(temporary)
        raise
    return path


def _umask() -> int:
    """The umask, which can not be read without being set."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def read(path: Path) -> Results:
    """Reads a results.json, or the one in a directory. Raises ResultsError with a remedy."""
    if path.is_dir():
        path = path / FILE_NAME
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ResultsError(
            f"{path}: there is no such file", f"name the directory of a run, with its {FILE_NAME}"
        ) from None
    except OSError as error:
        raise ResultsError(f"{path}: can not be read: {error.strerror}") from None
    except ValueError as error:
        raise ResultsError(f"{path}: not valid JSON: {error}", "restore the file as the run wrote it") from None
    return from_document(document, str(path))


def _check(document: Any, name: str) -> None:
    errors = sorted(_validator().iter_errors(document), key=lambda error: [str(part) for part in error.absolute_path])
    if errors:
        shown = "\n".join(f"{name}: {_key(error)}: {error.message:.200}" for error in errors[:5])
        more = f"\n{name}: and {len(errors) - 5} faults more" if len(errors) > 5 else ""
        raise ResultsError(shown + more, f"it has to fit {SCHEMA_PATH.name}")


def _key(error: jsonschema.ValidationError) -> str:
    key = ""
    for part in error.absolute_path:
        key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else str(part)
    return key or "document"


def _check_references(results: Results, name: str) -> None:
    faults = list(_reference_faults(results))
    if faults:
        raise ResultsError(
            "\n".join(f"{name}: {fault}" for fault in faults[:5]), "restore the file as the run wrote it"
        )


def _reference_faults(results: Results) -> Iterator[str]:
    """What the schema can not say: names that refer to others, and keys that must be unique."""
    names = [record.name for record in results.contestants]
    known = set(names)
    if len(known) != len(names):
        yield "contestants: two have the same name"
    for record in results.contestants:
        if record.same_as is not None and (record.same_as not in known or record.same_as == record.name):
            yield f"contestants: {record.name} is the same as {record.same_as!r}, which is not another contestant"
    seen = set()
    for cell in results.cells:
        if cell.key in seen:
            yield f"cells: {cell.key} is there twice"
        seen.add(cell.key)
        numbers = [entry.round for entry in cell.rounds]
        if numbers != sorted(set(numbers)):
            yield f"cells: rounds of {cell.key} are {numbers}, not rising"
    users = (
        ("cells", {cell.contestant for cell in results.cells}),
        ("order", {visit.contestant for visit in results.order}),
        ("verifications", {entry.contestant for entry in results.verifications}),
        ("memory", {record.contestant for record in results.memory}),
    )
    for section, used in users:
        for stranger in sorted(used - known):
            yield f"{section}: {stranger!r} is not among the contestants"
