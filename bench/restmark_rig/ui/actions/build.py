"""restmark build: builds contestants into the cache."""

from __future__ import annotations

from ...contestants import builder, requirements
from ...contestants.contestant import Contestant
from ...contestants.settings import Settings
from ...load import load_program
from ...model.errors import BuildFailed, EnvironmentFault, ExitCode
from ...terminal import console
from ...terminal.console import Progress


def require_met(contestant: Contestant) -> None:
    """Raises EnvironmentFault if a requirement of the contestant is missing."""
    if missing := requirements.missing(contestant):
        raise EnvironmentFault(
            f"{contestant.name}: {'; '.join(m.what for m in missing)}",
            "; ".join(dict.fromkeys(m.remedy for m in missing)),
        )


def provide_load(settings: Settings) -> None:
    """Builds the load generator if that has to be. Raises EnvironmentFault now rather than after ten minutes."""
    with console.progress() as progress:
        load_program.provide(settings.cache, progress)


def build(settings: Settings, force: bool) -> int:
    """Build contestants (all that this machine has the tools for, or those named with -C)."""
    failed = []
    with console.progress() as progress:
        for contestant in settings.chosen():
            try:
                require_met(contestant)
                _build_one(settings, contestant, progress, force)
            except BuildFailed as error:
                console.show_error(error)
                failed.append(contestant.name)
            except EnvironmentFault as error:
                if settings.named(contestant):
                    console.show_error(error)
                    failed.append(contestant.name)
                else:
                    console.plain(console.out, f"{contestant.name}: skipped: {error.message}; remedy: {error.remedy}")
    if failed:
        console.plain(console.err, f"not built: {', '.join(failed)}")
        return ExitCode.ENVIRONMENT
    return ExitCode.OK


def _build_one(settings: Settings, contestant: Contestant, progress: Progress, force: bool) -> None:
    result = builder.build(contestant, settings.cache, progress, force)
    if contestant.build is None:
        text = "nothing to build"
    elif result.fresh:
        text = "up to date"
    else:
        text = f"built in {result.duration_s:.1f} s, log {result.log}"
    console.plain(console.out, f"{contestant.name}: {text}")
