"""restmark setup: brings what contestants need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...attach import profile
from ...backends import back_ends
from ...contestants import registry as contestants_of
from ...contestants import requirements, toolchains, versions
from ...contestants.contestant import Contestant
from ...contestants.settings import Settings
from ...load import load_program, locust_program
from ...model.errors import EnvironmentFault, ExitCode
from ...model.workloads import BACK_END_ROUTES
from ...setup import environment, needs, packages
from ...studies import registry
from ...terminal import console
from ...terminal.console import Progress

_WITH_PROFILER = "costs"  # the study whose figures 'restmark attach' is looked at with


def setup(settings: Settings, dry_run: bool, contestants: tuple[str, ...]) -> int:
    """Install what contestants need (all built-in ones, or those named), studies, and the back ends with those who ask them."""
    named = [registry.find(name) for name in contestants if name in registry.names()]
    settings.selectors.extend(name for name in contestants if name not in (*registry.names(), back_ends.NAME, locust_program.NAME))
    settings.selectors.extend(name for study in named for name in study.contestants)
    studies = [one for study in named for one in (registry.recipe(study), *registry.programs(study.claims))]
    if locust_program.NAME in contestants:
        studies.append(locust_program.recipe())
    if _WITH_PROFILER in contestants:
        studies.append(profile.recipe())
    if back_ends.NAME in contestants:
        studies.append(back_ends.recipe())
        settings.selectors.extend(one.name for one in contestants_of.offering(settings.peers_dir, BACK_END_ROUTES))
    wanted = _Wanted(settings, studies, {*contestants} != {locust_program.NAME})
    if not (unmet := needs.unmet(wanted.needy())):
        return _tell_outcome(wanted, "nothing to install: ")
    brought = packages.bring(needs.lines(unmet), dry_run)
    if dry_run:
        return ExitCode.OK
    if brought:
        versions.forget()
        with console.progress() as progress:
            _bring_toolchains(wanted, progress)
    return _tell_outcome(wanted, "")


@dataclass(frozen=True)
class _Wanted:
    """Who is to get what it needs. beside: studies, back ends and the like; with_contestants: False where these alone are named."""

    settings: Settings
    beside: Sequence[Contestant]
    with_contestants: bool

    def users(self) -> list[Contestant]:
        """All of them, with the search path by which each finds what is in the cache now."""
        contestants = self.settings.chosen() if self.with_contestants else []
        return [*contestants, *(toolchains.equip(one, self.settings.cache) for one in self.beside)]

    def needy(self) -> list[Contestant]:
        """Those, and the load generator where it has to be built."""
        return [*self.users(), *load_program.unmet()]


def _bring_toolchains(wanted: _Wanted, progress: Progress) -> None:
    """What no Debian package has brought and a Python package can. One that fails is named, and the rest goes on."""
    while unmet := [requirement for requirement in needs.unmet(wanted.users()) if requirement.pip_requirements]:
        # One will do for all that ask for the command: the pin of each has the newest that any needs.
        requirement = unmet[0]
        assert requirement.pip_requirements is not None
        progress.say(f"installing {needs.pinned(requirement.pip_requirements)} into the cache")
        try:
            environment.install(requirement, wanted.settings.cache, progress)
        except EnvironmentFault as fault:
            console.show_error(fault)
            return
        if requirement in needs.unmet(wanted.users()):
            console.show_error(
                EnvironmentFault(
                    f"{requirement.pip_requirements}: what it pins is not {requirement.command} "
                    f"{requirement.minimum_version} or newer",
                    "pin a newer one",
                )
            )
            return


def _tell_outcome(wanted: _Wanted, prefix: str) -> int:
    """Who can be built now, and why others can not; and what studies and the like lack beside them."""
    lacking = {one.name: requirements.missing(one) for one in wanted.users()}
    for name, missing in lacking.items():
        if missing:
            console.plain(console.out, f"{name}: missing: {'; '.join(m.what for m in missing)}")
    met = sum(not missing for missing in lacking.values())
    who = "contestants" if not wanted.beside else "contestants, studies and back ends" if wanted.with_contestants else "parts"
    console.plain(console.out, f"{prefix}{met} of {len(lacking)} {who} have what they need")
    return ExitCode.OK if met == len(lacking) else ExitCode.ENVIRONMENT
