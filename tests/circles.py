"""Circles between files: of C by what they include and by what they call, of Python by what they import."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

Graph = Mapping[str, Collection[str]]  # a file → those that it needs

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)


def circles(graph: Graph) -> list[list[str]]:
    """The strongly connected components of more than one file, and the files that need themselves (Tarjan, without recursion)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    found: list[list[str]] = []
    for root in graph:
        if root in index:
            continue
        work = [(root, iter(graph.get(root, ())))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, rest = work[-1]
            for other in rest:
                if other not in index:
                    index[other] = low[other] = len(index)
                    stack.append(other)
                    on_stack.add(other)
                    work.append((other, iter(graph.get(other, ()))))
                    break
                if other in on_stack:
                    low[node] = min(low[node], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    at = stack.index(node)
                    component = sorted(stack[at:])
                    del stack[at:]
                    on_stack.difference_update(component)
                    if len(component) > 1 or node in graph.get(node, ()):
                        found.append(component)
    return sorted(found)


def include_graph(files: Mapping[str, str], roots: Iterable[str]) -> dict[str, list[str]]:
    """Of texts by path: an include names a file below one of the roots (include paths) or beside the file."""
    graph: dict[str, list[str]] = {}
    for name, text in files.items():
        places = [*roots, str(Path(name).parent)]
        wanted = [f"{place}/{included}" for included in INCLUDE.findall(text) for place in places]
        graph[name] = sorted({path for path in wanted if path in files})
    return graph


def read_symbols(nm: str, objects: Mapping[str, Path]) -> dict[str, tuple[set[str], set[str]]]:
    """A source's name → the global symbols that its object file defines, and those that it needs."""
    symbols = {}
    for source, path in objects.items():
        listing = subprocess.run([nm, "-g", "-P", str(path)], capture_output=True, text=True, check=True).stdout
        rows = [line.split() for line in listing.splitlines()]
        symbols[source] = (
            {row[0] for row in rows if len(row) > 1 and row[1] not in ("U", "w", "v")},
            {row[0] for row in rows if len(row) > 1 and row[1] == "U"},
        )
    if symbols and not any(defined for defined, _ in symbols.values()):
        raise SystemExit(f"{nm} finds no symbol in any object file")
    return symbols


def symbol_graph(symbols: Mapping[str, tuple[set[str], set[str]]]) -> dict[str, list[str]]:
    """A file needs another one for what that defines and it does not."""
    homes: dict[str, set[str]] = {}
    for source, (defined, _) in symbols.items():
        for name in defined:
            homes.setdefault(name, set()).add(source)
    return {source: sorted({home for name in needed for home in homes.get(name, ()) if home != source}) for source, (_, needed) in symbols.items()}


def import_graph(texts: Mapping[str, str]) -> dict[str, list[str]]:
    """Of Python sources by dotted module name ("package" for its __init__.py); all imports count, those inside functions too."""
    graph: dict[str, list[str]] = {}
    packages = {name.rpartition(".")[0] for name in texts} - {""}
    for module, text in texts.items():
        package = module if module in packages else module.rpartition(".")[0]
        wanted: set[str] = set()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                wanted.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
                base = ".".join([*above, *([node.module] if node.module else [])])
                for alias in node.names:
                    inner = f"{base}.{alias.name}"
                    wanted.add(inner if inner in texts else base)
        graph[module] = sorted(name for name in wanted if name in texts and name != module)
    return graph
