"""Where a request ends: lengths, chunks, trailers, expectations, and requests behind one another."""

from __future__ import annotations

from case import CHUNKED, GET, HOST, NEXT, POST, WHOLE, Case, bad, good, last, waits


def sized(value: bytes, body: bytes = b"hello", name: bytes = b"Content-Length: ") -> bytes:
    return POST + name + value + b"\r\n\r\n" + body


LENGTHS = [
    *(bad(f"no length: {v!r}", sized(v), "9110 8.6") for v in (
        b"", b" ", b"+5", b"-5", b"-0", b"0x5", b"5,5", b"5, 5", b"5;5", b"5 5", b"5\t5", b"5.0", b"5e0", b"five", b"5x", b"x5", b"\xb5", b"5\xa0", b'"5"', b"0b101", b"5_0", b"5,", b",5", b"5, 6", b"%35", b"\xef\xbc\x95", b"5\0", b"5\x0b")),
    *(bad(f"too large: {v!r}", sized(v), "9110 15.5.14", 413, limit=True) for v in (
        b"65537", b"70000", b"2147483648", b"4294967296", b"4294967301", b"9223372036854775808", b"18446744073709551615", b"18446744073709551616", b"18446744073709551621", b"9" * 400)),
    bad("two", sized(b"5\r\nContent-Length: 6"), "9112 6.3"),
    bad("twice the same", sized(b"5\r\nContent-Length: 5"), "9112 6.3"),
    bad("twice nought", sized(b"0\r\nContent-Length: 0", b""), "9112 6.3"),
    bad("two in other letters", sized(b"5\r\ncontent-LENGTH: 0"), "9112 6.3"),
    bad("two, others between", sized(b"5\r\nX: y\r\nContent-Length: 0"), "9112 6.3"),
    bad("a good one and one that is none", sized(b"5\r\nContent-Length: x"), "9112 6.3"),
    bad("white space before the colon", sized(b"5", name=b"Content-Length : "), "9112 5.1"),
    bad("a tab before the colon", sized(b"5", name=b"Content-Length\t: "), "9112 5.1"),
    bad("a space before the name", sized(b"5", name=b" Content-Length: "), "9112 5.2"),
    bad("a vertical tab before the colon", sized(b"5", name=b"Content-Length\x0b: "), "9112 5.1"),
    good("nought", sized(b"0", b"") + WHOLE, "9110 8.6", 405, 200),
    good("noughts before it", sized(b"0005") + WHOLE, "9110 8.6", 405, 200),
    good("very many noughts before it", sized(b"0" * 300 + b"5") + WHOLE, "9110 8.6", 405, 200),
    good("white space behind it", sized(b"5 ") + WHOLE, "9110 5.5", 405, 200),
    good("much white space around it", sized(b" \t 5\t \t") + WHOLE, "9110 5.5", 405, 200),
    good("no space", sized(b"5", name=b"Content-Length:") + WHOLE, "9110 5.5", 405, 200),
    good("in small letters", sized(b"5", name=b"content-length: ") + WHOLE, "9110 5.1", 405, 200),
    good("of GET", GET + b"Content-Length: 5\r\n\r\nhello" + WHOLE, "9110 9.3.1", 200, 200),
    good("of HEAD", b"HEAD / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello" + WHOLE, "9110 9.3.2", 200, 200, bodiless=(0,)),
    good("of OPTIONS", b"OPTIONS / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello" + WHOLE, "9110 9.3.7", 204, 200),
    good("a request for a body", sized(b"%d" % len(NEXT), NEXT) + WHOLE, "9112 6.3", 405, 200),
    good("a body of binary bytes", sized(b"256", bytes(range(256))) + WHOLE, "9112 6.3", 405, 200),
    good("the largest body", sized(b"65536", b"x" * 65536) + WHOLE, "9112 6.3", 405, 200),
    good("no body, but one comes", POST + b"\r\n" + WHOLE, "9112 6.3", 405, 200),
    last("no length, but a body comes", POST + b"\r\n{}\r\n", "9112 6.3", 405, 400),
    last("one byte too many", sized(b"4") + WHOLE, "9112 6.3", 405, 501),
    last("of version 1.0", b"POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello" + WHOLE, "9112 6.3", 405),
    waits("a part", sized(b"6"), "9112 8", line=True),
    waits("nothing of it", sized(b"6", b""), "9112 8", line=True),
]

CODINGS = [
    *(bad(f"no coding: {v!r}", POST + b"Transfer-Encoding: " + v + b"\r\n\r\n0\r\n\r\n", "9112 6.1") for v in (
        b"", b"gzip", b"identity", b"chunked, chunked", b"gzip, chunked", b"chunked, gzip", b"chunked, identity", b"identity, chunked", b"xchunked", b"chunkedx", b"chunke", b"chunk", b"chunked;q=1", b"chunked,", b",chunked",
        b'"chunked"', b"'chunked'", b"chunked chunked", b"chunked\0", b"\x0bchunked", b"chunked\x0b", b"chunked\xa0", b"\xa0chunked", b"cow", b"CHUNKED, x", b"chunked\x00x", b"deflate", b"trailers")),
    bad("and a length", POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + NEXT, "9112 6.3"),
    bad("and a length behind it", POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + NEXT, "9112 6.3"),
    bad("and a length of nought", POST + b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "9112 6.3"),
    bad("and a length, others between", POST + b"Content-Length: 5\r\nX: y\r\ntransfer-encoding: Chunked\r\n\r\n0\r\n\r\n", "9112 6.3"),
    bad("an unknown one and a length", POST + b"Transfer-Encoding: x\r\nContent-Length: 5\r\n\r\nhello", "9112 6.1"),
    bad("two fields", POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "9112 6.1"),
    bad("chunked and then identity", POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", "9112 6.1"),
    bad("identity and then chunked", POST + b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "9112 6.1"),
    bad("of version 1.0", b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "9112 6.1"),
    bad("of version 1.0 that stays", b"POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "9112 6.1"),
    bad("white space before the colon", POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "9112 5.1"),
    bad("a space before the name", POST + b" Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "9112 5.2"),
    bad("CR before the name", POST + b"X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "9112 2.2"),
    bad("LF before the name", POST + b"X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "9112 2.2"),
    bad("a NUL in the name", POST + b"Transfer\0-Encoding: chunked\r\n\r\n0\r\n\r\n", "9112 5"),
    last("an underscore in the name", POST + b"Transfer_Encoding: chunked\r\n\r\n0\r\n\r\n", "9110 5.1", 405, 400),
    good("in other letters", POST + b"tRANSFER-eNCODING: cHUNKED\r\n\r\n0\r\n\r\n" + WHOLE, "9112 7", 405, 200),
    good("white space around it", POST + b"Transfer-Encoding: \t chunked \t\r\n\r\n0\r\n\r\n" + WHOLE, "9112 7", 405, 200),
    good("of GET", GET + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" + WHOLE, "9112 6.3", 200, 200),
    good("of HEAD", b"HEAD / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + WHOLE, "9112 6.3", 200, 200, bodiless=(0,)),
]

CHUNKS = [
    *(bad(f"no chunk: {b!r}", CHUNKED + b, "9112 7.1") for b in (
        b"\r\n", b"x\r\n", b" 5\r\nhello\r\n0\r\n\r\n", b"5 \r\nhello\r\n0\r\n\r\n", b"5\t\r\nhello\r\n0\r\n\r\n", b"5 5\r\n", b"+5\r\n", b"-5\r\n", b"0x5\r\n", b"5h\r\n", b"5.0\r\n", b"5,\r\n", b"\xb5\r\n", b";\r\n", b";x=y\r\n",
        b"5\nhello\r\n0\r\n\r\n", b"5\rhello\r\n0\r\n\r\n", b"5\r\r\nhello\r\n0\r\n\r\n", b"5;x\nhello\r\n0\r\n\r\n", b"5;x\rhello\r\n0\r\n\r\n", b"5;\0\r\n", b"5;\x01\r\n", b"5\0\r\n", b"5\x0b\r\n", b"0\n\n", b"0\r\n\n", b"0\n\r\n", b"0\r\r\n",
        b"5\r\nhello0\r\n\r\n", b"5\r\nhello\n0\r\n\r\n", b"5\r\nhello\r0\r\n\r\n", b"5\r\nhello\r\r\n0\r\n\r\n", b"5\r\nhello \r\n0\r\n\r\n", b"5\r\nhell\r\n0\r\n\r\n", b"5\r\nhelloo\r\n0\r\n\r\n", b"5\r\nhello\r\n\r\n0\r\n\r\n",
        b"0 \r\n\r\n", b"00000000000000005\r\n", b"fffffffffffffffff\r\n", b"0" * 13_000, b"0\r\n\r" + b"\r\n", b"5\r\nhello\r\n-0\r\n\r\n", b"5\r\nhello\r\n0\r\n \r\n\r\n")),
    *(bad(f"too large: {b[:20]!r}", CHUNKED + b, "9110 15.5.14", 413, limit=True) for b in (
        b"ffffffffffffffff\r\n", b"8000000000000000\r\n", b"7fffffffffffffff\r\n", b"100000000\r\n", b"ffffffff\r\n", b"80000000\r\n", b"10001\r\n", b"10000\r\n" + b"x" * 65536 + b"\r\n1\r\n", b"ffffffffffffff01\r\n")),
    *(bad(f"long lines: {b[:20]!r} {len(b)}", CHUNKED + b, "9112 7.1.1", 413, limit=True) for b in (
        b"5;" + b"x" * 13_000, b"5;" + b"x" * 100_000, b"5" + b" " * 13_000, (b"1;" + b"x" * 3000 + b"\r\n0\r\n") * 3, b"0;" + b"y" * 13_000, b"5\r\nhello\r\n0;" + b"z" * 13_000)),
    *(good(f"chunks {b[:24]!r}", CHUNKED + b + WHOLE, "9112 7.1", 405, 200) for b in (
        b"0\r\n\r\n", b"00\r\n\r\n", b"0000000000000000\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n", b"05\r\nhello\r\n0\r\n\r\n", b"0000000000000005\r\nhello\r\n0\r\n\r\n", b"A\r\n0123456789\r\n0\r\n\r\n", b"a\r\n0123456789\r\n0\r\n\r\n",
        b"5;\r\nhello\r\n0\r\n\r\n", b"5;x\r\nhello\r\n0\r\n\r\n", b"5;x=y\r\nhello\r\n0;z\r\n\r\n", b'5;x="a;b\\"c"\r\nhello\r\n0\r\n\r\n', b"5 ;x\r\nhello\r\n0\r\n\r\n", b"5\t; x = y\r\nhello\r\n0\r\n\r\n", b"5;\x80\r\nhello\r\n0\r\n\r\n",
        b"2\r\n\r\n\r\n0\r\n\r\n", b"5\r\n0\r\n\r\n\r\n0\r\n\r\n", b"%x\r\n" % len(NEXT) + NEXT + b"\r\n0\r\n\r\n", b"1\r\nx\r\n" * 500 + b"0\r\n\r\n", b"1;" + b"x" * 3000 + b"\r\n0\r\n0\r\n\r\n", b"10000\r\n" + b"x" * 65536 + b"\r\n0\r\n\r\n")),
    *(waits(f"a part: {b!r}", CHUNKED + b, "9112 8", line=True) for b in (
        b"", b"5", b"5\r", b"5\r\n", b"5;", b"5;x=y\r", b"5\r\nhell", b"5\r\nhello", b"5\r\nhello\r", b"5\r\nhello\r\n", b"0", b"0\r\n", b"0\r\n\r", b"0\r\nX", b"0\r\nX: y\r\n", b"5 ", b"5\r\nhello\r\n0\r\nX: y\r\n\r")),
]

TRAILERS = [
    *(bad(f"no trailer: {t!r}", CHUNKED + b"0\r\n" + t + b"\r\n\r\n", "9112 7.1.2") for t in (
        b"X : a", b" X: a", b"\tX: a", b"no colon", b": a", b"X: a\r\n b", b"X: a\nY: b", b"X: a\rY: b", b"X: \0", b"X\x80: a", b"X: a\r\nY", b"GET / HTTP/1.1", b"5\r\nhello\r\n0", b"X: a\r", b"X(: a", b"X: a\x7f")),
    bad("a long line", CHUNKED + b"0\r\nX: " + b"x" * 70_000, "6585 5", 431, limit=True),
    bad("a long name", CHUNKED + b"0\r\n" + b"x" * 70_000, "6585 5", 431, limit=True),
    bad("many lines", CHUNKED + b"0\r\n" + b"X: y\r\n" * 12_000, "6585 5", 431, limit=True),
    *(good(f"trailer {t[:30]!r}", CHUNKED + b"0\r\n" + t + b"\r\n\r\n" + WHOLE, "9112 7.1.2", 405, 200) for t in (
        b"X: y", b"X:", b"X: y\r\nZ: a", b"Content-Length: 5", b"Content-Length: 5\r\nContent-Length: 6", b"Transfer-Encoding: chunked", b"Host: y", b"Host: a b", b"Connection: close", b"X: \x80", b"A: b\r\n" * 100 + b"A: b", b"If-Match: x", b"Expect: 100-continue")),
]

EXPECTATIONS = [
    good("continue, and the body comes at once", POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi", "9110 10.1.1", 405),
    good("continue in other letters", POST + b"expect: 100-CONTINUE\r\nContent-Length: 2\r\n\r\nhi" + WHOLE, "9110 10.1.1", 405, 200),
    good("continue and no body", GET + b"Expect: 100-continue\r\n\r\n", "9110 10.1.1"),
    good("continue and nought", POST + b"Expect: 100-continue\r\nContent-Length: 0\r\n\r\n", "9110 10.1.1", 405),
    good("something else", POST + b"Expect: 200-ok\r\nContent-Length: 2\r\n\r\nhi", "9110 10.1.1", 405),
    good("continue and chunks", POST + b"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "9110 10.1.1", 405),
    waits("continue, and the body does not come", POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n", "9110 10.1.1", line=True, interim=1),
    waits("continue, and no chunk comes", POST + b"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n", "9110 10.1.1", line=True, interim=1),
    waits("something else, and no body comes", POST + b"Expect: x\r\nContent-Length: 2\r\n\r\n", "9110 10.1.1", line=True),
    bad("continue and a body that is too large", POST + b"Expect: 100-continue\r\nContent-Length: 70000\r\n\r\n", "9110 10.1.1", 413, limit=True),
    bad("continue and a length that is none", POST + b"Expect: 100-continue\r\nContent-Length: x\r\n\r\n", "9110 10.1.1"),
    waits("continue of version 1.0", b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n", "9110 10.1.1", line=True),
]

NOPE = b"GET /nope HTTP/1.1\r\n" + HOST + b"\r\n"

PIPELINES = [
    good("two", WHOLE + NOPE, "9112 9.3.2", 200, 404),
    good("a hundred", WHOLE * 100, "9112 9.3.2", *(200,) * 100),
    good("HEAD and GET", b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n" + WHOLE, "9112 9.3.2", 200, 200, bodiless=(0,)),
    good("blank lines between", WHOLE + b"\r\n" + NOPE + b"\r\n\r\n" + WHOLE, "9112 2.2", 200, 404, 200),
    good("bodies between", sized(b"5") + NOPE + CHUNKED + b"5\r\nhello\r\n0\r\n\r\n" + WHOLE, "9112 9.3.2", 405, 404, 405, 200),
    good("versions mixed", b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + WHOLE, "9112 9.3", 200, 200),
    *(last(f"one, and then {name}", WHOLE + data + NEXT, "9112 9.3.2", 200, status) for name, data, status in (
        ("no host", b"GET / HTTP/1.1\r\n\r\n", 400), ("a method alone", b"GET\r\n", 400), ("LF", b"GET / HTTP/1.1\n" + HOST + b"\n", 400), ("a space", b" ", 400), ("an unknown method", b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 501),
        ("a version", b"GET / HTTP/2.0\r\n\r\n", 505), ("both lengths", POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400), ("no chunk", CHUNKED + b"x\r\n", 400), ("a host", b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400))),
    last("a long answer, and then no host", b"GET /transfer-data HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n\r\n", "9112 9.3.2", 200, 400),
    last("one, the last, and one", WHOLE + GET + b"Connection: close\r\n\r\n" + NEXT, "9112 9.6", 200, 200),
    last("one, version 1.0, and one", WHOLE + b"GET / HTTP/1.0\r\n\r\n" + NEXT, "9112 9.3", 200, 200),
    last("a long answer, the last, and very much", b"GET /transfer-data HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" + NEXT * 2000, "9112 9.6"),
    waits("two and a part", WHOLE + NOPE + b"GET / HT", "9112 9.3.2", 200, 404),
    waits("one and a part with its line", WHOLE + GET, "9112 9.3.2", 200, line=True),
]

TOPICS: dict[str, list[Case]] = {"lengths": LENGTHS, "codings": CODINGS, "chunks": CHUNKS, "trailers": TRAILERS, "expectations": EXPECTATIONS, "pipelines": PIPELINES}
