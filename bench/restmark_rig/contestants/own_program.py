"""A small program of the rig's own, of one C source, compiled where and when it is needed."""

from __future__ import annotations

from pathlib import Path

from . import builder, requirements
from .cache import Cache
from .contestant import BuildPlan, Contestant, Requirement, StartPlan

COMPILER = Requirement("cc", ("gcc", "libc6-dev"))
_CFLAGS = ("-std=gnu17", "-O2", "-Wall", "-Wextra")


def lacking(source: Path) -> str:
    """Why it can not be compiled, with a remedy; empty if it can."""
    found = requirements.missing(_recipe(source))
    return f"{source.name} has to be compiled: {found[0].what}; {found[0].remedy}" if found else ""


def compiled(source: Path, cache: Cache, reporter: builder.Reporter) -> Path:
    """The program, built if need be. Raises BuildFailed."""
    recipe = _recipe(source)
    builder.build(recipe, cache, reporter)
    return cache.build_dir(recipe) / source.stem


def _recipe(source: Path) -> Contestant:
    """The part of a contestant that the builder looks at."""
    product = f"{{build}}/{source.stem}"
    return Contestant(
        directory=source.parent,
        repo=None,
        name=f"own-{source.stem}",
        title=source.name,
        language="C",
        model="none",
        description="A program of the rig's own.",
        notes="",
        routes=(),
        requires=(COMPILER,),
        build=BuildPlan(steps=((COMPILER.command, *_CFLAGS, "-o", product, str(source)),), inputs=("*.[ch]",), env={}),
        start=StartPlan((product,), {}),
        versions={},
        products=(product,),
    )
