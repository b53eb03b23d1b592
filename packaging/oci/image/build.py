"""Compiles the checkout for a sysroot, and installs it into a folder."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from image.debian import run


class Failed(Exception):
    """With a sentence for people."""


@dataclass(frozen=True)
class Sources:
    folder: Path
    epoch: int  # seconds, of the last commit: the time of all that is built
    version: str
    commit: str


# What the caller's environment may set of another build; ccache takes headers of another root for its own.
_NOT_OURS = ("CFLAGS", "CXXFLAGS", "LDFLAGS", "CMAKE_C_COMPILER_LAUNCHER", "CMAKE_CXX_COMPILER_LAUNCHER")


def export(checkout: Path, folder: Path) -> Sources:
    epoch = int(run(checkout / "packaging" / "export-sources.sh", folder))
    found = re.search(r"project\(restmark VERSION ([0-9.]+)", (folder / "CMakeLists.txt").read_text())
    if not found:
        raise Failed("CMakeLists.txt names no version")
    commit = run("git", "-C", checkout, "rev-parse", "HEAD").strip()
    changed = run("git", "-C", checkout, "status", "--porcelain", "--untracked-files=no").strip()
    return Sources(folder, epoch, found[1], commit + ("-changed" if changed else ""))


_TOOLCHAIN = """
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR {processor})
set(CMAKE_SYSROOT {sysroot})
set(CMAKE_C_COMPILER {triplet}-gcc)
set(CMAKE_CXX_COMPILER {triplet}-g++)
set(CMAKE_READELF {triplet}-readelf)
set(CMAKE_LIBRARY_ARCHITECTURE {triplet})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
"""

HARDENING = "-O2 -g0 -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE"


def install(sources: Sources, sysroot: Path, triplet: str, work: Path) -> Path:
    """Returns the folder that `cmake --install` has filled, with usr/, etc/ and so on."""
    toolchain = work / "toolchain.cmake"
    toolchain.write_text(_TOOLCHAIN.format(processor=triplet.split("-")[0], sysroot=sysroot, triplet=triplet))
    libraries = [sysroot / "usr" / "lib" / triplet / "pkgconfig", sysroot / "usr" / "share" / "pkgconfig"]
    environment = {
        **{name: value for name, value in os.environ.items() if name not in _NOT_OURS},
        "SOURCE_DATE_EPOCH": str(sources.epoch),
        "PKG_CONFIG_SYSROOT_DIR": str(sysroot),
        "PKG_CONFIG_LIBDIR": ":".join(map(str, libraries)),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
    }
    flags = f"{HARDENING} -ffile-prefix-map={sources.folder}=. -ffile-prefix-map={work}=."
    settings = {
        "CMAKE_TOOLCHAIN_FILE": toolchain,
        "CMAKE_BUILD_TYPE": "None",
        "CMAKE_C_FLAGS": flags,
        "CMAKE_CXX_FLAGS": flags,
        "CMAKE_EXE_LINKER_FLAGS": "-pie -Wl,-z,relro,-z,now,--as-needed",
        "CMAKE_INSTALL_PREFIX": "/usr",
        "CMAKE_INSTALL_SYSCONFDIR": "/etc",
        "CMAKE_INSTALL_LOCALSTATEDIR": "/var",
        "RESTMARK_BENCH": "OFF",
        "RESTMARK_TEST_RIG": "OFF",
        "BUILD_TESTING": "OFF",
    }
    print(f"build-image: compiling for {triplet}", file=sys.stderr)
    run("cmake", "-G", "Ninja", "-S", sources.folder, "-B", work / "build", *[f"-D{key}={value}" for key, value in settings.items()], environment=environment)
    run("cmake", "--build", work / "build", environment=environment)
    stage = work / "stage"
    run("cmake", "--install", work / "build", "--strip", environment={**environment, "DESTDIR": str(stage)})
    return stage
