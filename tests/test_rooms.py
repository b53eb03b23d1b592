"""The checks of rooms.py find what is planted: in small texts, and in an object file of the compiler's."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from circles import circles, import_graph, include_graph, read_symbols, symbol_graph
from sizes import functions, too_long


def test_circles_are_found_and_trees_are_not() -> None:
    assert circles({"a": ["b", "c"], "b": ["c"], "c": []}) == []
    assert circles({"a": ["b"], "b": ["c"], "c": ["a", "d"], "d": ["e"], "e": ["d"], "f": ["a"]}) == [["a", "b", "c"], ["d", "e"]]
    assert circles({"a": ["a"], "b": ["a"]}) == [["a"]]
    assert circles({str(i): [str(i + 1)] for i in range(5000)}) == []  # without recursion


def test_headers_that_include_each_other_are_a_circle() -> None:
    files = {
        "src/a/one.h": '#include "b/two.h"\n',
        "src/b/two.h": '# include "three.h"\n#include <stdio.h>\n',
        "src/b/three.h": '#include "a/one.h"\n',
        "src/b/two.c": '#include "b/two.h"\n',
    }
    assert circles(include_graph(files, ["src"])) == [["src/a/one.h", "src/b/three.h", "src/b/two.h"]]
    files["src/b/three.h"] = '/* #include "a/one.h" */\n'
    assert circles(include_graph(files, ["src"])) == []


@pytest.mark.parametrize(("back", "expected"), [("int one(void); int two(void) { return one(); }", [["one.c", "two.c"]]), ("int two(void) { return 2; }", [])])
def test_files_that_call_each_other_are_a_circle(tmp_path: Path, back: str, expected: list[list[str]]) -> None:
    texts = {"one.c": "int two(void); int one(void) { return two(); } int main(void) { return one(); }", "two.c": back}
    objects = {}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        objects[name] = tmp_path / f"{name}.o"
        subprocess.run(["cc", "-c", str(tmp_path / name), "-o", str(objects[name])], check=True)
    assert circles(symbol_graph(read_symbols("nm", objects))) == expected


def test_modules_that_import_each_other_are_a_circle() -> None:
    texts = {
        "p": "",
        "p.a": "from . import b\n",
        "p.b": "def later():\n    from p.sub.c import x\n",
        "p.sub": "",
        "p.sub.c": "from ..a import y\nimport json\n",
        "p.sub.d": "import p.a\nfrom .c import z\n",
    }
    assert circles(import_graph(texts)) == [["p.a", "p.b", "p.sub.c"]]
    assert import_graph(texts)["p.sub.d"] == ["p.a", "p.sub.c"]
    texts["p.sub.c"] = "from ..e import y\n"
    assert circles(import_graph(texts)) == []


def test_a_package_that_imports_its_own_module_back_is_a_circle() -> None:
    assert circles(import_graph({"p": "from .a import x\n", "p.a": "from . import y\n"})) == [["p", "p.a"]]


def function_of(lines: int) -> str:
    return "static int __attribute__((format(printf, 1, 2)))\nlong_one(const char *a, ...) {\n" + "        ;\n" * (lines - 3) + "}\n"


def test_long_functions_and_files_are_found() -> None:
    table = "static const struct row rows[] = {\n" + '        { "x" },\n' * 70 + "};\n"
    assert functions(table) == []
    assert functions(table + function_of(60) + "\nstruct s {\n        int x;\n};\n\nint f(void);\n\nvoid f(int a,\n       int b) {\n}\n") == [
        ("long_one", 73, 60),
        ("f", 140, 3),
    ]
    assert too_long("a.c", function_of(60)) == []
    assert too_long("a.c", function_of(61)) == ["a.c:1: long_one() has 61 lines: a function has 60 at most"]
    assert too_long("a.c", "\n" * 400) == []
    assert too_long("a.c", "\n" * 401) == ["a.c: 401 lines: a file has 400 at most"]
