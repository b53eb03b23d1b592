"""Pins of Go, Rust, JavaScript and Java: each language's own tool rewrites them."""

from __future__ import annotations

import json
import re
import tomllib
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

from .pins import RenewalFailed, run_tool

_REQUIRED = re.compile(r"^\s*(?:require )?(?P<name>[\w.-]+\.[\w./-]+) (?P<version>v\S+)", re.MULTILINE)
_POM = "{http://maven.apache.org/POM/4.0.0}"
_MAVEN_VERSIONS = "org.codehaus.mojo:versions-maven-plugin:2.18.0:use-latest-releases"
_MAVEN_RESOLVE = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:resolve"
_UNFINISHED = r".*[-.](?i:alpha|beta|rc|cr|m)[-.]?\d*"  # which Maven's plugin takes for releases


@dataclass(frozen=True)
class GoModule:
    """go.mod and go.sum. go: the command, which is PATH's or the cache's."""

    file: Path
    search_path: str

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.file, self.file.with_name("go.sum"))

    def packages(self) -> dict[str, str]:
        return {match["name"]: match["version"] for match in _REQUIRED.finditer(self.file.read_text(encoding="utf-8"))}

    def renew(self) -> None:
        env = {"PATH": self.search_path, "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local"}
        for words in (["go", "get", "-u", "./..."], ["go", "mod", "tidy"]):
            run_tool(words, self.file.parent, env)


@dataclass(frozen=True)
class CargoWorkspace:
    """Cargo.lock of the workspace. cargo goes as far as the manifests' requirements let it."""

    file: Path
    search_path: str

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.file,)

    def packages(self) -> dict[str, str]:
        found: dict[str, list[str]] = {}
        for package in tomllib.loads(self.file.read_text(encoding="utf-8")).get("package", []):
            if "source" in package:
                found.setdefault(package["name"], []).append(package["version"])
        return {name: ", ".join(sorted(versions)) for name, versions in found.items()}

    def renew(self) -> None:
        run_tool(["cargo", "update", "--quiet"], self.file.parent, {"PATH": self.search_path})


@dataclass(frozen=True)
class NpmPackage:
    """package.json, which has exact versions, and package-lock.json. npm: how the one is started that the contestant's build installs."""

    file: Path
    npm: tuple[str, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.file, self.file.with_name("package-lock.json"))

    def packages(self) -> dict[str, str]:
        locked = json.loads(self.files[1].read_text(encoding="utf-8")).get("packages", {})
        return {name.rpartition("node_modules/")[2]: entry["version"] for name, entry in locked.items() if name and "version" in entry}

    def renew(self) -> None:
        if not self.npm or not Path(self.npm[0]).exists():
            raise RenewalFailed(f"{self.file}: npm comes with the contestant's build, which is not there", f"restmark build -C {self.file.parent.name}")
        wanted = [f"{name}@latest" for name in json.loads(self.file.read_text(encoding="utf-8"))["dependencies"]]
        options = ["--package-lock-only", "--save-exact", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
        run_tool([*self.npm, "install", *options, *wanted], self.file.parent)


@dataclass(frozen=True)
class MavenProject:
    """pom.xml: the versions of what it depends on directly; those give all others."""

    file: Path

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.file,)

    def packages(self) -> dict[str, str]:
        found = {}
        for dependency in ElementTree.parse(self.file).iter(f"{_POM}dependency"):
            words = [dependency.findtext(f"{_POM}{key}", "") for key in ("groupId", "artifactId", "version")]
            found[":".join(words[:2])] = words[2]
        return found

    def renew(self) -> None:
        options = ["-DgenerateBackupPoms=false", f"-Dmaven.version.ignore={_UNFINISHED}"]
        maven: list[str | Path] = ["mvn", "--batch-mode", "--strict-checksums", "--file", self.file]
        run_tool([*maven, _MAVEN_VERSIONS, *options], self.file.parent)
        # A repository may list a release of which it does not have all.
        run_tool([*maven, _MAVEN_RESOLVE, "-DincludeScope=runtime"], self.file.parent)
