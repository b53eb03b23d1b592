"""restmark-rss: what it prints for any title, and how it behaves as a program."""

import datetime
import fcntl
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import termios
import time
from pathlib import Path

import pytest
from rss_support import (
    DEADLINE_S,
    PREFORK,
    SCRIPT,
    Rss,
    command,
    parse_csv,
    processes,
    server,
    titled,
    wait_for,
)

pytest_plugins = ["rss_fixtures"]

ALL_BYTES = bytes(range(1, 256))
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

SHELLS = {"dash": ["dash"], "bash": ["bash", "--posix"], "busybox": ["busybox", "sh"]}
SHELLS = {name: argv for name, argv in SHELLS.items() if shutil.which(name)}

# title, its JSON value, its form in a table and in CSV
TITLES = [
    (b'say "hi", \\o/', 'say "hi", \\o/', 'say "hi", \\o/'),
    (b"tab\tline\nreturn\r", "tab\tline\nreturn\r", "tab\\x09line\\x0areturn\\x0d"),
    (b"\x01\x1b[31mred\x7f", "\x01\x1b[31mred\x7f", "\\x01\\x1b[31mred\\x7f"),
    ("grün € 𝄞".encode(), "grün € 𝄞", "grün € 𝄞"),
    (b"bad \xff\xfe \xc3", "bad \ufffd\ufffd \ufffd", "bad \\xff\\xfe \\xc3"),
    (b"long \xc0\xaf \xe0\x80\xaf", "long \ufffd\ufffd \ufffd\ufffd\ufffd", "long \\xc0\\xaf \\xe0\\x80\\xaf"),
    (b"half \xed\xa0\x80", "half \ufffd\ufffd\ufffd", "half \\xed\\xa0\\x80"),
    (b"high \xf4\x90\x80\x80", "high \ufffd\ufffd\ufffd\ufffd", "high \\xf4\\x90\\x80\\x80"),
    (b"cut \xe2\x82", "cut \ufffd\ufffd", "cut \\xe2\\x82"),
    (b"c1 \xc2\x9b31m", "c1 \x9b31m", "c1 \\xc2\\x9b31m"),
    ("bidi \u202eabc".encode(), "bidi \u202eabc", "bidi \\xe2\\x80\\xaeabc"),
    (b"=1+1,;'`$(id)%s%n", "=1+1,;'`$(id)%s%n", "=1+1,;'`$(id)%s%n"),
    (b"restmarkd: worker 3", "restmarkd: worker 3", "restmarkd: worker 3"),
]
# Some of these code points count as two columns.
WIDE = "漢字" * 60


# --- titles ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("title", "in_json", "visible"), TITLES, ids=[repr(title[0]) for title in TITLES])
def test_titles(rss: Rss, title: bytes, in_json: str, visible: str) -> None:
    rss.env["COLUMNS"] = "200"
    with titled(title) as pid:
        block = rss.json("--pid", pid)
        rows = rss.csv("--pid", pid)
        table = rss.table("--pid", pid)
    assert processes(block)[pid]["title"] == in_json
    assert rows[0]["title"] == visible
    [line] = [line for line in table.split("\n") if line.split()[:1] == [str(pid)]]
    assert line.endswith(f"  {visible}")


def test_every_byte_is_harmless_in_every_format(rss: Rss) -> None:
    with titled(ALL_BYTES) as pid:
        outputs = {
            option: rss.run("--pid", pid, *([option] if option else [])).stdout for option in ("", "--json", "--csv")
        }
    for option, output in outputs.items():
        text = output.decode("utf-8")
        assert not CONTROL.search(text.replace("\r\n", "").replace("\n", "")), option
    title = processes(json.loads(outputs["--json"]))[pid]["title"]
    assert title == ALL_BYTES[:127].decode() + "\ufffd" * 128
    assert parse_csv(outputs["--csv"])[0]["title"].endswith("\\xfe\\xff")


def test_arguments_are_joined_and_padding_is_dropped(rss: Rss) -> None:
    with titled("server", "-", "a b", "", "", "") as pid:
        block = rss.json("--pid", pid)
    assert processes(block)[pid]["title"] == "server - a b"


def test_process_without_command_line_is_shown_by_its_command_name(rss: Rss) -> None:
    # An empty first argument leaves nothing but NUL bytes.
    with titled("") as pid:
        block = rss.json("--pid", pid)
        table = rss.table("--pid", pid)
    assert (processes(block)[pid]["title"], processes(block)[pid]["comm"]) == (None, "cat")
    assert "  [cat]\n" in table


def test_very_long_title_is_cut_after_4096_bytes(rss: Rss) -> None:
    with titled("x" * 100_000, "-", "y" * 100_000) as pid:
        block = rss.json("--pid", pid)
        assert len(rss.csv("--pid", pid)[0]["title"]) == 4096
    assert processes(block)[pid]["title"] == "x" * 4096


def test_title_in_a_locale_without_utf8(rss: Rss) -> None:
    rss.env |= {"LC_ALL": "C", "COLUMNS": "120"}
    with titled("grün") as pid:
        done = rss.run("--pid", pid)
        assert b"gr\\xc3\\xbcn\n" in done.stdout
        assert processes(rss.json("--pid", pid))[pid]["title"] == "grün"


# --- the table ---------------------------------------------------------------------------------------


def columns(text: str) -> int:
    return sum(1 if ord(char) < 0x1100 else 2 for char in text)


@pytest.mark.parametrize("title", ["x" * 500, WIDE, "\x1b" * 100], ids=["ascii", "wide", "control"])
@pytest.mark.parametrize("width", [None, 64, 100, 20])
def test_table_fits(rss: Rss, title: str, width: int | None) -> None:
    if width is not None:
        rss.env["COLUMNS"] = str(width)
    with titled(title) as pid:
        table = rss.table("--pid", pid)
    limit = 80 if width is None else max(width, 64)
    [line] = [line for line in table.splitlines() if line.split()[:1] == [str(pid)]]
    assert limit - 1 <= columns(line) <= limit
    assert line.endswith("...")
    assert all(columns(line) <= max(limit, 80) for line in table.splitlines())


def test_table_uses_the_width_of_the_terminal(one_rss: Rss) -> None:
    leader, follower = pty.openpty()
    try:
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 111, 0, 0))
        with titled("x" * 500) as pid:
            done = one_rss.run("--pid", pid, stdout=follower, stdin=follower)
        os.set_blocking(leader, False)
        text = os.read(leader, 65536).decode()
    finally:
        os.close(leader)
        os.close(follower)
    assert done.returncode == 0, done
    assert max(len(line) for line in text.splitlines()) == 111


def test_table_has_mebibytes_and_the_totals(rss: Rss) -> None:
    with server(PREFORK, 2, 8, 2, "") as (master, _):
        table = rss.table("--pid", master)
    lines = [line.split() for line in table.splitlines()]
    assert lines[1] == ["PID", "THR", "RSS", "MiB", "PSS", "MiB", "USS", "MiB", "SHARED", "PROCESS"]
    rows = [[float(word) for word in words[2:5]] for words in lines[2:5]]
    [total] = [words for words in lines if words[:1] == ["total"]]
    assert total[-2:] == ["3", "processes"]
    for index in range(3):
        assert float(total[2 + index]) == pytest.approx(sum(row[index] for row in rows), abs=0.02)
    assert float(total[2]) > 24 > float(total[3]) > 8
    assert "PSS is the figure that adds up" in " ".join(table.split())


# --- blocks ------------------------------------------------------------------------------------------


def test_timestamp_is_utc(rss: Rss) -> None:
    with titled("clock") as pid:
        before = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
        block = rss.json("--pid", pid)
        after = datetime.datetime.now(datetime.UTC)
        assert re.search(r"^pid \d+  \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n", rss.table("--pid", pid))
    assert before <= datetime.datetime.fromisoformat(block["timestamp"]) <= after


def test_watch_and_count(rss: Rss) -> None:
    with titled("watched") as pid:
        begin = time.monotonic()
        done = rss.run("--pid", pid, "--watch", "0.5", "--count", "3", "--json")
        seconds = time.monotonic() - begin
        as_csv = rss.run("--pid", pid, "--watch=0.1", "--count=3", "--csv")
        as_table = rss.run("--pid", pid, "--watch", "0.1", "--count", "2")
    assert done.returncode == as_csv.returncode == as_table.returncode == 0, (done, as_csv, as_table)
    assert 1.0 <= seconds < DEADLINE_S / 2
    blocks = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert [list(processes(block)) for block in blocks] == [[pid]] * 3
    assert as_csv.stdout.count(b"timestamp") == 1
    assert [row["record"] for row in parse_csv(as_csv.stdout)] == ["process", "tree", "total"] * 3
    assert as_table.stdout.decode().count(f"pid {pid}  ") == 2


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("shell", SHELLS)
def test_watch_ends_by_the_signal_and_leaves_nothing_behind(one_rss: Rss, shell: str, signum: int) -> None:
    one_rss.argv = [*SHELLS[shell], str(SCRIPT)]
    with titled("watched") as pid:
        watch = one_rss.start("--pid", pid, "--watch", "30", "--json", start_new_session=True)
        try:
            first = watch.stdout.readline()
            send(watch, signum)
            assert watch.wait(DEADLINE_S) == -signum
            assert watch.stdout.read() == b""
            assert watch.stderr.read() == b""
            assert json.loads(first)["groups"][0]["root_pid"] == pid
            wait_for(lambda: not session_members(watch.pid), "the pause of the watch has ended")
        finally:
            watch.kill()
            watch.wait()
            watch.stdout.close()
            watch.stderr.close()


@pytest.mark.parametrize("shell", SHELLS)
def test_watch_that_finds_nothing_leaves_no_pause_behind(one_rss: Rss, shell: str) -> None:
    one_rss.argv = [*SHELLS[shell], str(SCRIPT)]
    watch = one_rss.start("--name", "no such process", "--watch", "60", start_new_session=True)
    output, errors = watch.communicate(timeout=DEADLINE_S)
    assert (watch.returncode, output) == (3, b"")
    assert "no process has the" in errors.decode()
    assert session_members(watch.pid) == []


def send(watch: subprocess.Popen[bytes], signum: int) -> None:
    """SIGINT goes to all processes of the watch, as from a terminal."""
    if signum == signal.SIGINT:
        os.killpg(watch.pid, signum)
    else:
        watch.send_signal(signum)


def session_members(session: int) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_bytes().rpartition(b")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == session:
            found.append(int(folder.name))
    return found


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("shell", SHELLS)
def test_no_block_is_cut_when_it_is_ended(one_rss: Rss, shell: str, signum: int) -> None:
    one_rss.argv = [*SHELLS[shell], str(SCRIPT)]
    with server(PREFORK, 20, 1, 1, "") as (master, _):
        for attempt in range(12):
            watch = one_rss.start("--pid", master, "--watch", "0.1", "--json", start_new_session=True)
            try:
                lines = [watch.stdout.readline()]
                time.sleep(0.01 * attempt)  # not to wait for anything: to hit another moment each time
                send(watch, signum)
                lines += watch.stdout.read().splitlines(keepends=True)
                assert watch.wait(DEADLINE_S) == -signum
                assert watch.stderr.read() == b""
            finally:
                watch.kill()
                watch.wait()
                watch.stdout.close()
                watch.stderr.close()
            for line in lines:
                assert line.endswith(b"}\n")
                assert json.loads(line)["totals"]["processes"] == 21


# --- the program -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "no selector"),
        (["--json"], "no selector"),
        (["--pid"], "--pid needs a value"),
        (["--pid", ""], "--pid needs a value"),
        (["--pid", "x"], '"x" is not a process ID'),
        (["--pid", "0"], '"0" is not a process ID'),
        (["--pid", "-1"], '"-1" is not a process ID'),
        (["--pid", "1,"], "expected PID[,PID...]"),
        (["--pid", "1,,2"], "expected PID[,PID...]"),
        (["--pid", "1 2"], '"1 2" is not a process ID'),
        (["--pid", "12345678901"], "is not a process ID"),
        (["--pid", "1", "--name", "x"], "choose one selector"),
        (["--pid", "1", "--pid", "2"], "choose one selector"),
        (["--unit", "a/b"], "has no slash"),
        (["--pid", "1", "--json", "--csv"], "exclude each other"),
        (["--pid", "1", "--watch", "0"], "between 0.1 and 86400"),
        (["--pid", "1", "--watch", "0.05"], "between 0.1 and 86400"),
        (["--pid", "1", "--watch", "1e3"], "between 0.1 and 86400"),
        (["--pid", "1", "--watch", "100000"], "between 0.1 and 86400"),
        (["--pid", "1", "--watch", "-1"], "between 0.1 and 86400"),
        (["--pid", "1", "--watch", "1.2.3"], "between 0.1 and 86400"),
        (["--pid", "1", "--watch="], "between 0.1 and 86400"),
        (["--pid", "1", "--count", "1"], "--count needs --watch"),
        (["--pid", "1", "--watch", "1", "--count", "0"], "1 or more"),
        (["--pid", "1", "--watch", "1", "--count", "1.5"], "1 or more"),
        (["--pid", "1", "extra"], 'unknown argument "extra"'),
        (["--pidd", "1"], 'unknown argument "--pidd"'),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_usage_errors(one_rss: Rss, args: list[str], message: str) -> None:
    done = one_rss.run(*args)
    assert (done.returncode, done.stdout) == (64, b"")
    assert message in done.stderr.decode()
    assert "--help" in done.stderr.decode()


def test_missing_proc_is_a_system_error(rss: Rss, tmp_path: Path) -> None:
    for folder, message in ((tmp_path / "none", "no such directory"), (tmp_path, "no process in")):
        done = rss.run("--proc", folder, "--pid", 1)
        assert (done.returncode, done.stdout) == (71, b"")
        assert message in done.stderr.decode()


def test_missing_awk_files_are_a_system_error(one_rss: Rss, tmp_path: Path) -> None:
    one_rss.argv = [shutil.copy2(SCRIPT, tmp_path / "restmark-rss")]
    done = one_rss.run("--pid", 1)
    assert (done.returncode, done.stdout) == (71, b"")
    assert f"{tmp_path}/rss" in done.stderr.decode()


def test_installed_layout(one_rss: Rss, tmp_path: Path) -> None:
    (tmp_path / "usr/bin").mkdir(parents=True)
    shutil.copy2(SCRIPT, tmp_path / "usr/bin")
    shutil.copytree(SCRIPT.parent / "rss", tmp_path / "usr/share/restmark/rss")
    (tmp_path / "link").symlink_to(tmp_path / "usr/bin/restmark-rss")
    one_rss.argv = [str(tmp_path / "link")]
    with titled("installed") as pid:
        assert list(processes(one_rss.json("--pid", pid))) == [pid]


def test_output_that_cannot_be_written_is_an_error(one_rss: Rss) -> None:
    with titled("full") as pid, Path("/dev/full").open("wb") as full:
        done = one_rss.run("--pid", pid, stdout=full)
        assert [one_rss.run(option, stdout=full).returncode for option in ("--help", "--version")] == [74, 74]
    assert done.returncode == 74
    assert "cannot write the output" in done.stderr.decode()


def test_reader_that_goes_away_ends_the_watch(one_rss: Rss) -> None:
    with titled("piped") as pid:
        watch = one_rss.start("--pid", pid, "--watch", "0.1", "--json")
        watch.stdout.readline()
        watch.stdout.close()
        assert watch.wait(DEADLINE_S) in (-signal.SIGPIPE, 74)
        watch.stderr.close()


def test_help_and_version(one_rss: Rss) -> None:
    for option in ("--help", "-h"):
        done = one_rss.run(option)
        assert (done.returncode, done.stderr) == (0, b"")
        assert all(len(line) <= 80 for line in done.stdout.decode("ascii").splitlines())
    for option in ("--version", "-V"):
        done = one_rss.run(option)
        assert done.returncode == 0
        assert re.fullmatch(r"restmark-rss \d+\.\d+\.\d+\n", done.stdout.decode())


# --- sources -----------------------------------------------------------------------------------------


def test_shell_is_posix() -> None:
    for argv in (["dash", "-n", SCRIPT], ["shellcheck", "--shell=sh", "--enable=quote-safe-variables", SCRIPT]):
        done = subprocess.run([command(argv[0]), *argv[1:]], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_man_page_is_clean_and_complete(one_rss: Rss, tmp_path: Path) -> None:
    source = SCRIPT.parents[1] / "docs/man/restmark-rss.1.scd"
    with source.open("rb") as stream:
        page = subprocess.run([command("scdoc")], stdin=stream, capture_output=True, check=True).stdout
    (tmp_path / "restmark-rss.1").write_bytes(page)
    argv = [command("man"), "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", tmp_path / "restmark-rss.1"]
    done = subprocess.run(argv, capture_output=True, text=True, env={**os.environ, "MANWIDTH": "80"}, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    text = source.read_text()
    options = set(re.findall(r"--[a-z]+", one_rss.run("--help").stdout.decode()))
    assert len(options) > 9
    assert {option for option in options if f"*{option}*" not in text} == set()
