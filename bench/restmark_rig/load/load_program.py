"""Which restmark-load makes the load: in a checkout its own, built like a contestant; else the installed one of the rig's version."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from .. import __version__
from ..contestants import builder, contestant, prebuilt, requirements, versions
from ..contestants.builder import Reporter
from ..contestants.cache import Cache, default_directory
from ..contestants.contestant import BuildPlan, Contestant, Prebuilt, Requirement, StartPlan
from ..host.installation import BENCH, PACKAGE
from ..model.errors import EnvironmentFault

NAME = "restmark-load"
VARIABLE = "RESTMARK_LOAD"  # of the environment: the path of another one
_BUILT = "{build}/cmake/bench/load/restmark-load"
_PACKAGES = ("restmark",)
_CMAKE_OPTIONS = ("-DCMAKE_BUILD_TYPE=Release", "-DBUILD_TESTING=OFF", "-DRESTMARK_BENCH=OFF", "-DRESTMARKD_STORES=OFF")

# The checkout's CMakeLists.txt asks for all of restmarkd's libraries, whatever is built.
_REQUIRES = (
    Requirement("cmake", ("cmake",)),
    Requirement("ninja", ("ninja-build",)),
    Requirement("pkg-config", ("pkgconf",)),
    Requirement("c++", ("g++",)),
    Requirement("/usr/include/microhttpd.h", ("libmicrohttpd-dev",)),
    Requirement("/usr/include/msgpack.h", ("libmsgpack-c-dev|libmsgpack-dev",)),
    Requirement("/usr/include/json-c/json.h", ("libjson-c-dev",)),
    Requirement("/usr/include/systemd/sd-daemon.h", ("libsystemd-dev",)),
    Requirement("/usr/include/zlib.h", ("zlib1g-dev",)),
)

_provided: Path | None = None


def recipe() -> Contestant:
    """What it takes to build it: the part of a contestant that the builder and 'restmark setup' look at."""
    repo = contestant.find_repo(PACKAGE)
    return Contestant(
        directory=BENCH / "load",
        repo=repo,
        name=NAME,
        title=NAME,
        language="C",
        model="none",
        description="The load generator.",
        notes="",
        routes=(),
        requires=_REQUIRES if repo else (Requirement(NAME, _PACKAGES, in_debian=False),),
        build=BuildPlan(
            steps=(
                ("cmake", "-S", "{repo}", "-B", "{build}/cmake", "-G", "Ninja", *_CMAKE_OPTIONS),
                ("cmake", "--build", "{build}/cmake", "--target", NAME),
            ),
            inputs=("{repo}/CMakeLists.txt", "{repo}/cmake/**", "{repo}/include/**", "{repo}/src/**", "{repo}/bench/load/**"),
            env={},
        )
        if repo
        else None,
        start=StartPlan((_BUILT,), {}),
        versions={},
        products=(_BUILT,) if repo else (),
        needs_repo=True,
        prebuilt=Prebuilt(NAME, _PACKAGES),
    )


def provide(cache: Cache, reporter: Reporter) -> Path:
    """Sees to it that there is one, by building it if need be, and lets path() answer it from now on.

    Raises BuildFailed, or EnvironmentFault if there is none and it can not be built here.
    """
    global _provided
    _provided = _given() or _built(cache, reporter) or _installed()
    return _provided


def path() -> Path:
    """The one that provide() has found; without that, one that needs no building. Raises EnvironmentFault."""
    return _provided or _given() or _ready(Cache(default_directory())) or _installed()


def unmet() -> list[Contestant]:
    """The recipe if there is no restmark-load and it is to be built, else nothing."""
    try:
        path()
    except EnvironmentFault:
        made = recipe()
        return [made] if made.build is not None else []
    return []


def version() -> str:
    """What it says of itself. Raises EnvironmentFault."""
    return versions.first_line((str(path()), "-V"), Path("/"))


def _given() -> Path | None:
    text = os.environ.get(VARIABLE)
    if not text:
        return None
    if shutil.which(text) is None:
        raise EnvironmentFault(f"{VARIABLE}={text}: no program is there", f"name a restmark-load, or unset {VARIABLE}")
    return _of_this_version(Path(shutil.which(text) or text), f"name another one, or unset {VARIABLE}")


def _built(cache: Cache, reporter: Reporter) -> Path | None:
    """The checkout's; None outside of one, and where tools to build it are missing."""
    made = recipe()
    if made.build is None or requirements.missing(made):
        return None
    builder.build(made, cache, reporter)
    return _product(made, cache)


def _ready(cache: Cache) -> Path | None:
    made = recipe()
    current = made.build is not None and builder.state(made, cache) == "ready"
    return _product(made, cache) if current else None


def _product(made: Contestant, cache: Cache) -> Path:
    return Path(_BUILT.replace("{build}", str(cache.build_dir(made))))


def _installed() -> Path:
    found = prebuilt.find(NAME)
    packages = " ".join(_PACKAGES)
    if found is not None:
        return _of_this_version(found, f"install both in the same version: apt-get install {packages}")
    made = recipe()
    if made.build is None:
        raise EnvironmentFault(f"the load generator {NAME} is not installed", f"apt-get install {packages}")
    lacking = requirements.missing(made)
    raise EnvironmentFault(
        f"the load generator {NAME} is not installed"
        + (f", and to build it here is missing: {'; '.join(one.what for one in lacking)}" if lacking else " and not built"),
        "restmark setup" if lacking else "run the command again: it builds it",
    )


def _of_this_version(program: Path, remedy: str) -> Path:
    told = versions.first_line((str(program), "-V"), Path("/"))
    if __version__ not in told.split():
        raise EnvironmentFault(f"{program} says {told!r}, but this rig is restmark {__version__}", remedy)
    return program
