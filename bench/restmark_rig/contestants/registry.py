"""Which contestants there are, and which of them a command line means."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from pathlib import Path

from ..host.installation import PEERS
from ..model.errors import UsageFault
from ..model.workloads import back_end_of
from . import contestant as manifest
from . import prebuilt
from .contestant import Contestant

_COPY = "-copy"  # of the same program, to compare a way of sending: its back ends are the same


def _load(folder: Path) -> Contestant:
    """The contestant of that folder, with the installed program where that serves."""
    return prebuilt.adopt(manifest.load(folder))


def load_checked(folder: Path) -> Contestant:
    """The same, for a manifest that has been checked elsewhere."""
    return prebuilt.adopt(manifest.load_checked(folder))


def built_in(peers_dir: Path) -> list[Contestant]:
    """All contestants below peers_dir, optional ones too, sorted by name; none if the folder does not exist.

    Raises ManifestError for a faulty manifest.
    """
    return [_load(peers_dir / name) for name in built_in_names(peers_dir)]


def by_default(peers_dir: Path) -> list[Contestant]:
    """Those of built_in() that take part where nobody is named."""
    return [contestant for contestant in built_in(peers_dir) if not contestant.optional]


def resolve(selector: str, peers_dir: Path) -> Contestant:
    """The contestant meant by -C: a built-in's NAME, or else a DIR.

    Raises UsageFault if it is neither, or another folder with a built-in's name: results are kept by name.
    """
    looks_like_name = "/" not in selector and selector not in (".", "..")
    directory = Path(selector)
    here = (directory / manifest.MANIFEST_NAME).is_file()
    namesake = peers_dir / directory.resolve().name
    if here and (namesake / manifest.MANIFEST_NAME).is_file() and namesake.resolve() != directory.resolve():
        raise UsageFault(
            f"contestant {selector}: the folder {directory.resolve()} has the name of the built-in contestant "
            f"{namesake.name}",
            "rename the folder, and the name in its contestant.toml",
        )
    if looks_like_name and (peers_dir / selector / manifest.MANIFEST_NAME).is_file():
        return _load(peers_dir / selector)
    if directory.is_dir():
        return _load(directory)
    if not looks_like_name:
        raise UsageFault(f"contestant {selector}: there is no such folder", "name a folder with a contestant.toml")
    names = built_in_names(peers_dir)
    close = difflib.get_close_matches(selector, names, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    raise UsageFault(
        f"contestant {selector}: neither a built-in contestant nor a folder here",
        f"{hint}built-in in {peers_dir}: {', '.join(names) or 'none'}",
    )


def selector(contestant: Contestant) -> str:
    """What to write after -C to mean this contestant, from the folder in which the rig runs."""
    if contestant.directory.parent == PEERS:
        return contestant.name
    here = Path.cwd()
    below = contestant.directory.is_relative_to(here)
    return f"./{contestant.directory.relative_to(here)}" if below else str(contestant.directory)


def built_in_names(peers_dir: Path) -> list[str]:
    """Names of all contestants below peers_dir, sorted; none if the folder does not exist."""
    if not peers_dir.is_dir():
        return []
    return sorted(path.name for path in peers_dir.iterdir() if (path / manifest.MANIFEST_NAME).is_file())


def offering(peers_dir: Path, routes: Collection[str]) -> list[Contestant]:
    """Those of built_in() that offer one of the routes that ask back ends, optional or not, but for copies. And
    those of by_default() if there are other routes as well."""
    asking = [route for route in routes if back_end_of(route)]
    usual = by_default(peers_dir) if len(asking) < len(routes) else []
    asked = [c for c in built_in(peers_dir) if any(route in c.routes for route in asking) and not c.name.endswith(_COPY)]
    return list({contestant.name: contestant for contestant in (*usual, *asked)}.values())


def select(selectors: Sequence[str], peers_dir: Path, include_built_in: bool, routes: Collection[str] = ()) -> list[Contestant]:
    """The contestants meant by the selectors, after all built-in ones if include_built_in; each one once.

    Without either, those of by_default(); if routes are named that ask back ends, those of offering().

    Raises UsageFault when two different folders bear the same name, because results are kept by name.
    """
    chosen: dict[str, Contestant] = {}
    unnamed: list[Contestant] = []
    if include_built_in:
        unnamed = built_in(peers_dir)
    elif not selectors:
        unnamed = offering(peers_dir, routes) if any(map(back_end_of, routes)) else by_default(peers_dir)
    for contestant in [*unnamed, *(resolve(selector, peers_dir) for selector in selectors)]:
        other = chosen.setdefault(contestant.name, contestant)
        if other.directory != contestant.directory:
            raise UsageFault(
                f"two contestants are named {contestant.name}: {other.directory} and {contestant.directory}",
                "rename one folder and the name in its contestant.toml",
            )
    return list(chosen.values())
