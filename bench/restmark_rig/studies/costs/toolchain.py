"""How much has to be installed to build and run a contestant: what 'restmark setup' keeps of it, and Debian's packages with all that they depend on."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ...contestants import requirements, toolchains
from ...contestants.cache import Cache
from ...contestants.contestant import Contestant

_FIELDS = ("Package", "db:Status-Status", "Essential", "Installed-Size", "Provides", "Pre-Depends", "Depends")
_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]*")


@dataclass(frozen=True)
class Package:
    """An installed one. needs: for each dependency the names that would do."""

    name: str
    kib: int
    essential: bool
    provides: tuple[str, ...]
    needs: tuple[tuple[str, ...], ...]


def mib(one: Contestant, cache: Cache) -> float | None:
    """Less what every Debian has. None where something of it came otherwise than by packages or the rig, so that nobody knows what belongs to it."""
    path = (one.search_path or "").split(":")
    folders, names = set[Path](), list[str]()
    for requirement in one.requires:
        folder, command = toolchains.folder(cache, requirement), requirements.locate(requirement, one.search_path)
        if str(folder / "bin") in path:
            folders.add(folder)
            continue
        owner = _owner(command) if command else None
        if owner is None:
            return None
        names += [owner, *(name for package in requirement.packages for name in package.split("|"))]
    if not folders and not names:
        return None
    packages = installed(_dpkg()) if names else {}
    base = closure(packages, (package.name for package in packages.values() if package.essential))
    kib = sum(packages[name].kib for name in closure(packages, names) - base)
    return (kib + sum(map(_folder_kib, folders))) / 1024


def _owner(command: str) -> str | None:
    """The package that a file is of; None: of none. Older packages say /bin where the file is in /usr/bin by now."""
    if shutil.which("dpkg-query") is None:
        return None
    real = str(Path(command).resolve())
    for path in dict.fromkeys((real, real.removeprefix("/usr"), command)):
        done = subprocess.run(["dpkg-query", "--search", path], capture_output=True, text=True, timeout=60, check=False)
        owners = [line for line in done.stdout.splitlines() if not line.startswith(("diversion by ", "local diversion "))]
        if done.returncode == 0 and owners:
            return owners[0].split(": ")[0].split(",")[0].split(":")[0]
    return None


def _folder_kib(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir()) // 1024


def _dpkg() -> str:
    shown = "\t".join(f"${{{name}}}" for name in _FIELDS) + "\n"
    return subprocess.run(["dpkg-query", "--show", f"--showformat={shown}"], capture_output=True, text=True, timeout=60, check=True).stdout


def installed(listing: str) -> dict[str, Package]:
    """Of dpkg-query's lines, by their names; of two architectures of one package the last counts."""
    found = {}
    for line in listing.splitlines():
        name, status, essential, kib, provides, *needs = line.split("\t")
        if status == "installed":
            alternatives = tuple(tuple(_names(one, "|")) for text in needs for one in text.split(",") if one)
            found[name] = Package(name, int(kib or 0), essential == "yes", tuple(_names(provides, ",")), alternatives)
    return found


def _names(text: str, separator: str) -> list[str]:
    """Without versions and architectures."""
    return [match.group() for one in text.split(separator) if (match := _NAME.match(one.strip()))]


def closure(packages: Mapping[str, Package], names: Iterable[str]) -> set[str]:
    """Those of the names that are installed, and all that they need. Of a dependency's alternatives the first that is there counts."""
    providers = {provided: package.name for package in packages.values() for provided in package.provides}
    waiting, found = list(names), set[str]()
    while waiting:
        name = waiting.pop()
        name = name if name in packages else providers.get(name, "")
        if not name or name in found:
            continue
        found.add(name)
        for alternatives in packages[name].needs:
            waiting += [one for one in alternatives if one in packages or one in providers][:1]
    return found
