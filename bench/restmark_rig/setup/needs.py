"""What contestants need and this machine has not, as lines for need-packages.sh. Decides, and changes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from ..contestants import requirements
from ..contestants.contestant import Contestant, Requirement
from ..model.errors import ManifestError

# What a virtual environment takes on Debian, and its pip to trust a registry.
_ENVIRONMENT_PACKAGES = "python3-venv ca-certificates"
_PINNED = re.compile(r"^\s*([^\s#]+==[^\s;]+)", re.MULTILINE)
_EMPTY = "-"


def unmet(contestants: Iterable[Contestant]) -> dict[Requirement, list[str]]:
    """The requirements that are not met and could be, each with the names of those who need it, in their order."""
    users: dict[Requirement, list[str]] = {}
    for contestant in contestants:
        for requirement in contestant.requires:
            if requirements.obtainable(requirement) and requirements.shortfall(requirement, contestant.search_path):
                users.setdefault(requirement, []).append(contestant.name)
    return users


def line(requirement: Requirement, users: Iterable[str]) -> str:
    """One requirement as need-packages.sh --needs reads it. Raises ManifestError."""
    fallback = (_EMPTY, _EMPTY)
    if requirement.pip_requirements is not None:
        fallback = (f"{pinned(requirement.pip_requirements)} by pip", _ENVIRONMENT_PACKAGES)
    fields = (
        requirement.command,
        requirement.minimum_version or _EMPTY,
        " ".join(requirement.version_command) or _EMPTY,
        " ".join(requirement.packages) or _EMPTY,
        ", ".join(dict.fromkeys(users)),
        *fallback,
    )
    return "\t".join(fields)


def lines(needed: dict[Requirement, list[str]]) -> list[str]:
    """line() of each; what differs in nothing but a hint is one need."""
    merged: dict[str, tuple[Requirement, list[str]]] = {}
    for requirement, users in needed.items():
        merged.setdefault(line(requirement, ()), (requirement, []))[1].extend(users)
    return [line(requirement, users) for requirement, users in merged.values()]


def pinned(path: Path) -> str:
    """The first "package==version" of a requirements.txt. Raises ManifestError."""
    try:
        found = _PINNED.search(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path}: can not be read: {error}") from None
    if found is None:
        raise ManifestError(f"{path}: pins no package", 'write "package==version" with its hashes')
    return found.group(1)
