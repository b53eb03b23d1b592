#!/usr/bin/python3
"""The rooms of src/ keep their walls: what cannot be left to include paths is read from the sources. And what holds for all code of ours, the
load generator's and the rig's too: no circle between files, and no C file or function that is too long.

Usage: tests/rooms.py BUILD_DIRECTORY
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from circles import circles, import_graph, include_graph, read_symbols, symbol_graph
from sizes import too_long

PROJECT = Path(__file__).resolve().parents[1]
SOURCE = PROJECT / "src"
ALLOWED_LIBRARIES = {  # header of a library -> the rooms that may include it
    "microhttpd.h": {"mhd", "http", "admin"},
    "msgpack.h": {"codec", "rpc"},
    "msgpack/": {"codec"},
    "json-c/": {"codec", "ctl"},
    "zlib.h": {"work"},
    "libpq-fe.h": {"store"},
    "hiredis/": {"store"},
    "systemd/": {"act", "admin", "base", "master"},
}
# A source of one room that includes a header of a room it must not see: none of these may compile.
FORBIDDEN = {"work": "store/store.h", "http": "fleet/slot.h", "worker": "config/config.h", "fleet": "act/notify.h", "plan": "act/notify.h", "act": "plan/vital.h", "master": "worker/worker.h", "ctl": "act/control.h", "base": "shared/status.h", "codec": "data/dataset.h", "admin": "http/server.h", "gate": "http/server.h", "mhd": "gate/intake.h", "store": "http/server.h", "rpc": "fleet/slot.h"}  # fmt: skip

C_FOLDERS = ("src", "bench/load", "bench/micro")
INCLUDE_PATHS = ("src", "bench/load")
# What is known and being mended: it may go on, must not grow, and has to leave this list with its reason.
KNOWN_CIRCLE: set[str] = set()
KNOWN_LONG_FILES: set[str] = set()


def check_includes() -> list[str]:
    wrong = []
    for path in sorted(SOURCE.glob("*/*.[ch]*")):
        room = path.parent.name
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
            if not match:
                continue
            name = match[1]
            where = f"{path.relative_to(SOURCE.parent)}:{number}"
            if ".." in name:
                wrong.append(f"{where}: {name} goes around the include path")
            for header, rooms in ALLOWED_LIBRARIES.items():
                if (name == header or (header.endswith("/") and name.startswith(header))) and room not in rooms:
                    wrong.append(f"{where}: {name} belongs to {', '.join(sorted(rooms))}")
    return wrong


def compile_command(build: Path, room: str) -> list[str]:
    """The compiler and include path of some file of the room."""
    for entry in json.loads((build / "compile_commands.json").read_text()):
        if f"/src/{room}/" in entry["file"] and entry["file"].endswith(".c"):
            words = entry["command"].split()
            return [words[0], *[w for w in words if w.startswith(("-I", "-D_GNU"))]]
    raise SystemExit(f"no file of the room {room} in {build}/compile_commands.json")


def check_walls(build: Path) -> list[str]:
    wrong = []
    for room, header in FORBIDDEN.items():
        command = [*compile_command(build, room), "-fsyntax-only", "-x", "c", "-"]
        own = next(iter(sorted((SOURCE / room).glob("*.h")))).name
        good = subprocess.run(command, input=f'#include "{room}/{own}"\n', capture_output=True, text=True, check=False)
        bad = subprocess.run(command, input=f'#include "{header}"\n', capture_output=True, text=True, check=False)
        if good.returncode != 0:
            wrong.append(f"{room} cannot include its own {own}: {good.stderr}")
        if bad.returncode == 0 or "No such file" not in bad.stderr:
            wrong.append(f"{room} can include {header}")
    return wrong


def c_texts(*folders: str) -> dict[str, str]:
    paths = sorted(path for folder in folders for path in (PROJECT / folder).rglob("*") if path.suffix in (".c", ".cc", ".h"))
    return {str(path.relative_to(PROJECT)): path.read_text() for path in paths}


def objects(build: Path) -> dict[str, Path]:
    """The object files of our programs by source, as the build has made them."""
    found = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = Path(entry["file"])
        if any(source.is_relative_to(PROJECT / folder) for folder in C_FOLDERS):
            words = entry["command"].split()
            found[str(source.relative_to(PROJECT))] = Path(entry["directory"]) / words[words.index("-o") + 1]
    return found


def symbol_lister(build: Path) -> str:
    """The nm that goes with the compiler: another one cannot read what it has left for the linker to optimise."""
    words = compile_command(build, "base")
    version = subprocess.run([words[0], "--version"], capture_output=True, text=True, check=True).stdout
    return "llvm-nm" if "clang" in version else "gcc-nm"


def describe_circle(kind: str, circle: list[str]) -> str:
    return f"a circle of {len(circle)} files, by {kind}: {', '.join(circle)}"


def check_c_circles(build: Path) -> list[str]:
    wrong = [describe_circle("includes", circle) for circle in circles(include_graph(c_texts(*C_FOLDERS), INCLUDE_PATHS))]
    known: set[str] = set()
    for circle in circles(symbol_graph(read_symbols(symbol_lister(build), objects(build)))):
        known |= KNOWN_CIRCLE & set(circle)
        if set(circle) - KNOWN_CIRCLE:
            wrong.append(describe_circle("symbols", circle))
    wrong += [f"{name} is in no circle any more: take it out of KNOWN_CIRCLE in {Path(__file__).name}" for name in sorted(KNOWN_CIRCLE - known)]
    return wrong


def python_texts() -> dict[str, str]:
    """The packages of bench/ by dotted module name. Contestants are theirs who wrote them."""
    texts = {}
    for path in sorted((PROJECT / "bench").rglob("*.py")):
        parts = path.relative_to(PROJECT / "bench").with_suffix("").parts
        if parts[0] != "peers" and "template" not in parts:
            texts[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text()
    return texts


def check_python_circles() -> list[str]:
    return [describe_circle("imports", circle) for circle in circles(import_graph(python_texts()))]


def check_sizes() -> list[str]:
    wrong = []
    for name, text in c_texts(*C_FOLDERS, "tests").items():
        faults = too_long(name, text)
        if name not in KNOWN_LONG_FILES:
            wrong += faults
        elif not faults:
            wrong.append(f"{name} is short enough: take it out of KNOWN_LONG_FILES in {Path(__file__).name}")
    wrong += [f"{name} is no more: take it out of KNOWN_LONG_FILES" for name in KNOWN_LONG_FILES if not (PROJECT / name).exists()]
    return wrong


def main() -> int:
    build = Path(sys.argv[1])
    wrong = check_includes() + check_walls(build) + check_c_circles(build) + check_python_circles() + check_sizes()
    for line in wrong:
        print(line)
    n_c, n_python = len(c_texts(*C_FOLDERS)), len(python_texts())
    print(f"{n_c} files of C, {n_python} of Python, {len(FORBIDDEN)} walls: {len(wrong)} faults")
    return 1 if wrong else 0


sys.exit(main())
