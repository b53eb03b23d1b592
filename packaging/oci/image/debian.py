"""Debian packages of any architecture, fetched by apt with a state of its own, so that this machine's is not touched."""

from __future__ import annotations

import hashlib
import platform
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

TRIPLETS = {"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}


class Failed(Exception):
    """With a sentence for people."""


def run(*argv: str | Path, cwd: Path | None = None, environment: dict[str, str] | None = None) -> str:
    """Runs to the end; returns stdout. What the command says of errors is shown, on stdout too, if it fails."""
    done = subprocess.run(
        [str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=sys.stderr, text=True, check=False, cwd=cwd, env=environment
    )
    if done.returncode != 0:
        sys.stderr.write(done.stdout)
    done.check_returncode()
    return done.stdout


def own_architecture() -> str:
    machine = platform.machine()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


@dataclass(frozen=True)
class Deb:
    path: Path
    package: str
    version: str
    architecture: str
    sha256: str
    homepage: str
    maintainer: str


def describe(path: Path) -> Deb:
    fields = dict(
        re.findall(r"^(Package|Version|Architecture|Homepage|Maintainer): (.*)$", run("dpkg-deb", "--field", path), re.MULTILINE)
    )
    return Deb(
        path,
        fields["Package"],
        fields["Version"],
        fields["Architecture"],
        hashlib.sha256(path.read_bytes()).hexdigest(),
        fields.get("Homepage", ""),
        fields.get("Maintainer", ""),
    )


def build_packages(sources: Path, with_stores: bool) -> list[str]:
    """What the daemon is compiled against, as packaging/debian/control names it; alternatives stand behind one another with a |."""
    control = (sources / "packaging" / "debian" / "control").read_text()
    depends = re.search(r"^Build-Depends:((?:.*\n)(?: .*\n)*)", control, re.MULTILINE)
    if not depends:
        raise Failed("packaging/debian/control has no Build-Depends")
    names = [re.sub(r"\s*(\([^)]*\)|<[^>]*>)", "", item).strip() for item in depends[1].split(",")]
    wanted = [name for name in names if name.startswith(("lib", "zlib")) and "cmocka" not in name]
    return [name for name in wanted if with_stores or not name.startswith(("libpq", "libhiredis"))] + ["libc6-dev", "libstdc++-dev"]


class Apt:
    """apt for one architecture. Its lists are renewed once for each object; signatures are checked as always."""

    def __init__(self, architecture: str, cache: Path) -> None:
        self.architecture = architecture
        state = cache / architecture
        self.archives = state / "archives"
        for folder in (state / "lists" / "partial", self.archives / "partial"):
            folder.mkdir(parents=True, exist_ok=True)
        (state / "status").write_text("")  # nothing is installed: all that is needed is fetched
        settings = {
            "APT::Architecture": architecture,
            "APT::Architectures": architecture,
            "APT::Install-Recommends": "false",
            "APT::Sandbox::User": "",
            "Acquire::Languages": "none",
            "Debug::NoLocking": "true",
            "Dir::State": state,
            "Dir::State::lists": state / "lists",
            "Dir::State::status": state / "status",
            "Dir::Cache": state,
            "Dir::Cache::archives": self.archives,
        }
        self.options = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]
        run("apt-get", *self.options, "-qq", "update")

    def _known(self, alternatives: str) -> str:
        """The first of them that this release has."""
        for name in (word.strip() for word in alternatives.split("|")):
            if name == "libstdc++-dev":  # a virtual package of several versions: the compiler's own is meant
                version = run("gcc", "-dumpversion").strip().split(".")[0]
                name = f"libstdc++-{version}-dev"
            if re.search(r"^  Candidate: (?!\(none\))", run("apt-cache", *self.options, "policy", name), re.MULTILINE):
                return name
        raise Failed(f"{alternatives}: this release of Debian has no such package for {self.architecture}")

    def fetch(self, *wanted: str) -> list[Deb]:
        """The packages and all that they depend on, in the order of their names."""
        names = [self._known(word) for word in wanted]
        run("apt-get", *self.options, "-qq", "-y", "--download-only", "install", *names)
        simulated = run("apt-get", *self.options, "-qq", "-y", "--simulate", "install", *names)
        chosen = set(re.findall(r"^Inst (\S+) \((\S+) .*\[(\S+)\]\)", simulated, re.MULTILINE))
        if not chosen:
            raise Failed(f"apt finds nothing to fetch for {' '.join(names)}")
        paths = [self.archives / f"{name}_{version.replace(':', '%3a')}_{architecture}.deb" for name, version, architecture in chosen]
        return [describe(path) for path in sorted(paths)]
