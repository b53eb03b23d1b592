"""Reads what tells of a service's own traffic: access logs of nginx and Apache, HAR files, OpenAPI documents; each also by gzip.

A file is of the kind that its contents say. A log is read line by line, so that its size does not matter; lines that hold no request are counted, and
the first of them named. Nothing in a file can make the rig run out of memory: what is too long is not kept.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import urlsplit

from ..model.errors import UsageFault, missing_package
from ..model.traffic_rules import Seen

LINE_BYTES_MAX = 65_536  # nginx takes 32 KiB of a request's head by default
DOCUMENT_BYTES_MAX = 256 * 2**20
_NAMED_MAX = 5
OPENAPI = "OpenAPI document"
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_REFERENCES_MAX = 20
KINDS = "an access log (nginx or Apache, common or combined), a HAR file, or an OpenAPI document"

# Host (behind a virtual host's name, if it begins with that), identity, user, [time], "request", status, bytes; what follows is not looked at.
_LINE = re.compile(rb'(?:\S+:\d+ )?\S+ \S+ .{1,256}? \[[^\]]{1,64}\] "((?:[^"\\]|\\.)*)" (\d{3}) (\d{1,15}|-)(?: |$)')
_REQUEST = re.compile(r"([A-Z][A-Z_-]{0,30}) (\S+) HTTP/\d(?:\.\d)?$")


@dataclass
class BadLines:
    """Lines that hold no request: how many, and number and fault of the first ones."""

    count: int = 0
    first: list[tuple[int, str]] = field(default_factory=list)

    def add(self, number: int, fault: str) -> None:
        """One more."""
        self.count += 1
        if self.count <= _NAMED_MAX:
            self.first.append((number, fault))


@dataclass(frozen=True)
class TrafficFile:
    """kind, unit and units: what the file is and consists of, for messages; requests: those in it, to be gone through once; bad: filled meanwhile."""

    kind: str
    unit: str
    units: str
    requests: Iterator[Seen]
    bad: BadLines


def read(path: Path) -> TrafficFile:
    """Raises UsageFault for a file that is none of the kinds, here or as soon as its requests are gone through."""
    with _told(path), _opened(path) as file:
        head = file.read(4096)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UsageFault(f"{path}: UTF-16, not UTF-8", f"iconv -f UTF-16 -t UTF-8 {path} > traffic.log")
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text:
        raise UsageFault(f"{path}: nothing is in it", f"give {KINDS}")
    if text.startswith(b"{"):
        return _of_document(path, _json(path))
    if re.search(rb"^(?:openapi|swagger)\s*:", text, re.MULTILINE):
        return _of_document(path, _yaml(path))
    bad = BadLines()
    return TrafficFile("access log", "line", "lines", _of_log(path, bad), bad)


@contextmanager
def _told(path: Path, where: Callable[[], str] = lambda: "") -> Iterator[None]:
    """What goes wrong with a file, as an error that names it."""
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        what = "ends too early" if isinstance(error, EOFError) else "is damaged"
        raise UsageFault(f"{path}: the gzip file {what}{where()}", "'gzip -t' tells; copy it anew") from None
    except OSError as error:
        raise UsageFault(f"{path}: can not be read: {error.strerror}", "name a file that you may read") from None


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return cast("IO[bytes]", gzip.open(path)) if packed else path.open("rb")


def _of_log(path: Path, bad: BadLines) -> Iterator[Seen]:
    number = 0
    with _told(path, lambda: f" after line {number}"), _opened(path) as file:
        while line := file.readline(LINE_BYTES_MAX + 1):
            number += 1
            if len(line) > LINE_BYTES_MAX:
                bad.add(number, f"longer than {LINE_BYTES_MAX} bytes")
                while line and not line.endswith(b"\n"):
                    line = file.readline(LINE_BYTES_MAX)
                continue
            if not line.strip():
                continue
            found = parse_line(line.rstrip(b"\r\n"))
            if isinstance(found, Seen):
                yield found
            else:
                bad.add(number, found)


def parse_line(line: bytes) -> Seen | str:
    """The request of a line of an access log; a fault in words where there is none."""
    if b"\0" in line:
        return "holds a NUL byte"
    matched = _LINE.match(line)
    if matched is None:
        return 'not HOST - USER [TIME] "REQUEST" STATUS BYTES'
    request = _REQUEST.match(matched.group(1).decode("utf-8", "backslashreplace"))
    if request is None:
        return "no HTTP request between its quotes"
    path = _path_of(request.group(2))
    if path is None:
        return "no path in its request"
    size = matched.group(3)
    return Seen(request.group(1), path, int(matched.group(2)), 0 if size == b"-" else int(size))


def _path_of(target: str) -> str | None:
    """The path of a request's target, without its query; None if there is none."""
    if target == "*":
        return target
    try:
        path = target.partition("?")[0] if target.startswith("/") else urlsplit(target).path or "/"
    except ValueError:  # such as http://[
        return None
    return path if path.startswith("/") else None


def _whole(path: Path) -> bytes:
    with _told(path), _opened(path) as file:
        data = file.read(DOCUMENT_BYTES_MAX + 1)
    if len(data) > DOCUMENT_BYTES_MAX:
        raise UsageFault(f"{path}: more than {DOCUMENT_BYTES_MAX // 2**20} MiB", "give a shorter one; access logs may be of any length")
    return data


def _json(path: Path) -> Any:
    try:
        return json.loads(_whole(path).decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UsageFault(f"{path}: no UTF-8 at byte {error.start}", "save it as UTF-8") from None
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            raise UsageFault(
                f"{path}: line {error.lineno}: more than one JSON value; logs of JSON lines can not be read",
                "let the server write the combined format, or turn the lines into it",
            ) from None
        raise UsageFault(f"{path}: line {error.lineno}: no JSON: {error.msg}", f"give {KINDS}") from None
    except (RecursionError, ValueError):
        raise UsageFault(f"{path}: no JSON that can be read: too deep, or a number too long", f"give {KINDS}") from None


def _yaml(path: Path) -> Any:
    try:
        import yaml
    except ModuleNotFoundError as error:
        raise missing_package(error) from None
    try:
        return yaml.safe_load(_whole(path))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise UsageFault(f"{path}: {where}no YAML: {getattr(error, 'problem', None) or 'it can not be read'}", "correct it, or give it as JSON") from None


def _of_document(path: Path, document: Any) -> TrafficFile:
    """A HAR file or an OpenAPI document, whatever it is written in."""
    bad = BadLines()
    if isinstance(document, dict) and isinstance(document.get("log"), dict) and isinstance(document["log"].get("entries"), list):
        return TrafficFile("HAR file", "entry", "entries", _of_har(document["log"]["entries"], bad), bad)
    if isinstance(document, dict) and ("openapi" in document or "swagger" in document) and isinstance(document.get("paths"), dict):
        return TrafficFile(OPENAPI, "operation", "operations", _of_openapi(document, bad), bad)
    raise UsageFault(f"{path}: neither log.entries of a HAR file nor paths of an OpenAPI document are in it", f"give {KINDS}")


def _of_har(entries: list[Any], bad: BadLines) -> Iterator[Seen]:
    for number, entry in enumerate(entries, 1):
        found = _of_entry(entry)
        if isinstance(found, Seen):
            yield found
        else:
            bad.add(number, found)


def _of_entry(entry: Any) -> Seen | str:
    request, response = (_table(entry, name) for name in ("request", "response"))
    method, url, status = request.get("method"), request.get("url"), response.get("status")
    if not isinstance(method, str) or not isinstance(url, str):
        return "no method or no URL"
    path = _path_of(url)
    if path is None:
        return "no path in its URL"
    if not isinstance(status, int) or status < 1:
        return "no answer came"
    content = _table(response, "content")
    size, kind = content.get("size"), content.get("mimeType")
    known = size if isinstance(size, int) and size >= 0 else None
    return Seen(method.upper(), path, status, known, kind if isinstance(kind, str) else "")


def _of_openapi(document: dict[str, Any], bad: BadLines) -> Iterator[Seen]:
    """Each operation once: such a document has no counts."""
    number = 0
    for path, operations in document["paths"].items():
        for method in _METHODS:
            if method not in (operations if isinstance(operations, dict) else {}):
                continue
            number += 1
            if not isinstance(path, str) or not path.startswith("/"):
                bad.add(number, "its path does not begin with /")
                continue
            kind, is_list = _answer_of(document, operations[method])
            yield Seen(method.upper(), path, None, None, kind, is_list)


def _answer_of(document: dict[str, Any], operation: Any) -> tuple[str, bool]:
    """The media type of an operation's answer, "" if it is not told, and whether it is an array."""
    responses = _table(operation, "responses")
    found = next((name for name in responses if str(name).startswith(("2", "default"))), None)
    response = _followed(document, responses.get(found))
    kinds = _table(response, "content")
    kind = next((str(name) for name in kinds if "json" in str(name)), str(next(iter(kinds), "")))
    schema = _followed(document, _table(kinds, kind).get("schema", _table(response, "schema")))  # the latter of Swagger 2
    return kind, isinstance(schema, dict) and schema.get("type") == "array"


def _followed(document: Any, value: Any) -> Any:
    """What a $ref within the document refers to; what can not be followed is an empty table."""
    for _ in range(_REFERENCES_MAX):
        reference = value.get("$ref") if isinstance(value, dict) else None
        if reference is None:
            return value
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return {}
        value = document
        for part in reference[2:].split("/"):
            value = _table(value, part.replace("~1", "/").replace("~0", "~"), keep=True)
    return {}


def _table(value: Any, name: str, keep: bool = False) -> Any:
    """The table of that name in a table, empty if there is none. keep: whatever it is."""
    found = value.get(name) if isinstance(value, dict) else None
    return found if keep or isinstance(found, dict) else {}
