"""The live page of the admin endpoint in a real browser: what it shows, on a desk and on a phone, and what it says when the daemon is gone."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from daemon import RESTMARKCTL, Daemon, wait_for
from http_client import Connection
from rpc_client import RpcClient

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--enable-logging=stderr"),
)
# Written into a copy of the page, since a browser's layout can only be asked from within.
PROBE = """
addEventListener("load", () => setTimeout(() => {
  const root = document.documentElement;
  const found = { width: root.clientWidth, page: root.scrollWidth, background: getComputedStyle(document.body).backgroundColor,
    dimmed: Number(getComputedStyle(document.getElementById("main")).opacity) < 1 };
  const out = document.createElement("pre");
  out.id = "probe"; out.textContent = JSON.stringify(found);
  (window === parent ? document : parent.document).body.append(out);
}, 3500));
"""


@pytest.fixture(scope="module")
def admin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    daemon = Daemon(tmp_path_factory.mktemp("admin") / "d", ("server.processes=2", "admin.listen=127.0.0.1:0"))
    daemon.wait_ready()
    daemon.admin = daemon.wait_log(r"admin endpoint (http://\S+/)\n")[1]  # type: ignore[attr-defined]
    with Connection((daemon.host, daemon.port)) as connection:
        for target in ("/", "/", "/encode-json", "/nope"):
            connection.request(target)
    yield daemon
    daemon.finish()


def browse(url: str, profile: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Opens a page and gives it some seconds of its own time; its DOM is on stdout, the console on stderr."""
    argv = ["chromium", *FLAGS, f"--user-data-dir={profile}", "--virtual-time-budget=6000", *options, "--dump-dom", url]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return done


def console(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stderr.splitlines() if ":CONSOLE" in line]


def rows(dom: str, table: str) -> list[list[str]]:
    """The cells' texts of a table's body."""
    found = re.search(rf'<table id="{table}">.*?<tbody>(.*?)</tbody>', dom, re.DOTALL)
    assert found, dom
    return [[unescape(re.sub(r"<[^>]*>", "", cell)) for cell in re.findall(r"<t[hd]\b[^>]*>(.*?)</t[hd]>", row, re.DOTALL)]
            for row in re.findall(r"<tr\b[^>]*>(.*?)</tr>", found[1], re.DOTALL)]  # fmt: skip


@contextmanager
def proxy(admin: Daemon, answers: int = 1_000_000, before: Callable[[int], None] = lambda _: None) -> Iterator[str]:
    """The page behind a server that puts the probe into it, and gives up after some answers of /status. `before` each it is told how many are left."""
    left = [answers]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/phone":
                return self.reply("text/html", b'<!DOCTYPE html><body><iframe src="/" width="390" height="800"></iframe></body>')
            if self.path == "/probe.js":
                return self.reply("text/javascript", PROBE.encode())
            if self.path == "/status":
                left[0] -= 1
                before(left[0])
            if left[0] < 0:
                return None  # which ends the connection without an answer
            with urllib.request.urlopen(admin.admin.rstrip("/") + self.path, timeout=10) as answer:  # type: ignore[attr-defined]
                body = answer.read()
                if self.path == "/":
                    body = body.replace(b"</head>", b'<script src="probe.js"></script></head>')
                return self.reply(answer.headers["Content-Type"], body)

        def reply(self, kind: str, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def probe(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    match = re.search(r'<pre id="probe">(.*?)</pre>', done.stdout, re.DOTALL)
    assert match, done.stdout[-2000:]
    return json.loads(unescape(match[1]))  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def seen(admin: Daemon, tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    return browse(admin.admin, tmp_path_factory.mktemp("profile"))  # type: ignore[attr-defined]


def test_it_shows_workers_routes_and_events_and_the_console_stays_empty(admin: Daemon, seen: subprocess.CompletedProcess[str]) -> None:
    done = seen
    assert console(done) == []
    workers = rows(done.stdout, "workers")
    assert [row[0] for row in workers] == ["0", "1"]
    assert sorted(int(row[9]) for row in workers) == sorted(admin.workers())
    for row in workers:
        assert row[1] == "● ready"
        assert re.fullmatch(r"[\d.]+ private \+ [\d.]+ shared", row[6])
        assert re.fullmatch(r"[\d.]+", row[2]), "the rate is known from the second answer on"
    routes = {row[0]: row[4:] for row in rows(done.stdout, "routes")}
    assert routes["welcome"] == ["2", "0", "0", "0"]
    assert routes["other"] == ["1", "1", "0", "0"]
    assert any(row[1] == "ready" for row in rows(done.stdout, "events"))
    assert f"master {admin.pid}" in done.stdout
    assert re.search(r'<p id="alarm" role="alert" hidden="">', done.stdout)
    assert re.search(r"<title>restmarkd: 2 of 2 ready</title>", done.stdout)


def test_tables_are_tables_to_a_screen_reader(seen: subprocess.CompletedProcess[str]) -> None:
    dom = seen.stdout
    for table in ("workers", "routes", "events"):
        head = re.search(rf'<table id="{table}">\s*<thead>(.*?)</thead>', dom, re.DOTALL)
        assert head and head[1].count("<th ") == head[1].count('scope="col"') == len(rows(dom, table)[0]), table
    assert dom.count('scope="row"') == 2 + 16  # workers and routes
    assert '<html lang="en">' in dom
    # Whatever a bar or a colour says, a text says too.
    assert re.search(r'class="private" style="width: [\d.]+%;"', dom)


def test_stores_and_calls_are_shown_where_there_are_any(start: Callable[..., Daemon], seen: subprocess.CompletedProcess[str], tmp_path: Path) -> None:
    assert '<section id="stores-section" aria-labelledby="stores-title" hidden="">' in seen.stdout
    assert '<div id="rpc" hidden="">' in seen.stdout
    path = tmp_path / "rpc.sock"
    daemon = start("server.processes=1", "admin.listen=127.0.0.1:0", f"cache.url=unix://{tmp_path}/nobody", f"rpc.listen=unix:{path}")
    daemon.admin = daemon.wait_log(r"admin endpoint (http://\S+/)\n")[1]  # type: ignore[attr-defined]
    daemon.wait_log("Redis is away")
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/cache/records").status == 503
    with RpcClient(f"unix:{path}") as client:
        assert client.ask("welcome") == "Welcome!\n"
        done = browse(daemon.admin, tmp_path / "profile")  # type: ignore[attr-defined]
    assert console(done) == []
    (cache,) = rows(done.stdout, "stores")
    assert (cache[0], cache[1:4], cache[4:12]) == ("cache", ["0", "–", "–"], ["0", "0", "0", "0", "1", "0", "0", "0"])
    assert int(cache[12].replace(",", "")) > 0
    assert 'id="stores-section" aria-labelledby="stores-title">' in done.stdout
    assert re.search(r'<div id="rpc"><dt>[^<]*</dt><dd id="calls">0</dd>', done.stdout)


def test_it_says_so_when_the_daemon_is_gone(admin: Daemon, tmp_path: Path) -> None:
    with proxy(admin, answers=2) as url:
        done = browse(url, tmp_path)
    assert re.search(r'<p id="alarm" role="alert">No answer from restmarkd since \d\d:\d\d:\d\d: what is below is old', done.stdout)
    assert probe(done)["dimmed"]
    assert len(rows(done.stdout, "workers")) == 2


def test_events_of_an_upgraded_daemon_are_shown_from_the_first_on(start: Callable[..., Daemon], tmp_path: Path) -> None:
    daemon = start("server.processes=1", "admin.listen=127.0.0.1:0")
    daemon.admin = daemon.wait_log(r"admin endpoint (http://\S+/)\n")[1]  # type: ignore[attr-defined]

    def upgrade_after_two(left: int) -> None:
        if left == 97:
            subprocess.run([str(RESTMARKCTL), "-s", str(daemon.control), "upgrade"], check=True, timeout=300, stdout=subprocess.DEVNULL)

    with proxy(daemon, 100, upgrade_after_two) as url:
        done = browse(url, tmp_path / "profile")
    shown = [(row[1], row[3]) for row in rows(done.stdout, "events")]
    assert shown == [(event["kind"], event["text"]) for event in reversed(daemon.events())]


def test_requests_that_clients_give_up_are_no_errors(start: Callable[..., Daemon], tmp_path: Path) -> None:
    """As in `restmarkctl top`; the routes' table has them."""
    daemon = start("server.processes=1", "admin.listen=127.0.0.1:0")
    daemon.admin = daemon.wait_log(r"admin endpoint (http://\S+/)\n")[1]  # type: ignore[attr-defined]

    def abort_some(_: int) -> None:
        """Several, as the server may see one leave only when the request's time is over."""
        for _number in range(5):
            with Connection((daemon.host, daemon.port)) as connection:
                connection.send(b"GET /encode-json HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12")
                wait_for("it is accepted", lambda: daemon.status()["workers"][0]["connections"] > 0)

    with proxy(daemon, 100, abort_some) as url:
        done = browse(url, tmp_path / "profile")
    assert sum(int(row[7]) for row in rows(done.stdout, "routes")) >= 2
    assert re.search(r'<dd id="errors">0</dd>', done.stdout)


def test_on_a_phone_the_page_itself_does_not_scroll_sideways(admin: Daemon, tmp_path: Path) -> None:
    with proxy(admin) as url:
        found = probe(browse(f"{url}/phone", tmp_path))
    assert 300 < found["width"] <= 390
    assert found["page"] <= found["width"]
    assert not found["dimmed"]


def test_dark_is_dark_and_light_is_light(admin: Daemon, tmp_path: Path) -> None:
    with proxy(admin) as url:
        light = probe(browse(url, tmp_path / "light", "--blink-settings=preferredColorScheme=1"))
        dark = probe(browse(url, tmp_path / "dark", "--blink-settings=preferredColorScheme=0"))
    assert light["background"] == "rgb(255, 255, 255)"
    assert dark["background"] == "rgb(15, 20, 25)"
