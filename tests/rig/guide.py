"""docs/COMPARE-YOUR-OWN.md as the tests read it: its code blocks, and the command lines that it begins with."""

from __future__ import annotations

import re
import shlex

from .helpers import ROOT

GUIDE = (ROOT / "docs" / "COMPARE-YOUR-OWN.md").read_text(encoding="utf-8")


def block(language: str, containing: str) -> str:
    """The guide's first code block in a language that contains a text."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
    return next(text for kind, text in blocks if kind == language and containing in text)


def commands() -> list[list[str]]:
    """The command lines of the guide's first block, without the word restmark."""
    lines = block("sh", "new-contestant").splitlines()
    assert all(line.startswith("restmark ") for line in lines)
    return [shlex.split(line)[1:] for line in lines]
