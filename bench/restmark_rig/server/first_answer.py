"""How long a server takes from being executed to its first right answer, as a program beside it sees it that asks every 50 µs."""

from __future__ import annotations

from pathlib import Path

from ..contestants.cache import Cache
from ..contestants.contestant import Contestant
from ..host import ports
from ..host.supervised import ProcessSpec, SupervisedProcess, tail
from ..model import cpulist
from ..model.errors import StartFailed
from .launcher import StartOptions, start_command

SOURCE = Path(__file__).with_name("first-answer.c")
_LONGEST_S = 30


def measure_ms(program: Path, contestant: Contestant, options: StartOptions, cache: Cache, client_cpus: frozenset[int] | None) -> float:
    """Starts the contestant and ends it again. program: SOURCE, compiled. client_cpus: where that asks; None: anywhere. Raises StartFailed."""
    port = options.port or ports.choose(options.host)
    argv, env = start_command(contestant, options, port, cache)
    out = cache.log_file(f"first-answer.{port}")
    log = cache.log(contestant, "server")
    log.write_bytes(b"")
    client, server = (cpulist.render(cpus) if cpus else "-" for cpus in (client_cpus, options.cpus))
    told = [str(program), str(port), str(_LONGEST_S), str(out), client, server]
    with SupervisedProcess(ProcessSpec(contestant.name, [*told, *argv], env, contestant.directory, log)) as process:
        status = process.wait(2.0 * _LONGEST_S)
        process.stop(0)
    try:
        text = out.read_text()
    finally:
        out.unlink(missing_ok=True)
    if status != 0 or not text:
        raise StartFailed(f"{contestant.name}: {tail(log).strip()[-300:] or 'no right answer came'}", f"see {log}")
    if ports.listeners(port):
        raise StartFailed(f"{contestant.name}: port {port} is still held after its end", "see who listens there")
    return int(text) / 1e6
