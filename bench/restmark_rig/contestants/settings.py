"""What the options that all commands share say: which contestants, and where the cache is.

What it takes to find them is imported when it is asked for: this is part of the start of every command.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..host.installation import PEERS
from ..model.errors import EnvironmentFault
from . import targets

if TYPE_CHECKING:
    from .cache import Cache
    from .contestant import Contestant


@dataclass
class Settings:
    """What the shared options say. workloads: those that are asked for by name, which decide who takes part where nobody is named."""

    selectors: list[str] = field(default_factory=list)
    all_built_in: bool = False
    peers_dir: Path = PEERS
    cache_dir: Path | None = None
    target_cpu: str = targets.DEFAULT  # one of targets.NAMES
    workloads: tuple[str, ...] = ()

    @property
    def cache(self) -> Cache:
        """That of --cache-dir, else the default one. Raises EnvironmentFault if there is no place for that."""
        from .cache import Cache, default_directory

        return Cache(self.cache_dir or default_directory())

    def asked_for(self) -> list[Contestant]:
        """Those named with -C; if none is named, those that are not optional, or those that offer the workloads of back ends that are asked
        for; all with --all. May be none at all."""
        from . import aiming, registry, toolchains

        target = targets.named(self.target_cpu)
        selected = registry.select(self.selectors, self.peers_dir, self.all_built_in, self.workloads)
        return [toolchains.equip(aiming.aim(contestant, target), self.cache) for contestant in selected]

    def chosen(self) -> list[Contestant]:
        """asked_for(). Raises EnvironmentFault if there are none at all."""
        chosen = self.asked_for()
        if not chosen:
            raise EnvironmentFault(
                f"no contestants in {self.peers_dir}",
                "name their folder with --peers-dir, or one contestant with -C DIR",
            )
        return chosen

    def named(self, contestant: Contestant) -> bool:
        """Whether the command line names this contestant, so that it must not be skipped quietly."""
        from . import registry

        return any(
            registry.resolve(selector, self.peers_dir).directory == contestant.directory for selector in self.selectors
        )
