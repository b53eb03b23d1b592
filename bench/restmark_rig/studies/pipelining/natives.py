"""Servers that speak HTTP/2 themselves, and HTTP/3: the programs of the folder natives, built like contestants."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ...contestants import builder, requirements, toolchains
from ...contestants.contestant import Contestant, load
from ...model.errors import BuildFailed
from ...server.launcher import StartOptions, start_command
from .. import neighbour, scratch
from ..lab import Lab
from ..neighbour import Neighbour
from ..study import CannotTell

_FOLDER = Path(__file__).with_name("natives")
GO, RUST, PYTHON = (_FOLDER / name for name in ("native-go", "native-rust", "native-python"))
ALL = (GO, RUST, PYTHON)
IN_THE_CLEAR = ("--clear",)  # of native-go
IN_ORDER = ("--clear", "--in-order")
CLIENT = "client"


def title(folder: Path) -> str:
    """What the program is called."""
    return load(folder).title


def built(lab: Lab, folder: Path) -> Contestant:
    """The program's recipe, built if need be. Raises CannotTell if something is missing, or it can not be built."""
    recipe = toolchains.equip(load(folder), lab.cache)
    if lacking := requirements.missing(recipe):
        raise CannotTell(f"{recipe.title}: {lacking[0].what}; {lacking[0].remedy}")
    try:
        builder.build(recipe, lab.cache, lab.reporter)
    except BuildFailed as fault:
        raise CannotTell(f"{recipe.title} can not be built: {fault.message.splitlines()[0]}") from None
    return recipe


def client(lab: Lab) -> Path:
    """native-go's client. Raises CannotTell."""
    return lab.cache.build_dir(built(lab, GO)) / CLIENT


@contextmanager
def running(
    lab: Lab, folder: Path, more: Sequence[str] = (), workers: int | None = None, within: Sequence[str] = (), host: str = "127.0.0.1"
) -> Iterator[Neighbour]:
    """The server for the length of a with block, on the CPUs of servers, with a certificate of its own.

    more: of its arguments; within: the command that starts it, where it is not to be started directly, so that it listens on a host that can not be
    reached from here. Raises CannotTell, StartFailed.
    """
    recipe = built(lab, folder)
    port = neighbour.free_port()
    with scratch.folder(lab, f"{recipe.name}-{port}") as place:
        scratch.certify(place)
        options = StartOptions(lab.dataset.path, host=host, workers=workers or lab.workers)
        argv, env = start_command(recipe, options, port, lab.cache)
        env |= {"RESTMARK_CERTIFICATE": str(place / scratch.CERTIFICATE), "RESTMARK_KEY": str(place / scratch.KEY)}
        with neighbour.running(lab, recipe.name, [*within, *argv, *more], port, lab.pins.server, env, told="listening on" if within else "") as found:
            yield found
