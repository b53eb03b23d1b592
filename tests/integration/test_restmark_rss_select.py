"""restmark-rss: by which name or socket processes are found, and how they are followed."""

import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from rss_support import NAMED, PREFORK, FakeProc, Rss, command, processes, server, stop, titled, wait_for

pytest_plugins = ["rss_fixtures"]


def test_name_matches_program_file_title_and_command_name(rss: Rss) -> None:
    unique = f"restmark-rss-test-{os.getpid()}"
    with titled(f"/opt/x y/{unique}", "-") as by_program, titled(f"{unique}: master") as by_title:
        assert list(processes(rss.json("--name", unique))) == [by_program]
        assert list(processes(rss.json("--name", f"{unique}: master"))) == [by_title]
        assert list(processes(rss.json("--name", f"/opt/x y/{unique} -"))) == [by_program]
        done = rss.run("--name", unique[:-1])
        assert (done.returncode, done.stdout) == (3, b"")
        assert unique[:-1] in done.stderr.decode()
    short = f"rt{os.getpid()}"
    with server(NAMED, short.encode().hex()) as (parent, [child]):
        assert list(processes(rss.json("--name", short))) == [parent, child]


def test_name_is_not_a_pattern(rss: Rss) -> None:
    unique = f"a.c*[x]\\n\"$(id)'%s{os.getpid()}"
    with titled(unique) as exact, titled(unique.replace(".", "b")):
        block = rss.json("--name", unique)
    assert list(processes(block)) == [exact]
    assert block["selector"] == {"by": "name", "value": unique}


def test_independent_trees_get_totals_of_their_own(rss: Rss) -> None:
    unique = f"restmark-rss-trees-{os.getpid()}"
    with titled(unique) as first, titled(unique) as second, titled(unique) as third:
        block = rss.json("--name", unique)
        table = rss.table("--name", unique)
        rows = rss.csv("--name", unique)
    assert sorted(group["root_pid"] for group in block["groups"]) == sorted([first, second, third])
    for group in block["groups"]:
        assert group["totals"]["rss_kib"] == group["processes"][0]["rss_kib"]
    assert block["totals"]["rss_kib"] == sum(group["totals"]["rss_kib"] for group in block["groups"])
    assert [line.split()[0] for line in table.splitlines() if line.split()].count("tree") == 3
    assert "3 processes in 3 trees" in table
    assert [row["record"] for row in rows] == ["process", "tree"] * 3 + ["total"]


def test_control_finds_the_master_by_its_socket(rss: Rss, tmp_path: Path) -> None:
    path = tmp_path / "control socket"
    with server(PREFORK, 2, 1, 1, path) as (master, workers):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))  # a client has the path in the table, too, but does not listen
            block = rss.json("--control", path)
        link = tmp_path / "link"
        link.symlink_to(tmp_path)
        by_link = rss.json("--control", link / "control socket")
        relative = rss.run("--control", "control socket", "--json", cwd=tmp_path)
    assert list(processes(block)) == list(processes(by_link)) == [master, *workers]
    assert relative.returncode == 0, relative
    # The server has ended and left its socket behind.
    done = rss.run("--control", path)
    assert (done.returncode, done.stdout) == (3, b"")
    assert "nobody listens" in done.stderr.decode() and "has ended" in done.stderr.decode()


def test_control_finds_an_abstract_socket(rss: Rss) -> None:
    name = f"restmark-rss-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{name}")
        listener.listen()
        block = rss.json("--control", f"@{name}")
    assert block["groups"][0]["root_pid"] == os.getpid()


@pytest.mark.parametrize(("make", "message"), [(None, "there is no such file"), ("file", "it is not a socket")])
def test_control_says_what_is_wrong(rss: Rss, tmp_path: Path, make: str | None, message: str) -> None:
    path = tmp_path / "control"
    if make:
        path.write_text("")
    done = rss.run("--control", path)
    assert (done.returncode, done.stdout) == (3, b"")
    assert message in done.stderr.decode()


def test_control_of_another_user_asks_for_root(unprivileged_rss: Rss, fake_proc: FakeProc, public_dir: Path) -> None:
    if unprivileged_rss.user:
        path = public_dir / "control"
        with server(PREFORK, 1, 1, 1, path):
            done = unprivileged_rss.run("--control", path)
    else:
        (fake_proc.add(20) / "fd").chmod(0)
        fake_proc.listen(77, "/run/x")
        done = unprivileged_rss.run("--proc", fake_proc.root, "--control", "/run/x")
    assert done.returncode == 3
    assert "run as root" in done.stderr.decode()


def test_watch_follows_the_tree_and_ends_with_the_process(rss: Rss) -> None:
    process = subprocess.Popen(["watched"], executable=command("cat"), stdin=subprocess.PIPE)
    try:
        watch = rss.start("--pid", process.pid, "--watch", "0.2", "--csv")
        try:
            header, row = watch.stdout.readline(), watch.stdout.readline()
            assert header.startswith(b"timestamp,") and b",watched,ok," in row
            stop(process)
            rest = watch.stdout.read().decode()
            assert watch.wait() == 1
            assert ",gone,,,,,," in rest
            assert "the watch ends: no process" in watch.stderr.read().decode()
        finally:
            finish(watch)
    finally:
        finish(process)


def test_watch_by_name_goes_on_over_a_restart(rss: Rss) -> None:
    unique = f"restmark-rss-restart-{os.getpid()}"
    with titled(unique) as first:
        watch = rss.start("--name", unique, "--watch", "0.2", "--json")
        lines = [watch.stdout.readline()]
    try:
        while b'"groups":[]' not in lines[-1]:
            lines.append(watch.stdout.readline())
            assert lines[-1], watch.stderr.read()
        assert b'"rss_kib":null' in lines[-1] and b'"processes":0' in lines[-1]
        with titled(unique) as second:
            wait_for(lambda: b'"pid":%d,' % second in watch.stdout.readline(), "the watch shows the new process")
        assert b'"pid":%d,' % first in lines[0]
        watch.send_signal(signal.SIGTERM)
        assert watch.wait() == -signal.SIGTERM
    finally:
        finish(watch)


def finish(process: subprocess.Popen) -> None:
    """Leave nothing behind when a test has failed."""
    if process.poll() is None:
        process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream and not stream.closed:
            stream.close()
