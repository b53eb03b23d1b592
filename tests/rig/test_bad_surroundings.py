"""No command traces back over what a user can cause around it: one line, a remedy where there is one, and a documented exit code."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from restmark_rig.host.cgroup import Mounted, parse_groups, parse_mountinfo
from restmark_rig.model.errors import ExitCode
from restmark_rig.store import results_file

from . import synthetic_results
from .helpers import processes_mentioning, wait_until
from .run_support import command, environment, fault_folder

STRANGER = 42427  # a user id that no entry of the user database has
COMMANDS = {
    "list": "list -C {contestant}",
    "setup": "setup --dry-run -C {contestant}",
    "doctor": "doctor",
    "build": "build -C {contestant}",
    "verify": "verify -C {contestant} --check type",
    "quick": "quick -C {contestant} --duration 1 --connections 1",
    "run": "run -C {contestant} --dry-run",
    "memory": "memory -C {contestant} --workers 1 --duration 1 --connections 1 --output {out}/memory",
    "report": "report {results}",
    "compare": "compare {results} {results}",
    "new-contestant": "new-contestant mine --directory {out}",
}
LIGHT = [name for name in COMMANDS if name not in ("verify", "quick", "memory", "doctor")]  # they start no server
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture()
def folder() -> Iterator[Path]:
    """One that other users can reach, which those of pytest are not."""
    with tempfile.TemporaryDirectory(prefix="restmark-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)
        assert wait_until(lambda: not processes_mentioning(name)), processes_mentioning(name)


def words_of(name: str, folder: Path) -> list[str]:
    """The command line, for a folder in which anybody may write."""
    results_file.write(synthetic_results.build(rounds=1, names=("restmarkd",)), folder / "results")
    (folder / "out").mkdir()
    contestant = fault_folder(folder, "none")
    for path in (folder / "out", folder / "results"):
        path.chmod(0o777)
    words = COMMANDS[name].format(contestant=contestant, results=folder / "results", out=folder / "out").split()
    return command(*words)


def assert_told(done: subprocess.CompletedProcess[str], codes: set[ExitCode]) -> None:
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode in codes, (done.returncode, done.stderr)
    if done.returncode == ExitCode.ENVIRONMENT:
        assert sum(line.startswith("restmark: ") for line in done.stderr.splitlines()) == 1, done.stderr


@needs_root
@pytest.mark.parametrize(("name", "has_cache"), [*((name, False) for name in COMMANDS), *((name, True) for name in LIGHT)])
def test_a_user_without_an_entry_and_a_home(folder: Path, name: str, has_cache: bool) -> None:
    words = words_of(name, folder)
    values = environment(folder / "out" / "cache")
    for variable in ("HOME", "XDG_CACHE_HOME", "USER", "LOGNAME", *([] if has_cache else ["RESTMARK_CACHE"])):
        values.pop(variable, None)
    done = subprocess.run(
        words, env=values, cwd="/", user=STRANGER, group=STRANGER, extra_groups=[], capture_output=True, text=True, timeout=300, check=False
    )  # fmt: skip
    assert_told(done, {ExitCode.OK} if has_cache or name in ("report", "compare", "new-contestant") else {ExitCode.OK, ExitCode.ENVIRONMENT})
    if done.returncode != ExitCode.OK:
        assert f"restmark: there is no place for the cache: $HOME is not set, and user {STRANGER} has no entry" in done.stderr
        assert "remedy: choose a folder with --cache-dir or $RESTMARK_CACHE" in done.stderr


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("output", [">/dev/full", ">&-"], ids=["full", "closed"])
def test_a_standard_output_that_takes_nothing(folder: Path, name: str, output: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"$@" {output}', "sh", *words_of(name, folder)],
        env=environment(folder / "out" / "cache"), cwd=folder / "out", capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert_told(done, {ExitCode.ENVIRONMENT})
    assert "standard output" in done.stderr


@pytest.mark.parametrize("name", LIGHT)
def test_a_reader_that_has_gone(folder: Path, name: str) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        done = subprocess.run(
            words_of(name, folder), env=environment(folder / "out" / "cache"), cwd=folder / "out",
            stdout=write_end, stderr=subprocess.PIPE, text=True, timeout=300, check=False,
        )  # fmt: skip
    finally:
        os.close(write_end)
    assert_told(done, {ExitCode.ENVIRONMENT})


WATCHING = {"doctor", "verify", "quick", "run", "memory"}


@needs_root
@pytest.mark.parametrize("name", sorted(WATCHING | {"list", "report", "new-contestant"}))
def test_no_proc(folder: Path, name: str) -> None:
    without = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o ro tmpfs /proc && exec "$@"', "sh"]
    done = subprocess.run(
        [*without, *words_of(name, folder)], env=environment(folder / "out" / "cache"), cwd=folder / "out",
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert_told(done, {ExitCode.ENVIRONMENT} if name in WATCHING else {ExitCode.OK})
    if name in WATCHING:
        assert "restmark: /proc is not there, or without /proc/stat: servers can not be watched\n  remedy: mount it" in done.stderr


@pytest.mark.parametrize(("name", "package"), [("run", "numpy"), ("list", "rich"), ("list", "click"), ("verify", "msgpack"), ("report", "numpy")])
def test_a_missing_python_package(folder: Path, name: str, package: str) -> None:
    (folder / "path").mkdir()
    (folder / "path" / f"{package}.py").write_text(f"raise ModuleNotFoundError('No module named {package}', name='{package}')\n")
    done = subprocess.run(
        words_of(name, folder), env=environment(folder / "out" / "cache", PYTHONPATH=str(folder / "path")), cwd=folder / "out",
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert_told(done, {ExitCode.ENVIRONMENT})
    assert f"restmark: the Python package {package} is missing in " in done.stderr
    assert f"remedy: on Debian: apt-get install python3-{package}" in done.stderr


@pytest.mark.parametrize("name", ["list", "build", "verify", "quick", "run", "memory"])
def test_a_cache_that_can_not_be_made(folder: Path, name: str) -> None:
    done = subprocess.run(
        words_of(name, folder), env=environment(Path("/proc/no")), cwd=folder / "out", capture_output=True, text=True, timeout=300, check=False
    )  # fmt: skip
    assert_told(done, {ExitCode.OK, ExitCode.ENVIRONMENT})
    assert done.returncode == ExitCode.OK or "--cache-dir" in done.stderr


MOUNTINFO = r"""25 30 0:23 / /sys rw,nosuid - sysfs sysfs rw
26 25 0:24 / /sys/fs/cgroup rw shared:4 - tmpfs  ro,mode=755
27 26 0:25 / /sys/fs/cgroup/unified rw shared:5 - cgroup2  rw,nsdelegate
28 26 0:26 /a\040b /mnt/with\040blank\134 rw shared:6 master:1 - cgroup cgroup rw,cpuacct,cpu
29 26 0:27 / /odd rw -
30 26 0:28 / /odder rw - cgroup2

31
 -
32 26 0:29 / /no-options rw - cgroup2 none
33 26 0:30 / /source rw - 9p a - b rw,trans=fd
34 - cgroup2 x rw
"""  # line 26, 27: mounted with an empty source; 33: " - " in a source


def test_odd_lines_of_mountinfo_are_passed_over() -> None:
    assert parse_mountinfo(MOUNTINFO) == [
        Mounted("sysfs", "/", "/sys", ("rw",)),
        Mounted("tmpfs", "/", "/sys/fs/cgroup", ("ro", "mode=755")),
        Mounted("cgroup2", "/", "/sys/fs/cgroup/unified", ("rw", "nsdelegate")),
        Mounted("cgroup", "/a b", "/mnt/with blank\\", ("rw", "cpuacct", "cpu")),
        Mounted("cgroup2", "/", "/no-options", ()),
        Mounted("9p", "/", "/source", ("rw", "trans=fd")),
    ]
    for cut in range(len(MOUNTINFO)):
        parse_mountinfo(MOUNTINFO[:cut])
    assert parse_mountinfo("") == []


def test_odd_lines_of_the_groups_are_passed_over() -> None:
    text = "12:cpu,cpuacct:/slice/a:b\n1:name=systemd:/\nnonsense\n\n0::/user.slice/with\\040blank\n3:memory\n"
    assert parse_groups(text) == {"cpu": "/slice/a:b", "cpuacct": "/slice/a:b", "name=systemd": "/", "": "/user.slice/with blank"}
