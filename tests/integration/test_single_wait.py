"""A turn of a worker's loop takes one wait, the library's own; where that cannot be had, two, and it is said."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from daemon import BUILD, Daemon, run, wait_for
from http_client import Connection, Load
from strace import traced, under_strace

from processes import is_stopped

Start = Callable[..., Daemon]
ONE = "server.processes=1"
REQUESTS = 200
HIDER = BUILD / "tests" / "integration" / "libno_single_wait.so"
TWO_WAITS = {"LD_PRELOAD": str(HIDER)}
hiding = pytest.mark.skipif(not HIDER.exists(), reason="libmicrohttpd is within the program, of which nothing can be hidden")
ONE_AND_TWO = [pytest.param({}, id="one"), pytest.param(TWO_WAITS, id="two", marks=hiding)]


def ask(daemon: Daemon, requests: int) -> None:
    with Connection((daemon.host, daemon.port)) as connection:
        for _ in range(requests):
            assert connection.request("/").body == b"Welcome!\n"


@under_strace
@pytest.mark.parametrize(("environment", "waits"), [pytest.param({}, 1, id="one"), pytest.param(TWO_WAITS, 2, id="two", marks=hiding)])
def test_so_many_waits_take_a_request(start: Start, tmp_path: Path, environment: dict[str, str], waits: int) -> None:
    daemon = start(ONE, environment=environment)
    with traced(daemon.workers()[0], tmp_path / "trace", "/epoll_p?wait"):
        ask(daemon, REQUESTS)
    n = len(re.findall(r"epoll_p?wait", (tmp_path / "trace").read_text()))
    assert abs(n - waits * REQUESTS) < 0.5 * REQUESTS  # a request may come with its connection, and a wait end without one


@hiding
def test_what_the_library_does_not_do_is_said(start: Start) -> None:
    assert "\nsingle-wait: yes\n" in run("-V").stdout
    assert re.search(r"\nsingle-wait: no: libmicrohttpd \S+ does not wait through this program's epoll_wait\(\)\n", run("-V", env={**os.environ, **TWO_WAITS}).stdout)
    daemon = start("server.processes=2", environment=TWO_WAITS)
    for worker in range(2):
        daemon.wait_log(rf"worker {worker}: a turn takes two waits: libmicrohttpd ")


@pytest.mark.parametrize("environment", ONE_AND_TWO)
@pytest.mark.parametrize("balance", ["reuseport", "shared"])
def test_both_ways_serve_and_reload_and_stop(start: Start, environment: dict[str, str], balance: str) -> None:
    daemon = start("server.processes=2", f"server.balance={balance}", "workloads.wait=yes", environment=environment)
    address = (daemon.host, daemon.port)
    with (
        Load(address, clients=3, keep_alive=False) as fresh,
        Load(address, clients=3, expected=b"Welcome!\n") as kept,
        Load(address, "/wait?ms=5", clients=2) as waiting,
    ):
        assert daemon.ask("reload")
        for load in (fresh, kept, waiting):
            load.wait_answered(20)
    for load in (fresh, kept, waiting):
        assert not load.failures and not load.refused, (load.failures, daemon.log())
    with Connection(address) as idle:
        assert idle.request("/").status == 200
        daemon.finish()


@pytest.mark.parametrize("environment", ONE_AND_TWO)
def test_a_worker_hears_of_a_stop_before_what_came_with_it(start: Start, environment: dict[str, str]) -> None:
    """A request that it finds when it wakes, together with the master's word, is answered as the last one."""
    daemon = start(ONE, environment=environment)
    (worker,) = daemon.workers()
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/").status == 200
        os.kill(worker, signal.SIGSTOP)
        try:
            wait_for("it is stopped", lambda: is_stopped(worker))
            connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            daemon.begin_stop()
        finally:
            os.kill(worker, signal.SIGCONT)
        response = connection.read()
        assert (response.status, response.closes) == (200, True)
    assert daemon.wait_exit() == 0
