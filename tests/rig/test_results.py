"""results.json: what is written is read back, and what does not fit is refused with the key that is wrong."""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import stat
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from restmark_rig.model import memory_records, results
from restmark_rig.model.errors import ExitCode, Terminated
from restmark_rig.model.results import Results
from restmark_rig.model.workloads import ALL_ROUTES
from restmark_rig.store import record_codec, results_file
from restmark_rig.store import schema as schema_of_types
from restmark_rig.store.results_file import ResultsError

from . import synthetic_results

SCHEMA = json.loads(results_file.SCHEMA_PATH.read_text())


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """A valid document; tests copy it."""
    run = synthetic_results.build(rounds=2, rate_per_s=1000)
    synthetic_results.plant_faults(run)
    return results_file.to_document(run)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    run = synthetic_results.build(rounds=3, connections=(16, 64), rate_per_s=1000)
    synthetic_results.plant_faults(run)
    run.complete, run.finished_unix_ms = False, None
    path = results_file.write(run, tmp_path / "new" / "folder")
    assert path.name == "results.json"
    assert results_file.read(path) == run
    assert results_file.read(path.parent) == run
    assert [entry.name for entry in path.parent.iterdir()] == ["results.json"]
    assert stat.S_IMODE(path.stat().st_mode) & stat.S_IRUSR


def test_a_run_without_any_figure_is_a_run(tmp_path: Path) -> None:
    run = synthetic_results.build(rounds=0, memory=False)
    run.cells.clear()
    results_file.write(run, tmp_path)
    assert results_file.read(tmp_path).cells == []


def test_null_is_not_zero(tmp_path: Path) -> None:
    run = synthetic_results.build(rounds=1, names=("restmarkd",))
    first = run.cells[0].rounds[0]
    run.cells[0].rounds[0] = dataclasses.replace(first, server_cpu_ns=None, throttled_ns=0, latency=None)
    results_file.write(run, tmp_path)
    entry = json.loads((tmp_path / "results.json").read_text())["cells"][0]["rounds"][0]
    assert (entry["server_cpu_ns"], entry["throttled_ns"], entry["latency"]) == (None, 0, None)
    again = results_file.read(tmp_path).cells[0].rounds[0]
    assert (again.server_cpu_ns, again.throttled_ns, again.latency) == (None, 0, None)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    run = synthetic_results.build(rounds=1, names=("restmarkd",))
    results_file.write(run, tmp_path)
    before = (tmp_path / "results.json").read_bytes()
    run.cells[0].rounds[0] = dataclasses.replace(run.cells[0].rounds[0], requests=-1)
    with pytest.raises(ResultsError, match=r"cells\[0\].rounds\[0\].requests: -1 is less than the minimum"):
        results_file.write(run, tmp_path)
    assert (tmp_path / "results.json").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_a_signal_just_after_the_file_got_its_name_stays_that_signal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace

    def replace_and_be_ended(source: str, target: Path) -> None:
        replace(source, target)
        raise Terminated

    monkeypatch.setattr(os, "replace", replace_and_be_ended)
    with pytest.raises(Terminated):
        results_file.write(synthetic_results.build(rounds=1, names=("restmarkd",)), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


def _set(*path: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        place: Any = document
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value

    return change


def _delete(*path: Any) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        place: Any = document
        for key in path[:-1]:
            place = place[key]
        del place[path[-1]]

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_set("version", value=6), "has version 6, this restmark reads versions 1 to 5"),
        (_set("version", value=0), "has version 0"),
        (_set("version", value=True), "has version True"),
        (_set("format", value="other"), "not the results of a run"),
        (_delete("seed"), "document: 'seed' is a required property"),
        (_set("seed", value=1.5), "seed: 1.5 is not of type 'integer'"),
        (_set("extra", value=1), "Additional properties are not allowed"),
        (_set("cells", 0, "route", value="/other"), r"cells\[0\].route: '/other' is not one of"),
        (_set("cells", 0, "rounds", 0, "duration_us", value=0), "duration_us: 0 is less than the minimum of 1"),
        (
            _set("cells", 0, "verdicts", value=[{"name": "odd", "evidence": ""}]),
            r"verdicts\[0\].name: 'odd' is not one",
        ),
        (_delete("cells", 0, "rounds", 0, "latency", "quantiles_us", "99"), "rounds.*latency"),
        (_set("cells", 0, "contestant", value="stranger"), "cells: 'stranger' is not among the contestants"),
        (_set("memory", 0, "contestant", value="stranger"), "memory: 'stranger' is not among the contestants"),
        (_set("contestants", 0, "same_as", value="stranger"), "which is not another contestant"),
        (_set("contestants", 1, "name", value="epoll-limit"), "two have the same name"),
        (_set("cells", 0, "rounds", 1, "round", value=1), r"are \[1, 1\], not rising"),
    ],
)
def test_a_document_that_does_not_fit_is_refused(
    document: dict[str, Any], change: Callable[[dict[str, Any]], None], told: str
) -> None:
    broken = copy.deepcopy(document)
    change(broken)
    with pytest.raises(ResultsError, match=told) as caught:
        results_file.from_document(broken, "x.json")
    assert caught.value.message.startswith("x.json: ")
    assert caught.value.exit_code == ExitCode.USAGE


def test_a_cell_may_be_there_once(document: dict[str, Any]) -> None:
    broken = copy.deepcopy(document)
    broken["cells"].append(broken["cells"][0])
    with pytest.raises(ResultsError, match="is there twice"):
        results_file.from_document(broken, "x.json")


@pytest.mark.parametrize(
    ("content", "told"), [("{", "not valid JSON"), ("[]", "not the results"), ("\xff", "not valid")]
)
def test_a_file_that_is_no_document_is_refused(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "results.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(ResultsError, match=told):
        results_file.read(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"results.json: there is no such file") as caught:
        results_file.read(tmp_path)
    assert "directory of a run" in caught.value.remedy


def test_the_schema_is_valid_and_describes_every_key() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for where, node in _objects(SCHEMA, "schema"):
        for key, value in node["properties"].items():
            assert "description" in value or "$ref" in value, f"{where}.{key}"
        assert sorted(node["required"]) == sorted(node["properties"]), where


def _objects(node: Any, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema of an object with fixed keys."""
    if isinstance(node, dict):
        if "properties" in node and isinstance(node["properties"], dict) and "required" in node:
            yield where, node
        for key, value in node.items():
            yield from _objects(value, f"{where}.{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _objects(value, f"{where}[{index}]")


def test_schema_and_dataclasses_have_the_same_keys() -> None:
    by_keys = {frozenset(node["properties"]) for _, node in _objects(SCHEMA, "schema")}
    classes = _classes(Results, set())
    assert len(classes) > 15
    for cls in classes:
        assert frozenset(field.name for field in dataclasses.fields(cls)) in by_keys, cls.__name__


def _classes(cls: Any, found: set[Any]) -> set[Any]:
    """A dataclass and all dataclasses that its fields mention."""
    if dataclasses.is_dataclass(cls) and cls not in found:
        found.add(cls)
        for hint in typing.get_type_hints(cls).values():
            _classes(hint, found)
    for argument in typing.get_args(cls):
        _classes(argument, found)
    return found


def test_schema_and_dataclasses_have_the_same_types() -> None:
    definitions: dict[str, Any] = {}
    root = schema_of_types.of(Results, definitions, {})
    assert _shape(SCHEMA, SCHEMA) == _shape(root, {"$defs": definitions})


def _shape(node: dict[str, Any], document: dict[str, Any]) -> Any:
    """What a schema says of keys, types, lists and null, without names, texts and limits of values."""
    if "$ref" in node:
        return _shape(document["$defs"][node["$ref"].rpartition("/")[2]], document)
    if "anyOf" in node:
        (one,) = (choice for choice in node["anyOf"] if choice != {"type": "null"})
        return ("or null", _shape(one, document))
    kind = node.get("type")
    if isinstance(kind, list):
        (one,) = (word for word in kind if word != "null")
        return ("or null", _shape({**node, "type": one}, document))
    if kind is None:
        values = node.get("enum") or [node["const"]]
        (kind,) = {"integer" if isinstance(value, int) else "string" for value in values if value is not None}
        if None in values:
            return ("or null", kind)
    if kind == "array":
        return ("list of", _shape(node["items"], document))
    if kind == "object" and "properties" in node:
        return {key: _shape(value, document) for key, value in node["properties"].items()}
    return ("texts to", _shape(node["additionalProperties"], document)) if kind == "object" else kind


def test_schema_and_module_name_the_same_verdicts_and_routes() -> None:
    assert SCHEMA["$defs"]["verdict"]["properties"]["name"]["enum"] == list(results.VERDICTS)
    assert SCHEMA["$defs"]["cell"]["properties"]["route"]["enum"] == list(ALL_ROUTES)
    assert SCHEMA["$defs"]["memory"]["properties"]["phase"]["enum"] == list(memory_records.MEMORY_PHASES)
    assert SCHEMA["properties"]["version"]["const"] == results.VERSION


def test_the_codec_tells_bool_from_int_and_names_the_key() -> None:
    with pytest.raises(record_codec.CodecError, match=r"^threads: expected int, got True"):
        record_codec.decode(memory_records.ProcessMemory, {**record_codec.encode(_process()), "threads": True})
    with pytest.raises(record_codec.CodecError, match=r"^pid: is missing"):
        record_codec.decode(memory_records.ProcessMemory, {})
    with pytest.raises(record_codec.CodecError, match=r"^other: is not known"):
        record_codec.decode(memory_records.ProcessMemory, {**record_codec.encode(_process()), "other": 1})
    assert record_codec.decode(memory_records.ProcessMemory, record_codec.encode(_process())) == _process()


def _process() -> memory_records.ProcessMemory:
    return memory_records.ProcessMemory(1, "master", 10, None, 0, 3, 1)
