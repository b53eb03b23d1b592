"""Starting servers: readiness, deaths at start, ports in use."""

from __future__ import annotations

import os
import socket
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from restmark_rig.contestants.cache import Cache
from restmark_rig.host import ports
from restmark_rig.model.errors import EnvironmentFault, StartFailed
from restmark_rig.server import launcher
from restmark_rig.server.launcher import StartOptions
from restmark_rig.store.dataset import Dataset

from .helpers import cheater, groups_of, processes_mentioning, script, wait_until


@pytest.fixture()
def options(default_dataset: Dataset) -> StartOptions:
    return StartOptions(default_dataset.path)


def test_a_started_server_answers_and_is_stopped(tmp_path: Path, cache: Cache, options: StartOptions) -> None:
    subject = cheater(tmp_path, "none")
    with launcher.launch(subject, options, cache) as server:
        with server.connect() as connection:
            assert connection.get("/parse-msgpack").body == b"1000"
        assert server.pid in server.pids()
        assert server.death() == ""
        assert server.cpu_ns() > 0
    with pytest.raises(ProcessLookupError):
        os.kill(server.pid, 0)
    ports.require_free(server.host, server.port)


def test_placeholders_reach_argv_and_environment(tmp_path: Path, cache: Cache, options: StartOptions) -> None:
    code = "import os, sys; print(sys.argv[1:], os.environ['W'], os.getcwd(), flush=True); sys.exit(9)"
    subject = script(tmp_path, "echo", code)
    subject = replace(subject, start=replace(subject.start, env={"W": "{workers}/{build}"}))
    with pytest.raises(StartFailed) as caught, launcher.launch(subject, replace(options, workers=3, port=0), cache):
        pass
    build_dir = cache.build_dir(subject)
    assert f"'{options.dataset}'] 3/{build_dir} {subject.directory}" in caught.value.message


def test_dies_at_start(tmp_path: Path, cache: Cache, options: StartOptions) -> None:
    subject = script(tmp_path, "dies", "import sys; print('no such option: --turbo'); sys.exit(64)")
    with pytest.raises(StartFailed) as caught, launcher.launch(subject, options, cache):
        pass
    assert "dies: the server ended with exit code 64" in caught.value.message
    assert "no such option: --turbo" in caught.value.message
    assert str(cache.log(subject, "server")) in caught.value.message
    assert groups_of("dies") == []


def test_killed_at_start(tmp_path: Path, cache: Cache, options: StartOptions) -> None:
    subject = script(tmp_path, "killed", "import os; os.kill(os.getpid(), 11)")
    with (
        pytest.raises(StartFailed, match="was killed by SIGSEGV\nit wrote nothing to"),
        launcher.launch(subject, options, cache),
    ):
        pass


def test_never_ready(tmp_path: Path, cache: Cache, options: StartOptions) -> None:
    subject = script(
        tmp_path, "deaf", "import signal; print('warming up', flush=True); signal.pause()", "[ready]\ntimeout_s = 0.6"
    )
    with pytest.raises(StartFailed) as caught, launcher.launch(subject, options, cache):
        pass
    assert "deaf: not ready after 0.6 s" in caught.value.message
    assert "warming up" in caught.value.message
    assert "ready.timeout_s" in caught.value.remedy
    assert not processes_mentioning(str(tmp_path))


def test_answers_the_ready_path_with_an_error(tmp_path: Path, cache: Cache, options: StartOptions) -> None:
    subject = replace(cheater(tmp_path, "none"), ready_path="/healthy", ready_timeout_s=1.0)
    with pytest.raises(StartFailed, match="GET /healthy answered 404"), launcher.launch(subject, options, cache):
        pass


def test_port_in_use(tmp_path: Path, cache: Cache, options: StartOptions) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with (
            pytest.raises(EnvironmentFault) as caught,
            launcher.launch(cheater(tmp_path, "none"), replace(options, port=port), cache),
        ):
            pass
    assert f"port {port} on 127.0.0.1 is in use by" in caught.value.message
    assert f"(pid {os.getpid()})" in caught.value.message


def test_port_shared_by_reuseport_counts_as_in_use(tmp_path: Path, cache: Cache, options: StartOptions) -> None:
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as holder:
        port = holder.getsockname()[1]
        with (
            pytest.raises(EnvironmentFault, match="is in use"),
            launcher.launch(cheater(tmp_path, "none"), replace(options, port=port), cache),
        ):
            pass


def test_port_taken_by_another_while_it_starts(tmp_path: Path, cache: Cache, options: StartOptions) -> None:
    port = ports.choose("127.0.0.1")
    subject = script(tmp_path, "slow", "import pathlib, signal; pathlib.Path('up').touch(); signal.pause()")
    done = threading.Event()

    def take_port() -> None:
        assert wait_until((subject.directory / "up").exists)
        with socket.create_server(("127.0.0.1", port)) as foreign:
            client, _ = foreign.accept()
            client.recv(4096)
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            done.wait(300)
            client.close()

    thread = threading.Thread(target=take_port)
    thread.start()
    with (
        pytest.raises(StartFailed, match="which the rig did not start"),
        launcher.launch(subject, replace(options, port=port), cache),
    ):
        pass
    done.set()
    thread.join()


def test_an_unknown_host(tmp_path: Path, cache: Cache, options: StartOptions) -> None:
    subject = cheater(tmp_path, "none")
    with (
        pytest.raises(EnvironmentFault, match=r"can not bind 192\.0\.2\.1"),
        launcher.launch(subject, replace(options, host="192.0.2.1"), cache),
    ):
        pass


def test_an_exception_stops_the_server(tmp_path: Path, cache: Cache, options: StartOptions) -> None:
    class BoomError(Exception):
        pass

    with pytest.raises(BoomError), launcher.launch(cheater(tmp_path, "none"), options, cache):
        raise BoomError
    assert not processes_mentioning(str(tmp_path))
    assert groups_of("cheat-none") == []


def test_each_start_has_its_own_log(tmp_path: Path, cache: Cache, options: StartOptions) -> None:
    subject = script(tmp_path, "dies", "import os; print(os.getpid())")
    texts = []
    for _ in range(2):
        with pytest.raises(StartFailed), launcher.launch(subject, options, cache):
            pass
        texts.append(cache.log(subject, "server").read_text())
    assert [len(text.split()) for text in texts] == [1, 1]
    assert texts[0] != texts[1]
