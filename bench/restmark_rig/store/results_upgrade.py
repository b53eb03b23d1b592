"""results.json of older rigs, brought up to the present version step by step: documents in, documents out, no files.

A step gives each key that came with its version the value that says "not recorded". It never invents a figure.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

from ..model.results import VERSION

Document = dict[str, Any]

# Keys that files of version 1 got while it was current: a file may have them or not.
_LATER_IN_1: Document = {"reference_ns": None, "handover_ns": None, "idle_latency_us": None}
_LATER_IN_1_ROUND: Document = {"slowdown_permille": None, "attempts": 1}

_NEW_IN_2_ROUND: Document = {
    "foreign_server_permille": None,
    "foreign_client_permille": None,
    "server_irq_ns": None,
    "server_cpu_afterwards_ns": None,
    "client_threads": None,
}
_NEW_IN_2: Document = {"rig": None, "typed_argv": [], "interrupted": None}
_NEW_IN_2_SETTINGS: Document = {"baseline": None, "mix": None}
_NEW_IN_2_CONTESTANT: Document = {
    "build_fingerprint": None,
    "manifest_sha256": None,
    "start_argv": [],
    "start_env": {},
    "built_in": True,
}
_NEW_IN_3_ROUND: Document = {"drained_requests": 0, "idle_cpu_ns": None}
_NEW_IN_3_LATENCY: Document = {"hdr_v2_base64": None}

_NEW_IN_3_CONTESTANT: Document = {"level": None}
_NEW_IN_3_ERRORS: Document = {"body": None, "malformed": None}
_NEW_IN_4: Document = {"back_ends": [], "back_end_footprints": []}
_NEW_IN_4_ROUND: Document = {"back_ends": None}
_NEW_IN_5_SETTINGS: Document = {"limits": {"cpus": None, "memory_bytes": None}, "more_workers": []}
_NEW_IN_5_CONTESTANT: Document = {"scales": None}
_NEW_IN_5: Document = {"warm_ups": [], "server_place": None, "server_machine": None, "load_machines": []}
_NEW_IN_5_ROUND: Document = {"machines": []}


def upgrade(document: Document) -> Document:
    """A copy of the document in the present version. Its version has to be one of 1 to VERSION.

    A document that is no results.json is left as faulty as it is: the schema tells afterwards, with the key.
    """
    upgraded = copy.deepcopy(document)
    for version in range(upgraded["version"], VERSION):
        _STEPS[version](upgraded)
        upgraded["version"] = version + 1
    return upgraded


def _from_1(document: Document) -> None:
    _add(document, _LATER_IN_1)
    for entry in _rounds(document):
        _add(entry, _LATER_IN_1_ROUND)
        _add(entry, _NEW_IN_2_ROUND)
    _add(document, _NEW_IN_2)
    _add(document.get("settings"), _NEW_IN_2_SETTINGS)
    for record in _objects(document, "contestants"):
        _add(record, _NEW_IN_2_CONTESTANT)
    if document.get("complete") is False and document.get("finished_unix_ms") is not None:
        document["interrupted"] = "by what, its rig did not record"
    _add(document, {"complete_rounds": _complete_rounds(document)})


def _from_2(document: Document) -> None:
    for entry in _rounds(document):
        _add(entry, _NEW_IN_3_ROUND)
        _add(entry.get("latency"), _NEW_IN_3_LATENCY)
        _add(entry.get("errors"), _NEW_IN_3_ERRORS)
    for record in _objects(document, "contestants"):
        _add(record, _NEW_IN_3_CONTESTANT)


def _from_3(document: Document) -> None:
    _add(document, _NEW_IN_4)
    for entry in _rounds(document):
        _add(entry, _NEW_IN_4_ROUND)


def _from_4(document: Document) -> None:
    _add(document, _NEW_IN_5)
    for entry in _rounds(document):
        _add(entry, _NEW_IN_5_ROUND)
    _add(document.get("settings"), _NEW_IN_5_SETTINGS)
    for record in _objects(document, "contestants"):
        _add(record, _NEW_IN_5_CONTESTANT)


_STEPS: dict[int, Callable[[Document], None]] = {1: _from_1, 2: _from_2, 3: _from_3, 4: _from_4}


def _add(place: Any, defaults: Document) -> None:
    """Puts in what is missing; nothing into what is no object."""
    if isinstance(place, dict):
        for key, value in defaults.items():
            place.setdefault(key, copy.deepcopy(value))


def _objects(place: Any, key: str) -> Iterator[Document]:
    """The objects in the list under key; none where there is no such list."""
    found = place.get(key) if isinstance(place, dict) else None
    yield from (item for item in found if isinstance(item, dict)) if isinstance(found, list) else ()


def _rounds(document: Document) -> Iterator[Document]:
    for cell in _objects(document, "cells"):
        yield from _objects(cell, "rounds")


def _complete_rounds(document: Document) -> list[int]:
    """Numbers of the rounds in which every planned visit was made, rising."""

    def key(number: Any, place: Document) -> str:
        return repr((number, *(place.get(name) for name in ("contestant", "route", "connections", "rate_per_s"))))

    made = {key(entry.get("round"), cell) for cell in _objects(document, "cells") for entry in _objects(cell, "rounds")}
    planned = [visit for visit in _objects(document, "order") if type(visit.get("round")) is int]
    missing = {visit["round"] for visit in planned if key(visit["round"], visit) not in made}
    return sorted({visit["round"] for visit in planned} - missing)
