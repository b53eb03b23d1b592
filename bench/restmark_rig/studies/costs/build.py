"""Claim 3: how long a developer waits for a build, after one changed line and from nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ...contestants import requirements
from ...contestants.cache import Cache
from ...contestants.contestant import Contestant
from ...model.errors import BuildFailed, StartFailed
from ...report import numbers
from ...server.http_probe import ProbeError
from ...server.launcher import StartOptions
from ...server.placement import Local
from .. import judging, scratch
from ..lab import Lab
from ..record import HOLDS, HOLDS_NOT, OPEN, Cell, FigureTable, Finding
from ..study import Claim
from . import building, image, texts, toolchain
from .asking import ask_all

CLEAN, CHANGED, LOOP, IMAGE = "clean", "one line changed", "changed, built, started and tried", "image"
CHANGES = 3
SECONDS = 15.0  # the article's
RUST = "Rust"
# Compilers' own caches would answer from memory; what the registries brought stays.
_CACHES = {"GOCACHE": "go-build", "CCACHE_DISABLE": ""}


def measure(lab: Lab) -> list[Cell]:
    """Each contestant in a copy of its sources, with a cache of its own: once from nothing, and after each of some changes of a line."""
    cells = []
    for place, contestant in enumerate(lab.contestants):
        lab.tell(f"builds: {contestant.name}", place / len(lab.contestants))
        labels = {"contestant": contestant.title, "name": contestant.name, "language": contestant.language}
        cells.append(_image(lab, contestant, {**labels, "build": IMAGE}))
        try:
            cells += _built(lab, contestant, labels)
        except BuildFailed as fault:
            cells.append(Cell({**labels, "build": CLEAN}, lost=fault.message))
    return cells


def _image(lab: Lab, contestant: Contestant, labels: dict[str, str]) -> Cell:
    """Of what is built already."""
    if requirements.locate(image.TRACER) is None:
        return Cell(labels, lost=f"{image.TRACER.command} is not installed: restmark setup costs")
    try:
        found = image.of(lab, contestant)
    except (StartFailed, ProbeError) as fault:
        return Cell(labels, lost=str(fault))
    return Cell(labels, [{"files": float(found.files), "tar_mib": found.tar_bytes / 2**20, "packed_mib": found.packed_bytes / 2**20}])


def _facts(contestant: Contestant, tools: float | None) -> dict[str, str]:
    lines = building.lines_of_code(contestant)
    return {
        "lines_of_code": "" if lines is None else str(lines),
        "dependencies": str(building.dependencies(contestant)),
        "toolchain_mib": "" if tools is None else f"{tools:.0f}",
    }


def _built(lab: Lab, contestant: Contestant, labels: dict[str, str]) -> Iterator[Cell]:
    """Raises BuildFailed."""
    with scratch.folder(lab, f"build-{contestant.name}") as place, _without_caches(place):
        copy, cache = building.copied(contestant, place / "sources"), Cache(place / "cache")
        clean = building.build(copy, cache, lab.reporter) if copy.build else building.NONE
        artefact = building.artefact_mib(copy, cache) if copy.build else None
        size = {} if artefact is None else {"artefact_mib": f"{artefact:.2f}"}
        yield Cell({**labels, **_facts(contestant, toolchain.mib(contestant, lab.cache)), **size, "build": CLEAN}, [_figures(clean)])
        builds, loops, fault = [], [], ""
        for _ in range(CHANGES):
            changed = building.change(copy)
            # What comes with packages alone: the program itself is not built.
            built = building.build(copy, cache, lab.reporter) if changed and changed.is_built else building.NONE
            builds.append(_figures(built))
            if not fault:
                try:
                    loops.append({"seconds": built.seconds + _tried_s(lab, copy, cache)})
                except (StartFailed, ProbeError) as error:
                    fault = str(error)
        yield Cell({**labels, "build": CHANGED}, builds)
        yield Cell({**labels, "build": LOOP}, [] if fault else loops, fault)


def _tried_s(lab: Lab, contestant: Contestant, cache: Cache) -> float:
    """Seconds from the start of what was built until all of its routes have been answered right. Raises StartFailed, ProbeError."""
    begin = time.monotonic()
    with Local(cache).launch(contestant, StartOptions(lab.dataset.path, workers=1, cpus=lab.pins.server)) as server:
        ask_all(server, lab.dataset)
        return time.monotonic() - begin


@contextmanager
def _without_caches(place: Path) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in _CACHES}
    os.environ.update({name: str(place / folder) if folder else "1" for name, folder in _CACHES.items()})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _figures(built: building.Built) -> dict[str, float]:
    return {"seconds": built.seconds, "cpu_s": built.cpu_s, "peak_mib": built.peak_mib}


def judge(cells: Sequence[Cell]) -> Finding:
    """The rule of the claim."""
    stand = judging.standing(cells)
    notes = judging.lost(cells)
    table = FigureTable(
        "build",
        "Builds, with what the registries brought there already; seconds are of the wall and, in brackets, of the CPUs; an image is told as a tar and, in "
        "brackets, packed",
        ["Contestant", "From nothing, s", "One line, s", "And tried, s", "Peak MiB", "Artefact MiB", "Image MiB", "Tools MiB", "Dependencies", "Own lines"],
        [_row(stand, name) for name in judging.values_of(judging.standing(stand, build=CLEAN), "name")],
    )
    rust = judging.standing(stand, build=CHANGED, language=RUST)
    if not rust:
        return Finding(OPEN, "no contestant in Rust was built", tables=[table], notes=notes)
    whys = [f"{cell.labels['contestant']}: {numbers.plain(judging.middle(cell, 'seconds').value)} s" for cell in rust]
    why = f"after one changed line a build takes {'; '.join(whys)}"
    if all(min(cell.values("seconds")) >= SECONDS for cell in rust):
        return Finding(HOLDS, why, tables=[table], notes=notes)
    if all(max(cell.values("seconds")) < SECONDS for cell in rust):
        return Finding(HOLDS_NOT, why, tables=[table], notes=notes)
    return Finding(OPEN, why, tables=[table], notes=notes)


def _row(cells: Sequence[Cell], name: str) -> list[str]:
    clean = judging.the(cells, name=name, build=CLEAN)
    line = judging.the(cells, name=name, build=CHANGED)
    assert clean is not None
    labels = clean.labels
    artefact, *told = (labels.get(key) or numbers.MISSING for key in ("artefact_mib", "toolchain_mib", "dependencies", "lines_of_code"))
    peak = numbers.plain(max(clean.values("peak_mib")))
    tried = judging.the(cells, name=name, build=LOOP)
    loop = numbers.plain(judging.middle(tried, "seconds").value) if tried else numbers.MISSING
    return [labels["contestant"], _seconds(clean), _seconds(line), loop, peak, artefact, _image_mib(judging.the(cells, name=name, build=IMAGE)), *told]


def _image_mib(cell: Cell | None) -> str:
    if cell is None:
        return numbers.MISSING
    return f"{numbers.plain(cell.rounds[0]['tar_mib'])} ({numbers.plain(cell.rounds[0]['packed_mib'])})"


def _seconds(cell: Cell | None) -> str:
    if cell is None or not any(cell.values("seconds")):
        return "none needed"
    return f"{numbers.plain(judging.middle(cell, 'seconds').value)} ({numbers.plain(judging.middle(cell, 'cpu_s').value)})"


CLAIM = Claim(
    number=3,
    key="build",
    sentence="Changing just one file in Rust takes 15 seconds of build time.",
    source=f"{texts.ARTICLE}: “changing just one file requires 15 seconds of build time”.",
    method=(
        "Each contestant is built in a copy of its sources, as “restmark build” does it (with optimisation), once from nothing, compilers' caches empty and"
        f" packages there; and {CHANGES} times after a comment was added to the largest of its own sources. Then it is started and tried: all of its routes "
        "that each contestant has are asked once and answer right, which with the build is what a developer waits for. CPU time is that of all processes, "
        "memory the most that they had together. The artefact is the program, or the folder of an interpreter's packages; tools are Debian's "
        "packages and what the rig keeps for it, with all that they depend on and without what every Debian has; lines are cloc's. The image is one "
        "layer with the files that the server opens, executes or maps while it starts and answers each of its routes once, under strace, without its "
        "dataset: what a container needs at least, interpreter and C library included; packed by gzip, as a registry keeps it."
    ),
    rule=(
        f"Holds if for every contestant in Rust each build after a change takes {SECONDS:g} s or longer; does not hold if each takes less; cannot be told "
        "otherwise."
    ),
    misleads=(
        "A build for development, without optimisation, is faster; these are the ones that are deployed. Lines of code are those of contestants that do the "
        "same work, and say nothing of how fast they were written. An image made from a distribution's base holds a shell and packages beside that, and what a "
        "server opens later or rarely (time zones, certificates) is not in ours; links and directories, which take next to nothing, are left out."
    ),
    measure=measure,
    judge=judge,
)
