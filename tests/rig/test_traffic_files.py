"""Files that tell of a user's traffic: what is read, what is not and named, and that no file can do harm."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from restmark_rig.model.errors import EnvironmentFault, UsageFault
from restmark_rig.model.traffic_rules import Seen
from restmark_rig.model.workloads import MORE_ROUTES, ROUTES
from restmark_rig.store import results_file, traffic_files
from restmark_rig.ui import cli

from . import synthetic_results
from .helpers import write_contestant

WHEN = "[29/Nov/2026:10:00:00 +0000]"
LINE = f'10.0.0.1 - - {WHEN} "GET /x/1?secret=y HTTP/1.1" 200 340'
HAR = {
    "log": {
        "entries": [
            {"request": {"method": "get", "url": "https://h/x/1?a"}, "response": {"status": 200, "content": {"size": 7, "mimeType": "application/json"}}},
            {"request": {"method": "GET", "url": "http://["}, "response": {"status": 200}},
            {"request": {"method": "GET", "url": "https://h"}, "response": {"status": 0}},
            {"request": {"method": "POST", "url": "https://h"}, "response": {"status": 201, "content": {"size": -1}}},
            None,
        ]
    }
}
ARRAY = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/All"}}}}
OPENAPI = {
    "openapi": "3.1.0",
    "paths": {
        "/x": {"get": {"responses": {"200": ARRAY}}, "post": {"responses": {"201": {}}}, "parameters": []},
        "/x/{id}": {"get": {"responses": {"200": {"$ref": "#/components/responses/One"}}}},
        "y": {"get": {}},
    },
    "components": {
        "schemas": {"All": {"type": "array"}, "Loop": {"$ref": "#/components/schemas/Loop"}},
        "responses": {"One": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Loop"}}}}},
    },
}


def read(path: Path, data: bytes) -> tuple[str, list[Seen], list[tuple[int, str]], int]:
    path.write_bytes(data)
    found = traffic_files.read(path)
    seen = list(found.requests)
    return found.kind, seen, found.bad.first, found.bad.count


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        (LINE, Seen("GET", "/x/1", 200, 340)),
        (f'{LINE} "https://h/" "Mozilla/5.0 (X11; \\"quoted\\")"', Seen("GET", "/x/1", 200, 340)),
        (f'{LINE} "-" "curl/8" 0.123', Seen("GET", "/x/1", 200, 340)),
        (f'{LINE} "-" "curl/8" "10.1.1.1" rt=0.123 uct="-"', Seen("GET", "/x/1", 200, 340)),
        (f"example.org:443 {LINE}", Seen("GET", "/x/1", 200, 340)),
        (f'2001:db8::1 - a b {WHEN} "POST /x HTTP/2.0" 201 -', Seen("POST", "/x", 201, 0)),
        (f'- - - {WHEN} "GET http://h/y?z HTTP/1.1" 200 1', Seen("GET", "/y", 200, 1)),
        (f'h - - {WHEN} "OPTIONS * HTTP/1.1" 200 1', Seen("OPTIONS", "*", 200, 1)),
        (f'h - - {WHEN} "GET /a\\"b HTTP/1.1" 200 1', Seen("GET", '/a\\"b', 200, 1)),
        (f'h - - {WHEN} "GET /k\u00e4se HTTP/1.1" 200 1', Seen("GET", "/k\u00e4se", 200, 1)),
        (f'h - - {WHEN} "-" 400 0', "no HTTP request between its quotes"),
        (f'h - - {WHEN} "\\x16\\x03\\x01" 400 150', "no HTTP request between its quotes"),
        (f'h - - {WHEN} "GET x HTTP/1.1" 400 1', "no path in its request"),
        (f'h - - {WHEN} "GET http://[ HTTP/1.1" 400 1', "no path in its request"),
        (f'h - - {WHEN} "GET /x HTTP/1.1" 20 1', "not HOST - USER"),
        (f'h - - {WHEN} "GET /x HTTP/1.1" 200 1x', "not HOST - USER"),
        (f'h - - {WHEN} "GET /x HTTP/1.1', "not HOST - USER"),
        ("2026-11-29 10:00:00 INFO started", "not HOST - USER"),
        (f"{LINE}\0", "holds a NUL byte"),
    ],
)
def test_lines_of_access_logs(line: str, seen: Seen | str) -> None:
    found = traffic_files.parse_line(line.encode())
    if isinstance(seen, str):
        assert isinstance(found, str) and found.startswith(seen)
    else:
        assert found == seen


def test_bad_lines_are_counted_and_the_first_are_named(tmp_path: Path) -> None:
    lines = [LINE, "no", "", *["no"] * 7, LINE.replace("GET", "PUT")]
    kind, seen, first, count = read(tmp_path / "log", "\r\n".join(lines).encode())
    assert (kind, [one.method for one in seen], count) == ("access log", ["GET", "PUT"], 8)
    assert [number for number, _ in first] == [2, 4, 5, 6, 7]


@pytest.mark.parametrize("packed", [False, True])
def test_huge_lines_and_bytes_that_are_no_text_do_no_harm(tmp_path: Path, packed: bool) -> None:
    huge = b"x" * (3 * traffic_files.LINE_BYTES_MAX)
    line = LINE.encode()
    data = b"\n".join([line, huge, bytes(range(256)), line.replace(b"/x/1", b"/\xff\xfe"), b"-" * 60_000, b": " * 30_000, line, huge])
    kind, seen, first, count = read(tmp_path / "log", gzip.compress(data) if packed else data)
    assert kind == "access log"
    assert [one.path for one in seen] == ["/x/1", "/\\xff\\xfe", "/x/1"]
    told = dict(first)
    assert told[2] == "longer than 65536 bytes"
    assert told[3] == "holds a NUL byte" or "not HOST" in told[3]
    assert count == 6  # all 256 bytes hold a line's end


def test_har_and_openapi(tmp_path: Path) -> None:
    kind, seen, first, _ = read(tmp_path / "har", json.dumps(HAR).encode())
    assert (kind, seen) == ("HAR file", [Seen("GET", "/x/1", 200, 7, "application/json"), Seen("POST", "/", 201, None)])
    assert [number for number, _ in first] == [2, 3, 5]
    kind, seen, first, _ = read(tmp_path / "api", b"\xef\xbb\xbf" + json.dumps(OPENAPI).encode())
    assert kind == "OpenAPI document"
    of_x = [Seen("GET", "/x", media_type="application/json", is_list=True), Seen("POST", "/x")]
    assert seen == [*of_x, Seen("GET", "/x/{id}", media_type="application/json")]
    assert first == [(4, "its path does not begin with /")]


def test_openapi_in_yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    yaml = b"swagger: '2.0'\npaths:\n  /x:\n    get:\n      responses:\n        200: {schema: {type: array}}\n"
    assert read(tmp_path / "api.yaml", yaml)[:2] == ("OpenAPI document", [Seen("GET", "/x", is_list=True)])
    with pytest.raises(UsageFault, match=r"bad.yaml: line 2: no YAML"):
        read(tmp_path / "bad.yaml", b"openapi: '3'\npaths: [}")
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(EnvironmentFault) as caught:
        read(tmp_path / "api.yaml", yaml)
    assert "python3-yaml" in caught.value.remedy


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "nothing is in it"),
        (b" \n ", "nothing is in it"),
        (b'{"a": 1}', "neither log.entries"),
        (b'{"openapi": "3", "paths": []}', "neither log.entries"),
        (b'{"log": {}}', "neither log.entries"),
        (b'{"a":', "line 1: no JSON"),
        (b'{"a": 1}\n{"a": 2}\n', "line 2: more than one JSON value"),
        (b'{"a": "\xff"}', "no UTF-8 at byte 7"),
        (b'{"a":' * 100_000, "no JSON"),
        (b'{"a":' + b"1" * 5000 + b"}", "no JSON that can be read"),
        ("x".encode("utf-16"), "UTF-16, not UTF-8"),
        (gzip.compress(f"{LINE}\n".encode() * 99)[:-30], "the gzip file ends too early"),
        (gzip.compress(b"x" * 9000)[:12], "the gzip file ends too early"),
        (gzip.compress(LINE.encode())[:10] + b"\xff" * 40, "the gzip file is damaged"),
    ],
    # Not the data: a gzip file holds the second in which it was made, and the processes of pytest-xdist have to come to the same names.
    ids=lambda value: value if isinstance(value, str) else f"{len(value)} bytes",
)
def test_what_is_none_of_these_is_refused_by_name(tmp_path: Path, data: bytes, told: str) -> None:
    with pytest.raises(UsageFault) as caught:
        read(tmp_path / "file", data)
    assert f"{tmp_path / 'file'}: " in caught.value.message and told in caught.value.message
    assert caught.value.remedy


def test_a_document_without_end_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic_files, "DOCUMENT_BYTES_MAX", 1000)
    with pytest.raises(UsageFault, match="more than 0 MiB"):
        read(tmp_path / "bomb.gz", gzip.compress(b"{" + b" " * 10_000))


def report(tmp_path: Path, capsys: pytest.CaptureFixture[str], *arguments: Any) -> tuple[int, str, str]:
    results_file.write(synthetic_results.build(rounds=2, names=("restmarkd", "python-uwsgi"), memory=False), tmp_path)
    code = cli.main(["report", str(tmp_path), *map(str, arguments)])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_a_report_with_a_mix_of_a_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "access.log"
    big = LINE.replace("/x/1", "/x").replace("340", "13362")
    log.write_text("\n".join([LINE.replace("/x/1", "/\x1b[31mhealth"), big, LINE.replace("200", "500"), "no"]), encoding="utf-8")
    code, out, err = report(tmp_path, capsys, "--mix-from", log)
    assert code == 0, err
    assert "mix from" in err and "mix from" not in out
    assert "(access log): 3 requests" in err and "1 line without a request (line 4: not HOST" in err
    assert "a small GET: /; e.g. GET /?[31mhealth" in err and "\x1b" not in err
    assert "left out, 33.3 % of the requests:" in err and "failed (5xx)" in err
    assert "secret" not in err
    assert "--mix '/=90,/encode-json=5,/transfer-data=5'" in err
    assert "Your traffic (90 /, 5 /encode-json, 5 /transfer-data)" in (tmp_path / "summary.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "arguments", "told"),
    [
        (LINE, (), "--mix names /record, which the run does not measure"),
        ("no\n", (), "1 line without a request (line 1: not HOST"),
        (LINE.replace("200", "500"), (), "none of its requests stands for a workload"),
        (LINE, ("--mix", "/=1"), "--mix and --mix-from contradict each other"),
        (LINE, ("--mix-map", "("), "is no REGEX=ROUTE"),
        (None, ("--mix-map", "x=/"), "add --mix-from FILE"),
    ],
)
def test_what_gives_no_mix_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, arguments: tuple[str, ...], told: str
) -> None:
    if content is not None:
        (tmp_path / "log").write_text(content, encoding="utf-8")
        arguments = ("--mix-from", str(tmp_path / "log"), *arguments)
    code, _, err = report(tmp_path, capsys, *arguments)
    assert code == 1
    assert told in err and "Traceback" not in err


def test_a_run_measures_what_the_mix_has(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log").write_text(LINE, encoding="utf-8")
    folder = write_contestant(tmp_path, "mine", ["/bin/true", "{port}"], routes=[*ROUTES, *MORE_ROUTES])
    run = ["--cache-dir", str(tmp_path / "cache"), "run", "--dry-run", "-C", str(folder), "--mix-from", str(tmp_path / "log")]
    assert cli.main(run) == 0
    out = capsys.readouterr().out
    assert "mix: /record 100" in out
    assert "workloads: /, /parse-msgpack, /encode-json, /transfer-data, /million-loop, /record" in out
    assert cli.main([*run, "--workload", "/"]) == 1
    assert "--mix names /record" in capsys.readouterr().err
    assert cli.main([*run, "--mix-map", "^GET /x/=/"]) == 0
    assert "mix: / 100\nworkloads: /, /parse-msgpack, /encode-json, /transfer-data, /million-loop\n" in capsys.readouterr().out
