"""Locust with restmark-load as its engine: many machines load one server, and every latency is counted as on one.

Locust does what is between machines: workers take part, send heartbeats, are missed, and are found again by its Helm chart and its
operator. restmark-load makes the load on each. What they say to each other are Locust's custom messages. Two ways to use it:

    locust -f locustfile.py --master --host http://server:8080 --restmark-rate 20000     # Locust's own page and command line
    locust -f - --worker --master-host MASTER                                            # on each machine

    restmark run --load-from HOSTFILE | --load-cluster MASTER:8089                       # restmark's runs, by the routes below /restmark

A Locust user is a connection. Each worker needs restmark-load, on PATH or named by RESTMARK_LOAD.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import logging
import os
import platform
import re
import shlex
import shutil
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

import gevent
from flask import jsonify, request
from gevent import pool, subprocess
from gevent.event import AsyncResult
from locust import User, events, task
from locust.env import Environment
from locust.runners import STATE_MISSING, MasterRunner, WorkerRunner

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
TESTING = ("spawning", "running")  # Locust's states of a test that is not to end

# Adds seconds to this machine's wall clock as it is seen here: a clock that is off, for tests.
CLOCK_ERROR_NS = round(float(os.environ.get("RESTMARK_CLOCK_ERROR_S", "0")) * 1e9)


def wall_ns() -> int:
    """This machine's wall clock."""
    return time.time_ns() + CLOCK_ERROR_NS


# --- on each machine -----------------------------------------------------------------------------------------------------------------


class Engine:
    """restmark-load on this machine: prepared, held, and let go at an instant."""

    def __init__(self, runner: WorkerRunner) -> None:
        self._runner = runner
        self._process: Any = None
        self._running = gevent.Greenlet()
        self._about = about_this_machine()
        self._files: dict[str, int] = {}

    def answer_ping(self, msg: Any, **_: object) -> None:
        self._runner.send_message("restmark_pong", {"asked_ns": msg.data["asked_ns"], "told_ns": wall_ns(), "about": self._about})

    def prepare(self, msg: Any, **_: object) -> None:
        """Starts restmark-load, which opens its connections and says that it is ready. It waits for an instant then."""
        self.abandon()
        try:
            words = [self._kept(word, msg.data["files"]) for word in msg.data["words"]]
            self._process = subprocess.Popen(
                [program(), "--json", "--hold", "--die-with-parent", "--cpus=auto", *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        except (OSError, KeyError) as error:
            self._fail(msg.data["load"], f"can not run restmark-load: {error}")
            return
        self._running = gevent.spawn(self._run, msg.data["load"], self._process)

    def go(self, msg: Any, **_: object) -> None:
        """Names the instant: by this machine's own wall clock, in nanoseconds."""
        try:
            self._process.stdin.write(f"at {msg.data['instant_ns'] - CLOCK_ERROR_NS}\n")
            self._process.stdin.close()
        except (OSError, ValueError, AttributeError) as error:
            LOG.error("restmark-load is gone before it could begin: %s", error)

    def finish(self, **_: object) -> None:
        """The test is over: no more is sent, what is under way comes in, and is told before Locust's last figures are."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._running.join(GRACE_S)

    def abandon(self, **_: object) -> None:
        """Ends a load that nobody waits for any more."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
        self._process = None

    def _run(self, load: int, process: Any) -> None:
        if process.stdout.readline() == "ready\n":
            self._runner.send_message("restmark_ready", {"load": load})
        output, told = process.stdout.read(), process.stderr.read()
        code = process.wait()
        if process is not self._process:
            return  # abandoned
        if not output:
            self._fail(load, told.strip() or f"restmark-load ended with exit code {code}", code)
            return
        result = json.loads(output)
        result["start_realtime_ns"] += CLOCK_ERROR_NS
        record_for_locust(self._runner.environment, result)
        self._runner.send_message("restmark_result", {"load": load, "result": result})

    def _fail(self, load: int, why: str, code: int = 71) -> None:
        self._runner.send_message("restmark_result", {"load": load, "failed": why[-2000:], "code": code})

    def _kept(self, word: str, files: dict[str, str]) -> str:
        """A word, with the path of a file here in place of @DIGEST. Its bytes come once, and are kept in memory, so that nothing is left."""
        option, separator, digest = word.partition("=@")
        if not separator:
            return word
        if digest in files:
            data = base64.b64decode(files[digest])
            if hashlib.sha256(data).hexdigest() != digest:
                raise OSError(f"what was sent for {option} is damaged")
            self._files[digest] = os.memfd_create(digest)
            os.write(self._files[digest], data)
        return f"{option}=/proc/{os.getpid()}/fd/{self._files[digest]}"


def program() -> str:
    """restmark-load. Raises OSError."""
    found = shutil.which(os.environ.get("RESTMARK_LOAD") or "restmark-load")
    if found is None:
        raise OSError("there is no restmark-load on PATH, and RESTMARK_LOAD names none: install restmark on this machine")
    return found


def about_this_machine() -> dict[str, Any]:
    """What is told of it. cpus: those that its worker may use."""
    try:
        version = subprocess.run([program(), "--version"], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        version = f"none: {error}"
    return {
        "name": os.environ.get("RESTMARK_MACHINE") or socket.gethostname(),
        "hostname": socket.gethostname(),
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "cpus": len(os.sched_getaffinity(0)),
        "version": version,
    }


def record_for_locust(environment: Environment, result: dict[str, Any]) -> None:
    """Locust's own statistics, for its page: every target's answers, rounded as Locust rounds. The exact counts are in the result."""
    seconds = int(result["start_realtime_ns"] / 1e9 + result["sending_ns"] / 1e9)
    method = "POST" if any(word.startswith("--body") for word in result.get("words", ())) else "GET"
    for target in result["targets"]:
        answered, latency = target["answered"], target["latency"]
        for entry in (environment.stats.get(target["target"], method), environment.stats.total):
            entry.num_requests += answered + target["failed"]
            entry.num_failures += target["failed"]
            entry.num_reqs_per_sec[seconds] = entry.num_reqs_per_sec.get(seconds, 0) + answered
            entry.last_request_timestamp = seconds
            if latency is None:
                continue
            entry.total_response_time += latency["mean_us"] * answered / 1e3
            entry.min_response_time = min(entry.min_response_time or latency["min_us"] / 1e3, latency["min_us"] / 1e3)
            entry.max_response_time = max(entry.max_response_time, latency["max_us"] / 1e3)
            entry.total_content_length += result["body_bytes"] * answered // max(1, result["requests"]["answered"])
            for milliseconds, count in _by_quantile(latency, answered):
                entry.response_times[milliseconds] = entry.response_times.get(milliseconds, 0) + count


def _by_quantile(latency: dict[str, Any], answered: int) -> list[tuple[int, int]]:
    """Counts between the quantiles that restmark-load tells, each taken for the upper one."""
    counted, found = 0, []
    for name, value_us in [*latency["quantiles_us"].items(), ("p100", latency["max_us"])]:
        upto = round(answered * float(name[1:]) / 100)
        if upto > counted:
            found.append((round(value_us / 1e3), upto - counted))
            counted = upto
    return found


# --- on the master -------------------------------------------------------------------------------------------------------------------


class Fault(Exception):
    """What is told to the one who asked for a load."""


class Coordinator:
    """Has all machines prepare, names the instant, and waits for what each of them has counted."""

    def __init__(self, runner: MasterRunner) -> None:
        beside = _beside("shares")
        self._shares, self._offset, self._better = beside.shares, beside.clock_offset_ns, beside.better_reading
        self._runner = runner
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
            waiting.set((msg.data, wall_ns()))

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
        """words: of restmark-load, without what is a machine's own; connections: in all; files: digest to base64; clients: who is to take part."""
        self._load += 1
        present = self._clients()
        asked = {client: cpus for client, cpus in load["clients"].items() if client in present}
        if not asked:
            raise Fault("no load machine is left")
        shares = {share.machine: share for share in self._shares(load["connections"], asked)}
        for client in shares:
            self._ping(client, 1)
        self._ready = {client: AsyncResult() for client in shares}
        self._results = {client: AsyncResult() for client in shares}
        for client, share in shares.items():
            files = {digest: text for digest, text in load["files"].items() if (client, digest) not in self._sent}
            self._sent |= {(client, digest) for digest in files}
            self._send("restmark_prepare", {"load": self._load, "words": [*share.words, *load["words"]], "files": files}, client)
        deadline = time.monotonic() + PREPARE_TIMEOUT_S + load.get("timeout_s", 0)
        while waiting := [c for c in shares if not self._ready[c].ready() and not self._results[c].ready() and c in self._clients()]:
            if time.monotonic() > deadline:
                raise Fault(f"{self._told(waiting[0])} did not open its connections in {PREPARE_TIMEOUT_S:.0f} s")
            gevent.sleep(0.002)
        refused = [self._results[client].get() for client in shares if self._results[client].ready()]
        if refused:
            raise Refused(refused[0])
        return {"load": self._load, "shares": [{**vars(share), "machine": self._told(client), "client": client} for client, share in shares.items()]}

    def go(self, wait_s: float) -> dict[str, Any]:
        """Begins what is prepared, and waits for its end for so long at most. Who is lost meanwhile has no result, but a reason."""
        instant_ns = wall_ns() + LEAD_NS
        told: dict[str, int] = {}
        for client in self._results:
            offset_ns, error_ns = self.clocks.get(client, (0, 0))
            told[client] = instant_ns + (offset_ns if abs(offset_ns) - error_ns > CLOCK_TOLERANCE_NS else 0)
            self._send("restmark_go", {"instant_ns": told[client]}, client)
        deadline = time.monotonic() + wait_s + GRACE_S
        lost: dict[str, str] = {}
        while waiting := [client for client in self._results if client not in lost and not self._results[client].ready()]:
            present = self._clients()
            for client in waiting:
                if client not in present:
                    lost[client] = "its heartbeats ended during the load"
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

    def _told(self, client: str) -> str:
        return self._names.get(client, client)

    def _send(self, kind: str, data: dict[str, Any], client: str) -> None:
        self._runner.send_message(kind, data, client)

    def _ping(self, client: str, times: int = CLOCK_PINGS) -> dict[str, Any] | None:
        """Reads its clock. None if it does not answer."""
        about: dict[str, Any] | None = None
        for _ in range(times):
            self._pongs[client] = AsyncResult()
            asked_ns = wall_ns()
            self._send("restmark_ping", {"asked_ns": asked_ns}, client)
            try:
                data, heard_ns = self._pongs[client].get(timeout=PING_TIMEOUT_S)
            except gevent.Timeout:
                return about
            about = data["about"]
            self.clocks[client] = self._better(self.clocks.get(client), self._offset(asked_ns, data["told_ns"], heard_ns))
        return about


def _beside(name: str) -> Any:
    """The module of that name in this file's folder, which is not on Locust's path. Workers that were sent this file alone need none."""
    spec = importlib.util.spec_from_file_location(f"restmark_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


class Refused(Fault):
    """A machine's restmark-load did not get as far as the load: its words and its exit code."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(answer.get("failed") or "ended before it was to begin")
        self.code = answer.get("code", 71)


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
        except Refused as fault:
            return jsonify({"fault": str(fault), "code": fault.code}), 409
        except Fault as fault:
            return jsonify({"fault": str(fault), "code": None}), 503

    @app.post("/restmark/go")
    def go() -> Any:
        return jsonify(coordinator.go(float(request.get_json()["wait_s"])))


# --- Locust's own page and command line ----------------------------------------------------------------------------------------------


class RestmarkUser(User):
    """A connection of restmark-load's. It does nothing itself: all users of a machine are one restmark-load."""

    @task
    def connected(self) -> None:
        gevent.sleep(1)


@events.init_command_line_parser.add_listener
def add_options(parser: Any) -> None:
    group = parser.add_argument_group("restmark", "What restmark-load does on each machine")
    group.add_argument("--restmark-rate", type=float, default=0.0, metavar="N", help="requests a second of all machines together (default: closed loop)")
    group.add_argument("--restmark-options", default="", metavar="WORDS", help="more options of restmark-load, as in a shell")
    group.add_argument("--restmark-target", action="append", metavar="TARGET", help="a target with its weight, /encode-json=1; repeatable (default: /)")
    group.add_argument("--restmark-output", metavar="FILE", help="all results, which restmark-load --merge reads")


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
            coordinator.prepare({"words": words, "connections": users, "files": {}, "clients": machines})
            outcome = coordinator.go(2 * WINDOW_S)
        except Fault as fault:
            if environment.runner.state not in TESTING:  # it was to end just then
                return
            LOG.error("no load: %s", fault)
            environment.process_exit_code = 1
            environment.runner.quit()
            return
        _tell(outcome, options.restmark_output)


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


@events.init.add_listener
def begin(environment: Environment, **_: object) -> None:
    runner = environment.runner
    if isinstance(runner, WorkerRunner):
        engine = Engine(runner)
        runner.register_message("restmark_ping", engine.answer_ping)
        runner.register_message("restmark_prepare", engine.prepare)
        runner.register_message("restmark_go", engine.go)
        environment.events.test_stop.add_listener(engine.finish)
        environment.events.quitting.add_listener(engine.abandon)
    elif isinstance(runner, MasterRunner):
        coordinator = Coordinator(runner)
        runner.register_message("restmark_pong", coordinator.pong)
        runner.register_message("restmark_ready", coordinator.ready)
        runner.register_message("restmark_result", coordinator.result)
        if environment.web_ui:
            add_routes(environment, coordinator)
        windows = pool.Group()
        environment.events.test_start.add_listener(lambda **_: windows.spawn(run_windows, environment, coordinator))
        environment.events.quitting.add_listener(lambda **_: end_windows(runner, windows))
    else:
        LOG.error("restmark-load is driven by a master and its workers: start locust with --master, and with --worker on each machine")
        environment.process_exit_code = 1
        if runner is not None:
            runner.quit()
