"""restmark-rss on real process trees: the figures and the tree."""

import os
from pathlib import Path

import pytest
from rss_support import (
    COREUTILS,
    NAMED,
    PREFORK,
    ZOMBIE,
    FakeProc,
    Rss,
    command,
    link_commands,
    processes,
    rollup,
    server,
    smaps_kib,
    titled,
)

pytest_plugins = ["rss_fixtures"]

SHARED_MIB, PRIVATE_MIB, WORKERS = 48, 6, 3
KIB_PER_MIB = 1024


def test_figures_agree_with_smaps(rss: Rss) -> None:
    with server(PREFORK, WORKERS, SHARED_MIB, PRIVATE_MIB, "") as (master, workers):
        block = rss.json("--pid", master)
        found = processes(block)
        assert list(found) == [master, *sorted(workers)]
        for pid, process in found.items():
            expected = smaps_kib(pid)
            # Pages that this test and the script map too change sides while they run: PSS and USS of
            # libraries move a little, RSS does not.
            assert process["rss_kib"] == pytest.approx(expected["rss"], abs=128)
            assert process["pss_kib"] == pytest.approx(expected["pss"], rel=0.03, abs=512)
            assert process["uss_kib"] == pytest.approx(expected["uss"], abs=512)
            assert process["shared_kib"] == process["rss_kib"] - process["uss_kib"]
            assert (process["state"], process["threads"]) == ("ok", 1)
    assert block["source"] == "smaps_rollup"


def test_shared_memory_is_counted_once_by_pss_and_every_time_by_rss(rss: Rss) -> None:
    with server(PREFORK, WORKERS, SHARED_MIB, PRIVATE_MIB, "") as (master, workers):
        block = rss.json("--pid", master)
    found, totals = processes(block), block["totals"]
    shared_kib, private_kib = SHARED_MIB * KIB_PER_MIB, PRIVATE_MIB * KIB_PER_MIB
    for pid in workers:
        assert found[pid]["rss_kib"] > shared_kib + private_kib
        assert found[pid]["uss_kib"] >= private_kib
        assert found[pid]["uss_kib"] < shared_kib
        assert found[pid]["shared_kib"] >= shared_kib
        assert found[pid]["pss_kib"] > private_kib + shared_kib // (WORKERS + 1)
    for name in ("rss_kib", "pss_kib", "uss_kib"):
        assert totals[name] == sum(process[name] for process in found.values())
    assert totals["rss_kib"] - totals["pss_kib"] >= WORKERS * shared_kib
    assert shared_kib + WORKERS * private_kib < totals["pss_kib"] < totals["rss_kib"] / 2
    assert totals["processes"] == totals["threads"] == WORKERS + 1
    assert totals["complete"] is True
    excess_mib = (totals["rss_kib"] - totals["pss_kib"]) / KIB_PER_MIB
    assert f"{excess_mib:.2f} MiB of shared pages more than once" in block["notes"][0]
    assert "PSS is the figure that adds up" in block["notes"][0]


def test_threads_are_counted(rss: Rss) -> None:
    program = (
        "import sys, threading\n"
        "for _ in range(4): threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "print('[]', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with server(program) as (pid, _):
        block = rss.json("--pid", pid)
    assert processes(block)[pid]["threads"] == block["totals"]["threads"] == 5


def test_single_process_is_not_said_to_be_counted_more_than_once(rss: Rss) -> None:
    with titled("alone") as pid:
        block = rss.json("--pid", pid)
    assert "MiB above PSS" in block["notes"][0]
    assert not any("more than once" in note for note in block["notes"])


def test_descendants_have_depth_and_parent(rss: Rss) -> None:
    nested = (
        "import json, subprocess, sys\n"
        "code = sys.argv[1]\n"
        "child = subprocess.Popen([sys.executable, '-c', code, '1', '1', '1', ''], stdin=0, stdout=-1)\n"
        "print(json.dumps([child.pid, *json.loads(child.stdout.readline())]), flush=True)\n"
        "child.wait()\n"
    )
    with server(nested, PREFORK) as (top, (middle, leaf)):
        block = rss.json("--pid", top)
        table = rss.table("--pid", top)
    found = processes(block)
    assert [(p["pid"], p["ppid"], p["depth"]) for p in found.values()] == [
        (top, os.getpid(), 0),
        (middle, top, 1),
        (leaf, middle, 2),
    ]
    titles = [line[50:] for line in table.splitlines() if line.split()[:1] and line.split()[0] in map(str, found)]
    assert [len(title) - len(title.lstrip()) for title in titles] == [0, 2, 4]


@pytest.mark.parametrize(
    "comm",
    [b"a b", b") S 1 1", b"(x) (y", b"x\ny", b"x) S 1\n7 (y", b"\\n\t\x1b[31m", b"\xff\xfe\xc3\xa9", b"1 (a) R 0 0"],
    ids=repr,
)
def test_command_names_with_spaces_parentheses_and_newlines(rss: Rss, comm: bytes) -> None:
    with server(NAMED, comm.hex()) as (parent, [child]):
        block = rss.json("--pid", parent)
        assert list(processes(block)) == [parent, child]
        assert rss.json("--name", comm)["groups"][0]["root_pid"] == parent
    name = processes(block)[parent]["comm"]
    assert name == comm.decode("utf-8", errors="replace")


def test_the_tool_does_not_show_itself(rss: Rss) -> None:
    block = rss.json("--pid", os.getpid())
    names = {process["comm"] for process in processes(block).values()}
    assert names.isdisjoint({"restmark-rss", "awk", "mawk", "gawk", "busybox", "cat", "sh", "od", "env"}), names


def test_pids_in_one_tree_are_not_shown_twice(rss: Rss) -> None:
    with server(PREFORK, 2, 1, 1, "") as (master, workers):
        block = rss.json("--pid", f"{workers[0]},{master},{workers[0]}")
    assert [group["root_pid"] for group in block["groups"]] == [master]
    assert block["totals"]["processes"] == 3


def test_zombie_has_a_state_and_no_figures(rss: Rss) -> None:
    with server(ZOMBIE) as (parent, [child]):
        block = rss.json("--pid", parent)
        table = rss.table("--pid", parent)
        rows = rss.csv("--pid", parent)
    process = processes(block)[child]
    assert (process["state"], process["title"]) == ("zombie", None)
    assert process["rss_kib"] is process["pss_kib"] is process["uss_kib"] is process["shared_kib"] is None
    assert block["totals"]["complete"] is True
    assert block["totals"]["rss_kib"] == processes(block)[parent]["rss_kib"]
    [line] = [line for line in table.splitlines() if line.split()[:1] == [str(child)]]
    assert line.split()[2:6] == ["zombie", "-", "-", "-"]
    [row] = [row for row in rows if row["pid"] == str(child)]
    assert (row["state"], row["rss_kib"], row["pss_kib"], row["uss_kib"]) == ("zombie", "", "", "")


def interfering_cat(rss: Rss, folder: Path, hook: str) -> None:
    """Make the script use a cat that does something first when memory files are read."""
    folder.mkdir()
    wrapper = folder / "cat"
    wrapper.write_text(
        f'#!{command("dash")}\ncase "$*" in *smaps*)\n{hook}\n;;\nesac\n'
        f'exec {command("env")} -i F="$F" {command("cat")} "$@"\n'
    )
    wrapper.chmod(0o755)
    rss.path = f"{folder}:{rss.path}"


def test_process_that_ends_while_it_is_read_is_gone(rss: Rss, tmp_path: Path) -> None:
    with server(PREFORK, 2, 1, 1, "") as (master, workers):
        victim = workers[0]
        sleep = command("sleep")
        interfering_cat(
            rss, tmp_path / "cat", f"kill -9 {victim} 2>&-\nwhile [ -e /proc/{victim} ]; do {sleep} 0.01; done"
        )
        block = rss.json("--pid", master, status=1)
    found = processes(block)
    assert found[victim]["state"] == "gone"
    assert found[victim]["rss_kib"] is found[victim]["pss_kib"] is found[victim]["uss_kib"] is None
    assert found[workers[1]]["state"] == "ok"
    assert block["totals"]["complete"] is False
    assert block["totals"]["unreadable"] == 1
    assert block["totals"]["rss_kib"] == found[master]["rss_kib"] + found[workers[1]]["rss_kib"]


def test_process_that_becomes_a_zombie_while_it_is_read(rss: Rss, tmp_path: Path) -> None:
    program = (
        "import json, subprocess, sys\n"
        "child = subprocess.Popen(['cat'], stdin=subprocess.PIPE)\n"
        "print(json.dumps([child.pid]), flush=True)\n"
        "sys.stdin.read()\n"
    )
    with server(program) as (parent, [child]):
        until = f"until read -r _ _ state _ </proc/{child}/stat && [ $state = Z ]"
        interfering_cat(rss, tmp_path / "cat", f"kill -9 {child}\n{until}; do {command('sleep')} 0.01; done")
        block = rss.json("--pid", parent)
    assert processes(block)[child]["state"] == "zombie"


def test_pid_that_does_not_exist(rss: Rss) -> None:
    with titled("ended") as ended:
        pass
    done = rss.run("--pid", ended)
    assert (done.returncode, done.stdout) == (3, b"")
    assert f"no process {ended}" in done.stderr.decode()
    with titled("alive") as alive:
        block = rss.json("--pid", f"{ended},{alive}", status=1)
        table = rss.table("--pid", f"{ended},{alive}", status=1)
    found = processes(block)
    assert (found[ended]["state"], found[alive]["state"]) == ("gone", "ok")
    assert found[ended]["threads"] is found[ended]["rss_kib"] is found[ended]["comm"] is None
    assert block["totals"]["complete"] is False
    assert block["totals"]["rss_kib"] == found[alive]["rss_kib"]
    assert "gone" in table and "at least (1 of 2 unread)" in table


def test_process_of_another_user_is_denied(unprivileged_rss: Rss) -> None:
    with server(PREFORK, 1, 1, 1, "") as (master, [worker]):
        target = master if unprivileged_rss.user else 1
        block = unprivileged_rss.json("--pid", target, status=1)
        table = unprivileged_rss.table("--pid", target, status=1)
    process = processes(block)[target]
    assert process["state"] == "denied"
    assert process["rss_kib"] is process["pss_kib"] is process["uss_kib"] is None
    assert process["threads"] >= 1
    assert block["totals"]["complete"] is False
    assert "denied" in table and "at least" in table and "CAP_SYS_PTRACE" in table
    if unprivileged_rss.user:
        assert block["totals"]["rss_kib"] is None
        assert processes(block)[worker]["state"] == "denied"


def test_one_denied_process_does_not_hide_the_others(unprivileged_rss: Rss, public_dir: Path) -> None:
    proc = FakeProc(public_dir / "proc")
    proc.add(10, memory=rollup(3000, 2000, 1000))
    (proc.add(11, 10, memory=rollup(3000, 2000, 1000)) / "smaps_rollup").chmod(0)
    block = unprivileged_rss.json("--proc", proc.root, "--pid", 10, status=1)
    assert [process["state"] for process in processes(block).values()] == ["ok", "denied"]
    assert block["totals"] == {
        "processes": 2,
        "unreadable": 1,
        "threads": 2,
        "rss_kib": 3000,
        "pss_kib": 2000,
        "uss_kib": 1000,
        "complete": False,
    }
    rows = unprivileged_rss.csv("--proc", proc.root, "--pid", 10, status=1)
    assert [row["state"] for row in rows] == ["ok", "denied", "at least", "at least"]
    assert (rows[1]["threads"], rows[1]["rss_kib"], rows[2]["rss_kib"]) == ("1", "", "3000")


def test_needs_nothing_but_awk_and_coreutils(tmp_path: Path) -> None:
    names = (*COREUTILS, "awk")
    rss = Rss(
        link_commands(tmp_path / "few", names), [command("dash"), str(Path(__file__).parents[2] / "bench/restmark-rss")]
    )
    path = tmp_path / "control"
    with server(PREFORK, 1, 1, 1, path) as (master, workers):
        for selector in (("--pid", master), ("--control", path)):
            assert list(processes(rss.json(*selector))) == [master, *workers]
        done = rss.run("--pid", master, "--watch", "0.1", "--count", "2")
    assert (done.returncode, done.stderr) == (0, b""), done
