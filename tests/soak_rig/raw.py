"""What hostile clients send. Each malformed or oversized case must not be answered with success, here or at the admin endpoint."""

from __future__ import annotations

import random

HOST = b"Host: x\r\n"


def get(target: bytes, fields: bytes = b"") -> bytes:
    return b"GET " + target + b" HTTP/1.1\r\n" + HOST + fields + b"\r\n"


def post(fields: bytes, body: bytes) -> bytes:
    return b"POST / HTTP/1.1\r\n" + HOST + fields + b"\r\n" + body


VALID = (
    get(b"/"),
    get(b"/parse-msgpack?count=10"),
    get(b"/encode-json?count=3&digest=1", b"Cookie: a=b; c=d\r\nAccept: */*\r\n"),
    get(b"/", b"Cookie: " + b";" * 184 + b"\r\n"),
    get(b"/transfer-data?count=9", b"Content-Length: 5\r\n") + b"hello",
    get(b"/million-loop?n=10&seed=3", b"Transfer-Encoding: chunked\r\n") + b"5;x=y\r\nhello\r\n0\r\nTrailer: z\r\n\r\n",
)
MALFORMED = (
    b"GET / HTTP/1.1\r\n\r\n",
    get(b"/", b"no colon\r\n"),
    get(b"/", b"A : b\r\n"),
    get(b"/", b"A: b\r\n folded\r\n"),
    get(b"/", b"A: \0\r\n"),
    get(b"/", b"Host: y\r\n"),
    get(b"/", b"Content-Length: 1\r\nContent-Length: 2\r\n") + b"ab",
    get(b"/", b"Content-Length: -1\r\n"),
    get(b"/", b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") + b"0\r\n\r\n",
    get(b"/", b"Transfer-Encoding: chunked\r\n") + b"zz\r\n",
    get(b"/", b"Transfer-Encoding: chunked\r\n") + b"ffffffffffffffffff\r\n",
    get(b"/", b"Transfer-Encoding: chunked, chunked\r\n"),
    get(b"/", b"Transfer-Encoding: chunked\r\n") + b"0\r\nX : a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
    b"GET /x\rHost:y HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET / HTTP/9.9\r\n" + HOST + b"\r\n",
    b"GE(T / HTTP/1.1\r\n" + HOST + b"\r\n",
    b"BREW / HTTP/1.1\r\n" + HOST + b"\r\n",
    b" GET / HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)),
    b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + get(b"/"),
    b"SSH-2.0-OpenSSH_9.2\r\n",
    bytes(range(256)) * 8,
    get(b"http:///"),
    get(b"/nope"),
    get(b"/encode-json?count=x"),
)
OVERSIZED = (
    get(b"/?" + b"&" * 189),
    get(b"/?" + b"&" * 5000),
    get(b"/" + b"a" * 20000),
    get(b"/" + b"b" * 9000),
    get(b"/", b"A: " + b"b" * 100_000 + b"\r\n"),
    get(b"/", b"A: b\r\n" * 5000),
    post(b"Content-Length: 200000\r\n", b"x" * 200_000),
    post(b"Transfer-Encoding: chunked\r\n", b"5;" + b"e" * 13_000 + b"\r\nhello\r\n0\r\n\r\n"),
    post(b"Transfer-Encoding: chunked\r\n", b"0\r\n" + b"T: " + b"t" * 13_000 + b"\r\n\r\n"),
    post(b"Transfer-Encoding: chunked\r\n", b"1\r\nx\r\n" * 90_000 + b"0\r\n\r\n"),
)


def mutate(data: bytes, rng: random.Random) -> bytes:
    """A few bytes of it changed, doubled, left out, or put in."""
    changed = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(changed))
        match rng.randrange(4):
            case 0:
                changed[at] = rng.randrange(256)
            case 1:
                changed[at:at] = bytes([rng.choice(b"\r\n\0 :;&?%,\t\xff")]) * rng.randrange(1, 50)
            case 2 if len(changed) > 10:
                del changed[at : at + rng.randrange(1, 8)]
            case _:
                changed[at:at] = changed[at : at + 20]
    return bytes(changed)
