"""Contestants as they were: a copy of the peers' folder with the same sources and pins, under other names."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

SUFFIX = "-before"
_NAME = re.compile(r'^name = "([^"]*)"', re.MULTILINE)


def copy(peers: Path, names: Iterable[str], place: Path) -> list[Path]:
    """Copies peers to place (which must not exist), and names each contestant of names NAME-before there. Returns their folders.

    Cargo's packages keep their names, and so do the programs that are built; the workspace's list has the folders' new ones.
    """
    shutil.copytree(peers, place, ignore=shutil.ignore_patterns("__pycache__", "node_modules", "target"))
    folders = []
    for name in names:
        folder = (place / name).rename(place / f"{name}{SUFFIX}")
        manifest = folder / "contestant.toml"
        text = manifest.read_text(encoding="utf-8")
        manifest.write_text(_NAME.sub(rf'name = "\1{SUFFIX}"', text, count=1), encoding="utf-8")
        workspace = place / "Cargo.toml"
        if workspace.is_file():
            members = workspace.read_text(encoding="utf-8")
            workspace.write_text(members.replace(f'"{name}"', f'"{name}{SUFFIX}"'), encoding="utf-8")
        folders.append(folder)
    return folders
