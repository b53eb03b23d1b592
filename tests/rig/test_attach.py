"""restmark attach: stacks are sorted by the table, requests counted by what there is, savings bounded by what was measured; and a live service goes on."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from restmark_rig.attach import bounds, classing, finding, profile, requests, service
from restmark_rig.attach.bounds import Share
from restmark_rig.attach.classing import NATIVE, PYTHON, Frame, Stack
from restmark_rig.attach.profile import RATE, Profile
from restmark_rig.attach.requests import AccessLog
from restmark_rig.attach.service import Use, Window
from restmark_rig.contestants import contestant
from restmark_rig.contestants.cache import Cache
from restmark_rig.model.errors import EnvironmentFault, UsageFault
from restmark_rig.model.workloads import ROUTE_ENCODE, WorkloadRequest
from restmark_rig.report.analysis import Analysis
from restmark_rig.server.launcher import RunningServer, StartOptions, launch
from restmark_rig.setup import environment
from restmark_rig.store.dataset import Dataset

from . import synthetic_results
from .helpers import ROOT, Silent, call_rig, run_rig, wait_until

STACKS = Path(__file__).with_name("stacks")
SITE = "/usr/lib/python3/dist-packages"


def no_line(_: str, __: int) -> str:
    return ""


def app_line(path: str, line: int) -> str:
    return {("/srv/app/app.py", 66): "records = [unpackb(item) for item in ENCODED[:count]]", ("/srv/app/app.py", 80): "return orjson.dumps(rows)"}.get((path, line), "")


def test_recorded_stacks_of_uwsgi_are_sorted() -> None:
    stacks = classing.parse_raw((STACKS / "uwsgi.raw").read_text(encoding="utf-8"))
    assert {stack.pid for stack in stacks} == {4282, 4283}
    counts = classing.counted([stack for stack in stacks if stack.frames], PYTHON, app_line)
    assert counts["json"] == 84
    assert counts["msgpack"] == 32
    assert counts["driver"] == 7
    assert counts["orm"] == 3
    assert counts["framework"] > 0
    assert counts["own"] == 8  # of the application's own frames, innermost
    assert sum(stack.count for stack in stacks if not stack.frames) == 305 + 356
    assert classing.counted([stack for stack in stacks if not stack.frames], PYTHON, no_line) == {"http": 661}


def test_recorded_samples_of_perf_are_sorted() -> None:
    stacks = classing.parse_script((STACKS / "restmarkd.perf").read_text(encoding="utf-8"))
    counts = classing.counted(stacks, NATIVE, no_line)
    assert len(stacks) > 40
    assert max(counts, key=lambda key: counts[key]) == "json"
    assert counts["kernel"] > 0
    assert {stack.pid for stack in stacks} == {26000}


@pytest.mark.parametrize(
    ("files", "key"),
    [
        ((f"{SITE}/uvicorn/protocols/http/h11_impl.py", f"{SITE}/h11/_connection.py"), "http"),
        (("/usr/lib/python3.11/asyncio/base_events.py",), "http"),
        ((f"{SITE}/starlette/routing.py", "/srv/app/main.py", f"{SITE}/pydantic/main.py"), "framework"),
        ((f"{SITE}/fastapi/routing.py", "/srv/app/main.py"), "own"),
        (("/srv/app/main.py", "/usr/lib/python3.11/re/__init__.py"), "own"),
        (("/srv/app/main.py", "/usr/lib/python3.11/json/decoder.py"), "json"),
        (("/srv/app/main.py", f"{SITE}/msgpack/fallback.py"), "msgpack"),
        (("/srv/app/main.py", f"{SITE}/django/db/models/query.py"), "orm"),
        (("/srv/app/main.py", f"{SITE}/django/core/handlers/base.py"), "framework"),
        (("/srv/app/main.py", f"{SITE}/redis/connection.py", "/usr/lib/python3.11/socket.py"), "driver"),
        (("/srv/app/main.py", f"{SITE}/httpx/_client.py"), "client"),
        (("/srv/app/main.py", f"{SITE}/PIL/Image.py"), "library"),
        (("<frozen importlib._bootstrap>",), "library"),
        (("/opt/venv/lib/python3.12/site-packages/asyncpg/connection.py",), "driver"),
    ],
)
def test_a_stack_has_the_class_of_its_innermost_known_frame(files: tuple[str, ...], key: str) -> None:
    assert classing.class_of([Frame("f", file, 1) for file in files], PYTHON, no_line) == key


@pytest.mark.parametrize(
    ("symbol", "held_by", "key"),
    [
        ("encoding/json.(*encodeState).string", "/srv/api", "json"),
        ("net/http.(*conn).serve", "/srv/api", "http"),
        ("main.handler", "/srv/api", "own"),
        ("runtime.mallocgc", "/srv/api", "runtime"),
        ("github.com/jackc/pgx/v5.(*Conn).Query", "/srv/api", "driver"),
        ("<serde_json::ser::Serializer<W> as serde::ser::Serializer>::serialize_str", "/srv/api", "json"),
        ("MHD_run", "/usr/lib/libmicrohttpd.so.12", "http"),
        ("anything", "/usr/lib/libjson-c.so.5", "json"),
        ("tcp_sendmsg", "[kernel.kallsyms]", "kernel"),
    ],
)
def test_native_frames_have_a_class_by_symbol_or_object(symbol: str, held_by: str, key: str) -> None:
    assert classing.class_of([Frame(symbol, held_by)], NATIVE, no_line) == key


def test_a_function_in_c_is_known_by_the_line_that_calls_it() -> None:
    assert classing.class_of([Frame("view", "/srv/app/app.py", 80)], PYTHON, app_line) == "json"
    assert classing.class_of([Frame("view", "/srv/app/app.py", 81)], PYTHON, app_line) == "own"


def test_the_table_names_only_classes_that_have_a_title() -> None:
    found = classing.table()
    assert {rule.key for rule in found.rules} <= set(found.titles)
    assert set(bounds.STANDS_FOR) <= set(found.titles)


def test_what_is_no_stack_is_refused() -> None:
    with pytest.raises(ValueError, match="line 2"):
        classing.parse_raw("f (a.py:1) 3\nnonsense without a count\n")


@pytest.mark.parametrize(
    "command",
    [
        "python3 -c \nimport x\nx.serve()\n",
        "python3 -c print(1)\nn = 3",
        'python3 -c print("a"); n = 3\nprint("b")',
        "python3 -c \n\n",
        "sh -c a\x0bb\x85c\u2028d",
        'echo "a"\n3',
    ],
)
def test_a_command_line_may_have_any_characters(command: str) -> None:
    """py-spy writes it as it is; a service that was started by python3 -c could not be sorted."""
    one = f'process 5:"{command}";f (/srv/a.py:1)'
    stacks = classing.parse_raw(f'{one} 3\nprocess 5:"{command}";process 6:"{command}";g (/srv/b.py:2) 4\n')
    assert [(stack.pid, stack.count) for stack in stacks] == [(5, 3), (6, 4)]
    assert [frame.name for stack in stacks for frame in stack.frames] == ["f", "g"]


@pytest.mark.parametrize("text", ['process 5:"python3";f (a.py:1)\n', 'process 5:"python3 3\n', "\n\nx\n"])
def test_half_a_stack_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no stack with a count"):
        classing.parse_raw(f"f (a.py:1) 3\n{text}")


def window(*uses: Use) -> Window:
    return Window(10.0, list(uses))


def test_time_without_frames_is_what_is_left_of_the_cpu_time() -> None:
    stacks = [Stack(7, (Frame("f", "/srv/a.py", 1),), 100), Stack(7, (), 900)]
    seen = Profile(PYTHON, "", stacks, [])
    quiet = finding.shares(seen, window(Use(7, "x", 4.0, 0.0, 0, 0)), no_line)
    assert {share.key: share.value for share in quiet} == {"own": pytest.approx(100 / RATE / 4), "http": pytest.approx(1 - 100 / RATE / 4)}
    busy = {share.key: share for share in finding.shares(seen, window(Use(7, "x", 4.0, 4.0, 0, 0)), no_line)}
    assert busy["own"].low < 0.25 < busy["own"].value < 0.5 < busy["own"].high
    assert finding.shares(seen, window(Use(7, "x", 0.0, 0.0, 0, 0)), no_line) == []


def test_waiting_is_what_idle_stacks_within_requests_say() -> None:
    request = (Frame("view", "/srv/a.py", 1), Frame("recv", f"{SITE}/psycopg/x.py", 1))
    idle = (Frame("accept", f"{SITE}/gunicorn/workers/sync.py", 1),)
    seen = Profile(PYTHON, "", [Stack(1, request, 20)], [Stack(1, request, 100), Stack(1, idle, 500)])
    assert finding.waiting(seen, no_line) == pytest.approx(0.8)
    loop = (Frame("run", "/usr/lib/python3.11/asyncio/base_events.py", 1),)
    assert finding.waiting(replace(seen, all=[*seen.all, Stack(1, loop, 1)]), no_line) is None
    assert finding.waiting(Profile(NATIVE), no_line) is None


def test_requests_are_those_that_an_access_log_grew_by(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    line = '10.0.0.1 - - [30/Nov/2026:01:54:04 +0000] "GET /items/{} HTTP/1.1" 200 6 "-" "-"\n'
    log.write_text(line.format(1), encoding="utf-8")
    counter = AccessLog(log)
    with log.open("a", encoding="utf-8") as file:
        file.write(line.format(2) + line.format(3) + "nonsense\n" + line.replace("/items/{}", "/health") + line.format(4).rstrip("\n"))
    found = counter.end()
    assert found.count == 3  # the last line has no end yet
    assert found.routes == {"GET /items/{}": 2, "GET /health": 1}
    assert "1 lines held no request" in found.note


def test_a_log_that_is_rotated_meanwhile_loses_nothing(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    line = '::1 - - [30/Nov/2026:01:54:04 +0000] "GET / HTTP/1.1" 200 6\n'
    log.write_text(line, encoding="utf-8")
    counter = AccessLog(log)
    with log.open("a", encoding="utf-8") as file:
        file.write(line)
    log.rename(tmp_path / "access.log.1")
    log.write_text(line * 2, encoding="utf-8")
    found = counter.end()
    assert found.count == 3
    assert "rotated" in found.note
    counter = AccessLog(log)
    os.truncate(log, 0)
    assert "cut short" in counter.end().note


def test_without_a_count_it_says_so_and_gives_none() -> None:
    found = requests.by_calls(window(Use(1, "x", 1.0, 0.0, 10, 5000)))
    assert found.count is None
    assert "500 writes a second" in found.note
    assert requests.by_calls(window(Use(1, "x", 1.0, 0.0, None, None))).count is None


def test_no_class_saves_more_than_its_share_and_sums_leave_own_code_out() -> None:
    results = synthetic_results.build()
    like = results.contestant("python-uwsgi")
    shares = bounds.shares({"json": 380.0, "msgpack": 200.0, "own": 250.0, "http": 100.0, "client": 70.0}, 1000)
    assert sum(share.value for share in shares) == pytest.approx(1.0)
    found = bounds.of_shares(shares, Analysis(results), like)
    for bound in found:
        for saving in bound.savings:
            assert saving.value <= bound.share.value
            assert saving.low <= saving.value <= saving.high
    by_key = {bound.share.key: bound for bound in found}
    json_saving = next(one for one in by_key["json"].savings if one.name == "restmarkd")
    work = (2900 - 52) / (72 - 8.2)  # the class is the route less an empty request
    assert json_saving.value == pytest.approx(0.38 * (1 - 1 / work), rel=0.01)
    assert by_key["client"].savings == []
    whole = next(one for one in bounds.wholes(found) if one.name == "restmarkd")
    assert whole.value == pytest.approx(sum(one.value for key in ("json", "msgpack", "http") for one in by_key[key].savings if one.name == "restmarkd"))
    assert whole.unknown == pytest.approx(0.32)
    text = finding.bound_told(by_key["json"], "JSON", "Python")
    assert text.startswith("JSON: at most 38% of its CPU time can be saved: ")
    assert "without leaving Python" in text


def test_sampling_makes_a_share_as_uncertain_as_it_is() -> None:
    few, many = (bounds.shares({"json": 0.38, "own": 0.62}, samples)[1] for samples in (50, 5000))
    assert few.low < many.low < 0.38 < many.high < few.high
    assert bounds.shares({"json": 1.0}, 0)[0] == Share("json", 1.0, 0.0, 1.0)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ((), 1, "give either --pid or --unit"),
        (("--pid", "4194303", "--seconds", "1"), 1, "there is no such process"),
        (("--pid", "1", "--unit", "x"), 1, "give either --pid or --unit"),
        (("--pid", str(os.getpid()), "--like", "x"), 1, "--like names a contestant of --run"),
        (("--pid", str(os.getpid()), "--admin", "http://127.0.0.1:1", "--seconds", "1"), 3, "no status of restmarkd's"),
    ],
)
def test_what_can_not_be_looked_at_is_refused(tmp_path: Path, words: tuple[str, ...], code: int, told: str) -> None:
    done = call_rig(tmp_path, "attach", *words)
    assert done.returncode == code
    assert told in " ".join(done.stderr.split())


def test_a_thread_of_the_kernel_is_no_service() -> None:
    comm = Path("/proc/2/comm")
    if not comm.exists() or comm.read_text(encoding="ascii") != "kthreadd\n":
        pytest.skip("threads of the kernel are not seen from here")
    if os.getuid() != 0:
        pytest.skip("only root may ask what program they have")
    with pytest.raises(UsageFault, match="it has no program"):
        service.require(2)


def test_a_service_that_ends_meanwhile_is_told(tmp_path: Path) -> None:
    pid = os.spawnv(os.P_NOWAIT, "/bin/sleep", ["sleep", "0.5"])
    reaper = threading.Thread(target=os.waitpid, args=(pid, 0))
    reaper.start()
    with pytest.raises(EnvironmentFault, match="has ended while it was looked at"):
        service.watched(pid, 60.0, lambda _: None)
    reaper.join()
    with pytest.raises((UsageFault, EnvironmentFault)):
        service.main_pid(f"restmark-no-such-unit-{tmp_path.name}.service")


@pytest.mark.skipif(shutil.which("py-spy") is not None, reason="py-spy is on PATH, so that there is nothing to bring")
def test_setup_of_costs_brings_the_profiler(tmp_path: Path) -> None:
    done = run_rig(tmp_path, "setup", "--dry-run", "costs")
    assert done.returncode == 0, done.stderr
    assert "py-spy==" in done.stdout + done.stderr


@pytest.fixture(scope="module")
def equipped(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    """A cache with the profiler, as 'restmark setup costs' brings it."""
    cache = Cache(tmp_path_factory.mktemp("attach"))
    environment.install(profile.PROFILER, cache, Silent())
    return cache


class Asking(threading.Thread):
    """Asks a server for one thing after the other, and writes an access log as a front server would."""

    def __init__(self, server: RunningServer, log: Path) -> None:
        super().__init__()
        self._server, self._log, self.done, self.asked = server, log, threading.Event(), 0

    def run(self) -> None:
        """Until it is done."""
        with self._server.connect(30.0) as connection, self._log.open("a", encoding="utf-8") as log:
            while not self.done.is_set():
                assert connection.ask(WorkloadRequest(ROUTE_ENCODE)).status == 200
                self.asked += 1
                log.write('127.0.0.1 - - [30/Nov/2026:01:54:04 +0000] "GET /encode-json HTTP/1.1" 200 6\n')
                log.flush()


@pytest.fixture
def service_under_load(default_dataset: Dataset, equipped: Cache, tmp_path: Path) -> Iterator[tuple[RunningServer, Path]]:
    log = tmp_path / "access.log"
    log.touch()
    subject = contestant.load(ROOT / "bench" / "peers" / "python-uwsgi")
    with launch(subject, StartOptions(default_dataset.path, workers=1), equipped) as server:
        asking = Asking(server, log)
        asking.start()
        try:
            wait_until(lambda: asking.asked > 0 or not asking.is_alive(), 60)
            yield server, log
        finally:
            asking.done.set()
            asking.join()
        assert asking.asked > 0


@pytest.mark.skipif(shutil.which("uwsgi") is None, reason="uwsgi is not installed: restmark setup python-uwsgi")
def test_a_live_service_of_python_is_seen_through_and_goes_on(service_under_load: tuple[RunningServer, Path], equipped: Cache) -> None:
    server, log = service_under_load
    before = {process.pid for process in service.processes(server.pid)}
    begin = time.monotonic()
    done = call_rig(equipped.root, "attach", "--pid", str(server.pid), "--seconds", "4", "--access-log", str(log), "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert time.monotonic() - begin >= 4
    assert {process.pid for process in service.processes(server.pid)} == before
    assert found["requests"] > 0
    assert set(found["routes"]) == {"GET /encode-json"}
    assert found["cpu_us_per_request"] == pytest.approx(found["cpu_s"] * 1e6 / found["requests"])
    assert sum(one["kib"] for one in found["memory"]) > 1000
    shares = {one["key"]: one["value"] for one in found["classes"]}
    assert shares["json"] > 0.3, shares
    assert sum(shares.values()) == pytest.approx(1.0, abs=0.01)
    assert any("energy" in line for line in found["not_seen"]) or found["package_joules"] is not None
