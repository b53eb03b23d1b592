"""restmark-rss on made-up /proc folders: other kernels, races, units and sockets that cannot be had on demand."""

import json
import subprocess
from pathlib import Path

import pytest
from rss_support import (
    COREUTILS,
    DEADLINE_S,
    FakeProc,
    Rss,
    command,
    hold_pauses,
    link_commands,
    parse_csv,
    processes,
    rollup,
)

pytest_plugins = ["rss_fixtures"]

PF_EXITING = 0x4
PF_KTHREAD = 0x200000

# Two mappings, whose figures have to be added. A name that looks like a figure must not count.
SMAPS = """\
00400000-00500000 r-xp 00000000 08:01 42                         /usr/bin/Rss: 5 kB
Size:               1024 kB
Rss:                 600 kB
Pss:                 300 kB
Shared_Clean:        400 kB
Shared_Dirty:          0 kB
Private_Clean:       150 kB
Private_Dirty:        50 kB
VmFlags: rd ex mr mw me
7f0000000000-7f0000100000 rw-p 00000000 00:00 0
Size:               1024 kB
Rss:                1000 kB
Pss:                 900 kB
Shared_Clean:          0 kB
Shared_Dirty:        200 kB
Private_Clean:         0 kB
Private_Dirty:       800 kB
VmFlags: rd wr mr mw me ac
"""


def test_kernel_without_rollup(rss: Rss, fake_proc: FakeProc) -> None:
    fake_proc.add(7, smaps=SMAPS)
    fake_proc.add(8, 7, smaps=SMAPS)
    block = rss.json("--proc", fake_proc.root, "--pid", 7)
    assert block["source"] == "smaps"
    for process in processes(block).values():
        figures = [process[f"{name}_kib"] for name in ("rss", "pss", "uss", "shared", "swap_pss")]
        assert figures == [1600, 1200, 1000, 600, None]
    assert block["totals"]["pss_kib"] == 2400
    assert any("no smaps_rollup" in note for note in block["notes"])


def test_kernel_thread_and_zombie_have_no_figures_and_totals_are_complete(rss: Rss, fake_proc: FakeProc) -> None:
    fake_proc.add(2, flags=PF_KTHREAD, comm=b"kthreadd", cmdline=b"", smaps="")
    fake_proc.add(9, 2, state="Z", cmdline=b"", smaps="")
    block = rss.json("--proc", fake_proc.root, "--pid", 2)
    assert [process["state"] for process in processes(block).values()] == ["kernel", "zombie"]
    assert block["totals"] == {
        "processes": 2,
        "unreadable": 0,
        "threads": 2,
        "rss_kib": None,
        "pss_kib": None,
        "uss_kib": None,
        "complete": True,
    }


def test_zombie_whose_other_threads_live_on_makes_totals_incomplete(rss: Rss, fake_proc: FakeProc) -> None:
    fake_proc.add(9, state="Z", threads=3, smaps="")
    block = rss.json("--proc", fake_proc.root, "--pid", 9, status=1)
    assert block["totals"]["complete"] is False


def test_process_that_is_exiting_is_gone(rss: Rss, fake_proc: FakeProc) -> None:
    fake_proc.add(9, state="R", flags=PF_EXITING, smaps="", memory="")
    block = rss.json("--proc", fake_proc.root, "--pid", 9, status=1)
    assert processes(block)[9]["state"] == "gone"


def test_memory_file_without_figures_is_an_error_and_never_0(rss: Rss, fake_proc: FakeProc) -> None:
    fake_proc.add(9, memory="")
    block = rss.json("--proc", fake_proc.root, "--pid", 9, status=1)
    assert (processes(block)[9]["state"], processes(block)[9]["rss_kib"]) == ("error", None)
    assert any("Process 9" in note for note in block["notes"])


def test_number_that_another_process_got_meanwhile(rss: Rss, fake_proc: FakeProc, tmp_path: Path) -> None:
    fake_proc.add(5, memory=rollup(4000, 3000, 2000))
    fake_proc.add(6, 5, memory=rollup(4000, 3000, 2000))
    other = FakeProc(tmp_path / "other").add(6, 1, start_ticks=2000) / "stat"
    wrapper = tmp_path / "cat"
    wrapper.write_text(
        f"#!{command('dash')}\n"
        f'case "$*" in *smaps*) {command("cp")} {other} {fake_proc.root}/6/stat ;; esac\n'
        f'exec {command("env")} -i F="$F" {command("cat")} "$@"\n'
    )
    wrapper.chmod(0o755)
    rss.path = f"{tmp_path}:{rss.path}"
    block = rss.json("--proc", fake_proc.root, "--pid", 5, status=1)
    assert [process["state"] for process in processes(block).values()] == ["ok", "gone"]
    assert block["totals"]["rss_kib"] == 4000


def replace(folder: Path, later: Path) -> None:
    """Give a PID to another process: at no moment is there a process with the new figures and the old start."""
    for name in ("stat", "smaps_rollup"):
        (later / name).replace(folder / name)


def test_watch_does_not_follow_a_number_to_another_process(rss: Rss, fake_proc: FakeProc, tmp_path: Path) -> None:
    folder = fake_proc.add(6, memory=rollup(4000, 3000, 2000))
    end_pause = hold_pauses(rss, tmp_path)
    watch = rss.start("--proc", fake_proc.root, "--pid", 6, "--watch", "0.3", "--csv")
    try:
        assert watch.stdout.readline().startswith(b"timestamp")
        assert b",ok,1,4000," in watch.stdout.readline()
        replace(folder, FakeProc(tmp_path / "later").add(6, start_ticks=2000, memory=rollup(9000, 9000, 9000)))
        end_pause()
        rest = watch.stdout.read()
        assert watch.wait() == 1
    finally:
        watch.kill()
        watch.wait()
        watch.stdout.close()
        watch.stderr.close()
    assert b",gone," in rest
    assert b"9000" not in rest


def test_number_that_a_descendant_got_is_shown_as_what_it_is_now(rss: Rss, fake_proc: FakeProc, tmp_path: Path) -> None:
    # The PID list of a second block: 6 began at 1000 when it was asked for, and is a child of 5 now.
    memory = rollup(4000, 3000, 2000)
    fake_proc.add(5, memory=memory)
    folder = fake_proc.add(6, memory=memory)
    end_pause = hold_pauses(rss, tmp_path)
    watch = rss.start("--proc", fake_proc.root, "--pid", "5,6", "--watch", "0.3", "--count", "2", "--csv")
    try:
        first = [watch.stdout.readline() for _ in range(6)]
        replace(folder, FakeProc(tmp_path / "later").add(6, 5, start_ticks=2000, memory=memory))
        end_pause()
        rows = parse_csv(b"".join([*first, watch.stdout.read()]))
        assert watch.wait() == 0
    finally:
        watch.kill()
        watch.wait()
        watch.stdout.close()
        watch.stderr.close()
    trees = [(row["root_pid"], row["pid"], row["depth"]) for row in rows if row["record"] == "process"]
    assert trees == [("5", "5", "0"), ("6", "6", "0"), ("5", "5", "0"), ("5", "6", "1")]


def test_large_figures_are_exact(rss: Rss, fake_proc: FakeProc) -> None:
    big_kib = 3_000_000_001
    for pid in (5, 6, 7):
        fake_proc.add(pid, 5 if pid > 5 else 0, memory=rollup(big_kib, big_kib, big_kib), start_ticks=2**40 + pid)
    block = rss.json("--proc", fake_proc.root, "--pid", 5)
    assert block["totals"]["rss_kib"] == 3 * big_kib
    assert rss.csv("--proc", fake_proc.root, "--pid", 5)[-1]["pss_kib"] == str(3 * big_kib)


def test_huge_pages_and_swap_are_named(rss: Rss, fake_proc: FakeProc) -> None:
    fake_proc.add(5, memory=rollup(4000, 3000, 1000, hugetlb=2048, swap=512))
    block = rss.json("--proc", fake_proc.root, "--pid", 5)
    process = processes(block)[5]
    # RSS does not contain huge pages of hugetlbfs, so SHARED must not become smaller by them.
    assert (process["uss_kib"], process["shared_kib"], process["swap_pss_kib"]) == (3048, 3000, 512)
    assert any("hugetlbfs" in note for note in block["notes"])
    assert any("0.50 MiB" in note and "swap" in note for note in block["notes"])


def test_many_processes_and_a_deep_chain(rss: Rss, fake_proc: FakeProc) -> None:
    # More than fit into one batch of any kind; PIDs of different lengths must come in numerical order.
    for pid in range(90, 790):
        fake_proc.add(pid, pid - 1 if pid < 390 else 390, cmdline=b"p%d\0" % pid, memory=rollup(pid, pid, pid))
    (fake_proc.root / "390" / "stat").write_text(
        (fake_proc.root / "390" / "stat").read_text().replace("S 390", "S 389")
    )
    block = rss.json("--proc", fake_proc.root, "--pid", 90)
    found = processes(block)
    assert list(found) == list(range(90, 790))
    assert [found[pid]["depth"] for pid in (90, 390, 391, 789)] == [0, 300, 301, 301]
    assert all(process["title"] == f"p{pid}" and process["rss_kib"] == pid for pid, process in found.items())
    assert list(processes(rss.json("--proc", fake_proc.root, "--name", "p700"))) == [700]


def test_the_tool_passes_over_its_own_number_in_that_folder_alone(rss: Rss, fake_proc: FakeProc) -> None:
    """The processes of another PID namespace may have any number, that which the tool has in its own as well."""
    argv = [*rss.argv, "--proc", str(fake_proc.root), "--name", "server", "--json"]
    waits = [command("dash"), "-c", 'read -r _; exec "$@"', "sh", *argv]  # so that its number is known before it looks
    with subprocess.Popen(waits, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"PATH": rss.path, "LC_ALL": "C.UTF-8"}) as tool:
        assert tool.stdin
        for pid in (tool.pid, 2**22 + 1, 2**22 + 2):
            fake_proc.add(pid, memory=rollup(10, 10, 10))
        out, _ = tool.communicate(b"\n", timeout=DEADLINE_S)
    assert list(processes(json.loads(out))) == [tool.pid, 2**22 + 1, 2**22 + 2]
    (fake_proc.root / "self").symlink_to(str(2**22 + 1))
    assert list(processes(rss.json("--proc", fake_proc.root, "--name", "server"))) == [tool.pid, 2**22 + 2]


def test_parents_in_a_circle_end(rss: Rss, fake_proc: FakeProc) -> None:
    for pid, parent in ((5, 6), (6, 5)):
        fake_proc.add(pid, parent, memory=rollup(10, 10, 10))
    assert list(processes(rss.json("--proc", fake_proc.root, "--pid", 5))) == [5, 6]
    assert list(processes(rss.json("--proc", fake_proc.root, "--name", "server"))) == [5, 6]


def test_stat_that_cannot_be_understood_is_an_error(rss: Rss, fake_proc: FakeProc) -> None:
    (fake_proc.add(5, memory=rollup(10, 10, 10)) / "stat").write_text("5 (x) S 1\n")
    done = rss.run("--proc", fake_proc.root, "--pid", 5)
    assert (done.returncode, done.stdout) == (71, b"")
    assert "cannot understand" in done.stderr.decode()


def test_folder_with_quotes_and_spaces(rss: Rss, tmp_path: Path) -> None:
    proc = FakeProc(tmp_path / 'it\'s a "proc" $(id) *')
    proc.add(5, memory=rollup(10, 10, 10), cmdline=b"a\0b\0")
    assert processes(rss.json("--proc", proc.root, "--name", "a b"))[5]["rss_kib"] == 10


def test_processes_hidden_by_hidepid(unprivileged_rss: Rss, public_dir: Path) -> None:
    proc = FakeProc(public_dir / "proc")
    proc.add(5, memory=rollup(10, 10, 10))
    (proc.add(6, 5, memory=rollup(10, 10, 10)) / "stat").chmod(0)
    block = unprivileged_rss.json("--proc", proc.root, "--pid", "5,6", status=1)
    assert processes(block)[6]["state"] == "denied"
    assert any("hidepid" in note for note in block["notes"])
    block = unprivileged_rss.json("--proc", proc.root, "--pid", "6", status=1)
    assert processes(block)[6]["rss_kib"] is None


# --- control sockets ---------------------------------------------------------------------------------


def control_proc(proc: FakeProc) -> None:
    """systemd keeps the socket of a service; the master has it, and so has one of its workers."""
    memory = rollup(3000, 2000, 1000)
    proc.add(1, comm=b"systemd", memory=memory, fds=("socket:[500]",))
    proc.add(20, 1, memory=memory, fds=("/dev/null", "socket:[500]"))
    proc.add(21, 20, memory=memory, fds=("socket:[500]",))
    proc.add(22, 20, memory=memory)
    proc.add(30, 1, memory=memory, fds=("socket:[501]", "/tmp/0 -> socket:[500]"))
    proc.listen(500, "/run/restmark/control")
    proc.listen(501, "/run/restmark/control", flags=0)
    proc.listen(502, "/run/restmark/control2")


def test_control_takes_the_topmost_holder_but_not_systemd(rss: Rss, fake_proc: FakeProc) -> None:
    control_proc(fake_proc)
    block = rss.json("--proc", fake_proc.root, "--control", "/run/restmark/control")
    assert list(processes(block)) == [20, 21, 22]


def test_control_that_only_systemd_holds(rss: Rss, fake_proc: FakeProc) -> None:
    fake_proc.add(1, comm=b"systemd", memory=rollup(10, 10, 10), fds=("socket:[500]",))
    fake_proc.listen(500, "/run/x")
    done = rss.run("--proc", fake_proc.root, "--control", "/run/x")
    assert (done.returncode, done.stdout) == (3, b"")
    assert "has not been started" in done.stderr.decode()


def test_control_with_two_listeners_shows_both(rss: Rss, fake_proc: FakeProc) -> None:
    for pid, inode in ((20, 500), (30, 600)):
        fake_proc.add(pid, 1, memory=rollup(10, 10, 10), fds=(f"socket:[{inode}]",))
        fake_proc.listen(inode, "/run/with space")
    block = rss.json("--proc", fake_proc.root, "--control", "/run/with space")
    assert [group["root_pid"] for group in block["groups"]] == [20, 30]
    assert any("2 listening sockets" in note for note in block["notes"])


def test_open_file_with_a_newline_cannot_pose_as_a_listener(rss: Rss, fake_proc: FakeProc) -> None:
    line = "lrwx------ 1 0 0 64 Jan  1 00:00 0 -> socket:[500]"
    memory = rollup(10, 10, 10)
    fake_proc.add(20, memory=memory)
    fake_proc.add(30, memory=memory, fds=(f"/tmp/x\n/proc/20/fd:\n{line}\n",))
    fake_proc.add(40, memory=memory, fds=("socket:[500]",))
    fake_proc.listen(500, "/run/x")
    block = rss.json("--proc", fake_proc.root, "--control", "/run/x")
    assert list(processes(block)) == [40]


# --- units -------------------------------------------------------------------------------------------


@pytest.fixture
def unit_proc(fake_proc: FakeProc, tmp_path: Path) -> FakeProc:
    """demo.service has 20, its child 21, and in a group below 22; 23, a child of 20, has left for another unit."""
    memory = rollup(3000, 2000, 1000)
    for pid, parent in ((1, 0), (20, 1), (21, 20), (22, 1), (23, 20), (24, 23)):
        fake_proc.add(pid, parent, memory=memory)
    cgroup = tmp_path / "cgroup"
    for folder, pids in (
        ("system.slice/demo.service", "20\n21\n"),
        ("system.slice/demo.service/below", "22\n24\n"),
        ("system.slice/other.service", "23\n"),
        ("system.slice/empty.service", ""),
        ("user.slice/user-1000.slice/user@1000.service/app.slice/mine.service", "24\n0\n"),
    ):
        (cgroup / folder).mkdir(parents=True)
        (cgroup / folder / "cgroup.procs").write_text(pids)
    (fake_proc.root / "mounts").write_text(
        f"tmpfs /tmp tmpfs rw 0 0\ncgroup /none/memory cgroup rw,memory 0 0\ncgroup2 {cgroup} cgroup2 rw 0 0\n"
    )
    return fake_proc


def with_systemctl(rss: Rss, tmp_path: Path, answers: dict[str, str]) -> None:
    """Put a systemctl on the path that answers `show` for these units, and for others says not-found."""
    folder = tmp_path / "systemctl"
    folder.mkdir()
    cases = "\n".join(f"*' {unit}') printf '{text}' ;;" for unit, text in answers.items())
    unknown = "printf 'LoadState=not-found\\nActiveState=inactive\\nControlGroup=\\n'"
    (folder / "systemctl").write_text(f'#!{command("dash")}\ncase "$*" in\n{cases}\n*) {unknown} ;;\nesac\n')
    (folder / "systemctl").chmod(0o755)
    rss.path = f"{folder}:{rss.path}"


DEMO = "ControlGroup=/system.slice/demo.service\\nLoadState=loaded\\nActiveState=active\\n"
STOPPED = "ControlGroup=\\nLoadState=loaded\\nActiveState=inactive\\n"


def test_unit_is_what_its_cgroup_holds(rss: Rss, unit_proc: FakeProc, tmp_path: Path) -> None:
    with_systemctl(rss, tmp_path, {"demo.service": DEMO})
    for name in ("demo", "demo.service"):
        done = rss.run("--proc", unit_proc.root, "--unit", name, "--json")
        assert (done.returncode, done.stderr) == (0, b""), done
    block = rss.json("--proc", unit_proc.root, "--unit", "demo")
    assert [list(processes({"groups": [group]})) for group in block["groups"]] == [[20, 21], [22], [24]]
    assert block["totals"]["processes"] == 4


def test_unit_that_is_not_running(rss: Rss, unit_proc: FakeProc, tmp_path: Path) -> None:
    with_systemctl(rss, tmp_path, {"stopped.service": STOPPED})
    done = rss.run("--proc", unit_proc.root, "--unit", "stopped")
    assert (done.returncode, done.stdout) == (3, b"")
    assert "ActiveState: inactive" in done.stderr.decode()
    done = rss.run("--proc", unit_proc.root, "--unit", "unknown")
    assert (done.returncode, done.stdout) == (3, b"")
    assert "no cgroup named unknown.service" in done.stderr.decode()
    done = rss.run("--proc", unit_proc.root, "--unit", "empty")
    assert (done.returncode, done.stdout) == (3, b"")
    assert "has no processes" in done.stderr.decode()


def test_unit_of_a_users_systemd(rss: Rss, unit_proc: FakeProc, tmp_path: Path) -> None:
    with_systemctl(rss, tmp_path, {})
    assert list(processes(rss.json("--proc", unit_proc.root, "--unit", "mine"))) == [24]


def test_unit_without_systemctl_is_found_by_its_name_and_that_is_said(unit_proc: FakeProc, tmp_path: Path) -> None:
    path = link_commands(tmp_path / "few", (*COREUTILS, "awk"))
    rss = Rss(path, [command("dash"), str(Path(__file__).parents[2] / "bench/restmark-rss")])
    done = rss.run("--proc", unit_proc.root, "--unit", "demo", "--watch", "0.1", "--count", "2", "--csv")
    assert done.returncode == 0, done
    assert done.stderr.decode().count("systemctl is not installed") == 1
    assert done.stdout.count(b",server,ok,") == 8


def test_unit_when_systemctl_cannot_answer(rss: Rss, unit_proc: FakeProc, tmp_path: Path) -> None:
    with_systemctl(rss, tmp_path, {"demo.service": "booted without systemd\\n' >&2; exit 1; '"})
    done = rss.run("--proc", unit_proc.root, "--unit", "demo", "--csv")
    assert done.returncode == 0, done
    assert "systemctl cannot answer (booted without systemd)" in done.stderr.decode()
    assert done.stdout.count(b",server,ok,") == 4


def test_unit_in_the_first_cgroup_version(rss: Rss, unit_proc: FakeProc, tmp_path: Path) -> None:
    with_systemctl(rss, tmp_path, {"demo.service": DEMO})
    mounts = unit_proc.root / "mounts"
    mounts.write_text(mounts.read_text().replace("cgroup2 rw", "cgroup rw,xattr,name=systemd"))
    assert len(processes(rss.json("--proc", unit_proc.root, "--unit", "demo"))) == 4
