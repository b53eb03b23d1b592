"""The files of an image: unpacked packages, and out of them the libraries that programs need."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from image.debian import Apt, Deb, run

USER = 65532  # a number that no package and hardly any machine gives to anybody: the one that distroless images have
PROGRAMS = {
    "restmarkd": ["usr/sbin/restmarkd", "usr/bin/restmarkctl"],
    "restmark": ["usr/sbin/restmarkd", "usr/bin/restmarkctl", "usr/bin/restmark-load", "usr/bin/restmark", "usr/share/restmark"],
}
# By what is loaded while it runs, too: unwinding a stack (harakiri), and the stores.
LOADED = ["libgcc_s.so.1"]
STORES = ["libpq.so.5", "libhiredis.so.*[0-9]"]
# Kubernetes' preStop waits with it until nobody is sent here any more: there is no shell that would know how.
WAITING = ("coreutils", "usr/bin/sleep")
RIG_PACKAGES = ["dash", "coreutils", "procps"]
UNUSED = ("usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/lintian", "usr/share/bug")


class Failed(Exception):
    """With a sentence for people."""


class Root:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.owners: dict[str, Deb] = {}  # by path, of the files that came in packages
        for name in ("bin", "sbin", "lib", "lib64"):  # as in Debian 13, where packages have no files there
            (folder / "usr" / name).mkdir(parents=True)
            (folder / name).symlink_to(f"usr/{name}")

    def unpack(self, deb: Deb) -> None:
        """The package's files, without running its scripts."""
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb.path)], stdout=subprocess.PIPE) as tar:
            command = ["tar", "--extract", "--keep-directory-symlink", "--no-same-owner", "--directory", str(self.folder), "--verbose"]
            done = subprocess.run(command, stdin=tar.stdout, stdout=subprocess.PIPE, text=True, check=True)
        if tar.returncode != 0:
            raise Failed(f"{deb.path}: cannot be unpacked")
        for name in done.stdout.splitlines():
            path = name.removeprefix("./").rstrip("/")
            if re.match(r"(bin|sbin|lib|lib64)/", path):
                path = f"usr/{path}"
            if not (self.folder / path).is_dir() or (self.folder / path).is_symlink():
                self.owners[path] = deb

    def put(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def fill(self, name: str, apt: Apt, stage: Path, sysroot: Root, with_stores: bool) -> list[Deb]:
        """Makes it the file system of an image. Returns the packages that are in it, whole or in part."""
        for program in PROGRAMS[name]:
            copy(stage / program, self.folder / program)
        own = self._add_own_libraries(stage)
        debs = self._add_libraries(name, sysroot, own, with_stores)
        if name == "restmarkd":
            debs = self._add_sleep(apt, sysroot, debs)
        else:
            debs = self._add_rig(apt, debs)
        copy(stage / "etc" / "restmark", self.folder / "etc" / "restmark")
        here = Path(__file__).resolve().parents[1]
        copy(here / "10-container.ini", self.folder / "etc" / "restmark" / "conf.d" / "10-container.ini")
        copy(here.parents[1] / "LICENSE", self.folder / "usr" / "share" / "doc" / name / "copyright")
        self.put("etc/passwd", f"root:x:0:0:root:/:/sbin/nologin\nrestmark:x:{USER}:{USER}:restmark:/:/sbin/nologin\n")
        self.put("etc/group", f"root:x:0:\nrestmark:x:{USER}:\n")
        self.put("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
        for folder in ("run", "tmp", "proc", "sys", "dev"):
            (self.folder / folder).mkdir(exist_ok=True)
        (self.folder / "tmp").chmod(0o1777)
        self._trim()
        return debs

    def _add_own_libraries(self, stage: Path) -> set[str]:
        """What was built with the programs, and stands in the place of libraries of these names, for whichever library of the image needs them."""
        found = [path for path in (stage / "usr").rglob("*.so.*") if path.parent.name == "restmark"]
        for path in found:
            copy(path, self.folder / path.relative_to(stage))
        return {path.name for path in found}

    def _add_libraries(self, name: str, sysroot: Root, own: set[str], with_stores: bool) -> list[Deb]:
        """The libraries of the programs, of these, and so on, but for our own; their packages' terms; and the dynamic linker."""
        wanted = list(LOADED) + (STORES if with_stores else [])
        for program in PROGRAMS[name]:
            if (self.folder / program).is_file():
                wanted += needed(self.folder / program)
        taken: dict[str, Deb] = {}
        done = set(own)
        while wanted:
            library = wanted.pop()
            if library in done:
                continue
            done.add(library)
            path = find(sysroot.folder, library)
            if not path:
                if with_stores and library in STORES:
                    raise Failed(f"{library} is in no package that was fetched")
                continue  # of a script
            wanted += needed(path)
            deb = self._take(sysroot, path)
            taken[deb.package] = deb
        self._place_linker(name)
        return [taken[package] for package in sorted(taken)]

    def _place_linker(self, name: str) -> None:
        """Where programs look for it, by its whole path."""
        for program in PROGRAMS[name]:
            for path in interpreters(self.folder / program):
                place, real = self.folder / "usr" / path.lstrip("/"), find(self.folder, Path(path).name)
                if not real:
                    raise Failed(f"{path}, the dynamic linker, is in no package that was fetched")
                if not os.path.lexists(place):  # a link of the image leads nowhere outside of it
                    place.symlink_to("/" + str(real.relative_to(self.folder)))

    def _take(self, sysroot: Root, path: Path) -> Deb:
        """A library with the name that programs know it by, and the terms of its package."""
        real = path.resolve()
        deb = sysroot.owners[str(real.relative_to(sysroot.folder))]
        for file in {path, real}:
            copy(file, self.folder / file.relative_to(sysroot.folder))
        terms = sysroot.folder / "usr" / "share" / "doc" / deb.package / "copyright"
        if terms.exists():
            copy(terms.resolve(), self.folder / "usr" / "share" / "doc" / deb.package / "copyright")
        # As distroless images have it: scanners look there for what is installed.
        self.put(f"var/lib/dpkg/status.d/{deb.package}", run("dpkg-deb", "--field", deb.path))
        return deb

    def _add_sleep(self, apt: Apt, sysroot: Root, debs: list[Deb]) -> list[Deb]:
        package, program = WAITING
        for deb in apt.fetch(package):
            if deb.package == package:
                sysroot.unpack(deb)
                return sorted([*debs, self._take(sysroot, sysroot.folder / program)], key=lambda one: one.package)
        raise Failed(f"apt does not bring {package}")

    def _add_rig(self, apt: Apt, debs: list[Deb]) -> list[Deb]:
        """Python and its modules, as the package of the rig names them."""
        control = (Path(__file__).resolve().parents[2] / "debian" / "control").read_text()
        packages = sorted(set(re.findall(r"^ +(python3-[a-z0-9]+),$", control.split("\nPackage: restmark\n")[1].split("Recommends:")[0], re.MULTILINE)))
        found = {deb.package: deb for deb in debs}
        for deb in apt.fetch("python3", *packages, *RIG_PACKAGES):
            if deb.package in found:  # its terms are there, and may be a link in the package
                shutil.rmtree(self.folder / "usr" / "share" / "doc" / deb.package, ignore_errors=True)
            self.unpack(deb)
            self.put(f"var/lib/dpkg/status.d/{deb.package}", run("dpkg-deb", "--field", deb.path))
            found[deb.package] = deb
        (self.folder / "bin" / "sh").unlink(missing_ok=True)
        (self.folder / "bin" / "sh").symlink_to("dash")
        return [found[package] for package in sorted(found)]

    def _trim(self) -> None:
        for name in UNUSED:
            shutil.rmtree(self.folder / name, ignore_errors=True)
        for path in (self.folder / "usr" / "share" / "doc").glob("*/*"):
            if path.name not in ("copyright", "sbom.spdx.json"):
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        for path in list(self.folder.rglob("__pycache__")):
            shutil.rmtree(path)


def copy(source: Path, target: Path) -> None:
    """A file, a link as a link, or a folder with all that is in it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    else:
        shutil.copy2(source, target, follow_symlinks=False)


def needed(path: Path) -> list[str]:
    """The libraries and the dynamic linker that an ELF file names; none of any other file."""
    if path.read_bytes()[:4] != b"\x7fELF":
        return []
    return re.findall(r"\(NEEDED\).*\[([^]]+)\]", run("readelf", "--wide", "--dynamic", path)) + [Path(name).name for name in interpreters(path)]


def interpreters(path: Path) -> list[str]:
    """The dynamic linker of an ELF program, by its whole path; none of any other file."""
    if not path.is_file() or path.read_bytes()[:4] != b"\x7fELF":
        return []
    return re.findall(r"program interpreter: ([^]]+)\]", run("readelf", "--wide", "--program-headers", path))


def find(root: Path, library: str) -> Path | None:
    folders = [*sorted((root / "usr" / "lib").glob("*-linux-gnu*")), root / "usr" / "lib", root / "usr" / "lib64"]
    for folder in folders:
        for path in sorted(folder.glob(library)):
            return path
    return None
