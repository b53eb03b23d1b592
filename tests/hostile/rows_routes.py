"""Routes that take something of the client's: a body that is kept, a part of the path, a time to wait."""

from __future__ import annotations

from case import GET, HOST, NEXT, WHOLE, Case, bad, good, last, waits
from rows_head import of_target

VALIDATE = b"POST /validate HTTP/1.1\r\n" + HOST
RECORD = b'{"id":1,"name":"n","description":"","type":"U","count":1,"created_at":1}'
IN_CHUNKS = VALIDATE + b"Transfer-Encoding: chunked\r\n\r\n"
LIMIT = 1 << 20


def sent(body: bytes, head: bytes = VALIDATE) -> bytes:
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunk(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(body), body)


WANTED = [
    good("a record", sent(RECORD) + WHOLE, "9110 9.3.3", 200, 200),
    good("an array", sent(b"[" + RECORD + b"]", b"POST /validate?count=1 HTTP/1.1\r\n" + HOST) + WHOLE, "9110 9.3.3", 200, 200),
    good("an array of none", sent(b"[]", b"POST /validate?count=0 HTTP/1.1\r\n" + HOST), "9110 9.3.3"),
    *(good(f"no JSON: {b[:24]!r} {len(b)}", sent(b) + WHOLE, "9110 15.5.1", 400, 200, other=0) for b in (
        b"x", NEXT, bytes(range(256)), b"\0" * 1000, b"\xff" * 1000, b"\xef\xbb\xbf" + RECORD, RECORD * 2, RECORD + b"\0", RECORD[:-1], b'"' + b"x" * 60_000, b'{"' + b"\\u0000" * 10_000, b" " * 60_000, b'{"id":-}', b'{"\\ud800":1}', b"{" + b" " * 1000, b'{"id":1' + b",", b"-", b'"\\', b'"\\u', b"{\xc0\x80}",
        b'{"a":"\\uD834\\u0041"}', b"nul", b"tru", b"1e", b"1.", b"01", b"+1", b"Infinity", b"/**/{}", b"'a'", b"\r\n\r\n")),
    *(good(f"no record: {b[:24]!r} {len(b)}", sent(b) + WHOLE, "9110 15.5.21", 422, 200, other=0) for b in (
        b"{}", b"[]", b"0\r\n\r\n", b"[" * 60_000, b'{"id":' * 10_000, b"1", b"9" * 60_000, b"-" + b"9" * 60_000, b"1e" + b"9" * 60_000, b"0." + b"0" * 60_000 + b"1", b'{"id":' + b"9" * 60_000 + b"}", b'{"created_at":1' + b"0" * 60_000 + b"}", b'"' + b"x" * 60_000 + b'"', b"null", b'{"":1}', b'{"\\u0000":1}', b'{"' + b"x" * 60_000 + b'":1}',
        RECORD[:-1] + b',"id":2}', RECORD[:-1] + b',"__proto__":1}', RECORD.replace(b'"n"', b'"' + b"x" * 101 + b'"'), RECORD.replace(b'"n"', b'"' + "é".encode() * 101 + b'"'), RECORD.replace(b'"n"', b'"' + b"\\u00e9" * 101 + b'"'), RECORD.replace(b":1}", b":1e400}"), RECORD.replace(b":1,", b":1.0,", 1))),
    good("a name of NULs", sent(RECORD.replace(b'"n"', b'"' + b"\\u0000" * 100 + b'"')) + WHOLE, "9110 9.3.3", 200, 200),
    good("nought", sent(b"") + WHOLE, "9110 8.6", 400, 200, other=0),
    good("no body", VALIDATE + b"\r\n" + WHOLE, "9112 6.3", 400, 200, other=0),
    good("one byte each", IN_CHUNKS + b"".join(chunk(bytes([b])) for b in RECORD) + b"0\r\n\r\n" + WHOLE, "9112 7.1", 200, 200),
    good("extensions and a trailer", IN_CHUNKS + b"%x;x=y\r\n" % len(RECORD) + RECORD + b"\r\n0;z\r\nContent-Length: 5\r\n\r\n" + WHOLE, "9112 7.1.2", 200, 200),
    good("no chunk", IN_CHUNKS + b"0\r\n\r\n" + WHOLE, "9112 7.1", 400, 200, other=0),
    good("as large as it may be", sent(RECORD[:-1] + b" " * (LIMIT - len(RECORD)) + b"}") + WHOLE, "9110 15.5.14", 200, 200, limit=True),
    good("as large as it may be, in chunks", IN_CHUNKS + chunk(RECORD[:-1]) + chunk(b" " * (LIMIT - len(RECORD))) + chunk(b"}") + b"0\r\n\r\n" + WHOLE, "9110 15.5.14", 200, 200, limit=True),
    *(bad(f"too large: {n}", VALIDATE + b"Content-Length: " + n + b"\r\n\r\n" + RECORD, "9110 15.5.14", 413, limit=True) for n in (b"1048577", b"4294967296", b"9223372036854775808", b"18446744073709551617", b"9" * 400)),
    *(bad(f"too large in chunks: {b[:20]!r}", IN_CHUNKS + b, "9110 15.5.14", 413, limit=True) for b in (
        b"100001\r\n", b"ffffffffffffffff\r\n", chunk(b" " * LIMIT) + b"1\r\n", chunk(b" " * 1000) + b"ffffffffffffff00\r\n", chunk(b" ") + b"5;" + b"x" * 13_000)),
    *(bad(f"no chunk behind one: {b!r}", IN_CHUNKS + chunk(RECORD) + b, "9112 7.1") for b in (b"x\r\n", b"\r\n", b"5\n", b"-1\r\n", b"0\r\nX\r\n\r\n")),
    bad("both lengths", VALIDATE + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + NEXT, "9112 6.3"),
    bad("two lengths", VALIDATE + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n" + RECORD, "9112 6.3"),
    bad("a coding that is none", VALIDATE + b"Transfer-Encoding: gzip\r\n\r\n" + RECORD, "9112 6.1"),
    bad("chunks of version 1.0", b"POST /validate HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "9112 6.1"),
    last("of version 1.0", sent(RECORD, b"POST /validate HTTP/1.0\r\n") + WHOLE, "9112 6.3"),
    last("the last", sent(RECORD, VALIDATE + b"Connection: close\r\n") + NEXT, "9112 9.6"),
    last("one byte too many", sent(RECORD)[:-1] + b"}}" + WHOLE, "9112 6.3", 200, 400),
    *(good(f"method {m!r}", sent(RECORD, m + b" /validate HTTP/1.1\r\n" + HOST) + WHOLE, "9110 15.5.6", 405, 200, bodiless=(0,) if m == b"HEAD" else ()) for m in (b"GET", b"HEAD", b"PUT", b"DELETE", b"PATCH")),
    good("OPTIONS", sent(RECORD, b"OPTIONS /validate HTTP/1.1\r\n" + HOST) + WHOLE, "9110 9.3.7", 204, 200),
    *(good(f"as {t!r}", sent(RECORD, b"POST " + t + b" HTTP/1.1\r\n" + HOST) + WHOLE, "9112 3.2", status, 200, other=other) for t, status, other in (
        (b"/v%61lidate", 200, 0), (b"http://x/validate", 200, 0), (b"HTTP://x:80/%76alidate?", 200, 0), (b"/validate?count=1&count=1", 400, 0), (b"/validate?count=1001", 400, 0), (b"/validate?x=1", 400, 0), (b"/validate?count=1", 422, 0), (b"http://x?/validate", 405, 0),
        (b"//validate", 404, 1), (b"/validate/", 404, 1), (b"/%2fvalidate", 404, 1), (b"/validate;x", 404, 1), (b"/VALIDATE", 404, 1), (b"http://validate", 405, 0))),
    bad("NUL", sent(RECORD, b"POST /validate%00 HTTP/1.1\r\n" + HOST), "3986 7.3"),
    bad("too large for another route", sent(b" " * 65_537, b"POST /validate/ HTTP/1.1\r\n" + HOST), "9110 15.5.14", 413, limit=True),
    bad("too large for another method", sent(b" " * 65_537, b"PUT /validate HTTP/1.1\r\n" + HOST), "9110 15.5.14", 413, limit=True),
    good("twenty", sent(RECORD) * 20, "9112 9.3.2", *(200,) * 20),
    good("good ones and others", sent(RECORD) + WHOLE + sent(b"{}") + sent(b"x", b"POST / HTTP/1.1\r\n" + HOST) + IN_CHUNKS + chunk(RECORD) + b"0\r\n\r\n", "9112 9.3.2", 200, 200, 422, 405, 200, other=0),
    last("one, and then no chunk", sent(RECORD) + IN_CHUNKS + chunk(RECORD) + b"x\r\n" + NEXT, "9112 9.3.2", 200, 400),
    good("continue, and the body comes at once", sent(RECORD, VALIDATE + b"Expect: 100-continue\r\n"), "9110 10.1.1"),
    waits("continue, and the body does not come", VALIDATE + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n", "9110 10.1.1", line=True, interim=1),
    bad("continue and a body that is too large", VALIDATE + b"Expect: 100-continue\r\nContent-Length: 1048577\r\n\r\n", "9110 10.1.1", 413, limit=True),
    waits("a part", sent(RECORD)[:-1], "9112 8", line=True),
    waits("a part in chunks", IN_CHUNKS + chunk(RECORD), "9112 8", line=True),
    waits("a whole one and a part", sent(RECORD) + sent(RECORD)[:-1], "9112 8", 200, line=True),
]  # fmt: skip

PATHS = [
    *(good(f"found: {t[:40]!r} {len(t)}", of_target(t) + WHOLE, "3986 3.3", 200, 200) for t in (
        b"/record/0", b"/record/999", b"/record/%39", b"http://x/record/7", b"/users/7", b"/users/a-_Z", b"/users/" + b"x" * 32, b"/vendors/1/items", b"/vendors/1/items/" + b"x" * 32, b"/users/items/items/items", b"/%75sers/7", b"/users/7?")),
    *(good(f"no such thing: {t[:40]!r} {len(t)}", of_target(t) + WHOLE, "3986 3.3", 404, 200, other=other) for t, other in (
        (b"/record/1000", 0), (b"/record/" + b"9" * 32, 0), (b"/record/-1", 0), (b"/record/x", 0), (b"/record", 1), (b"/record/", 1), (b"/record/1/", 1), (b"/record/1/2", 1), (b"/record/1%2f", 1), (b"/record/1;x", 1), (b"/record/+1", 1), (b"/record/" + b"0" * 33, 1), (b"/record/" + b"9" * 3000, 1),
        (b"/users", 1), (b"/users/", 1), (b"/users//items", 1), (b"/users/7/", 1), (b"/users/7/items/", 1), (b"/users/7/items/3/x", 1), (b"/users/..", 1), (b"/users/%2e%2e/items", 1), (b"/users/%ff", 1), (b"/users/" + b"x" * 33, 1), (b"/usersx/7", 1), (b"/user/7", 1), (b"/" * 200, 1), (b"/users/" + b"a/" * 1000, 1), (b"/users/7%2fitems", 1),
        (b"/wait", 0), (b"/wait?ms=1", 0))),
    *(good(f"no parameter: {t!r}", of_target(t) + WHOLE, "9110 15.5.1", 400, 200, other=0) for t in (b"/record/1?x=1", b"/record/1?count=1", b"/users/7?id=8", b"/users/7/items?&&x", b"/wait?ms=60001", b"/wait?ms=1&ms=1")),
    *(bad(f"NUL: {t!r}", of_target(t) + WHOLE, "3986 7.3") for t in (b"/record/1%00", b"/%00", b"/users/%00/items")),
    good("HEAD", b"HEAD /record/1 HTTP/1.1\r\n" + HOST + b"\r\n" + WHOLE, "9110 9.3.2", 200, 200, bodiless=(0,)),
    *(good(f"POST {t!r}", sent(b"{}", b"POST " + t + b" HTTP/1.1\r\n" + HOST) + WHOLE, "9110 15.5.6", 405, 200) for t in (b"/record/1", b"/users/7", b"/users/7/items/3", b"/wait")),
]  # fmt: skip

TOPICS: dict[str, list[Case]] = {"bodies that are wanted": WANTED, "paths with arguments": PATHS}

# Where requests can wait ([workloads] wait = yes):
WAITING = [
    *(good(f"waits: {t!r}", of_target(t) + WHOLE, "9110 9.3.1", 200, 200) for t in (b"/wait?ms=0", b"/wait?ms=1", b"/wait?ms=%35", b"/wait?ms=0020", b"http://x/wait?ms=1", b"/w%61it?ms=1")),
    *(good(f"cannot wait: {t!r}", of_target(t) + WHOLE, "9110 15.5.1", 400, 200, other=0) for t in (b"/wait?ms=60001", b"/wait?ms=-1", b"/wait?ms=1.5", b"/wait?ms", b"/wait?ms=", b"/wait?ms=1&ms=1", b"/wait?ms=18446744073709551616", b"/wait?count=1", b"/wait?ms=1;", b"/wait?MS=1")),
    good("others behind it", of_target(b"/wait?ms=50") + sent(RECORD) + of_target(b"/wait?ms=1") + WHOLE, "9112 9.3.2", 200, 200, 200, 200),
    good("a body of its own", sent(b"hello", b"GET /wait?ms=5 HTTP/1.1\r\n" + HOST) + WHOLE, "9110 9.3.1", 200, 200),
    good("HEAD", b"HEAD /wait?ms=5 HTTP/1.1\r\n" + HOST + b"\r\n" + WHOLE, "9110 9.3.2", 200, 200, bodiless=(0,)),
    good("POST", sent(b"", b"POST /wait?ms=5 HTTP/1.1\r\n" + HOST) + WHOLE, "9110 15.5.6", 405, 200),
    good("twenty", of_target(b"/wait?ms=2") * 20, "9112 9.3.2", *(200,) * 20),
    last("and then no host", of_target(b"/wait?ms=30") + b"GET / HTTP/1.1\r\n\r\n" + NEXT, "9112 9.3.2", 200, 400),
    last("and then no body", of_target(b"/wait?ms=30") + IN_CHUNKS + chunk(RECORD) + b"x\r\n" + NEXT, "9112 9.3.2", 200, 400),
    last("the last", b"GET /wait?ms=5 HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n" + NEXT, "9112 9.6"),
    last("of version 1.0", b"GET /wait?ms=5 HTTP/1.0\r\n\r\n" + NEXT, "9112 9.3"),
    waits("a part behind one that has not to wait", of_target(b"/wait?ms=0") + GET, "9112 8", 200, line=True),
]  # fmt: skip
