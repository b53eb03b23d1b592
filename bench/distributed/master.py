"""What restmark's locustfile does on the master: has the machines make loads together, for restmark's runs and for Locust's own page.

Beside the locustfile, and not a part of it: workers are sent that file alone.
"""

from __future__ import annotations

import json
import logging
import re
import shlex
import time
from collections.abc import Callable
from typing import Any

import gevent
from flask import jsonify, request
from gevent import pool
from gevent.event import AsyncResult
from locust.env import Environment
from locust.runners import STATE_MISSING, MasterRunner

LOG = logging.getLogger("restmark")
LEAD_NS = 200_000_000  # between the word to start and the start: time for the word to reach every machine
CLOCK_PINGS = 3
CLOCK_TOLERANCE_NS = 20_000_000  # a clock that is further off gets the instant in its own time; what NTP keeps is far below
PING_TIMEOUT_S = 5.0
PREPARE_TIMEOUT_S = 120.0
GRACE_S = 60.0  # beyond duration and time-outs, until a machine's result is given up
POLL_S = 0.05
WINDOW_S = 5.0  # of one load, when Locust's page is used
SPAWNING_WINDOW_S = 1.0  # the same, while users are still being added
CODE_UNKNOWN = 71  # EX_OSERR
TESTING = ("spawning", "running")  # Locust's states of a test that is not to end


class Fault(Exception):
    """What is told to the one who asked for a load."""


class Coordinator:
    """Has all machines prepare, names the instant, and waits for what each of them has counted."""

    def __init__(self, runner: MasterRunner, shares: Any, wall_ns: Callable[[], int]) -> None:
        self._shares, self._offset, self._better = shares.shares, shares.clock_offset_ns, shares.better_reading
        self._runner, self._wall_ns = runner, wall_ns
        self._load = 0
        self._pongs: dict[str, AsyncResult] = {}
        self._ready: dict[str, AsyncResult] = {}
        self._results: dict[str, AsyncResult] = {}
        self._names: dict[str, str] = {}  # client to machine
        self._sent: set[tuple[str, str]] = set()  # client, file
        self.clocks: dict[str, tuple[int, int]] = {}

    # What comes in.

    def pong(self, msg: Any, **_: object) -> None:
        if waiting := self._pongs.get(msg.node_id):
            waiting.set((msg.data, self._wall_ns()))

    def ready(self, msg: Any, **_: object) -> None:
        if msg.data["load"] == self._load and msg.node_id in self._ready:
            self._ready[msg.node_id].set(None)

    def result(self, msg: Any, **_: object) -> None:
        if msg.data["load"] == self._load and msg.node_id in self._results:
            self._results[msg.node_id].set(msg.data)

    # What is asked for.

    def machines(self) -> list[dict[str, Any]]:
        """Those that are here, in a fixed order, with their clocks' offsets."""
        found = []
        for client in sorted(self._clients()):
            about = self._ping(client)
            if about is None:
                continue
            name = about["name"]
            if any(other["name"] == name for other in found):
                name = f"{name}-{client.rsplit('_', 1)[-1][:6]}"
            self._names[client] = name
            offset_ns, error_ns = self.clocks[client]
            found.append({**about, "client": client, "name": name, "clock_offset_ns": offset_ns, "clock_error_ns": error_ns})
        return sorted(found, key=lambda machine: [(len(word), word) for word in re.split(r"(\d+)", machine["name"])])

    def prepare(self, load: dict[str, Any]) -> dict[str, Any]:
        """words: of restmark-load, without what is a machine's own; connections: in all; files: digest to base64; clients: who is to take part.

        If one of them can not, nothing is prepared, and "failed" says of each who and why: whoever asked decides who is left, and asks again."""
        self._load += 1
        asked = load["clients"]
        if not asked:
            raise Fault("no load machine is left")
        if gone := {client: _left(why) for client in asked if (why := self._gone(client))}:
            return self._not_prepared(gone)
        shares = {share.machine: share for share in self._shares(load["connections"], asked)}
        for client in shares:
            self._ping(client, 1)
        self._begin(shares, load)
        self._wait_for_ready(time.monotonic() + PREPARE_TIMEOUT_S + load.get("timeout_s", 0))
        if failed := {client: why for client in shares if (why := self._failure(client))}:
            for client in shares:
                self._send("restmark_abandon", {}, client)
            return self._not_prepared(failed)
        told = [{**vars(share), "machine": self._told(client), "client": client} for client, share in shares.items()]
        return {"load": self._load, "failed": [], "shares": told}

    def _begin(self, shares: dict[str, Any], load: dict[str, Any]) -> None:
        self._ready = {client: AsyncResult() for client in shares}
        self._results = {client: AsyncResult() for client in shares}
        for client, share in shares.items():
            files = {digest: text for digest, text in load["files"].items() if (client, digest) not in self._sent}
            self._sent |= {(client, digest) for digest in files}
            self._send("restmark_prepare", {"load": self._load, "words": [*share.words, *load["words"]], "files": files}, client)

    def _wait_for_ready(self, deadline: float) -> None:
        """Until each is ready, has failed, or is gone; or it takes too long."""
        while any(not (self._ready[c].ready() or self._results[c].ready() or self._gone(c)) for c in self._ready) and time.monotonic() < deadline:
            gevent.sleep(0.002)

    def _failure(self, client: str) -> dict[str, Any] | None:
        """Why it is not ready to begin; None if it is."""
        if self._results[client].ready():
            answer = self._results[client].get()
            return {"why": answer.get("failed") or "restmark-load ended before it was to begin", "code": answer.get("code", CODE_UNKNOWN)}
        if why := self._gone(client):
            return _left(f"{why} before the load began")
        return None if self._ready[client].ready() else _left(f"it did not open its connections in {PREPARE_TIMEOUT_S:.0f} s")

    def _not_prepared(self, failed: dict[str, dict[str, Any]]) -> dict[str, Any]:
        return {"load": self._load, "shares": [], "failed": [{"client": client, "name": self._told(client), **why} for client, why in failed.items()]}

    def go(self, wait_s: float) -> dict[str, Any]:
        """Begins what is prepared, and waits for its end for so long at most. Who is lost meanwhile has no result, but a reason."""
        instant_ns = self._wall_ns() + LEAD_NS
        told: dict[str, int] = {}
        for client in self._results:
            offset_ns, error_ns = self.clocks.get(client, (0, 0))
            told[client] = instant_ns + (offset_ns if abs(offset_ns) - error_ns > CLOCK_TOLERANCE_NS else 0)
            self._send("restmark_go", {"instant_ns": told[client]}, client)
        deadline = time.monotonic() + wait_s + GRACE_S
        lost: dict[str, str] = {}
        while waiting := [client for client in self._results if client not in lost and not self._results[client].ready()]:
            for client in waiting:
                if why := self._gone(client):
                    lost[client] = f"{why} during the load"
                elif time.monotonic() > deadline:
                    lost[client] = f"it sent no result in {wait_s + GRACE_S:.0f} s"
            gevent.sleep(0.005)
        return {"machines": [self._outcome(client, told[client], lost.get(client, "")) for client in self._results]}

    def _outcome(self, client: str, instant_ns: int, lost: str) -> dict[str, Any]:
        offset_ns, error_ns = self.clocks.get(client, (0, 0))
        answer = {} if lost else self._results[client].get()
        result = answer.get("result")
        return {
            "name": self._told(client),
            "client": client,
            "lost": lost or answer.get("failed", ""),
            "result": result,
            "start_late_ns": max(0, result["start_realtime_ns"] - instant_ns) if result else None,
            "clock_offset_ns": offset_ns,
            "clock_error_ns": error_ns,
        }

    def _clients(self) -> set[str]:
        return {node.id for node in self._runner.clients.all if node.state != STATE_MISSING}

    def _gone(self, client: str) -> str:
        """Why it takes part no more; empty while it does. A worker that is told to end says goodbye, and is not missed but no longer known."""
        node = self._runner.clients.get(client)
        if node is None:
            return "its worker ended"
        return "its heartbeats ended" if node.state == STATE_MISSING else ""

    def _told(self, client: str) -> str:
        return self._names.get(client, client)

    def _send(self, kind: str, data: dict[str, Any], client: str) -> None:
        self._runner.send_message(kind, data, client)

    def _ping(self, client: str, times: int = CLOCK_PINGS) -> dict[str, Any] | None:
        """Reads its clock. None if it does not answer."""
        about: dict[str, Any] | None = None
        for _ in range(times):
            self._pongs[client] = AsyncResult()
            asked_ns = self._wall_ns()
            self._send("restmark_ping", {"asked_ns": asked_ns}, client)
            try:
                data, heard_ns = self._pongs[client].get(timeout=PING_TIMEOUT_S)
            except gevent.Timeout:
                return about
            about = data["about"]
            self.clocks[client] = self._better(self.clocks.get(client), self._offset(asked_ns, data["told_ns"], heard_ns))
        return about


def _left(why: str) -> dict[str, Any]:
    """The failure of a machine that did not get as far as an exit code."""
    return {"why": why, "code": None}


def add_routes(environment: Environment, coordinator: Coordinator) -> None:
    """What restmark asks of a master, on the port of Locust's page."""
    app = environment.web_ui.app

    @app.get("/restmark/machines")
    def machines() -> Any:
        return jsonify(coordinator.machines())

    @app.post("/restmark/load")
    def load() -> Any:
        try:
            return jsonify(coordinator.prepare(request.get_json()))
        except Fault as fault:
            return jsonify({"fault": str(fault)}), 503

    @app.post("/restmark/go")
    def go() -> Any:
        return jsonify(coordinator.go(float(request.get_json()["wait_s"])))


# --- Locust's own page and command line ----------------------------------------------------------------------------------------------


def run_windows(environment: Environment, coordinator: Coordinator) -> None:
    """Load after load while the test runs: a connection for each user, shared out again when their number changes."""
    options = environment.parsed_options
    words = [f"--duration={WINDOW_S}s", *shlex.split(options.restmark_options)]
    if options.restmark_rate:
        words.append(f"--rate={options.restmark_rate:.9g}")
    words += [environment.host or "http://127.0.0.1:8080", *(options.restmark_target or ["/=1"])]
    machines = {machine["client"]: machine["cpus"] for machine in coordinator.machines()}
    while environment.runner.state in TESTING:
        _settle(environment.runner)
        users = _users(environment.runner)
        if not users:
            gevent.sleep(POLL_S)
            continue
        words[0] = f"--duration={WINDOW_S if environment.runner.state == 'running' else SPAWNING_WINDOW_S}s"
        try:
            failed = coordinator.prepare({"words": words, "connections": users, "files": {}, "clients": machines})["failed"]
            if failed and environment.runner.state in TESTING:
                _lose(machines, failed)
            if failed:
                continue
            outcome = coordinator.go(2 * WINDOW_S)
        except Fault as fault:
            if environment.runner.state not in TESTING:  # it was to end just then
                return
            LOG.error("no load: %s", fault)
            environment.process_exit_code = 1
            environment.runner.quit()
            return
        _tell(outcome, options.restmark_output)


def _lose(machines: dict[str, int], failed: list[dict[str, Any]]) -> None:
    """Goes on without those who failed. Raises Fault where nobody is left: what befalls all is the server's, or the words'."""
    if len(failed) == len(machines):
        raise Fault("; ".join(f"{machine['name']}: {machine['why']}" for machine in failed))
    for machine in failed:
        LOG.error("%s was lost: %s", machine["name"], machine["why"])
        del machines[machine["client"]]


def end_windows(runner: MasterRunner, windows: pool.Group) -> None:
    """Of a master that is told to end in the middle of a test: what the workers have so far is still kept. Locust itself stops the test only behind this."""
    runner.stop()
    windows.join(GRACE_S)


def _settle(runner: MasterRunner) -> None:
    """Waits until all users are there, a moment at most: a slow ramp is to be seen, too."""
    for _ in range(round(SPAWNING_WINDOW_S / POLL_S)):
        if runner.state != "spawning":
            return
        gevent.sleep(POLL_S)


def _users(runner: MasterRunner) -> int:
    """How many there are. Once all are, it is what was asked for: what workers have reported is some seconds old."""
    return int(runner.target_user_count if runner.state == "running" else runner.user_count)


def _tell(outcome: dict[str, Any], output: str | None) -> None:
    for machine in outcome["machines"]:
        result = machine["result"]
        if result is None:
            LOG.error("%s was lost: %s", machine["name"], machine["lost"])
            continue
        for doubt in result["doubts"]:
            LOG.warning("%s: doubtful: %s", machine["name"], doubt)
        if output:
            with open(output, "a", encoding="utf-8") as file:
                file.write(json.dumps(result) + "\n")


def begin(environment: Environment, runner: MasterRunner, shares: Any, wall_ns: Callable[[], int]) -> None:
    """Listens to the workers, and to whoever wants loads. shares: the module; wall_ns: this machine's clock, as the locustfile sees it."""
    coordinator = Coordinator(runner, shares, wall_ns)
    runner.register_message("restmark_pong", coordinator.pong)
    runner.register_message("restmark_ready", coordinator.ready)
    runner.register_message("restmark_result", coordinator.result)
    if environment.web_ui:
        add_routes(environment, coordinator)
    windows = pool.Group()
    environment.events.test_start.add_listener(lambda **_: windows.spawn(run_windows, environment, coordinator))
    environment.events.quitting.add_listener(lambda **_: end_windows(runner, windows))
