"""The command: exit codes, messages, options in both places, and what signals leave behind (nothing)."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest

from .helpers import PYTHON, call_rig, cheater_argv, rig_command, run_rig, write_contestant

OK, USAGE, VERIFICATION, ENVIRONMENT = 0, 1, 2, 3


@pytest.fixture()
def peers(tmp_path: Path) -> Path:
    """A folder of built-in contestants: one ready, one to build, one without its tool."""
    folder = tmp_path / "peers"
    write_contestant(folder, "honest", cheater_argv("none"))
    build = '[build]\nsteps = [["cp", "server.txt", "{build}/server.txt"]]\ninputs = ["server.txt"]'
    (write_contestant(folder, "made", cheater_argv("none"), build) / "server.txt").write_text("x")
    tool = '[[requires]]\ncommand = "no-such-tool"\npackages = ["no-such-package"]'
    write_contestant(folder, "toolless", cheater_argv("none"), tool, level="tuned")
    return folder


@pytest.fixture()
def cache_dir(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def test_help_and_version(cache_dir: Path) -> None:
    assert run_rig(cache_dir, "--version").stdout.startswith("restmark 0.")
    shown = run_rig(cache_dir, "--help")
    assert shown.returncode == OK
    for command in ("list", "doctor", "build", "verify", "new-contestant"):
        assert command in shown.stdout
        assert run_rig(cache_dir, command, "--help").returncode == OK


def test_the_checks_are_named_in_the_help(cache_dir: Path) -> None:
    text = " ".join(run_rig(cache_dir, "verify", "--help").stdout.split())
    assert "burst - 2000 requests in a row" in text


@pytest.mark.parametrize(
    "arguments",
    [
        ["--no-such-option"],
        ["no-such-command"],
        ["verify", "--check", "no-such-check"],
        ["verify", "--workers", "0"],
        ["verify", "--seed", "-1"],
        ["verify", "--dataset", "no/such/file"],
        ["verify", "-C", "no-such-contestant"],
        ["verify", "--server-cpus", "x"],
        ["new-contestant"],
        ["new-contestant", "Not Allowed"],
        ["--peers-dir", "no/such/folder", "list"],
    ],
)
def test_wrong_usage(cache_dir: Path, peers: Path, arguments: list[str]) -> None:
    done = call_rig(cache_dir, *arguments, cwd=peers.parent)
    assert done.returncode == USAGE, done.stderr
    assert done.stdout == ""
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_list(cache_dir: Path, peers: Path) -> None:
    own = write_contestant(peers.parent / "elsewhere", "own", cheater_argv("none"))
    done = run_rig(cache_dir, "--peers-dir", peers, "-C", own, "list", "--all")
    assert done.returncode == OK
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["contestant", "language", "model", "level", "state"]
    text = " ".join(done.stdout.split())
    assert "honest Python tree idiomatic ready" in text
    assert "made Python tree idiomatic unbuilt: not built yet" in text
    assert "toolless Python tree tuned skipped: no-such-tool not found → restmark setup /" in text
    assert "own Python tree idiomatic ready" in text
    assert max(map(len, lines)) <= 80


def test_list_json(cache_dir: Path, peers: Path) -> None:
    entries = json.loads(call_rig(cache_dir, "list", "--json", "--peers-dir", peers).stdout)
    assert [(entry["name"], entry["state"]) for entry in entries] == [
        ("honest", "ready"),
        ("made", "unbuilt"),
        ("toolless", "skipped"),
    ]
    assert entries[2]["remedy"] == f"restmark setup {peers / 'toolless'}"


def test_list_tells_of_optional_ones(cache_dir: Path, peers: Path) -> None:
    write_contestant(peers, "extra", cheater_argv("none"), optional=True)
    done = call_rig(cache_dir, "list", "--peers-dir", peers)
    lines = done.stdout.splitlines()
    assert lines[-1] == "and with --all, or by name with -C: extra"
    assert not any(line.startswith("extra") for line in lines)
    entries = json.loads(call_rig(cache_dir, "list", "--json", "--all", "--peers-dir", peers).stdout)
    assert {entry["name"]: entry["optional"] for entry in entries} == {
        "extra": True, "honest": False, "made": False, "toolless": False,
    }  # fmt: skip
    assert [entry["level"] for entry in entries] == ["idiomatic", "idiomatic", "idiomatic", "tuned"]
    not_ready = call_rig(cache_dir, "list", "--not-ready", "--peers-dir", peers)
    assert "extra" not in not_ready.stdout


def test_list_of_what_is_not_ready(cache_dir: Path, peers: Path) -> None:
    done = call_rig(cache_dir, "list", "--not-ready", "--json", "--peers-dir", peers)
    assert [entry["name"] for entry in json.loads(done.stdout)] == ["made", "toolless"]


@pytest.mark.parametrize("command", ["list", "verify", "build"])
@pytest.mark.parametrize("first", [True, False])
def test_contestants_named_alone_or_with_all(cache_dir: Path, peers: Path, command: str, first: bool) -> None:
    own = write_contestant(peers.parent / "elsewhere", "own", cheater_argv("none"))
    options = {"list": ["--json"], "verify": ["--check", "type", "--json"], "build": []}[command]
    for extra, names in [([], ["own"]), (["--all"], ["honest", "made", "toolless", "own"])]:
        selection = ["-C", own, *extra]
        arguments = [*selection, command, *options] if first else [command, *options, *selection]
        done = call_rig(cache_dir, "--peers-dir", peers, *arguments)
        assert done.returncode == OK, done.stderr
        if command == "build":
            assert [line.partition(":")[0] for line in done.stdout.splitlines()] == names
        else:
            document = json.loads(done.stdout)
            entries = document if command == "list" else document["contestants"]
            assert [entry["name"] for entry in entries] == names


@pytest.mark.parametrize("place", ["peers", ".", "elsewhere"])
def test_the_remedy_for_an_unbuilt_contestant_works_as_it_is(cache_dir: Path, peers: Path, place: str) -> None:
    cwd = peers.parent / place
    cwd.mkdir(exist_ok=True)
    (entry,) = json.loads(call_rig(cache_dir, "list", "--json", "-C", peers / "made", cwd=cwd).stdout)
    written = {"peers": "./made", ".": "./peers/made", "elsewhere": str(peers / "made")}[place]
    assert entry["remedy"] == f"restmark build -C {written}"
    assert call_rig(cache_dir, *entry["remedy"].split()[1:], cwd=cwd).returncode == OK


def test_the_names_of_built_in_contestants_are_taken(cache_dir: Path, peers: Path, tmp_path: Path) -> None:
    done = call_rig(cache_dir, "new-contestant", "restmarkd", cwd=tmp_path)
    assert done.returncode == USAGE
    assert "name 'restmarkd': a built-in contestant has it already" in done.stderr
    assert "such as my-restmarkd" in done.stderr
    assert not (tmp_path / "restmarkd").exists()
    own = write_contestant(tmp_path, "honest", cheater_argv("none"))
    for selector in ("honest", "./honest", own):
        done = call_rig(cache_dir, "list", "-C", selector, "--peers-dir", peers, cwd=tmp_path)
        assert done.returncode == USAGE
        assert f"the folder {own} has the name of the built-in contestant honest" in done.stderr
        assert "rename the folder" in done.stderr
    for selector in ("honest", "./honest", peers / "honest"):
        assert call_rig(cache_dir, "list", "-C", selector, "--peers-dir", peers, cwd=peers).returncode == OK


def test_a_broken_manifest(cache_dir: Path, peers: Path) -> None:
    (peers / "honest" / "contestant.toml").write_text('name = "honest"\n')
    done = call_rig(cache_dir, "list", "--peers-dir", peers)
    assert done.returncode == USAGE
    assert f"{peers}/honest/contestant.toml: key 'title' is missing; remedy: add a title" in done.stderr


def test_build(cache_dir: Path, peers: Path) -> None:
    first = call_rig(cache_dir, "build", "--peers-dir", peers)
    assert first.returncode == OK
    assert "honest: nothing to build" in first.stdout
    assert "made: built in" in first.stdout
    assert "toolless: skipped: toolless: no-such-tool not found; remedy: restmark setup" in first.stdout
    assert "made: build step 1 of 1 (cp)" in first.stderr
    second = call_rig(cache_dir, "-C", "made", "build", "--peers-dir", peers)
    assert second.stdout == "made: up to date\n"


def test_a_build_that_fails(cache_dir: Path, peers: Path) -> None:
    bad = '[build]\nsteps = [["sh", "-c", "echo error: no such header; exit 7"]]\ninputs = ["*.toml"]'
    write_contestant(peers, "bad", cheater_argv("none"), bad)
    done = call_rig(cache_dir, "build", "--peers-dir", peers)
    assert done.returncode == ENVIRONMENT
    assert "restmark: bad: build step 1 of 1 failed (exit code 7)" in done.stderr
    assert "error: no such header" in done.stderr
    assert f"{cache_dir}/logs/bad.build.log" in done.stderr
    assert "not built: bad" in done.stderr
    assert "made: built in" in done.stdout


def test_a_named_contestant_without_its_tool_is_an_error(cache_dir: Path, peers: Path) -> None:
    for command in ("build", "verify"):
        done = call_rig(cache_dir, command, "-C", "toolless", "--peers-dir", peers)
        assert done.returncode == ENVIRONMENT
        assert "no-such-tool not found" in done.stdout + done.stderr
        assert f"restmark setup {peers / 'toolless'}" in "".join((done.stdout + done.stderr).split("\n"))


def test_no_contestants_at_all(cache_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = call_rig(cache_dir, "verify", "--peers-dir", tmp_path / "empty")
    assert done.returncode == ENVIRONMENT
    assert "no contestants in" in done.stderr


def test_verify_passes(cache_dir: Path, peers: Path) -> None:
    done = call_rig(cache_dir, "verify", "--peers-dir", peers, "--check", "body", "--check", "keep", "--seed", "7")
    assert done.returncode == OK, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("seed 7; dataset ")
    assert lines[1].split() == ["contestant", "body", "keep"]
    assert lines[2].split() == ["honest", "ok", "ok"]
    assert lines[3].split() == ["made", "ok", "ok"]
    assert lines[-1] == "2 of 3 contestants do the same work; skipped: toolless"
    assert "verifying honest (1 of 3)" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_a_locale_without_dashes(cache_dir: Path, peers: Path) -> None:
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "COLUMNS": "80"}
    command = rig_command("verify", "-C", "honest", "--peers-dir", peers, "--check", "vary", "--cache-dir", cache_dir)
    done = subprocess.run(command, env=environment, capture_output=True, timeout=300, check=False)
    assert done.returncode == OK
    assert b"honest     ? ok " in done.stdout


def test_verify_fails(cache_dir: Path, peers: Path) -> None:
    wrong = write_contestant(peers.parent / "elsewhere", "wrong", cheater_argv("wrong-content-type"))
    done = call_rig(cache_dir, "verify", "--all", "-C", wrong, "--peers-dir", peers, "--check", "type")
    assert done.returncode == VERIFICATION
    assert "wrong: type: FAIL: GET /transfer-data: wrong Content-Type 'text/html'" in done.stdout
    assert "2 of 4 contestants do the same work; differ: wrong; skipped: toolless" in done.stdout


def test_verify_json(cache_dir: Path, peers: Path) -> None:
    done = call_rig(cache_dir, "verify", "-C", "honest", "--peers-dir", peers, "--check", "vary", "--json")
    document = json.loads(done.stdout)
    assert document["exit_code"] == done.returncode == OK
    (entry,) = document["contestants"]
    assert entry["versions"]["CPython"].startswith("Python 3")
    assert {finding["route"] for finding in entry["findings"]} == {
        "/parse-msgpack",
        "/encode-json",
        "/transfer-data",
        "/million-loop",
    }


def test_verify_without_building(cache_dir: Path, peers: Path) -> None:
    done = call_rig(cache_dir, "verify", "-C", "made", "--peers-dir", peers, "--no-build")
    assert done.returncode == ENVIRONMENT
    assert "its build is missing or out of date" in done.stdout
    assert f"restmark build -C {peers}/made" in done.stdout


def test_a_server_that_dies_at_start(cache_dir: Path, peers: Path) -> None:
    argv = [PYTHON, "-c", "import sys; sys.exit('no such module: {port}')"]
    write_contestant(peers, "dies", argv)
    done = call_rig(cache_dir, "verify", "-C", "dies", "-C", "honest", "--peers-dir", peers, "--check", "body")
    assert done.returncode == ENVIRONMENT
    assert "dies: the server ended with exit code 1\nlast lines of" in done.stdout
    assert "no such module:" in done.stdout
    assert "1 of 2 contestants do the same work; could not be built or started: dies" in done.stdout


def test_a_port_in_use(cache_dir: Path, peers: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        done = call_rig(cache_dir, "verify", "-C", "honest", "--peers-dir", peers, "--port", str(port))
    assert done.returncode == ENVIRONMENT
    assert f"port {port} on 127.0.0.1 is in use by" in done.stdout
    assert f"(pid {os.getpid()})" in done.stdout
    assert "let the rig choose a free one" in done.stdout


def test_a_bad_dataset(cache_dir: Path, peers: Path) -> None:
    path = peers.parent / "bad.msgpack"
    path.write_bytes(b"\x91\xc4\x01\x80")
    done = call_rig(cache_dir, "verify", "-C", "honest", "--peers-dir", peers, "--dataset", path)
    assert done.returncode == USAGE
    assert f"dataset {path}: record 0 has the fields []" in done.stderr


def test_an_unwritable_cache(peers: Path) -> None:
    done = call_rig(Path("/proc/nowhere"), "verify", "-C", "honest", "--peers-dir", peers)
    assert done.returncode == ENVIRONMENT
    assert "choose a writable one with --cache-dir" in done.stderr


def test_restmarkd_with_another_dataset(cache_dir: Path, peers: Path) -> None:
    # A restmarkd whose built-in records are not the rig's: nothing may be compared with it.
    folder = write_contestant(peers, "restmarkd", ["{source}/restmarkd", "{port}"])
    (folder / "restmarkd").write_text('#!/bin/sh\nprintf wrong > "$2"\n')
    (folder / "restmarkd").chmod(0o755)
    done = call_rig(cache_dir, "verify", "-C", "restmarkd", "--peers-dir", peers)
    assert done.returncode == ENVIRONMENT
    assert "differs from the rig's (104619 bytes) from byte 0 on" in done.stderr


def test_new_contestant(cache_dir: Path, tmp_path: Path) -> None:
    done = call_rig(cache_dir, "new-contestant", "mine", cwd=tmp_path)
    assert done.returncode == OK
    assert done.stdout.splitlines() == ["mine/README.md", "mine/contestant.toml", "mine/digest.py", "mine/server.py"]
    assert "restmark verify -C ./mine" in done.stderr
    again = call_rig(cache_dir, "new-contestant", "mine", cwd=tmp_path)
    assert again.returncode == USAGE
    assert "mine exists already" in again.stderr
    verified = call_rig(cache_dir, "verify", "-C", "./mine", "--check", "body", cwd=tmp_path)
    assert verified.returncode == OK


def test_the_cache_directory_options(cache_dir: Path, peers: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    call_rig(cache_dir, "build", "-C", "made", "--peers-dir", peers, "--cache-dir", other)
    assert (other / "logs" / "made.build.log").is_file()
    assert not cache_dir.exists()
