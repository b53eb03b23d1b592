"""How connections begin: what is no HTTP, request lines, methods and versions."""

from __future__ import annotations

from case import GET, HOST, WHOLE, Case, bad, good, last, silent, waits

LINE = "9112 3"
TLS_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(64))

FIRST_LINES = [
    silent("TLS hello", TLS_HELLO, "8446 4.1.2", "tls"),
    silent("the first byte of TLS", b"\x16", "8446 4.1.2", "tls"),
    silent("TLS alert", b"\x15\x03\x01\x00\x02\x02\x28", "8446 6", "binary"),
    silent("SSL 2 hello", b"\x80\x2e\x01\x03\x01\x00\x15", "6176", "binary"),
    silent("TLS behind a request", WHOLE + TLS_HELLO, "8446 4.1.2", "tls", 200),
    silent("TLS behind blank lines", b"\r\n\r\n" + TLS_HELLO, "8446 4.1.2", "tls"),
    silent("PROXY, version 2", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(12), "PROXY 2.2", "binary"),
    silent("NUL", b"\0", LINE, "binary"),
    silent("NULs", bytes(5000), LINE, "binary"),
    silent("8-bit", b"\xff\xfe" * 50, LINE, "binary"),
    silent("UTF-8 BOM", b"\xef\xbb\xbf" + WHOLE, LINE, "binary"),
    silent("UTF-16", WHOLE.decode().encode("utf-16-be"), LINE, "binary"),
    silent("SMB", b"\0\0\0\x85\xffSMB\x72", LINE, "binary"),
    silent("RDP", b"\x03\0\0\x2f\x2a\xe0", LINE, "binary"),
    silent("Kafka", b"\0\0\0\x23\0\x12\0\0", LINE, "binary"),
    silent("DEL", b"\x7f" + WHOLE, LINE, "binary"),
    silent("escape", b"\x1b[A\r\n", LINE, "binary"),
    bad("SSH", b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", LINE),
    bad("PROXY, version 1", b"PROXY TCP4 192.0.2.1 192.0.2.2 1234 80\r\n" + WHOLE, LINE),
    bad("SMTP", b"EHLO mail.example.org\r\n", LINE),
    bad("FTP", b"USER anonymous\r\n", LINE),
    bad("Redis", b"*1\r\n$4\r\nPING\r\n", LINE),
    bad("memcached", b"stats\r\n", LINE),
    bad("RTSP", b"OPTIONS rtsp://x/ RTSP/1.0\r\n\r\n", LINE),
    bad("SIP", b"OPTIONS sip:x SIP/2.0\r\n\r\n", LINE),
    bad("an answer", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", LINE),
    bad("a space first", b" " + WHOLE, LINE),
    bad("a tab first", b"\t" + WHOLE, LINE),
    bad("CR first", b"\r" + WHOLE, "9112 2.2"),
    bad("LF first", b"\n" + WHOLE, "9112 2.2"),
    bad("CR CR LF first", b"\r\r\n" + WHOLE, "9112 2.2"),
    bad("LF behind a blank line", b"\r\n\n" + WHOLE, "9112 2.2"),
    bad("a space behind a blank line", b"\r\n " + WHOLE, "9112 2.2"),
    bad("many blank lines", b"\r\n" * 9 + WHOLE, "9112 2.2"),
    bad("nothing but blank lines", b"\r\n" * 5000, "9112 2.2"),
    bad("a quote first", b'"GET / HTTP/1.1\r\n' + HOST + b"\r\n", LINE),
    good("one blank line", b"\r\n" + WHOLE, "9112 2.2"),
    good("some blank lines", b"\r\n" * 8 + WHOLE, "9112 2.2"),
    good("a blank line behind a body", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi\r\n" + WHOLE, "9112 2.2", 405, 200),
    waits("nothing", b"", LINE, part=False),
    waits("a CR", b"\r", "9112 2.2"),
    waits("blank lines", b"\r\n\r\n", "9112 2.2", part=False),
    waits("a letter", b"G", LINE),
    waits("a method", b"GET ", LINE),
    waits("a target", b"GET /", LINE),
    waits("a version", b"GET / HTTP/1.1", LINE),
    waits("a line and its CR", b"GET / HTTP/1.1\r", LINE),
    waits("a line", b"GET / HTTP/1.1\r\n", LINE, line=True),
    waits("half a field", GET + b"X: ", LINE, line=True),
    waits("all but the end", GET, LINE, line=True),
    waits("all but the last byte", WHOLE[:-1], LINE, line=True),
    waits("a request and a part", WHOLE + b"GET /", LINE, 200),
    waits("a refused method without its line's end", b"BREW / HTTP/1.1", "9110 9.1"),
]

LINES = [
    bad("a method alone", b"GET\r\n\r\n", LINE),
    bad("no version", b"GET /\r\n\r\n", LINE),
    bad("no version, but fields", b"GET /\r\n" + HOST + b"\r\n", LINE),
    bad("no target", b"GET HTTP/1.1\r\n" + HOST + b"\r\n", LINE),
    bad("an empty target", b"GET  HTTP/1.1\r\n" + HOST + b"\r\n", LINE),
    bad("two spaces before the target", b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n", LINE),
    bad("two spaces before the version", b"GET /  HTTP/1.1\r\n" + HOST + b"\r\n", LINE),
    bad("a space behind the version", b"GET / HTTP/1.1 \r\n" + HOST + b"\r\n", LINE),
    bad("a tab behind the version", b"GET / HTTP/1.1\t\r\n" + HOST + b"\r\n", LINE),
    bad("a word behind the version", b"GET / HTTP/1.1 x\r\n" + HOST + b"\r\n", LINE),
    bad("a space in the target", b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n", LINE),
    bad("a tab for a space", b"GET\t/ HTTP/1.1\r\n" + HOST + b"\r\n", LINE),
    bad("a tab before the version", b"GET /\tHTTP/1.1\r\n" + HOST + b"\r\n", LINE),
    bad("a vertical tab for a space", b"GET\x0b/ HTTP/1.1\r\n" + HOST + b"\r\n", LINE),
    bad("a form feed for a space", b"GET\x0c/ HTTP/1.1\r\n" + HOST + b"\r\n", LINE),
    bad("CR for a space", b"GET\r/ HTTP/1.1\r\n" + HOST + b"\r\n", "9112 2.2"),
    bad("CR in the line", b"GET /x\rHost:y HTTP/1.1\r\n\r\n", "9112 2.2"),
    bad("CR and a header in the line", b"GET / HTTP/1.1\rHost: x\r\n\r\n", "9112 2.2"),
    bad("CR CR LF", b"GET / HTTP/1.1\r\r\n" + HOST + b"\r\n", "9112 2.2"),
    bad("LF alone ends the line", b"GET / HTTP/1.1\n" + HOST + b"\r\n", "9112 2.2"),
    bad("LF alone ends all", b"GET / HTTP/1.1\nHost: x\n\n", "9112 2.2"),
    bad("LF alone ends the head", GET + b"\n", "9112 2.2"),
    bad("CR alone ends all", b"GET / HTTP/1.1\rHost: x\r\r", "9112 2.2"),
    bad("a folded line", b"GET / HTTP/1.1\r\n x: y\r\n" + HOST + b"\r\n", "9112 2.2"),
    bad("white space before the first field", b"GET / HTTP/1.1\r\n \r\n" + HOST + b"\r\n", "9112 2.2"),
    bad("a long line that is no request", b"x" * 70_000, LINE, 501, limit=True),
    bad("a long line that begins with no method", b"a@" * 35_000, LINE, limit=True),
    bad("a long target", b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", "9112 3", 414, limit=True),
    bad("a long target without an end", b"GET /" + b"x" * 70_000, "9112 3", 414, limit=True),
    bad("a long query", b"GET /?" + b"x" * 70_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", "9112 3", 414, limit=True),
    bad("a long method", b"G" * 70_000 + b" / HTTP/1.1\r\n" + HOST + b"\r\n", "9112 3", 501, limit=True),
    bad("a long version", b"GET / HTTP/1." + b"1" * 3000 + b"\r\n" + HOST + b"\r\n", "9112 2.3"),
]

METHODS = [
    *(bad(f"unknown method {m.decode()}", m + b" / HTTP/1.1\r\n" + HOST + b"\r\n", "9110 9.1", 501) for m in (
        b"BREW", b"get", b"Get", b"GETS", b"GE", b"PROPFIND", b"SEARCH", b"QUERY", b"M-SEARCH", b"X", b"!#$%&'*+-.^_`|~", b"G" * 200, b"TRACK", b"LINK", b"PURGE", b"SSH-2.0")),
    bad("CONNECT", b"CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n", "9110 9.3.6", 501),
    *(bad(f"no method: {m!r}", m + b" / HTTP/1.1\r\n" + HOST + b"\r\n", "9110 9.1") for m in (
        b"G@T", b"GET:", b"G(T", b"GET/", b"G,T", b"G;T", b"G=T", b"G<T", b"G?T", b"G[T", b"G\\T", b"G{T", b'G"T')),
    *(good(f"{m} of a route", f"{m} / HTTP/1.1\r\nHost: x\r\n\r\n".encode(), "9110 15.5.6", 405) for m in ("POST", "PUT", "DELETE", "PATCH", "TRACE")),
    good("OPTIONS of a route", b"OPTIONS / HTTP/1.1\r\n" + HOST + b"\r\n", "9110 9.3.7", 204),
    good("OPTIONS of everything", b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", "9110 9.3.7", 204, other=1),
    good("HEAD", b"HEAD / HTTP/1.1\r\n" + HOST + b"\r\n", "9110 9.3.2", bodiless=(0,)),
    good("HEAD of nothing", b"HEAD /nope HTTP/1.1\r\n" + HOST + b"\r\n", "9110 9.3.2", 404, bodiless=(0,)),
    good("HEAD with a bad argument", b"HEAD /?x=1 HTTP/1.1\r\n" + HOST + b"\r\n", "9110 9.3.2", 400, bodiless=(0,), other=0),
    good("TRACE shows nothing", b"TRACE /nope HTTP/1.1\r\nHost: x\r\nCookie: secret\r\n\r\n", "9110 9.3.8", 404),
]

VERSIONS = [
    *(bad(f"no version: {v!r}", b"GET / " + v + b"\r\n" + HOST + b"\r\n", "9112 2.3") for v in (
        b"HTTP/1", b"HTTP/1.", b"HTTP/.1", b"HTTP/11", b"HTTP/1.10", b"HTTP/01.1", b"HTTP/1.1.1", b"HTTP/a.1", b"HTTP/1.x", b"HTTP/1,1", b"HTTP/-1.1", b"HTTP 1.1",
        b"http/1.1", b"Http/1.1", b"HTTPS/1.1", b"HTTP/", b"HTTP", b"HTT/1.1", b"ICY/1.1", b"HTTP\\1.1", b"/HTTP/1.1", b"HTTP/\xb1.1", b"HTTP/1.\xb2", b"HTTP/1.1\0")),
    *(bad(f"version {v}", f"GET / HTTP/{v}\r\nHost: x\r\n\r\n".encode(), "9110 15.6.6", 505) for v in ("0.9", "0.0", "2.0", "3.0", "9.9", "2.1")),
    bad("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "9113 3.4", 505),
    good("version 1.2", b"GET / HTTP/1.2\r\n" + HOST + b"\r\n", "9110 2.5"),
    good("version 1.9", b"GET / HTTP/1.9\r\n" + HOST + b"\r\n", "9110 2.5"),
    bad("version 1.9 without a host", b"GET / HTTP/1.9\r\n\r\n", "9112 3.2"),
    last("version 1.0", b"GET / HTTP/1.0\r\n\r\n", "9112 9.3"),
    last("version 1.0 with a host", b"GET / HTTP/1.0\r\n" + HOST + b"\r\n", "9112 9.3"),
    last("version 1.0 and what follows", b"GET / HTTP/1.0\r\n\r\n" + WHOLE, "9112 9.3"),
    last("version 1.0, close and keep-alive", b"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", "9112 9.3"),
    good("version 1.0 that stays", b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "9112 9.3"),
    bad("version 1.0 with two hosts", b"GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n", "9112 3.2"),
]

HEADS = [
    bad(f"HEAD refused: {name}", data, "9110 9.3.2", status, bodiless=(0,), limit=limit)
    for name, data, status, limit in (
        ("fields too large", b"HEAD / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", 431, True),
        ("target too long", b"HEAD /" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, True),
        ("a version", b"HEAD / HTTP/2.0\r\nHost: x\r\n\r\n", 505, False),
        ("no host", b"HEAD / HTTP/1.1\r\n\r\n", 400, False),
        ("no colon", b"HEAD / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400, False),
        ("no target", b"HEAD x HTTP/1.1\r\nHost: x\r\n\r\n", 400, False),
        ("body too large", b"HEAD / HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n", 413, True),
        ("a coding", b"HEAD / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 400, False),
        ("a chunk", b"HEAD / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nx", 400, False),
        ("a trailer", b"HEAD / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX : a\r\n\r\n", 400, False),
        ("arguments", b"HEAD /?" + b"&" * 189 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 400, True),
        ("LF", b"HEAD / HTTP/1.1\nHost: x\n\n", 400, False),
        ("behind another", b"HEAD /\r\n\r\n", 400, False),
    )
]

TOPICS: dict[str, list[Case]] = {"first lines": FIRST_LINES, "request lines": LINES, "methods": METHODS, "versions": VERSIONS, "refused HEAD": HEADS}
