"""One colour a language, the same in every report whoever takes part. Text labels stay: colour never stands alone."""

from __future__ import annotations

import zlib

# Language in lower case -> the end of its colour's name in colours.css, where light and dark were chosen so that any
# two keep apart also for the colour-blind, and each keeps apart from the page.
_KNOWN = {
    "c": "c",
    "c++": "cpp",
    "rust": "rust",
    "go": "go",
    "python": "python",
    "pypy": "python",
    "javascript": "javascript",
    "typescript": "javascript",
    "node.js": "javascript",
    "java": "java",
    "kotlin": "java",
    "php": "php",
    "ruby": "ruby",
    "elixir": "elixir",
    "erlang": "elixir",
    "zig": "zig",
}
OTHERS = 2  # colours for languages that are not in the table, chosen by the name alone


def css_class(language: str) -> str:
    """The class that colours a mark of this language."""
    name = language.strip().lower()
    known = _KNOWN.get(name)
    return f"language-{known}" if known else f"language-other-{zlib.crc32(name.encode()) % OTHERS}"
