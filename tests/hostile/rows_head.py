"""What stands in a head: targets, hosts, fields, and bytes that belong nowhere."""

from __future__ import annotations

from case import CHUNKED, GET, HOST, NEXT, POST, WHOLE, Case, bad, good, last


def of_target(target: bytes, method: bytes = b"GET") -> bytes:
    return method + b" " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n"


def of_host(host: bytes) -> bytes:
    return b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n"


TARGETS = [
    *(bad(f"no target: {t!r}", of_target(t), "9112 3.2") for t in (
        b"x", b"*", b"**", b"?a", b"#", b"x:80", b"\\", b"http:", b"http:/", b"http:/x", b"http://", b"http:///", b"http:///a", b"https:///a", b"http://?a", b"http://:80/",
        b"http://u@x/", b"http://u:p@x/", b"http://x:80:80/", b"http://x:a/", b"http://x:99999/", b"http://[::1/", b"http://::1/", b"http://[]/", b"http://[::1]x/", b"http://x y/",
        b"mailto:x", b"1http://x/", b"://x/", b"-http://x/", b"/#a", b"/a#b", b"http://x/#a", b"http://x#a", b"http://x\\y/", b"http://<x>/")),
    *(bad(f"encoding: {t!r}", of_target(t), "3986 2.1") for t in (
        b"/%", b"/%0", b"/%zz", b"/%2", b"/%u0041", b"/%%20", b"/?a=%", b"/?a=%zz", b"http://x/%", b"http://%zz/", b"/%00", b"/?a=%00", b"/a%00b", b"http://x/%00")),
    *(bad(f"byte in the target: {t!r}", of_target(t), "9112 3") for t in (b"/\xc3\xa9", b"/\xff", b"/?\xe9", b"/\x7f", b"/\x01", b"/\0", b"/a\x0bb", b"/a\tb", b"http://x\xe9/")),
    *(bad(f"form of CONNECT: {t!r}", of_target(t, b"CONNECT"), "9112 3.2.3") for t in (b"/", b"*", b"x", b"http://x/", b"x:", b":80", b"x:80/", b"u@x:80", b"[::1:80")),
    bad("OPTIONS and more than a star", of_target(b"*x", b"OPTIONS"), "9112 3.2.4"),
    bad("OPTIONS of a star and a query", of_target(b"*?a", b"OPTIONS"), "9112 3.2.4"),
    bad("POST of a star", of_target(b"*", b"POST"), "9112 3.2.4"),
    bad("HEAD of a star", of_target(b"*", b"HEAD"), "9112 3.2.4", bodiless=(0,)),
    *(good(f"target {t!r}", of_target(t), "9112 3.2", s, **more) for t, s, more in (
        (b"/", 200, {}), (b"/?", 200, {}), (b"http://x", 200, {}), (b"http://x/", 200, {}), (b"HTTP://X/", 200, {}), (b"http://x?", 200, {}), (b"http://x:80/", 200, {}),
        (b"http://[::1]:80/", 200, {}), (b"https://x/", 200, {}), (b"http://x%2fparse-msgpack", 200, {}), (b"http://y/", 200, {}), (b"x://", 200, {}),
        (b"/%2f", 404, {}), (b"//", 404, {}), (b"/./", 404, {}), (b"/../", 404, {}), (b"/..%2f", 404, {}), (b"/a;b", 404, {}), (b"/a=b,c", 404, {}),
        (b"/parse-msgpack/", 404, {}), (b"/Parse-msgpack", 404, {}), (b"/parse-msgpack%3fcount=1", 404, {}), (b"//parse-msgpack", 404, {}), (b"/\"<>\\^`{|}[]", 404, {}),
        (b"/" + b"x" * 63, 404, {}), (b"/" + b"x" * 64, 404, {}), (b"/" + b"%78" * 64, 404, {}), (b"/" + b"x" * 1000, 404, {}), (b"/%70arse-msgpack?count=3", 200, {}),
        (b"/parse-msgpack?count=%33", 200, {}), (b"/?x=1", 400, {"other": 0}), (b"/parse-msgpack?count=0x1", 400, {"other": 0}), (b"/parse-msgpack?count=1&count=2", 400, {"other": 0}),
        (b"/parse-msgpack?count=99999999999999999999999999", 400, {"other": 0}), (b"/parse-msgpack?count=-1", 400, {"other": 0}), (b"/parse-msgpack?=", 400, {"other": 0}))),
]

BAD_HOSTS = [
    b"a b", b"a, b", b"u@x", b"u:p@x", b"x/path", b"x/", b"/", b"x:80:80", b"x::80", b"[::1", b"::1", b"[::1]x", b"[::1]:80:80", b"[]", b"[::1%25eth0]", b"[x]", b"]", b"x[::1]", b"[v1]", b"[1.2.3.4]",
    b"[::1]80", b"[:::1]", b"x?y", b"x#y", b"x:y", b"x:-1", b"x:+1", b"x:0x50", b"x:65536", b"x:99999", b":80", b":", b"x: 80", b"x :80", b"x:80 y", b"x\\y", b"x|y", b"<x>", b"x%zz", b"x%2", b"%",
    b"x\xe9", b"\xff", b"x\x7f", b"x\x01", b"x\0y", b"x\0", b'"x"', b"x\ty", b"http://x", b"x{}", b"x^", b"x`", b"*/", b"x, x", b"x\x0b", b"x\x1f.y",
]

HOSTS = [
    *(bad(f"no host: {h!r}", of_host(h), "9112 3.2") for h in BAD_HOSTS),
    *(good(f"host {h!r}", of_host(h), "9110 7.2") for h in (
        b"", b" ", b"x", b"x ", b"\tx\t", b"x:", b"x:0", b"x:80", b"x:65535", b"a.b-c_d~e", b"127.0.0.1:8080", b"[::1]", b"[::1]:80", b"[::ffff:1.2.3.4]", b"[v1.a:b]", b"x%20y", b"EXAMPLE.org", b"a,b",
        b"!$&'()*+,;=", b"x" * 255)),
    bad("none", b"GET / HTTP/1.1\r\n\r\n", "9112 3.2"),
    bad("none, but others", b"GET / HTTP/1.1\r\nX-Host: x\r\n\r\n", "9112 3.2"),
    bad("none, as the target has one", b"GET http://x/ HTTP/1.1\r\n\r\n", "9112 3.2"),
    bad("two", b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "9112 3.2"),
    bad("twice the same", b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", "9112 3.2"),
    bad("two in other letters", b"GET / HTTP/1.1\r\nHost: x\r\nX: y\r\nhOST: x\r\n\r\n", "9112 3.2"),
    bad("one and an empty one", b"GET / HTTP/1.1\r\nHost: x\r\nHost:\r\n\r\n", "9112 3.2"),
    bad("three", b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\nHost: x\r\n\r\n", "9112 3.2"),
    bad("white space before the colon", b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", "9112 5.1"),
    bad("folded", b"GET / HTTP/1.1\r\nHost:\r\n x\r\n\r\n", "9112 5.2"),
    good("in small letters", b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", "9110 5.1"),
    good("without a space", b"GET / HTTP/1.1\r\nHost:x\r\n\r\n", "9112 5"),
    good("behind others", b"GET / HTTP/1.1\r\nX: y\r\nHost: x\r\n\r\n", "9110 5.3"),
]

FIELDS = [
    *(bad(f"no field: {f!r}", GET + f + b"\r\n\r\n", "9112 5") for f in (
        b"no colon", b"nocolon", b": empty", b":", b"X : y", b"X\t: y", b" X: y", b"\tX: y", b"X Y: z", b"X(y): z", b"X/y: z", b"X@y: z", b"X[: y", b"X\\: y", b"X{: y", b"X,y: z", b"X;y: z", b"X=y: z", b'"X": y',
        b"X\x80: y", b"\xe9: y", b"X\x00: y", b"X\x0b: y", b"X\x7f: y", b"<X>: y")),
    *(bad(f"obsolete fold: {f!r}", GET + f + b"\r\n\r\n", "9112 5.2") for f in (
        b"X: a\r\n b", b"X: a\r\n\tb", b"X:\r\n ", b"X: a\r\n  b\r\n c", b"Content-Length: 1\r\n 0", b"Transfer-Encoding:\r\n chunked", b"Connection:\r\n close")),
    *(bad(f"a line's end: {f!r}", GET + f, "9112 2.2") for f in (
        b"X: a\nY: b\r\n\r\n", b"X: a\n\r\n", b"X: a\r\r\n\r\n", b"X: a\rY: b\r\n\r\n", b"X: a\r\n\n", b"X: a\r\n\r\r\n", b"\rX: a\r\n\r\n", b"X: a\n\n", b"X:\n\r\n", b"X: a\r\n\rGET / HTTP/1.1\r\n\r\n", b"\n" + NEXT)),
    *(good(f"field {f!r}", GET + f + b"\r\n\r\n", "9110 5.5") for f in (
        b"X:", b"X: ", b"X:a", b"X: a \t", b"X:\t\ta", b"X: \x80\xff", b"X: a\tb", b"X: :", b"X: \"\\\"", b"!#$%&'*+-.^_`|~9: y", b"X: y\r\nX: z", b"x" * 1000 + b": y", b"X: " + b"y" * 3000,
        b"Cookie: a=b; c=d", b"Upgrade: websocket\r\nConnection: Upgrade", b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk", b"Range: bytes=0-1", b"Range: bytes=5-1,-,x",
        b"Accept: " + b"*/*," * 50, b"Accept-Encoding: gzip;q=1, *;q=0", b"TE: trailers, chunked", b"Trailer: X", b"Max-Forwards: 0", b"Authorization: Basic eDp5", b"Keep-Alive: timeout=0, max=0",
        b"X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Host: a b", b"X-HTTP-Method-Override: DELETE", b"Content-Encoding: gzip", b"Content-Type: \x80", b"Referer: http://x/%", b"Connection: x,,y", b"Connection: ,",
        b"Connection:", b"Connection: keep-alive", b"Connection: not-close", b"Connection: Host", b"Connection: closed", b'If-None-Match: "a"', b"If-Modified-Since: now", b"If-Unmodified-Since: x",
        b'If-Range: "a"', b"If-Match: *", b"If-Match: * \t", b"Date: x", b"Via: 1.1 x", b"Proxy-Connection: close", b"Pragma: x", b"Expect: x", b"HTTP2-Settings: x")),
    *(last(f"connection: {f!r}", GET + f + b"\r\n\r\n", "9112 9.6") for f in (
        b"Connection: close", b"Connection: Close", b"connection:close", b"Connection: x, close", b"Connection: close,x", b"Connection: keep-alive, close", b"Connection: close, keep-alive", b"Connection: ,close,",
        b"Connection: keep-alive\r\nConnection: close", b"Connection: close\r\nConnection: keep-alive", b"Connection: \tclose\t")),
    last("close, and what follows", GET + b"Connection: close\r\n\r\n" + NEXT, "9112 9.6"),
    last("close, and what is none that follows", GET + b"Connection: close\r\n\r\nGET\r\n", "9112 9.6"),
    *(good(f"condition {f!r}", GET + f + b"\r\n\r\n", "9110 13.1.1", 412) for f in (
        b"If-Match:", b'If-Match: "a"', b'If-Match: W/"a", "b"', b"If-Match: x", b"If-Match: **", b"If-Match: *, *", b'If-Match: *\r\nIf-Match: "a"', b'if-match: "*"', b"If-Match: \x80")),
    good("a condition on nothing", b'GET /nope HTTP/1.1\r\nHost: x\r\nIf-Match: "a"\r\n\r\n', "9110 13.2.1", 404),
    good("a condition and a bad argument", b'GET /?x=1 HTTP/1.1\r\nHost: x\r\nIf-Match: "a"\r\n\r\n', "9110 13.2.1", 400, other=0),
    good("a condition and the next", GET + b'If-Match: "a"\r\n\r\n' + WHOLE, "9110 13.1.1", 412, 200),
    good("a condition for HEAD", b'HEAD / HTTP/1.1\r\nHost: x\r\nIf-Match: "a"\r\n\r\n', "9110 13.1.1", 412, bodiless=(0,)),
]

MANY = [
    *(bad(f"{n} empty arguments", b"GET /?" + b"&" * n + b" HTTP/1.1\r\n" + HOST + b"\r\n", "6585 5", limit=True) for n in (16, 17, 60, 183, 189, 190, 400, 3900)),
    *(bad(f"{n} arguments", b"GET /?" + b"a=b&" * n + b" HTTP/1.1\r\n" + HOST + b"\r\n", "6585 5", limit=True) for n in (16, 64, 189, 900)),
    good("15 ands", b"GET /?" + b"&" * 15 + b" HTTP/1.1\r\n" + HOST + b"\r\n", "6585 5", 400, other=0),
    *(good(f"{n} semicolons in a cookie", GET + b"Cookie: " + b";" * n + b"\r\n\r\n", "6265 5.4") for n in (1, 184, 190, 3900)),
    *(good(f"{n} cookies", GET + b"Cookie: " + b"a=b; " * n + b"\r\n\r\n", "6265 5.4") for n in (1, 60, 184, 700)),
    *(good(f"{n} cookie fields", GET + b"Cookie:a\r\n" * n + b"\r\n", "6265 5.4") for n in (60, 184, 390)),
    *(good(f"{n} fields", GET + b"A:b\r\n" * n + b"\r\n", "6585 5") for n in (10, 60, 190, 600)),
    *(bad(f"{n} fields", GET + b"A:b\r\n" * n + b"\r\n", "6585 5", 431, limit=True) for n in (1700, 10_000)),
    bad("a long name", GET + b"x" * 70_000 + b": y\r\n\r\n", "6585 5", 431, limit=True),
    bad("a long name without an end", GET + b"x" * 70_000, "6585 5", 431, limit=True),
    bad("a long value", GET + b"X: " + b"y" * 70_000 + b"\r\n\r\n", "6585 5", 431, limit=True),
    bad("a long value without an end", GET + b"X: " + b"y" * 70_000, "6585 5", 431, limit=True),
    bad("much white space", GET + b"X:" + b" " * 70_000 + b"y\r\n\r\n", "6585 5", 431, limit=True),
    bad("a long host", of_host(b"x" * 70_000), "6585 5", 431, limit=True),
    bad("a long cookie", GET + b"Cookie: " + b"a=" + b"b" * 70_000 + b"\r\n\r\n", "6585 5", 431, limit=True),
    bad("many tokens of a connection", GET + b"Connection: " + b"a," * 35_000 + b"\r\n\r\n", "6585 5", 431, limit=True),
    good("some tokens of a connection", GET + b"Connection: " + b"a," * 1500 + b"\r\n\r\n", "9110 7.6.1"),
]

# Where a byte may stand, and the kind of the place.
PLACES = {
    "method": (b"G%sT / HTTP/1.1\r\nHost: x\r\n\r\n", "token"),
    "target": (b"GET /a%sb HTTP/1.1\r\nHost: x\r\n\r\n", "target"),
    "query": (b"GET /nope?a%sb HTTP/1.1\r\nHost: x\r\n\r\n", "target"),
    "version": (b"GET / HTTP/1.%s\r\nHost: x\r\n\r\n", "digit"),
    "host": (b"GET / HTTP/1.1\r\nHost: a%sb\r\n\r\n", "token"),
    "name": (GET + b"X%sY: z\r\n\r\n", "token"),
    "value": (GET + b"X: a%sb\r\n\r\n", "value"),
    "last value": (GET + b"X: a%s\r\n\r\n", "value"),
    "length": (POST + b"Content-Length: 1%s0\r\n\r\n" + b"0123456789", "digit"),
    "coding": (POST + b"Transfer-Encoding: chun%sked\r\n\r\n0\r\n\r\n", "digit"),
    "chunk size": (CHUNKED + b"1%s\r\n0\r\n0\r\n\r\n", "digit"),
    "chunk extension": (CHUNKED + b"1;a%sb\r\n0\r\n0\r\n\r\n", "value"),
    "trailer name": (CHUNKED + b"0\r\nX%sY: z\r\n\r\n", "token"),
    "trailer value": (CHUNKED + b"0\r\nX: a%sb\r\n\r\n", "value"),
}
BYTES = [b"\0", b"\x01", b"\x08", b"\t", b"\n", b"\x0b", b"\x0c", b"\r", b"\x1b", b"\x1f", b"\x7f", b"\x80", b"\xa0", b"\xff"]


def _everywhere() -> list[Case]:
    rows = []
    for place, (frame, kind) in PLACES.items():
        for byte in BYTES:
            name, data = f"{byte!r} in {place}", frame.replace(b"%s", byte)
            status = 405 if data.startswith(b"POST") else 200
            if kind == "value" and (byte == b"\t" or byte >= b"\x80"):
                rows.append(good(name, data, "9110 5.5", status))
            else:
                rows.append(bad(name, data, "9112 2.2" if byte in b"\r\n" else "9110 5.5"))
    return rows


TOPICS: dict[str, list[Case]] = {"targets": TARGETS, "hosts": HOSTS, "fields": FIELDS, "many": MANY, "bytes": _everywhere()}
