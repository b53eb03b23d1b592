"""The {placeholders} of contestant.toml."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

BUILD_NAMES = frozenset({"source", "build", "repo"})
START_NAMES = BUILD_NAMES | {"address", "host", "port", "workers", "dataset"}

_TOKEN = re.compile(r"\{\{|\}\}|\{([a-z]+)\}|[{}]")


class PlaceholderError(ValueError):
    """A placeholder is unknown, or a brace stands alone."""


def names_in(text: str) -> set[str]:
    """Names of the placeholders in text. Raises PlaceholderError for a brace that is neither doubled nor closed."""
    names = set()
    for match in _TOKEN.finditer(text):
        if match.group(1):
            names.add(match.group(1))
        elif match.group(0) in ("{", "}"):
            raise PlaceholderError(
                f"stray '{match.group(0)}' in {text!r}; write a literal brace twice: '{match.group(0) * 2}'"
            )
    return names


def check(text: str, allowed: Iterable[str]) -> None:
    """Raises PlaceholderError if text uses a placeholder that is not in allowed."""
    allowed = set(allowed)
    for name in sorted(names_in(text) - allowed):
        choices = " ".join("{" + choice + "}" for choice in sorted(allowed))
        raise PlaceholderError(f"unknown placeholder '{{{name}}}' in {text!r}; allowed here: {choices}")


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
