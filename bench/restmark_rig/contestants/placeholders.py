"""The {placeholders} of contestant.toml."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

FOLDER_NAMES = frozenset({"source", "repo"})
BUILD_NAMES = FOLDER_NAMES | {"build", "target_cc", "target_rust", "target_go"}
BACK_END_NAMES = frozenset({"database_url", "cache_url", "database_connections", "cache_connections"})
START_NAMES = BUILD_NAMES | BACK_END_NAMES | {"address", "host", "port", "workers", "dataset"}

_TOKEN = re.compile(r"\{\{|\}\}|\{([A-Za-z_][\w-]*)\}|[{}]")


class PlaceholderError(ValueError):
    """A placeholder is unknown or can not be used where it stands, or a brace stands alone. remedy: what to write."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def names_in(text: str) -> set[str]:
    """Names of the placeholders in text. Raises PlaceholderError for a brace that is neither doubled nor closed."""
    names = set()
    for match in _TOKEN.finditer(text):
        if match.group(1):
            names.add(match.group(1))
        elif match.group(0) in ("{", "}"):
            raise PlaceholderError(
                f"stray '{match.group(0)}' in {text!r}", f"write a literal brace twice: '{match.group(0) * 2}'"
            )
    return names


def check(text: str, allowed: Iterable[str]) -> None:
    """Raises PlaceholderError if text uses a placeholder that is not in allowed."""
    allowed = set(allowed)
    for name in sorted(names_in(text) - allowed):
        choices = " ".join("{" + choice + "}" for choice in sorted(allowed))
        here = f"allowed here: {choices}" if allowed else "no placeholder can be used here"
        if name in START_NAMES - BUILD_NAMES and allowed:
            reason = f"'{{{name}}}' in {text!r} is known only when the server starts"
            raise PlaceholderError(reason, f"use it in [start] argv or env; {here}")
        if name in START_NAMES:
            raise PlaceholderError(f"'{{{name}}}' in {text!r} can not be used here", here)
        close = difflib.get_close_matches(name.lower(), sorted(START_NAMES), n=1)
        guess = f"did you mean {{{close[0]}}}? " if close else ""
        literal = f"a literal brace is written twice: {{{{{name}}}}}"
        raise PlaceholderError(f"unknown placeholder '{{{name}}}' in {text!r}", f"{guess}{here}; {literal}")


def expand(text: str, values: Mapping[str, object]) -> str:
    """text with its placeholders replaced and doubled braces made single.

    Raises PlaceholderError for a name without a value.
    """
    check(text, values)

    def replace(match: re.Match[str]) -> str:
        name = match.group(1)
        return str(values[name]) if name else match.group(0)[0]

    return _TOKEN.sub(replace, text)


def expand_all(texts: Iterable[str], values: Mapping[str, object]) -> list[str]:
    """expand() of each text."""
    return [expand(text, values) for text in texts]


def expand_values(texts: Mapping[str, str], values: Mapping[str, object]) -> dict[str, str]:
    """expand() of each value, as of environment variables."""
    return {name: expand(text, values) for name, text in texts.items()}
