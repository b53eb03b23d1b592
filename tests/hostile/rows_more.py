"""Other protocols that lose their way here, and what the public suites and the fault reports of other servers show."""

from __future__ import annotations

from case import CHUNKED, GET, HOST, NEXT, POST, WHOLE, Case, bad, good, last, silent, waits
from rows_head import of_host, of_target

LINE = "9112 3"

PROTOCOLS = [
    *(silent(name, data, LINE, "binary") for name, data in (
        ("MQTT", b"\x10\x0c\0\4MQTT\4\2\0\x3c\0\0"), ("SOCKS 5", b"\5\1\0"), ("SOCKS 4", b"\4\1\0P\x7f\0\0\1\0"), ("RTMP", b"\3" + bytes(100)), ("BitTorrent", b"\x13BitTorrent protocol"),
        ("PostgreSQL", b"\0\0\0\x08\x04\xd2\x16\x2f"), ("MySQL", b"\x85\xa6\3\0\0\0\0\1"), ("telnet", b"\xff\xfb\x1f\xff\xfb\x20"), ("DNS", b"\0\x1d\0\6\1\0\0\1\0\0\0\0\0\0\7version\4bind\0\0\x10\0\3"),
        ("memcached, binary", b"\x80\x0b\0\0\0\0\0\0"), ("frames of HTTP/2", b"\0\0\0\4\0\0\0\0\0"), ("X11", b"\x01\0\x0b\0\0\0\0\0"), ("NUL and a request", b"\0" + WHOLE))),
    *(silent(f"TLS: {name}", data, "8446 5.1", "tls") for name, data in (("DTLS", b"\x16\xfe\xff\0\0"), ("an odd version", b"\x16\x02\x02\x00\x05hello"), ("and a request", b"\x16" + WHOLE))),
    *(bad(name, data, LINE) for name, data in (
        ("Redis, inline", b"PING\r\n"), ("IRC", b"NICK x\r\nUSER x 0 * :x\r\n"), ("finger", b"root\r\n"), ("STOMP", b"CONNECT\naccept-version:1.2\n\n\0"), ("AMQP", b"AMQP\0\0\x09\x01"), ("ADB", b"CNXN\0\0\0\1\0\0\x10\0"),
        ("JSON", b'{"jsonrpc": "2.0"}\n'), ("XML", b"<policy-file-request/>\0"), ("LDAP", b"0\x0c\2\1\1\x60\7\2\1\3\4\0\x80\0"), ("PROXY, version 1, unknown", b"PROXY UNKNOWN\r\n" + WHOLE), ("POP3", b"QUIT\r\n"), ("MongoDB", b"\x3f\0\0\0\1\0\0\0\0\0\0\0\xd4\7\0\0"), ("IMAP", b"a1 LOGIN x y\r\n"),
        ("ICY", b"SOURCE /x ICY/1.0\r\n\r\n"), ("HTTP 0.9", b"GET /\r\n"), ("HTTP 0.9 of Unix", b"GET /\n"), ("version in small letters", b"get / http/1.1\r\nhost: x\r\n\r\n"))),
    waits("text without an end", b"hello world", LINE),
    waits("ruok", b"ruok", LINE),
    bad("SSDP", b'M-SEARCH * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\nMan: "ssdp:discover"\r\n\r\n', "9110 9.1", 501),
    bad("an unknown method of everything", b"PRI * HTTP/1.1\r\n" + HOST + b"\r\n", "9110 9.1", 501),
    bad("an unknown method and a foreign scheme", b"BREW coffee://x/pot HTTP/1.1\r\n" + HOST + b"\r\n", "9110 9.1", 501),
    *(bad(f"a method of {n} bytes", b"G" * n + b" / HTTP/1.1\r\n" + HOST + b"\r\n", "9112 3", 501) for n in (64, 1000, 4000)),
    *(bad(f"a method of {n} bytes, which is too long", b"G" * n + b" / HTTP/1.1\r\n" + HOST + b"\r\n", "9112 3", 501, limit=True) for n in (4090, 4096, 10_000)),
    bad("a long method without an end", b"G" * 70_000, "9112 3", 501, limit=True),
    bad("a long method and a byte that is none", b"G" * 3000 + b"@ / HTTP/1.1\r\n" + HOST + b"\r\n", LINE),
]

TARGETS = [
    *(bad(f"no target: {t!r}", of_target(t), "9112 3.2") for t in (
        b"./", b"../", b".", b"&", b"%2f", b"%2F/", b"http:x", b"http:\\\\x\\", b"https:", b"x:/", b"http//x/", b"http:////x", b"htt p://x/", b"http://x:65536/", b"http://x:-1/", b"http://x:8a/", b"http://@x/", b"http://x@/", b"http://[::1", b"http://[::1]]/",
        b"http://[::1%25lo]/", b"http://[fe80::1%lo]/", b"http://[::1].x/", b"http://x\"/", b"http://x|y/", b"http://x{}/", b"http://x^y/", b"http://]/", b"javascript:alert(1)", b"data:,x", b"urn:x:y", b"///x#", b"*/", b"/*#", b"\"/\"", b"'/'", b"[/]", b";/", b"=", b"@", b"~/")),
    *(good(f"target {t!r}", of_target(t), "9112 3.2", s, **more) for t, s, more in (
        (b"http://x:/", 200, {}), (b"http://x:0/", 200, {}), (b"https://x:443/", 200, {}), (b"http://x?", 200, {}), (b"http://x/?", 200, {}), (b"ws://x/", 200, {}), (b"file:///", 200, {}), (b"h+t-t.p1://x/", 200, {}), (b"http://[::1]", 200, {}), (b"http://[v1.x]/", 200, {}),
        (b"http://%78/", 200, {}), (b"http://x;y,z/", 200, {}), (b"http://x.:80", 200, {}), (b"http://127.1/", 200, {}), (b"http://x/%70arse-msgpack?count=1", 200, {}), (b"http://x//", 404, {}), (b"http://x/../", 404, {}), (b"//x/parse-msgpack", 404, {}), (b"///", 404, {}),
        (b"/%0d%0aX:y", 404, {}), (b"/%0a", 404, {}), (b"/%ff", 404, {}), (b"/%c0%af", 404, {}), (b"/%2e%2e/", 404, {}), (b"/%252f", 404, {}), (b"/*", 404, {}), (b"/:80", 404, {}), (b"/@x", 404, {}), (b"/http://x/", 404, {}), (b"/parse-msgpack%2f", 404, {}), (b"/parse-msgpack;count=1", 404, {}),
        (b"/parse%2dmsgpack?count=1", 200, {}), (b"/parse-msgpack?", 200, {}), (b"/parse-msgpack??", 400, {"other": 0}), (b"/parse-msgpack?count", 400, {"other": 0}), (b"/parse-msgpack?count=", 400, {"other": 0}), (b"/parse-msgpack?Count=1", 400, {"other": 0}), (b"/parse-msgpack?count=+1", 400, {"other": 0}),
        (b"/parse-msgpack?count=1;count=2", 400, {"other": 0}), (b"/parse-msgpack?%63ount=1", 200, {}), (b"/parse-msgpack?count=1?", 400, {"other": 0}), (b"/million-loop?n=1&seed=%31", 200, {}), (b"/?" + b";" * 300, 400, {"other": 0}), (b"/?" + b"%26" * 300, 400, {"other": 0}))),
    *(bad(f"form of CONNECT: {t!r}", of_target(t, b"CONNECT"), "9112 3.2.3", s) for t, s in (
        (b"x:80:80", 400), (b"x:65536", 400), (b"x:http", 400), (b"//x:80", 400), (b"[::1]", 400), (b"[::1]:", 400), (b"x:80?", 400), (b"x:80#", 400), (b"a b:80", 400), (b"[::1]:443", 501), (b"x:0", 501), (b"1.2.3.4:1", 501))),
    good("OPTIONS of a host", b"OPTIONS http://x HTTP/1.1\r\n" + HOST + b"\r\n", "9112 3.2.4", 204),
    good("OPTIONS of nothing", b"OPTIONS /nope HTTP/1.1\r\n" + HOST + b"\r\n", "9110 9.3.7", 404),
    last("OPTIONS of everything, version 1.0", b"OPTIONS * HTTP/1.0\r\n\r\n", "9110 9.3.7", 204, other=1),
    good("OPTIONS of everything and a body", b"OPTIONS * HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi" + WHOLE, "9110 9.3.7", 204, 200, other=1),
    *(bad(f"{m} with many arguments", m + b" /nope?" + b"&" * 189 + b" HTTP/1.1\r\n" + HOST + b"\r\n", "6585 5", limit=True) for m in (b"GET", b"POST", b"OPTIONS", b"DELETE")),
    bad("many arguments of a host", of_target(b"http://x?" + b"&" * 189), "6585 5", limit=True),
    bad("many arguments of a host and a path", of_target(b"http://x/?" + b"a&" * 17), "6585 5", limit=True),
    good("sixteen arguments", of_target(b"/nope?" + b"&".join([b"a=%2f"] * 16)), "6585 5", 404),
    bad("seventeen arguments", of_target(b"/nope?" + b"&".join([b"a"] * 17)), "6585 5", limit=True),
]

HOSTS = [
    *(bad(f"no host: {h!r}", of_host(h), "9112 3.2") for h in (
        b"x:80:", b"x:80/", b"x:8 0", b"x:\t80", b"x:8_0", b"x:80;", b"x:80, y", b"x:80,y:80", b"x:8e1", b"x:\xc2\xb2", b"x:4294967376", b"x:18446744073709551696", b"[::1]a:80", b"[[::1]]", b"[::1]]", b"x]", b"x[", b"[1::2::3]", b"[::g]", b"[fe80::1%eth0]", b"[1:2:3:4:5:6:7]", b"[1:2:3:4:5:6:7:8:9]",
        b"[::1.2.3]", b"[::1.2.3.256]", b"[v1.]", b"[vg.x]", b"[v1.a@b]", b"[v.x]", b"[::1 ]", b"[ ::1]", b"[\0]", b"fe80::1", b"fe80::1%eth0", b"::", b"@", b"@x", b"x@", b"//x", b"x//", b"?", b"#", b"&#", b"x>", b"x&<", b"x'\"", b"a\xc2\xa0b", b"\xef\xbb\xbfx", b"x\x85", b"%", b"%4", b"%g1", b"x%", b"a b c", b"\"", b"()<>", b"x\x7f:80", b"http://x:80")),
    *(good(f"host {h!r}", of_host(h), "9110 7.2") for h in (
        b"x:080", b"x:00000000000000000000080", b"-", b".", b"..", b"x.", b"_", b"*", b"*.x", b"~", b"1", b"1.2.3.4.5", b"999.999.999.999", b"[::]", b"[::1]:", b"[::1]:0", b"[::1]:65535", b"[1:2:3:4:5:6:7:8]", b"[::FFFF:1.2.3.4]:1", b"[V1.x]", b"[vF.a:b]", b"x;y", b"x'y", b"%41%2F", b"xn--a", b"0", b"a" * 1000, b"a." * 500)),
    good("an empty one and a target that has one", b"GET http://x/ HTTP/1.1\r\nHost:\r\n\r\n", "9112 3.2.2"),
    good("another than the target's", b"GET http://x/ HTTP/1.1\r\nHost: y:81\r\n\r\n", "9112 3.2.2"),
    bad("none, version 1.1, OPTIONS", b"OPTIONS * HTTP/1.1\r\n\r\n", "9112 3.2"),
    bad("one that is none, version 1.0", b"GET / HTTP/1.0\r\nHost: a b\r\n\r\n", "9112 3.2"),
    bad("a colon that is missing", b"GET / HTTP/1.1\r\nHost x\r\n\r\n", "9112 5"),
    bad("a NUL in the name", b"GET / HTTP/1.1\r\nHo\0st: x\r\n\r\n", "9112 5"),
    bad("another behind a body's length", POST + b"Content-Length: 0\r\nHOST: y\r\n\r\n", "9112 3.2"),
    bad("one in the trailer only", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nHost: x\r\n\r\n", "9112 3.2"),
]

FRAMING = [
    *(bad(f"length {v!r}", POST + b"Content-Length:" + v + b"\r\n\r\nhello", "9110 8.6") for v in (
        b"5\x85", b"\xd9\xa5", b"5;", b"5 ;x", b"(5)", b"5/5", b"5-", b"+ 5", b"5\t\t6", b"0x", b"0o5", b"05x", b"1e1", b"NaN", b"null", b"true", b"5\x00", b"\x005", b"--5", b"5:5", b"5,,5", b"5 , 5")),
    bad("a length and an unknown coding", POST + b"Content-Length: 5\r\nTransfer-Encoding: gzip\r\n\r\nhello", "9112 6.1"),
    bad("a huge length and a coding", POST + b"Content-Length: 99999999999999999999\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "9112 6.3"),
    bad("a coding between two lengths", POST + b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n", "9112 6.3"),
    *(bad(f"coding {v!r}", POST + b"Transfer-Encoding:" + v + b"\r\n\r\n0\r\n\r\n", "9112 6.1") for v in (
        b"chunked;", b"chunked ;x", b"chunked, ", b"chunked,chunked", b"chunked\t,\tgzip", b"gzip;q=1", b"x", b"*", b"chunked/1", b"(chunked)", b"chun\xe2\x84\xaaed", b"chunked\xc2\xa0", b"chun ked", b"c", b"chunked:", b"chunked=", b"=chunked", b"\\chunked", b"compress", b"Identity", b"chunked,;")),
    *(bad(f"coding beside another: {f!r}", POST + f + b"\r\n\r\n0\r\n\r\n", "9112 6.1") for f in (
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding:", b"Transfer-Encoding:\r\nTransfer-Encoding: chunked", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip", b"Transfer-Encoding: chunked\r\nX: y\r\nTRANSFER-ENCODING: x", b"Transfer-Encoding: chunked\r\n Transfer-Encoding: x",
        b"Transfer-Encoding\x0b: chunked", b"Transfer-Encoding\x00: chunked", b"Transfer-Encoding\t: chunked", b"Transfer-Encoding\xa0: chunked", b"Transfer-Encoding: chunked\x0c", b"Transfer-Encoding: \x1fchunked", b"\x0bTransfer-Encoding: chunked", b'"Transfer-Encoding": chunked', b"Transfer Encoding: chunked", b"X: y\r\nTransfer-Encoding", b"X:\nTransfer-Encoding: chunked")),
    *(bad(f"chunk {b!r}", CHUNKED + b, "9112 7.1") for b in (
        b"5;\nhello\r\n0\r\n\r\n", b"5;a\n\r\nhello\r\n0\r\n\r\n", b'5;a="\r\n"\r\nhello\r\n0\r\n\r\n', b"5;\x7f\r\n", b"5;\x0b\r\n", b"5\x1f\r\n", b"5:\r\n", b"5=\r\n", b'5"\r\n', b"5 hello\r\n", b"5\t5\r\nhello", b"\t5\r\nhello\r\n", b"G\r\n", b"\0\r\n", b"5\r\nhello\r\n\r\n0\r\n\r\n", b"5\r\nhello\r\n 0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\r\n",
        b"5\r\nhello\r\n0\r\n\nGET /x HTTP/1.1\r\n\r\n", b"5\r\nhelloXX0\r\n\r\n", b"5\r\nhello\rX0\r\n\r\n", b"2\r\nhello\r\n0\r\n\r\n", b"6\r\nhello\r\n0\r\n\r\n", b"0x5\r\nhello\r\n", b"5h\r\nhello\r\n", b"1_0\r\n", b"00000000000000001\r\nx\r\n0\r\n\r\n", b"\r\n5\r\nhello\r\n", b"5;a\rb\r\nhello\r\n", b"5\r;a\r\nhello\r\n", b"NaN\r\n", b"0;\r0\r\n\r\n", b"\xef\xbc\x95\r\nhello\r\n", b"\n", b"5\r\nhello\r\nGET / HTTP/1.1\r\n")),
    *(good(f"chunks {b[:30]!r}", CHUNKED + b + WHOLE, "9112 7.1", 405, 200) for b in (
        b"5;a=b;c;d=\"e\"\r\nhello\r\n0;f\r\n\r\n", b'5;a="\t\xff"\r\nhello\r\n0\r\n\r\n', b"5 \t ;a\r\nhello\r\n0\r\n\r\n", b"0;" + b"a" * 2000 + b"\r\n\r\n", b"1;a\r\nx\r\n" * 300 + b"0\r\n\r\n", b"00a\r\n0123456789\r\n000\r\n\r\n", b"5;;;\r\nhello\r\n0\r\n\r\n", b"5;0\r\n\r\n\r\n0\r\n0\r\n\r\n", b"4\r\n\r\n\r\n\r\n0\r\n\r\n", b"1\r\n\0\r\n0\r\n\r\n", b"2\r\n\r\n\r\n2\r\n0\r\r\n0\r\n\r\n")),
    *(bad(f"trailer {t!r}", CHUNKED + b"0\r\n" + t + b"\r\n\r\n", "9112 7.1.2") for t in (b":", b"X", b"X\t:a", b"X: a\x00", b"X: a\n", b"X: a\r\n\tb", b"\x0bX: a", b"X\r\n: a", b"X: a\r\nContent-Length : 5", b"\x80: a", b"POST /x HTTP/1.1\r\nHost: x", b"X\xa0Y: a", b"[x]: a", b"\rX: a")),
    *(good(f"trailer {t!r}", CHUNKED + b"0\r\n" + t + b"\r\n\r\n" + WHOLE, "9112 7.1.2", 405, 200) for t in (b"Host: x\r\nHost: y", b"Transfer-Encoding: gzip", b"Content-Length: x", b"Trailer: X", b"Connection: keep-alive", b"X:\t", b"Upgrade: h2c", b"Cookie: " + b";" * 500, b"Content-Length: 5\r\nTransfer-Encoding: chunked")),
    *(good(f"a body of {m}", f"{m} / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc".encode() + WHOLE, "9112 6.3", 405, 200) for m in ("DELETE", "PUT", "PATCH", "TRACE")),
    *(good(f"chunks of {m}", f"{m} / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".encode() + WHOLE, "9112 6.3", 405, 200) for m in ("DELETE", "PUT", "PATCH", "TRACE")),
    good("a length with an underscore beside it", POST + b"Content_Length: 9\r\nContent-Length: 2\r\n\r\nhi" + WHOLE, "9110 5.1", 405, 200),
    good("an upgrade and a body", POST + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nhi" + WHOLE, "9110 7.8", 405, 200),
    good("an upgrade to TLS", b"OPTIONS * HTTP/1.1\r\nHost: x\r\nUpgrade: TLS/1.0\r\nConnection: Upgrade\r\n\r\n" + WHOLE, "9110 7.8", 204, 200, other=1),
    good("an upgrade to WebSocket", GET + b"Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" + WHOLE, "9110 7.8", 200, 200),
    silent("a frame of WebSocket", GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x05hello", "9110 7.8", "binary", 200),
]

EXPECTATIONS = [
    waits("a list with continue", POST + b"Expect: x, 100-continue\r\nContent-Length: 2\r\n\r\n", "9110 10.1.1", line=True, interim=1),
    waits("continue twice", POST + b"Expect: 100-continue, 100-continue\r\nContent-Length: 2\r\n\r\n", "9110 10.1.1", line=True, interim=1),
    waits("continue in two fields", POST + b"Expect: 100-continue\r\nExpect: x\r\nContent-Length: 2\r\n\r\n", "9110 10.1.1", line=True, interim=1),
    waits("white space around continue", POST + b"Expect: \t100-continue \r\nContent-Length: 2\r\n\r\n", "9110 10.1.1", line=True, interim=1),
    waits("continue of GET", GET + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n", "9110 10.1.1", line=True, interim=1),
    waits("continue, version 1.2", b"POST / HTTP/1.2\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n", "9110 10.1.1", line=True, interim=1),
    waits("an empty expectation", POST + b"Expect:\r\nContent-Length: 2\r\n\r\n", "9110 10.1.1", line=True),
    waits("no continue", POST + b"Expect: 100-continued\r\nContent-Length: 2\r\n\r\n", "9110 10.1.1", line=True),
    good("continue and part of the body", POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\nh" + b"i" + WHOLE, "9110 10.1.1", 405, 200),
    bad("continue and both lengths", POST + b"Expect: 100-continue\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", "9112 6.3"),
    last("continue and close", POST + b"Expect: 100-continue\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi", "9110 10.1.1", 405),
    bad("continue and no chunk", CHUNKED.replace(HOST, HOST + b"Expect: 100-continue\r\n") + b"x\r\n", "9112 7.1"),
]

CONDITIONS = [
    *(good(f"condition {f!r}", GET + f + b"\r\n\r\n" + WHOLE, "9110 13.1.1", 412, 200) for f in (
        b"If-Match: *x", b"If-Match: x*", b"If-Match: ,", b"If-Match: , *", b'If-Match: "*"', b"If-Match: W/*", b'If-Match: "a', b"If-Match: ''", b"If-Match: \xff", b"IF-MATCH: x", b'If-Match: "a"\r\nIf-Match: *', b'If-Match: "a"\r\nIf-Match: "b"\r\nX: y', b'If-Match: "a"\r\nIf-None-Match: "a"', b"If-Match: " + b'"a",' * 500)),
    *(good(f"no condition {f!r}", GET + f + b"\r\n\r\n" + WHOLE, "9110 13.1", 200, 200) for f in (
        b"If-Match: *", b"If-Match:*", b"If-Matches: x", b"If-Modified-Since: Sat, 29 Oct 1994 19:43:31 GMT", b"If-Modified-Since: x", b"If-Unmodified-Since: Sat, 29 Oct 1994 19:43:31 GMT", b"If-Unmodified-Since:", b'If-None-Match: "a"', b"If-None-Match:", b'If-None-Match: W/"a", "b"', b'If-Range: "a"\r\nRange: bytes=0-0', b"Range: bytes=0-0", b"Range: bytes=999-1")),
    *(good(f"nothing there {f!r}", GET + f + b"\r\n\r\n" + WHOLE, "9110 13.1.2", 304, 200) for f in (b"If-None-Match: *", b"If-None-Match:*", b"if-none-match: \t* ")),
    *(good(f"nothing there: {t}", f"GET /{t} HTTP/1.1\r\nHost: x\r\nIf-None-Match: *\r\n\r\n".encode() * 2 + WHOLE, "9110 13.1.2", 304, 304, 200) for t in ("transfer-data", "encode-json?count=3", "million-loop?n=1")),
    good("nothing there, HEAD", b"HEAD / HTTP/1.1\r\nHost: x\r\nIf-None-Match: *\r\n\r\n" + WHOLE, "9110 13.1.2", 304, 200, bodiless=(0,)),
    good("nothing there is so", b"GET /nope HTTP/1.1\r\nHost: x\r\nIf-None-Match: *\r\n\r\n" + WHOLE, "9110 13.2.1", 404, 200),
    last("nothing there, the last", GET + b"If-None-Match: *\r\nConnection: close\r\n\r\n" + NEXT, "9110 13.1.2", 304),
    *(good(f"both conditions {f!r}", GET + f + b"\r\n\r\n" + WHOLE, "9110 13.2.2", 412, 200) for f in (b"If-None-Match: *\r\nIf-Match: x", b"If-Match: x\r\nIf-None-Match: *", b"If-None-Match: *\r\nX: y\r\nIf-Match: x\r\nIf-None-Match: *")),
    good("a condition of OPTIONS", b"OPTIONS / HTTP/1.1\r\nHost: x\r\nIf-Match: x\r\n\r\n", "9110 13.2.1", 204),
    good("a condition of POST", POST + b"If-Match: x\r\n\r\n", "9110 13.2.1", 405),
    bad("a condition that is none", GET + b"If-Match: \0\r\n\r\n", "9110 5.5"),
]

CLOSES = [
    *(last(f"connection {f!r}", GET + f + b"\r\n\r\n" + NEXT, "9112 9.6") for f in (
        b"Connection: close, Upgrade\r\nUpgrade: h2c", b"Connection: , ,close", b"Connection: " + b"x," * 200 + b"close", b"CONNECTION: CLOSE", b"Connection:close\t", b"Connection: TE, close", b"Connection: x\r\nConnection: close")),
    *(good(f"connection {f!r}", GET + f + b"\r\n\r\n" + WHOLE, "9112 9.6", 200, 200) for f in (b"Connection: close=1", b"Connection: close;x", b"Connection: 'close'", b"Connection: cl ose", b"X-Connection: close", b"Connection: no-close", b"Connections: close", b"Connection: clos", b"Connection: \xff")),
    *(last(f"version 1.0 {f!r}", b"GET / HTTP/1.0\r\n" + f + b"\r\n\r\n" + NEXT, "9112 9.3") for f in (b"X: y", b"Connection: close", b"Connection: upgrade", b"Keep-Alive: 300", b"Connection: keep-alive\r\nConnection: close", b"Connection: keepalive", b"Host:")),
    *(good(f"version 1.0 that stays {f!r}", b"GET / HTTP/1.0\r\n" + f + b"\r\n\r\n" + WHOLE, "9112 9.3", 200, 200) for f in (b"Connection: Keep-Alive", b"Connection: x, keep-alive", b"Host: x\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5", b"Connection: keep-alive\r\nContent-Length: 0")),
    last("a refused method, then what follows", b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n" + NEXT, "9110 9.1", 501),
    last("an answer of 404, the last", b"GET /nope HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" + NEXT, "9112 9.6", 404),
    last("an answer of 405, the last", POST + b"Connection: close\r\nContent-Length: 2\r\n\r\nhi" + NEXT, "9112 9.6", 405),
    last("HEAD, the last", b"HEAD /transfer-data HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" + NEXT, "9112 9.6", bodiless=(0,)),
    last("OPTIONS, the last", b"OPTIONS / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" + NEXT, "9112 9.6", 204),
    good("HEAD of a long answer", b"HEAD /transfer-data HTTP/1.1\r\nHost: x\r\n\r\n" * 3 + WHOLE, "9110 9.3.2", 200, 200, 200, 200, bodiless=(0, 1, 2)),
    last("HEAD behind HEAD, refused", b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\nHEAD / HTTP/1.1\r\n\r\n", "9110 9.3.2", 200, 400, bodiless=(0, 1)),
    last("GET behind HEAD, refused", b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n\r\n", "9110 9.3.2", 200, 400, bodiless=(0,)),
    bad("HEAD that is none", b"HEAD/ HTTP/1.1\r\nHost: x\r\n\r\n", LINE),
    bad("HEADER", b"HEADER / HTTP/1.1\r\nHost: x\r\n\r\n", "9110 9.1", 501),
    bad("HEAD and a tab", b"HEAD\t/ HTTP/1.1\r\nHost: x\r\n\r\n", LINE),
    bad("HEAD refused with a fold", b"HEAD / HTTP/1.1\r\nHost: x\r\n y\r\n\r\n", "9112 5.2", bodiless=(0,)),
    bad("HEAD refused behind blank lines", b"\r\n\r\nHEAD /%zz HTTP/1.1\r\nHost: x\r\n\r\n", LINE, bodiless=(0,)),
    bad("HEAD with two lengths", b"HEAD / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", "9112 6.3", bodiless=(0,)),
]

TOPICS: dict[str, list[Case]] = {"other protocols": PROTOCOLS, "more targets": TARGETS, "more hosts": HOSTS, "more framing": FRAMING, "more expectations": EXPECTATIONS, "conditions": CONDITIONS, "ends": CLOSES}
