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
import errno
import hashlib
import importlib.util
import json
import logging
import os
import platform
import shutil
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

import gevent
from gevent import subprocess
from locust import User, events, task
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

LOG = logging.getLogger("restmark")
OS_ERROR, CAN_NOT_RUN = 71, 126  # EX_OSERR, and a shell's code for a program that can not be run
GRACE_S = 60.0  # for what is under way when the test is over

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
            code = CAN_NOT_RUN if getattr(error, "errno", None) == errno.ENOEXEC else OS_ERROR
            self._fail(msg.data["load"], f"can not run restmark-load: {error}", code)
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
        if code < 0 or not output:
            self._fail(load, ending(code) if code < 0 else told.strip() or ending(code), code)
            return
        result = json.loads(output)
        result["start_realtime_ns"] += CLOCK_ERROR_NS
        record_for_locust(self._runner.environment, result)
        self._runner.send_message("restmark_result", {"load": load, "result": result})

    def _fail(self, load: int, why: str, code: int) -> None:
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


def ending(code: int) -> str:
    """How restmark-load ended, that said nothing of it itself. code: negative for a signal."""
    if code >= 0:
        return f"restmark-load ended with exit code {code}"
    return f"restmark-load was killed by signal {-code}" + (", out of memory there perhaps" if -code == signal.SIGKILL else "")


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


# --- what Locust knows of it -------------------------------------------------------------------------------------------------------


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


def _beside(name: str) -> Any:
    """The module of that name in this file's folder, which is not on Locust's path. Workers that were sent this file alone need none."""
    spec = importlib.util.spec_from_file_location(f"restmark_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


@events.init.add_listener
def begin(environment: Environment, **_: object) -> None:
    runner = environment.runner
    if isinstance(runner, WorkerRunner):
        engine = Engine(runner)
        runner.register_message("restmark_ping", engine.answer_ping)
        runner.register_message("restmark_prepare", engine.prepare)
        runner.register_message("restmark_go", engine.go)
        runner.register_message("restmark_abandon", engine.abandon)
        environment.events.test_stop.add_listener(engine.finish)
        environment.events.quitting.add_listener(engine.abandon)
    elif isinstance(runner, MasterRunner):
        _beside("master").begin(environment, runner, _beside("shares"), wall_ns)
    else:
        LOG.error("restmark-load is driven by a master and its workers: start locust with --master, and with --worker on each machine")
        environment.process_exit_code = 1
        if runner is not None:
            runner.quit()
