"""The Debian package of the daemon on a booted system, step by step as its administrator meets it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import root
from conftest import NEXT_VERSION, only
from container import Container, wait_for

pytestmark = pytest.mark.booted

INI = "/etc/restmark/restmarkd.ini"
ANSWERS = {"/": "Welcome!\n", "/parse-msgpack": "1000", "/encode-json": "133622", "/million-loop": "249999500000"}


@pytest.fixture(scope="module")
def machine(
    fresh_root: Path, debs: Path, next_debs: Path, boot: Callable[[], Container]
) -> Iterator[Container]:
    """The package installed by apt with what it depends on, then booted."""
    for folder, name in ((debs, "this"), (next_debs, "next")):
        shutil.copyfile(only(folder, "restmarkd_*.deb"), fresh_root / f"{name}.deb")
    root.in_root(fresh_root, "apt-get", "update")
    root.in_root(fresh_root, "apt-get", "install", "-y", "--no-install-recommends", "/this.deb")
    yield boot()


@pytest.fixture(autouse=True)
def _each_test_may_start_it_anew(request: pytest.FixtureRequest) -> None:
    """systemd starts a unit five times in ten seconds at most, which several of these tests together exceed on a fast machine. What has failed stays so."""
    if "machine" in request.fixturenames:
        machine: Container = request.getfixturevalue("machine")
        machine.try_run("sh", "-c", "systemctl is-failed --quiet restmarkd || systemctl reset-failed restmarkd")


def edit(machine: Container, *changes: tuple[str, str]) -> None:
    """Sets options in the INI as an editor would: the commented default line becomes a line of its own."""
    text = (machine.root / INI.lstrip("/")).read_text()
    for key, value in changes:
        text, n = re.subn(rf"(?m)^;?{key} =.*$", f"{key} = {value}", text, count=1)
        assert n == 1, f"no line of {key} in the INI"
    machine.write(INI, text)


def status(machine: Container) -> dict[str, object]:
    return json.loads(machine.run("restmarkctl", "status", "-j"))  # type: ignore[no-any-return]


def version(deb: Path) -> str:
    return root.run("dpkg-deb", "--field", deb, "Version").strip()


def test_an_installation_starts_nothing_and_opens_no_port(machine: Container) -> None:
    assert machine.try_run("systemctl", "is-enabled", "restmarkd").stdout.strip() == "disabled"
    assert machine.try_run("systemctl", "is-active", "restmarkd").stdout.strip() == "inactive"
    assert machine.run("ss", "-Hltn") == ""
    assert "restmark" in machine.run("ufw", "app", "list")
    passwd = machine.run("getent", "passwd", "restmark").strip().split(":")
    assert passwd[5:] == ["/nonexistent", "/usr/sbin/nologin"]
    assert machine.run("stat", "--format=%U:%G %a", "/var/log/restmark").strip() == "restmark:adm 2750"


def test_a_container_image_need_not_have_systemd(machine: Container) -> None:
    """apt plans the installation on a system that has nothing yet."""
    nothing = ("-o", "Dir::State::status=/dev/null", "--no-install-recommends")
    plan = machine.run("apt-get", "--simulate", *nothing, "install", "/this.deb").splitlines()
    planned = {line.split()[1] for line in plan if line.startswith("Inst ")}
    assert "restmarkd" in planned and "systemd-standalone-sysusers" in planned
    assert "systemd" not in planned, planned


def test_units_are_good_and_the_sandbox_is_tight(machine: Container) -> None:
    machine.verify_units()
    machine.run("systemd-analyze", "security", "--threshold=15", "restmarkd.service")  # in tenths


def test_it_starts_and_answers_each_route(machine: Container) -> None:
    machine.run("systemctl", "enable", "--now", "restmarkd")
    for path, answer in ANSWERS.items():
        assert machine.get(path) == answer
    assert len(machine.get("/transfer-data")) == 133622
    owners = machine.run("ps", "-o", "user=", "-p", ",".join(map(str, [machine.main_pid(), *machine.workers()])))
    assert set(owners.split()) == {"restmark"}


def test_memory_by_unit_agrees_with_proc(machine: Container) -> None:
    shown = json.loads(machine.run("restmark-rss", "--unit", "restmarkd", "--json"))
    processes = [process for group in shown["groups"] for process in group["processes"]]
    assert sorted(process["pid"] for process in processes) == sorted([machine.main_pid(), *machine.workers()])
    for process in processes:
        rollup = machine.run("cat", f"/proc/{process['pid']}/smaps_rollup")
        for key, field in (("rss_kib", "Rss"), ("pss_kib", "Pss")):
            found = re.search(rf"(?m)^{field}: +(\d+) kB", rollup)
            assert found
            # Of idle processes, whose heartbeats and shared pages are all that moves between the two looks.
            assert abs(process[key] - int(found[1])) <= 256, (process, rollup)


def test_an_edited_configuration_is_taken_by_a_reload(machine: Container) -> None:
    edit(machine, ("records", "500"))
    machine.run("systemctl", "reload", "restmarkd")
    assert machine.get("/parse-msgpack") == "500"


def test_a_broken_configuration_changes_nothing_and_says_why(machine: Container) -> None:
    before = machine.workers()
    good = (machine.root / INI.lstrip("/")).read_text()
    machine.write(INI, good + "\n[server]\nproceses = 3\n")
    assert machine.try_run("systemctl", "reload", "restmarkd").returncode != 0
    assert machine.get("/parse-msgpack") == "500"
    assert machine.workers() == before
    shown = machine.try_run("systemctl", "status", "--no-pager", "--full", "restmarkd").stdout
    assert "active (running)" in shown
    assert "proceses" in shown and "did you mean" in shown
    machine.write(INI, good)
    edit(machine, ("records", "auto"), ("worker-reload-mercy", "20s"))
    machine.run("systemctl", "reload", "restmarkd")
    assert machine.get("/parse-msgpack") == "1000"


def test_a_killed_worker_is_replaced(machine: Container) -> None:
    victim = machine.workers()[0]
    machine.run("kill", "-KILL", str(victim))
    wait_for("another worker", lambda: len(machine.workers()) > 0 and victim not in machine.workers() and machine.get())
    assert machine.show("restmarkd", "NRestarts") == "0"
    # The journal has what happened in fields: it finds the messages about this worker, each with its slot and generation.
    records = [json.loads(line) for line in machine.journal("-o", "json", f"RESTMARK_WORKER_PID={victim}").splitlines()]
    assert records
    for record in records:
        assert record["SYSLOG_IDENTIFIER"] == "restmarkd" and record["PRIORITY"] in list("34567")
        assert record["RESTMARK_SLOT"].isdigit() and record["RESTMARK_GENERATION"].isdigit()


def test_a_killed_master_is_back_and_its_sockets_never_went_away(machine: Container) -> None:
    old = machine.main_pid()
    with machine.load() as load:
        machine.run("kill", "-KILL", str(old))
        wait_for("another master", lambda: machine.main_pid() not in (0, old) and machine.show("restmarkd", "ActiveState") == "active")
        assert machine.get() == ANSWERS["/"]
        load.stop()
    # Connections that the dead workers had are lost; systemd holds the sockets meanwhile, so nobody is turned away.
    assert "no connection" not in load.failed and load.failed.get("refused", 0) == 0, load.counts
    assert machine.show("restmarkd", "NRestarts") == "1"


def test_a_stalled_master_is_restarted_by_the_watchdog(machine: Container) -> None:
    drop_in = "/run/systemd/system/restmarkd.service.d/watchdog.conf"
    machine.run("mkdir", "-p", "/run/systemd/system/restmarkd.service.d")
    machine.run("sh", "-c", f"printf '[Service]\\nWatchdogSec=3\\n' >{drop_in}")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", "restmarkd")
    old = machine.main_pid()
    machine.run("kill", "-STOP", str(old))
    wait_for("the watchdog", lambda: machine.main_pid() not in (0, old) and machine.show("restmarkd", "ActiveState") == "active", 40)
    assert machine.get() == ANSWERS["/"]
    assert re.search(r"[Ww]atchdog timeout", machine.journal("-u", "restmarkd"))
    machine.run("rm", drop_in)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", "restmarkd")


def test_a_stop_under_load_answers_everything_accepted(machine: Container) -> None:
    with machine.load() as load:
        machine.run("systemctl", "stop", "restmarkd")
        load.stop()
    refused = load.failed.pop("refused", 0)  # after the stop: no server, no connection
    assert refused > 0 and not load.failed, load.counts
    assert machine.show("restmarkd", "Result", "ActiveState").split() == ["success", "inactive"]
    assert not (machine.root / "run/restmark").exists() and machine.run("ls", "/run").find("restmark") < 0
    machine.run("systemctl", "start", "restmarkd")


def test_a_restart_under_load_turns_nobody_away(machine: Container) -> None:
    """Where systemd keeps the store over it; else connections are refused meanwhile, and no more than that."""
    old, keeps = machine.main_pid(), int(machine.run("systemctl", "--version").split()[1]) >= 254
    with machine.load() as load:
        machine.run("systemctl", "restart", "restmarkd")
        assert machine.get() == ANSWERS["/"]
        load.stop()
    refused = load.failed.pop("refused", 0)
    assert not load.failed and (refused == 0 or not keeps), (refused, load.counts)
    assert machine.main_pid() not in (0, old)
    assert machine.show("restmarkd", "FileDescriptorStoreMax") == "4096"
    assert ("systemd keeps the listening sockets" in machine.journal("-u", "restmarkd")) == keeps


def test_an_upgrade_under_load_loses_nothing(
    machine: Container, debs: Path, next_debs: Path, record_property: Callable[[str, object], None]
) -> None:
    before = version(only(debs, "restmarkd_*.deb"))
    pid = machine.main_pid()
    assert before in machine.run("restmarkctl", "status")
    with machine.load() as load:
        output = machine.run("apt-get", "install", "-y", "/next.deb")
        load.stop()
    assert "upgraded in place" in output
    assert not load.failed and load.counts["answered"], load.counts
    record_property("upgrade under load", json.dumps(load.counts))
    print("upgrade under load:", load.counts)
    assert NEXT_VERSION in machine.run("restmarkctl", "status")
    assert machine.main_pid() == pid
    assert machine.show("restmarkd", "ActiveState") == "active"
    assert "worker-reload-mercy = 20s" in (machine.root / INI.lstrip("/")).read_text(), "what was edited survives"
    machine.run("systemctl", "reload", "restmarkd")


def test_a_downgrade_under_load_loses_nothing(machine: Container, debs: Path) -> None:
    with machine.load() as load:
        machine.run("apt-get", "install", "-y", "--allow-downgrades", "/this.deb")
        load.stop()
    assert not load.failed, load.counts
    assert version(only(debs, "restmarkd_*.deb")) in machine.run("restmarkctl", "status")


def test_an_upgrade_with_a_broken_configuration_leaves_the_server_running(machine: Container) -> None:
    good = (machine.root / INI.lstrip("/")).read_text()
    machine.write(INI, good + "\n[nonsense]\n")
    done = machine.try_run("apt-get", "install", "-y", "/next.deb")
    assert done.returncode == 0 and "goes on with the program that it runs" in done.stderr + done.stdout
    assert machine.get() == ANSWERS["/"]
    machine.write(INI, good)
    machine.run("apt-get", "install", "-y", "--allow-downgrades", "/this.deb")


def test_a_log_file_is_written_and_rotated(machine: Container) -> None:
    edit(machine, ("access-log", "/var/log/restmark/access.log"))
    machine.run("systemctl", "reload", "restmarkd")
    machine.get("/?")
    wait_for("a line", lambda: "GET" in machine.run("cat", "/var/log/restmark/access.log"))
    assert machine.run("stat", "--format=%U:%G", "/var/log/restmark/access.log").strip() == "restmark:adm"
    machine.run("logrotate", "--force", "/etc/logrotate.d/restmarkd")
    assert "GET" in machine.run("cat", "/var/log/restmark/access.log.1")

    def answered_in_the_new_file() -> bool:
        machine.get("/encode-json")
        return "encode-json" in machine.run("cat", "/var/log/restmark/access.log")

    wait_for("a line in the new file", answered_in_the_new_file)
    edit(machine, ("access-log", ""))
    machine.run("systemctl", "reload", "restmarkd")


def test_two_instances_live_side_by_side(machine: Container) -> None:
    for name, port in (("one", 8091), ("two", 8092)):
        machine.write(f"/etc/restmark/{name}.ini", f"[server]\nlisten = 127.0.0.1:{port}\nprocesses = 1\n")
    machine.run("systemctl", "start", "restmarkd@one", "restmarkd@two")
    machine.run("systemctl", "reload", "restmarkd@two")
    for name, port in (("one", 8091), ("two", 8092)):
        assert machine.get(port=port) == ANSWERS["/"]
        assert str(port) in machine.run("restmarkctl", "-s", f"/run/restmark-{name}/control.sock", "status")
    machine.run("systemctl", "stop", "restmarkd@one")
    assert machine.get(port=8092) == ANSWERS["/"]
    assert machine.get() == ANSWERS["/"]


def test_a_socket_unit_starts_it_at_the_first_connection(machine: Container) -> None:
    machine.run("systemctl", "disable", "--now", "restmarkd")
    machine.run("mkdir", "-p", "/run/systemd/system/restmarkd.socket.d")
    machine.run(
        "sh", "-c", "printf '[Socket]\\nListenStream=\\nListenStream=127.0.0.1:80\\n' >/run/systemd/system/restmarkd.socket.d/port.conf"
    )
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", "restmarkd.socket")
    assert machine.show("restmarkd", "ActiveState") == "inactive"
    assert machine.get(port=80) == ANSWERS["/"], "a port that only root can bind"
    assert machine.show("restmarkd", "ActiveState") == "active"
    owners = machine.run("ps", "-o", "user=", "-p", str(machine.main_pid()))
    assert owners.split() == ["restmark"]
    with machine.load("127.0.0.1:80") as load:
        machine.run("systemctl", "restart", "restmarkd.service")
        load.stop()
    assert not load.failed, load.counts
    machine.run("systemctl", "stop", "restmarkd.socket", "restmarkd.service")
    machine.run("rm", "-r", "/run/systemd/system/restmarkd.socket.d")
    machine.run("systemctl", "daemon-reload")


def test_the_package_s_own_test_passes(machine: Container) -> None:
    script = Path(__file__).resolve().parents[2] / "packaging/debian/tests/service"
    shutil.copy(script, machine.root / "service-test")
    machine.run("/service-test")
    machine.run("rm", "/service-test")


def test_a_removal_stops_it_and_keeps_the_configuration(machine: Container) -> None:
    edit(machine, ("records", "400"))
    machine.run("systemctl", "start", "restmarkd", "restmarkd@one")
    machine.run("apt-get", "remove", "-y", "restmarkd")
    assert machine.run("ss", "-Hltn") == ""
    assert "records = 400" in (machine.root / INI.lstrip("/")).read_text()
    assert not (machine.root / "usr/sbin/restmarkd").exists()


def test_a_new_installation_finds_the_configuration_again(machine: Container) -> None:
    machine.run("apt-get", "install", "-y", "--no-install-recommends", "/this.deb")  # the machine has no network
    machine.run("systemctl", "start", "restmarkd")
    assert machine.get("/parse-msgpack") == "400"


def test_a_purge_leaves_nothing_but_what_the_user_made(machine: Container) -> None:
    machine.run("apt-get", "purge", "-y", "restmarkd")
    # The instances' configurations are the user's; the account stays, as Debian's packages leave theirs.
    found = machine.run("find", "/", "-xdev", "-iname", "*restmark*", "-not", "-path", "/proc/*", "-not", "-path", "/sys/*")
    assert found.split() == ["/etc/restmark"], found
    assert sorted(machine.run("ls", "/etc/restmark").split()) == ["one.ini", "two.ini"]
    assert machine.try_run("systemctl", "cat", "restmarkd.service").returncode != 0
