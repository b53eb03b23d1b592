"""The facts, the plans and the simulation, compiled apart from the build, without link-time optimisation."""

from __future__ import annotations

import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parents[1] / "src"
PURE = [*sorted((SOURCE / "fleet").glob("*.c")), *sorted((SOURCE / "plan").glob("*.c"))]
SIMULATION = [*sorted(HERE.glob("*.c")), SOURCE / "shared" / "status_names.c"]


class Compiler:
    def __init__(self, command: str, build: Path, directory: Path) -> None:
        self.command = command
        self.directory = directory
        rooms = [f"-I{build / 'rooms' / room}" for room in ("fleet", "plan", "shared")]
        public = [f"-I{SOURCE.parent / 'include'}", f"-I{build / 'include'}", f"-I{HERE}"]
        self.flags = ["-std=gnu17", "-D_GNU_SOURCE", "-O1", "-w", *rooms, *public]

    def object(self, source: Path, text: str | None = None) -> Path:
        """Compiles a file, or what `text` has in its place."""
        target = self.directory / f"{source.parent.name}_{source.stem}{'_changed' if text else ''}.o"
        subprocess.run(
            [self.command, *self.flags, "-c", "-x", "c", "-o", target, "-" if text else source], input=text, text=True, check=True
        )
        return target

    def link(self, objects: list[Path], name: str) -> Path:
        target = self.directory / name
        subprocess.run([self.command, "-o", target, *objects], check=True)
        return target
