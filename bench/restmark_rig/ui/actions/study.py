"""restmark study: experiments that answer a question, claim by claim."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

from ...contestants import builder, requirements, toolchains
from ...contestants.contestant import Contestant
from ...contestants.settings import Settings
from ...host import pinning
from ...load import load
from ...model.errors import BuildFailed, EnvironmentFault, ExitCode, UsageFault
from ...store import dataset, writing
from ...studies import driver, files, registry
from ...studies.lab import Lab
from ...studies.record import StudyResults
from ...studies.study import Claim, Study
from ...terminal import console
from .build import provide_load, require_met


def study(settings: Settings, name: str, numbers: tuple[int, ...], quick: bool, output: Path | None, listing: bool) -> int:
    """Run a study and write its page."""
    subject = registry.find(name)
    claims = _chosen(subject, numbers)
    if listing:
        for claim in claims:
            console.plain(console.out, f"{claim.number:2d}  {claim.sentence}")
        return ExitCode.OK
    directory = (output or Path(f"restmark-study-{subject.name}-{datetime.datetime.now():%Y%m%d-%H%M%S}")).absolute()
    if (directory / files.RESULTS_NAME).exists():
        raise UsageFault(f"{directory} holds other results", "name another --output")
    contestants = _contestants(settings, subject)
    provide_load(settings)
    with writing.claimed(directory), console.progress() as progress:
        for contestant in contestants:
            builder.build(contestant, settings.cache, progress)
        _build_programs(settings, claims, progress)
        data = dataset.write_default(settings.cache.folder("datasets") / "default.msgpack")
        with Lab(contestants, quick, settings.cache, data, pinning.halves(), load, progress) as lab:
            results = driver.run(subject, claims, lab, progress.say)
        paths = files.write(results, directory)
    _show(results, paths)
    return ExitCode.OK


def _build_programs(settings: Settings, claims: Sequence[Claim], reporter: builder.Reporter) -> None:
    """What claims need beside contestants, before anything is measured. A claim that lacks one, or for which one can not be built, says so itself."""
    for program in (toolchains.equip(one, settings.cache) for one in registry.programs(claims)):
        if not requirements.missing(program):
            try:
                builder.build(program, settings.cache, reporter)
            except BuildFailed as fault:
                reporter.say(f"takes no part: {fault.message}")


def _chosen(subject: Study, numbers: Sequence[int]) -> list[Claim]:
    known = {claim.number: claim for claim in subject.claims}
    if strangers := [number for number in numbers if number not in known]:
        raise UsageFault(f"--claim {strangers[0]}: {subject.name} has no such claim", f"there are: {', '.join(map(str, known))}")
    return [claim for claim in subject.claims if not numbers or claim.number in numbers]


def _contestants(settings: Settings, subject: Study) -> list[Contestant]:
    """Those of -C, all of which have to be there; else the study's own, as far as this machine can build them, and the others are named."""
    if settings.selectors or settings.all_built_in:
        chosen = settings.chosen()
        for contestant in chosen:
            require_met(contestant)
        return chosen
    settings.selectors.extend(subject.contestants)
    found = []
    for contestant in settings.chosen():
        if lacking := requirements.missing(contestant):
            console.plain(console.err, f"{contestant.name}: takes no part: {'; '.join(m.what for m in lacking)}; remedy: {lacking[0].remedy}")
        else:
            found.append(contestant)
    if not found:
        raise EnvironmentFault("none of the study's contestants can be built here", f"restmark setup {subject.name}")
    return found


def _show(results: StudyResults, paths: Sequence[Path]) -> None:
    console.plain(console.out, results.notice)
    for claim in results.claims:
        console.plain(console.out, f"{claim.number:2d}  {claim.finding.verdict:20s}  {claim.sentence}")
    for path in paths:
        console.plain(console.out, str(path))
