"""Arguments, exit codes, -t and -T, and that all the places that list the options agree."""

from __future__ import annotations

import os
import random
import re
import resource
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from daemon import BUILD, RESTMARKD, SOURCE, Daemon, run, wait_for
from http_client import Connection

from processes import open_files

Start = Callable[..., Daemon]
QUIET = ["-o", "admin.control=none", "-o", "server.listen=127.0.0.1:0"]


@pytest.mark.parametrize(
    "arguments",
    [["-x"], ["--nope"], ["extra"], ["-c"], ["-o"], ["-o", "foo"], ["-o", "server.processes"], ["-t", "-T"], ["-T", "--write-dataset", "-"], ["-c", "a", "-c", "b"], ["-t", "extra"]],
)
def test_usage_errors_exit_64(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.returncode == 64
    assert result.stderr
    assert not result.stdout


def test_help_and_version() -> None:
    for option in ("-h", "--help"):
        result = run(option)
        assert (result.returncode, result.stderr) == (0, "")
        assert max(map(len, result.stdout.splitlines())) <= 80
    assert re.fullmatch(r"restmarkd \d+\.\d+\.\d+\nzero-copy: yes\nsingle-wait: yes\ndatabase: PostgreSQL, by libpq.so.5, .*\ncache: Redis, by libhiredis.so[.0-9]+, .*\ngnutls: no\b.*\n", run("-V").stdout)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"[server]\nproceses = 2\n", ':2: unknown key "proceses" in [server]; did you mean "processes"?'),
        (b"[srver]\n", ":1: unknown section [srver]; did you mean [server]?"),
        (b"[server]\nprocesses = 2\nprocesses = 2\n", ":3: [server] processes is given twice"),
        (b"[limits]\nidle-timeout = 5 parsecs\n", ":2: [limits] idle-timeout:"),
        (b"[server]\nprocesses = 1000\n", "from 1 to 256"),
        (b"", "is empty"),
        (b"[server]\n\0\n", ":2: a NUL byte"),
        (b"[server]\n" + b"x" * (1 << 20), ":2: the line is longer than"),
        (b"[server]\nuser = no-such-user-here\n", ':2: [server] user: there is no user "no-such-user-here"'),
        (b"[server]\ngroup = no-such-group-here\n", ':2: [server] group: there is no group "no-such-group-here"'),
        (b"[server]\nlisten = [fe80::1%nosuchif0]:80\n", 'no network interface "nosuchif0"'),
        (b"[server]\nlisten = nosuchhost.invalid:80\n", "is not an IP address"),
        (b"\xff\xfe[\0", "NUL"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("test", [True, False])
def test_bad_configurations_exit_78(tmp_path: Path, text: bytes, says: str, test: bool) -> None:
    path = tmp_path / "bad.ini"
    path.write_bytes(text)
    result = run("-c", str(path), *(["-t"] if test else []), *["-o", "admin.control=none"])
    assert result.returncode == 78
    assert says in result.stderr
    assert str(path) in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("path", ["/", "/nonexistent/restmarkd.ini", "/dev/zero", "/dev/null"])
def test_unreadable_configurations_exit_78(path: str) -> None:
    result = run("-c", path, "-t")
    assert result.returncode == 78
    assert path in result.stderr


def test_a_fifo_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert run("-c", str(tmp_path / "fifo"), "-t", timeout=5).returncode == 78


def as_nobody(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs restmarkd as nobody, from a descriptor: the build tree may be closed to that user."""
    fd = os.open(RESTMARKD, os.O_RDONLY)
    try:
        return subprocess.run(
            ["restmarkd", *arguments], executable=f"/proc/self/fd/{fd}", pass_fds=(fd,), capture_output=True, text=True, timeout=300,
            user=65534, group=65534, extra_groups=[], check=False,
        )  # fmt: skip
    finally:
        os.close(fd)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can try this as another user")


@needs_root
def test_an_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "secret.ini"
    path.write_text("[server]\n")
    path.chmod(0)
    result = as_nobody("-c", str(path), "-t")
    assert (result.returncode, "Permission denied" in result.stderr) == (78, True)


@needs_root
@pytest.mark.parametrize("test", [[], ["-t"]])
def test_a_privileged_port(test: list[str]) -> None:
    if int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) <= 81:
        pytest.skip("this machine has no privileged ports")
    result = as_nobody("-o", "server.listen=127.0.0.1:81", "-o", "admin.control=none", *test)
    assert (result.returncode, "127.0.0.1:81 is a privileged port" in result.stderr) == (71, True), result.stderr


@needs_root
def test_only_root_changes_user() -> None:
    result = as_nobody(*QUIET, "-o", "server.user=root", "-t")
    assert (result.returncode, "only root can run workers as another user" in result.stderr) == (78, True)
    assert as_nobody(*QUIET, "-o", "server.user=nobody", "-t").returncode == 0


@pytest.mark.parametrize("test", [[], ["-t"]])
def test_an_address_of_another_machine(test: list[str]) -> None:
    result = run("-o", "server.listen=192.0.2.1:8080", "-o", "admin.control=none", *test)  # TEST-NET-1 of RFC 5737
    assert (result.returncode, "192.0.2.1:8080 is not an address of this machine" in result.stderr) == (71, True)


def test_testing_disturbs_nothing(start: Start, tmp_path: Path) -> None:
    daemon = start("server.processes=2", f"log.access-log={tmp_path}/access.log")
    before = (daemon.log(), sorted(daemon.workers()))
    log = tmp_path / "other.log"
    result = run("-t", "-o", f"server.listen=127.0.0.1:{daemon.port}", "-o", f"admin.control={daemon.control}", "-o", f"log.access-log={log}")
    assert result.returncode == 0
    assert f"127.0.0.1:{daemon.port} is in use by restmarkd (pid {daemon.pid}), which runs" in result.stderr
    assert "the configuration is good: 1000 records" in result.stderr
    assert (daemon.log(), sorted(daemon.workers())) == before
    assert not log.exists()
    assert daemon.status()["state"] == "running"


def test_testing_binds_nothing() -> None:
    result = subprocess.run(
        ["strace", "-f", "-e", "trace=bind,listen,unlink,mkdir", str(RESTMARKD), "-t", *QUIET], capture_output=True, text=True, timeout=300, check=False
    )
    if os.environ.get("RESTMARK_SANITIZED") == "1":
        pytest.skip("the leak sanitizer does not run under strace")
    assert result.returncode == 0, result.stderr
    calls = [line for line in result.stderr.splitlines() if re.match(r"(\[pid.*\] )?(listen|unlink|mkdir|bind\(\d+, \{sa_family=AF_(INET|UNIX))", line)]
    assert calls == []


def test_a_dump_is_a_configuration(tmp_path: Path) -> None:
    first = run("-T", "-o", "server.processes=3", "-o", "limits.idle-timeout=1500ms")
    (tmp_path / "dumped.ini").write_text(first.stdout)
    assert "processes = 3\n" in first.stdout
    assert run("-T", "-c", str(tmp_path / "dumped.ini")).stdout == first.stdout


TEXT_OPTIONS = ["server.cpu-affinity", "server.user", "server.group", "workloads.dataset", "admin.control", "admin.control-mode", "log.access-log"]


@pytest.mark.parametrize("option", TEXT_OPTIONS)
def test_any_value_is_dumped_so_that_it_is_read_back(tmp_path: Path, option: str) -> None:
    """Also what is wrong: a dump shows what was written. The unit test of the configuration tries thousands."""
    chance = random.Random(option)
    odd = b" \t;#\"\\\n\r=:[]'\x01\x7f\x80\xff"
    for length in (1, 3, 12, 300, 3000):
        value = bytes(chance.choice(odd) if chance.random() < 0.5 else chance.randrange(1, 256) for _ in range(length))
        override = option.encode() + b"=" + value
        first = subprocess.run([RESTMARKD, "-T", "-o", override], capture_output=True, check=True, timeout=300)
        (tmp_path / "dumped.ini").write_bytes(first.stdout)
        second = subprocess.run([RESTMARKD, "-T", "-c", tmp_path / "dumped.ini"], capture_output=True, check=True, timeout=300)
        assert second.stdout == first.stdout
        key = option.partition(".")[2].encode()
        section = first.stdout.partition(b"[" + option.partition(".")[0].encode() + b"]\n")[2].partition(b"\n\n")[0]
        lines = [line for line in section.split(b"\n") if line.startswith(key + b" = ")]
        assert len(lines) == 1 and lines[0].count(b"\r") == 0
        assert first.stdout != run("-T").stdout.encode()


def test_the_shipped_configuration_is_the_table_s() -> None:
    shipped = SOURCE / "etc" / "restmarkd.ini"
    assert run("--write-config", "-").stdout == shipped.read_text(), "run restmarkd --write-config etc/restmarkd.ini"
    assert run("-T", "-c", str(shipped)).stdout == run("-T").stdout
    options, include = shipped.read_text().rsplit("\n\n", 1)
    assert include.endswith("\ninclude = conf.d/*.ini\n"), "an edit has a place of its own"
    uncommented = re.sub(r"^;(?=\S)", "", options, flags=re.MULTILINE)
    for key in re.findall(r"^([a-z-]+) =", uncommented, flags=re.MULTILINE):
        assert f"\n{key} =" in run("-T").stdout


def test_the_manual_lists_the_table_s_options() -> None:
    page = (SOURCE / "docs" / "man" / "restmarkd.ini.5.scd").read_text()
    listed = page.split("; begin of the list made by option_list\n\n")[1].split("; end of the list")[0]
    made = subprocess.run([str(BUILD / "docs" / "option_list")], capture_output=True, text=True, timeout=300, check=True).stdout
    assert listed == made, "run docs/man/update-options.sh"


def test_help_and_manual_name_the_same_options() -> None:
    for program, section in (("restmarkd", 8), ("restmarkctl", 1)):
        shown = subprocess.run([str(BUILD / "src" / program), "--help"], capture_output=True, text=True, timeout=300, check=True).stdout
        page = (SOURCE / "docs" / "man" / f"{program}.{section}.scd").read_text()
        assert set(re.findall(r"--[a-z-]+", shown)) == set(re.findall(r"--[a-z-]+", page)), program


def test_all_programs_say_one_version() -> None:
    version = run("-V").stdout.split()[1]
    for script in ("restmark-rss", "restmark"):
        said = subprocess.run([str(SOURCE / "bench" / script), "--version"], capture_output=True, text=True, timeout=300, check=True).stdout
        assert version in said.split(), script


def test_writing_to_a_full_disk_is_an_error() -> None:
    for task in (["-T"], ["--write-config", "-"], ["--write-dataset", "-"]):
        with open("/dev/full", "w") as full:
            result = subprocess.run([str(RESTMARKD), *task], stdout=full, stderr=subprocess.PIPE, text=True, timeout=300, check=False)
        assert (result.returncode, "No space left" in result.stderr) == (71, True), (task, result.stderr)


def test_the_daemon_runs_on_its_shipped_configuration(start: Start) -> None:
    daemon = start("server.processes=1", config=(SOURCE / "etc" / "restmarkd.ini").read_text())
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/").status == 200


def test_processes_auto_counts_the_cpus_it_may_use(start: Start) -> None:
    cpu = min(os.sched_getaffinity(0))
    daemon = start(prefix=("taskset", "-c", str(cpu)))
    assert len(daemon.workers()) == 1


def test_notify(start: Start, tmp_path: Path) -> None:
    """What systemd hears, and from whom."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(10)
        systemd.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        daemon = start("server.processes=3", environment={"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1000000"})
        assert systemd.recv(4096) == b"READY=1\nSTATUS=3 of 3 workers ready, generation 1, 0 requests/s"
        for worker in daemon.workers():
            # environ in /proc is the memory that the titles are written over, so ask the process's own idea of it.
            assert b"NOTIFY_SOCKET" not in Path(f"/proc/{worker}/environ").read_bytes()
        os.kill(daemon.workers()[0], signal.SIGKILL)
        assert systemd.recv(4096) == b"STATUS=2 of 3 workers ready, generation 1, 0 requests/s"
        assert systemd.recv(4096) == b"STATUS=3 of 3 workers ready, generation 1, 0 requests/s"
        daemon.signal(signal.SIGTERM)
        assert systemd.recv(4096).startswith(b"STOPPING=1\n")
        assert daemon.wait_exit() == 0


def test_access_log(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    daemon = start("server.processes=2", f"log.access-log={path}")
    with Connection((daemon.host, daemon.port)) as connection:
        connection.request("/")
        connection.request("/transfer-data", "HEAD")
        missing = connection.request('/nope"\\?a=b')
        connection.request("/encode-json?count=5")
    lines = wait_for("four lines", lambda: (text := path.read_text()).count("\n") == 4 and text.splitlines())
    pattern = r'127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "(\w+) (\S+)" (\d+) (\d+) \d+us w[01]'
    parsed = [re.fullmatch(pattern, line) for line in lines]
    assert [m.groups() for m in parsed if m] == [
        ("GET", "/", "200", "9"),
        ("HEAD", "/transfer-data", "200", "0"),
        ("GET", r"/nope\x22\x5c?a=b", "404", str(len(missing.body))),
        ("GET", "/encode-json?count=5", "200", "3"),
    ]


def test_lost_lines_of_the_access_log_are_reported(start: Start) -> None:
    daemon = start("server.processes=1", "log.access-log=/dev/full")
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/").status == 200
    daemon.wait_log(r"warning: worker 0: 1 line of the access log is lost: No space left on device")


def test_an_access_log_that_is_a_pipe_does_not_hang(start: Start, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    result = run(*QUIET, "-o", f"log.access-log={pipe}", timeout=10)
    assert (result.returncode, "nobody reads this pipe" in result.stderr) == (71, True), result.stderr
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    daemon = start("server.processes=1", f"log.access-log={pipe}")
    with Connection((daemon.host, daemon.port)) as connection:
        for _ in range(3000):  # more than the pipe holds, and nobody reads
            assert connection.request("/").status == 200
    os.close(reader)


def test_testing_sees_a_dual_stack_listener_as_a_maybe() -> None:
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as other:
        port = other.getsockname()[1]
        arguments = ["-o", f"server.listen=127.0.0.1:{port}", "-o", "admin.control=none"]
        tested, started = run("-t", *arguments), run(*arguments)
    assert (tested.returncode, f"127.0.0.1:{port} may be in use by" in tested.stderr) == (0, True)
    assert (started.returncode, f"(pid {os.getpid()})" in started.stderr) == (71, True), started.stderr


def test_no_access_log_by_default(start: Start, tmp_path: Path) -> None:
    daemon = start("server.processes=1")
    (worker,) = daemon.workers()
    with Connection((daemon.host, daemon.port)) as connection:
        connection.request("/")
        targets = set(open_files(worker).values())
    assert {t for t in targets if t.startswith(str(tmp_path))} == {str(daemon.log_path)}


def test_an_access_log_that_cannot_be_opened(tmp_path: Path) -> None:
    for arguments in (QUIET, [*QUIET, "-t"]):
        for path in (tmp_path, tmp_path / "no" / "such" / "dir.log"):
            result = run(*arguments, "-o", f"log.access-log={path}")
            assert (result.returncode, "[log] access-log" in result.stderr) == (71, True), result.stderr


@needs_root
def test_workers_change_user(start: Start) -> None:
    daemon = start("server.processes=2", "server.user=nobody", "server.group=daemon")
    for worker in daemon.workers():
        status = Path(f"/proc/{worker}/status").read_text()
        assert re.search(r"^Uid:\t65534\t65534\t65534\t65534$", status, re.MULTILINE)
        assert re.search(r"^Gid:\t1\t1\t1\t1$", status, re.MULTILINE)
        assert re.search(r"^CapEff:\t0+$", status, re.MULTILINE)
        assert not re.search(r"^Groups:.*\b0\b", status, re.MULTILINE)
    workers = daemon.workers()
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/encode-json").body == b"133622"
    daemon.process.kill()  # the tie to the master's life survives the change of user
    daemon.process.wait()
    for pid in workers:
        wait_for("gone", lambda pid=pid: not Path(f"/proc/{pid}").exists())  # type: ignore[misc]


@needs_root
def test_a_user_that_cannot_be_had_ends_the_daemon() -> None:
    """In a user namespace that maps root alone there is no nobody to become: a fatal error of the worker."""
    result = subprocess.run(
        ["unshare", "--user", "--map-root-user", str(RESTMARKD), *QUIET, "-o", "server.user=nobody"], capture_output=True, text=True, timeout=300, check=False
    )
    if "unshare failed" in result.stderr:
        pytest.skip("user namespaces are not to be had here")
    assert result.returncode == 78, result.stderr
    assert re.search(r"worker \d: cannot (set the supplementary groups|change to)", result.stderr)
    assert "starting it again would not help" in result.stderr
    assert "will be started again" not in result.stderr


def test_messages_for_the_journal(start: Start, tmp_path: Path) -> None:
    """When stderr is the journal, messages go there with fields; a plain file is not the journal, whatever the variable says."""
    daemon = start("server.processes=1", environment={"JOURNAL_STREAM": "1:2"})
    assert "notice: ready: 1 worker" in daemon.log()


def test_limit_of_files_is_raised(start: Start) -> None:
    def few() -> None:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))

    result = run("-t", *QUIET, preexec_fn=few)
    assert result.returncode == 0
