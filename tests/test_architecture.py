"""docs/ARCHITECTURE.md and CONTRIBUTING.md name what is there, and the pictures are those of the sources."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

TOP = Path(__file__).resolve().parents[1]
DRAW = TOP / "docs" / "draw-architecture"
PAGES = (TOP / "docs" / "ARCHITECTURE.md", TOP / "CONTRIBUTING.md")
ROOTS = (TOP, TOP / "src", TOP / "bench" / "restmark_rig", TOP / "bench" / "load", TOP / "build")
NAMED = re.compile(r"`([\w.-]+(?:/[\w.-]+)+/?)`")


@pytest.fixture(scope="module")
def draw() -> ModuleType:
    loader = SourceFileLoader("draw_architecture", str(DRAW))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_the_pictures_are_those_of_the_sources() -> None:
    checked = subprocess.run([sys.executable, "-B", DRAW, "--check"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_a_picture_of_other_sources_is_found(draw: ModuleType) -> None:
    text = PAGES[0].read_text()
    assert draw.drawn(text) == text
    assert draw.drawn(text.replace("    http --> gate\n", "", 1)) == text
    with pytest.raises(ValueError, match="no place for the picture rig"):
        draw.drawn(text.replace("<!-- picture rig -->", ""))


def test_what_others_imply_is_left_out(draw: ModuleType) -> None:
    uses = {"a": frozenset("bc"), "b": frozenset("c"), "c": frozenset(), "d": frozenset()}
    assert draw.reduced(uses)["a"] == frozenset("b")
    assert "    a --> c" not in draw.picture(uses)
    assert "\n    d\n" in draw.picture(uses)


def test_a_circle_keeps_its_arrows(draw: ModuleType) -> None:
    uses = {"a": frozenset("b"), "b": frozenset("a")}
    assert draw.reduced(uses) == uses


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_the_page_names_is_there(page: Path) -> None:
    text = re.sub(r"^    .*$", "", page.read_text(), flags=re.MULTILINE)  # commands are no names of files
    names = set(NAMED.findall(text))
    assert len(names) >= 5
    missing = [name for name in sorted(names) if not name.startswith("build/") and not any((root / name).exists() for root in ROOTS)]
    assert missing == []
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (page.parent / target).exists(), target
