"""The packages of the rig import each other in one direction, and no file is part of a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from .helpers import ROOT

PACKAGE = ROOT / "bench" / "restmark_rig"
# Package -> the packages that it may import. Whoever adds one has to find a place for it here: nothing may be imported upwards.
MAY_IMPORT: dict[str, set[str]] = {
    "model": set(),
    "host": {"model"},
    "terminal": {"model"},
    "store": {"model", "host"},
    "contestants": {"model", "host", "store"},
    "load": {"model", "host", "store", "contestants"},
    "backends": {"model", "host", "store", "contestants"},
    "server": {"model", "host", "store", "contestants"},
    "agent": {"model", "host", "store", "contestants", "server"},
    "verify": {"model", "host", "store", "contestants", "backends", "server"},
    "report": {"model", "store"},
    "setup": {"model", "host", "store", "contestants", "backends", "load"},
    "study": {"model", "host", "store", "contestants", "load", "server", "verify"},
    "studies": {"model", "host", "store", "contestants", "load", "server", "verify", "report"},
    "attach": {"model", "host", "store", "contestants", "report"},
    "decide": {"model", "store", "report", "studies"},
    "renewal": {"model", "host", "store", "contestants"},
    "run": {"model", "host", "terminal", "store", "contestants", "backends", "load", "server", "agent", "verify", "report", "setup"},
    "ui": {"model", "host", "terminal", "store", "contestants", "backends", "load", "server", "agent", "verify", "report", "setup", "study", "studies", "decide", "attach", "run"},
}


def modules(package: Path) -> dict[str, Path]:
    """Dotted name, without the package's own -> file. Contestants' templates are no part of the rig."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        if "template" not in parts:
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(name: str, source: str, is_package: bool, known: set[str], package: str = "restmark_rig") -> set[str]:
    """The modules of the package that a module imports, wherever in it the import stands."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            base = (node.module or "").split(".") if node.module else []
            if node.level:
                own = [package, *name.split(".")] if name else [package]
                upwards = node.level - (1 if is_package else 0)
                base = [*own[: len(own) - upwards], *base]
            if base[:1] == [package]:
                place = ".".join(base[1:])
                wholes = {".".join([*base[1:], alias.name]) for alias in node.names}
                found |= {whole if whole in known else place for whole in wholes}
        elif isinstance(node, ast.Import):
            found |= {alias.name.removeprefix(package + ".") for alias in node.names if alias.name.startswith(package + ".")}
    return found - {name}


def graph() -> dict[str, set[str]]:
    """Module -> the modules that it imports."""
    files = modules(PACKAGE)
    known = set(files)
    return {name: imports(name, path.read_text(encoding="utf-8"), path.name == "__init__.py", known) for name, path in files.items()}


def upwards(edges: dict[str, set[str]]) -> Iterator[str]:
    """What is imported against the table, as text. Within a package everything is allowed; restmark_rig itself holds the version only."""
    for name, imported in edges.items():
        for other in sorted(imported):
            room, target = name.partition(".")[0], other.partition(".")[0]
            if target and room != target and target not in MAY_IMPORT.get(room, set()):
                yield f"{name} imports {other}"


def test_the_table_has_every_package_and_one_direction() -> None:
    assert {name.partition(".")[0] for name in modules(PACKAGE)} == {"", *MAY_IMPORT}
    order = list(MAY_IMPORT)
    assert all(order.index(below) < order.index(room) for room, allowed in MAY_IMPORT.items() for below in allowed)


def test_no_package_imports_upwards() -> None:
    assert list(upwards(graph())) == []


def test_no_file_is_part_of_a_circle() -> None:
    TopologicalSorter(graph()).prepare()


def test_all_forms_of_import_are_seen() -> None:
    known = {"model", "model.plan", "ui", "ui.cli", "ui.commands", "ui.commands.run"}
    source = "from ...model import plan\nfrom ..cli import main\ndef late():\n    import restmark_rig.model.plan\n    from restmark_rig import ui\n"
    assert imports("ui.commands.run", source, False, known) == {"model.plan", "ui.cli", "ui"}
    assert imports("ui.commands", "from . import run\nfrom ..cli import main", True, known) == {"ui.commands.run", "ui.cli"}


def test_what_goes_upwards_or_round_is_found() -> None:
    assert list(upwards({"model.plan": {"ui.cli"}, "ui.cli": {"model.plan"}, "garage": {"model.plan"}})) == [
        "model.plan imports ui.cli",
        "garage imports model.plan",
    ]
    with pytest.raises(CycleError):
        TopologicalSorter({"a": {"b"}, "b": {"c"}, "c": {"a"}}).prepare()
