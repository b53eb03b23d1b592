"""Which Locust has the load machines together: one on PATH that will do, else that of 'restmark setup distributed', in a virtual environment
of its own in the cache. The rig's own Python needs none of it."""

from __future__ import annotations

from ..contestants import contestant, requirements, toolchains
from ..contestants.cache import Cache
from ..contestants.contestant import Contestant, Requirement
from ..host.installation import BENCH
from ..model.errors import EnvironmentFault

NAME = "distributed"  # by which 'restmark setup' knows it
FOLDER = BENCH / "distributed"
LOCUSTFILE = FOLDER / "locustfile.py"
_LOCUST = Requirement(
    "locust",
    packages=(),
    minimum_version="2.47",
    version_command=("locust", "--version"),
    pip_requirements=FOLDER / "requirements.lock",
)
_SSH = Requirement("ssh", ("openssh-client",))


def recipe() -> Contestant:
    """What load from many machines takes on this one: the part of a contestant that 'restmark setup' looks at."""
    return contestant.needing(FOLDER, NAME, "load from many machines", "Locust, which has the load machines together.", (_LOCUST, _SSH))


def path(cache: Cache) -> str:
    """The program. Raises EnvironmentFault if there is none that will do."""
    equipped = toolchains.equip(recipe(), cache)
    wrong = requirements.shortfall(_LOCUST, equipped.search_path)
    found = requirements.locate(_LOCUST, equipped.search_path)
    if wrong or found is None:
        raise EnvironmentFault(f"load from many machines needs Locust: {wrong}", f"restmark setup {NAME}")
    return found
