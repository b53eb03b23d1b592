"""What `restmark setup NAME` installs on a bare Debian is all that NAME takes: each is set up, and its quick run comes to its end with nobody missing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bare
import pytest
from bare import Outcome

RELEASE = "bookworm"
# In this order: each finds what those before it have brought, so that what several take is missed by the first of them.
COMMANDS = {
    "backends": "bench/restmark run --workload db --workload orm --workload cache --quick --output ran-backends",
    "pipelining": "bench/restmark study pipelining --quick --output ran-pipelining",
    "costs": "bench/restmark costs --quick --output ran-costs",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A root for all of them; not the first command's, which has installed what contestants need."""
    place = tmp_path_factory.mktemp("setups") / "root"
    try:
        bare.make(place, RELEASE)
        yield place
    finally:
        bare.root.remove(place)


def run(folder: Path, command: str, config: pytest.Config) -> Outcome:
    done = bare.run(folder, command)
    with config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        done.tell(command)
    return done


def missed(name: str, results: Any) -> list[str]:
    """Who or what could not take part, and why."""
    if name == "backends":
        failed = [f"{one['contestant']} has not passed" for one in results["verifications"] if not one["passed"]]
        absent = [] if {one["name"] for one in results["back_ends"]} == {"database", "cache"} else ["a back end is missing"]
        return failed + absent + [f"{one['name']}: {one['reason']}" for one in results["skipped"]]
    told = [note for claim in results["claims"] for note in (claim["finding"]["why"], *claim["finding"]["notes"], *(cell["lost"] for cell in claim["cells"]))]
    return [text for text in told if any(sign in text for sign in ("not installed", "restmark setup", "not built", "did not build", "build step", "can not execute"))]


@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_set_up_is_all_that_it_takes(folder: Path, name: str, request: pytest.FixtureRequest) -> None:
    done = run(folder, f"bench/quickstart.sh --setup {name}", request.config)
    assert done.status == 0, done.progress[-6000:] + done.answer[-2000:]
    done = run(folder, COMMANDS[name], request.config)
    assert done.status == 0, done.progress[-6000:]
    assert done.processes == []
    results = json.loads(done.result_file(f"ran-{name}").read_text(encoding="utf-8"))
    assert missed(name, results) == []
    if name == "pipelining":
        assert [claim["number"] for claim in results["claims"]] == list(range(1, 14))


# What else is to work after `restmark setup costs`, on what `restmark costs` has written; a service to look at is started for the third, and asked.
SERVICE = """
import http.server, threading, time, urllib.request
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("ready", flush=True)
end = time.monotonic() + 20
while time.monotonic() < end:
    urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/").read()
"""
AFTER_COSTS = {
    "bill": "bench/restmark bill --requests-per-second 3000 --p99 50ms --cpu-year 300 --memory-gib-year 40 --run ran-costs",
    "attach": "{ python3 -c '" + SERVICE.replace("'", '"') + "' >/root/ready 2>/dev/null & P=$!; "
    "until grep -q ready /root/ready; do kill -0 $P || exit 9; done; bench/restmark attach --pid $P --seconds 5; S=$?; kill $P; (exit $S); }",
    "article": "bench/restmark study article --quick --output ran-article",
}


@pytest.mark.parametrize("name", AFTER_COSTS)
def test_what_follows_costs_works_too(folder: Path, name: str, request: pytest.FixtureRequest) -> None:
    done = run(folder, AFTER_COSTS[name], request.config)
    assert done.status == 0, done.progress[-6000:]
    assert done.processes == []
    assert done.answer
    if name == "article":
        assert missed(name, json.loads(done.result_file("ran-article").read_text(encoding="utf-8"))) == []
    if name == "attach":
        assert "HTTP server" in done.answer, "its CPU time is sorted, by py-spy"


def test_no_service_was_started_or_enabled(folder: Path) -> None:
    assert not (folder / "usr/sbin/policy-rc.d").exists()
    assert not list((folder / "var/lib/postgresql").glob("*/main")), "a cluster of Debian's"
    wanted = folder / "etc/systemd/system/multi-user.target.wants"
    assert not [link.name for link in wanted.glob("*") if link.name.startswith(("postgresql", "redis", "nginx", "haproxy", "varnish", "apache", "uwsgi"))]
