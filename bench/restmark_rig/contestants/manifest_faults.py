"""What is wrong with a contestant.toml, in sentences that name the key and its remedy."""

from __future__ import annotations

import difflib
import functools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..model.workloads import BACK_ENDS, ROUTE_ENCODE, ROUTE_PARSE, ROUTE_RECORD, ROUTE_VALIDATE, ROUTES, back_end_of
from . import placeholders

if TYPE_CHECKING:
    import jsonschema

SCHEMA_PATH = Path(__file__).with_name("contestant.schema.json")
_OF_RECORDS = (ROUTE_PARSE, ROUTE_ENCODE, ROUTE_VALIDATE, ROUTE_RECORD)  # which fixed answers can not serve


def faults(document: dict[str, Any], directory: Path) -> list[str]:
    """Of the manifest in this folder; empty if there are none."""
    return [_describe(error) for error in _schema_errors(document)] or list(_semantic(document, directory))


@functools.cache
def _validator() -> jsonschema.Draft202012Validator:
    import jsonschema  # which takes a third of a command's start

    return jsonschema.Draft202012Validator(json.loads(SCHEMA_PATH.read_text(encoding="utf-8")))


def _schema_errors(document: dict[str, Any]) -> list[Any]:
    return sorted(_validator().iter_errors(document), key=lambda error: [str(part) for part in error.path])


def _dotted(parts: Iterator[Any] | list[Any]) -> str:
    key = ""
    for part in parts:
        key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else str(part)
    return key


def _describe(error: Any) -> str:
    """One schema error as a sentence with key and remedy."""
    key = _dotted(list(error.absolute_path))
    known = error.schema.get("properties", {})
    if error.validator == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        lines = [
            f"key '{_dotted([*error.absolute_path, name])}' is missing; remedy: add {known[name]['description']}"
            for name in missing
            if name in known and error.message.startswith(repr(name))
        ]
        return "; ".join(lines)
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        unknown = sorted(set(error.instance) - set(known))
        return "; ".join(_unknown_key([*error.absolute_path, name], name, list(known)) for name in unknown)
    value = json.dumps(error.instance, ensure_ascii=False, default=str)
    shown = value if len(value) <= 60 else value[:57] + "…"
    length = f" of {len(error.instance)} characters" if error.validator == "maxLength" else ""
    remedy = f"give {error.schema.get('description', error.message)}"
    return f"key '{key}' has the wrong value {shown}{length}; remedy: {remedy}"


def _unknown_key(parts: list[Any], name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    remedy = f"did you mean '{close[0]}'?" if close else f"remove it; known here: {', '.join(known)}"
    return f"key '{_dotted(parts)}' is unknown; remedy: {remedy}"


def _semantic(document: dict[str, Any], directory: Path) -> Iterator[str]:
    """What the schema can not say."""
    if document["name"] != directory.name:
        yield (f"key 'name' is {document['name']!r}, the folder is {directory.name!r}; remedy: make the two equal")
    routes = document.get("routes", list(ROUTES))
    if document["model"] == "none" and "routes" not in document:
        yield "key 'routes' is missing; remedy: model \"none\" has no record routes, so list those it offers"
    if document["model"] == "none" and (worked := [route for route in _OF_RECORDS if route in routes]):
        yield (
            f"key 'model' is \"none\" while routes has {' and '.join(worked)}; "
            'remedy: say "struct" or "tree", whichever they use'
        )
    yield from _back_end_faults(document, routes)
    yield from _prebuilt_faults(document)
    for number, item in enumerate(document.get("requires", [])):
        if "pip_requirements" in item and not (file := directory / item["pip_requirements"]).is_file():
            yield f"key 'requires[{number}].pip_requirements': there is no file {file}; remedy: correct it"
    for key, text, allowed in templates(document):
        try:
            placeholders.check(text, allowed)
        except placeholders.PlaceholderError as error:
            yield f"key '{key}': {error}; remedy: {error.remedy}"
    yield from _requires_faults(document)
    if document.get("deploy", {}).get("reload") and "reuse_port" in document["deploy"]:
        yield "key 'deploy' has both reload and reuse_port; remedy: keep the way in which it is deployed"
    start = [*document["start"]["argv"], *document["start"].get("env", {}).values()]
    if not any(name in text for text in start for name in ("{port}", "{address}")):
        yield "key 'start.argv' never uses {port} or {address}; remedy: pass one of them, the rig chooses the port"


def _back_end_faults(document: dict[str, Any], routes: Sequence[str]) -> Iterator[str]:
    said = document.get("back_ends", [])
    for name in BACK_ENDS:
        asking = [route for route in routes if back_end_of(route) == name]
        if asking and name not in said:
            yield f"key 'back_ends' lacks \"{name}\", which {asking[0]} asks; remedy: add it"
        if name in said and not asking:
            yield f"key 'back_ends' has \"{name}\", which none of its routes asks; remedy: take it out, or list the routes"


def _requires_faults(document: dict[str, Any]) -> Iterator[str]:
    for number, item in enumerate(document.get("requires", [])):
        command, key = item["command"], f"key 'requires[{number}].command'"
        if "/" in command and not command.startswith(("/", "{")):
            yield (
                f"{key} is {command!r}, a relative path; remedy: begin with / or {{source}}/ (this file's folder), "
                "or name a command on PATH"
            )
        if "{build}" in command and "build" not in document:
            yield f"{key}: without a [build] nothing is in {{build}}; remedy: add [build], or name another file"


def _prebuilt_faults(document: dict[str, Any]) -> Iterator[str]:
    if "prebuilt" not in document:
        return
    if not any("{repo}" in word for step in document.get("build", {}).get("steps", []) for word in step):
        yield (
            "key 'prebuilt' stands without a build from {repo}; remedy: remove it, and name the installed program in "
            "start.argv"
        )
    if not any(argv[0] == document["start"]["argv"][0] for argv in document["versions"].values()):
        yield (
            "key 'prebuilt' needs a command in [versions] that asks the program itself; remedy: add one that begins "
            "with the first word of start.argv"
        )


def templates(document: dict[str, Any]) -> Iterator[tuple[str, str, frozenset[str]]]:
    """(key, text, allowed placeholders) of every text in which placeholders stand."""
    build, start = document.get("build", {}), document["start"]
    for number, item in enumerate(document.get("requires", [])):
        yield f"requires[{number}].command", item["command"], placeholders.BUILD_NAMES
        yield f"requires[{number}].hint", item.get("hint", ""), placeholders.FOLDER_NAMES
    yield "ready.path", document.get("ready", {}).get("path", "/"), frozenset()
    for number, step in enumerate(build.get("steps", [])):
        for index, word in enumerate(step):
            yield f"build.steps[{number}][{index}]", word, placeholders.BUILD_NAMES
    for index, glob in enumerate(build.get("inputs", [])):
        yield f"build.inputs[{index}]", glob, placeholders.FOLDER_NAMES
    for name, value in build.get("env", {}).items():
        yield f"build.env.{name}", value, placeholders.BUILD_NAMES
    for index, word in enumerate(start["argv"]):
        yield f"start.argv[{index}]", word, placeholders.START_NAMES
    for index, word in enumerate(document.get("deploy", {}).get("reuse_port", [])):
        yield f"deploy.reuse_port[{index}]", word, placeholders.START_NAMES
    for name, value in start.get("env", {}).items():
        yield f"start.env.{name}", value, placeholders.START_NAMES
    for label, argv in document["versions"].items():
        for index, word in enumerate(argv):
            yield f"versions.{label}[{index}]", word, placeholders.BUILD_NAMES
