#!/usr/bin/python3
"""The rooms of src/ keep their walls: what cannot be left to include paths is read from the sources.

Usage: tests/rooms.py BUILD_DIRECTORY
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "src"
ALLOWED_LIBRARIES = {  # header of a library -> the rooms that may include it
    "microhttpd.h": {"http", "admin"},
    "msgpack.h": {"codec"},
    "msgpack/": {"codec"},
    "json-c/": {"codec", "ctl"},
    "zlib.h": {"work"},
    "systemd/": {"act", "admin", "base", "master"},
}
# A source of one room that includes a header of a room it must not see: none of these may compile.
FORBIDDEN = {"work": "http/server.h", "http": "fleet/slot.h", "worker": "config/config.h", "fleet": "act/notify.h", "plan": "act/notify.h", "act": "plan/vital.h", "master": "worker/worker.h", "ctl": "act/control.h", "base": "shared/status.h", "codec": "data/dataset.h", "admin": "http/server.h", "gate": "http/server.h"}  # fmt: skip


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
    import json

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


def main() -> int:
    wrong = check_includes() + check_walls(Path(sys.argv[1]))
    for line in wrong:
        print(line)
    print(f"{len(list(SOURCE.glob('*/*.[ch]*')))} files, {len(FORBIDDEN)} walls: {len(wrong)} faults")
    return 1 if wrong else 0


sys.exit(main())
