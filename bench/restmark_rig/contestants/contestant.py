"""A contestant: one folder with a contestant.toml, read and checked."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..model.errors import ManifestError
from ..model.results import IDIOMATIC
from ..model.workloads import (
    ALL_ROUTES,
    BACK_ENDS,
    RECORD_ROUTES,
    ROUTE_LOOP,
    ROUTES,
    back_end_of,
)
from . import image, manifest_faults, placeholders, targets

MANIFEST_NAME = "contestant.toml"


@dataclass(frozen=True)
class Requirement:
    """A command (or file) without which the contestant can not be built or started.

    packages: Debian's, each with its alternatives ("new-name|old-name"). minimum_version: the oldest of the command
    that will do, "" for any; version_command prints it. pip_requirements: brings the command where no Debian package
    is new enough. in_debian: False for a package that Debian does not have, such as this project's own.
    """

    command: str
    packages: tuple[str, ...]
    hint: str = ""
    minimum_version: str = ""
    version_command: tuple[str, ...] = ()
    pip_requirements: Path | None = None
    in_debian: bool = True


@dataclass(frozen=True)
class BuildPlan:
    """How to build: steps are argv lists run in the source folder; inputs are the globs that make a build stale.

    folder: the contestant whose {build} this one has too, being built alike; None: its own.
    """

    steps: tuple[tuple[str, ...], ...]
    inputs: tuple[str, ...]
    env: Mapping[str, str]
    folder: str | None = None


@dataclass(frozen=True)
class Prebuilt:
    """An installed program, of the rig's own version, that takes the place of a build from restmark's source tree."""

    command: str
    packages: tuple[str, ...]
    hint: str = ""


@dataclass(frozen=True)
class StartPlan:
    """How to start the server in the foreground."""

    argv: tuple[str, ...]
    env: Mapping[str, str]


@dataclass(frozen=True)
class DeployPlan:
    """How a new version of it is put in place under load; by neither, it is stopped and started.

    reload: SIGHUP does it, by its manual. reuse_port: words that start.argv gets behind it for a server that shares its port (SO_REUSEPORT), so that
    the new one starts before the old one ends; None: it can not.
    """

    reload: bool = False
    reuse_port: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Fairness:
    """What a reader has to know to compare it with others. The values' meanings stand in the schema."""

    strings: str
    buffers: str
    allocator: str
    collector: str
    http_parser: str
    date: bool
    skips: str


@dataclass(frozen=True)
class Contestant:
    """One contestant. directory is absolute; repo is the checkout it belongs to, if any.

    level: IDIOMATIC or TUNED. optional: a built-in one that takes part with --all or by name alone.
    products: files that a build has to have made, with {build} in them. back_ends: which its routes below /db, /orm and /cache ask.
    """

    directory: Path
    repo: Path | None
    name: str
    title: str
    language: str
    model: str
    description: str
    notes: str
    routes: tuple[str, ...]
    requires: tuple[Requirement, ...]
    build: BuildPlan | None
    start: StartPlan
    versions: Mapping[str, tuple[str, ...]]
    image: str | None = None  # that start.argv runs in
    level: str = IDIOMATIC
    optional: bool = False
    fairness: Fairness | None = None  # None: it does not say
    ready_path: str = "/"
    ready_timeout_s: float = 30.0
    products: tuple[str, ...] = ()
    max_connections: int | None = None
    back_ends: tuple[str, ...] = ()
    warm_up_requests: int | None = None
    deploy: DeployPlan = DeployPlan()
    needs_repo: bool = False  # whether it is built from restmark's own source tree
    prebuilt: Prebuilt | None = None  # what serves where that tree is not
    target: targets.Target = field(default_factory=lambda: targets.named(targets.DEFAULT))  # what it is compiled for
    search_path: str | None = None  # where its commands are looked for, None for PATH; see toolchains.equip

    def parameter_routes(self) -> tuple[str, ...]:
        """Those of the five routes that are offered and take query parameters. Model "none" sends fixed bodies and takes none."""
        if self.model == "none":
            return ()
        return tuple(route for route in self.routes if route in (*RECORD_ROUTES, ROUTE_LOOP))

    def without(self, absent: Collection[str]) -> Contestant:
        """The contestant without the routes that ask these back ends."""
        kept = tuple(route for route in self.routes if back_end_of(route) not in absent)
        return self if kept == self.routes else replace(self, routes=kept)

    def sharing_port(self) -> Contestant:
        """The contestant started so that another one may listen on its port, too. Its deploy plan says how."""
        assert self.deploy.reuse_port is not None
        return replace(self, start=replace(self.start, argv=(*self.start.argv, *self.deploy.reuse_port)))

    def placeholder_values(self, build_dir: Path) -> dict[str, str]:
        """Values of {source}, {build}, those of the target and, within a checkout, {repo}."""
        values = {"source": str(self.directory), "build": str(build_dir), **self.target.placeholder_values()}
        if self.repo is not None:
            values["repo"] = str(self.repo)
        return values


def needing(directory: Path, name: str, title: str, description: str, requires: tuple[Requirement, ...]) -> Contestant:
    """What is no contestant and needs programs as one does: a study, back ends, tools. 'restmark setup' looks at no more of it."""
    return Contestant(directory, None, name, title, "none", "none", description, "", (), requires, None, StartPlan((), {}), {})


def find_repo(directory: Path) -> Path | None:
    """The nearest folder above directory that is a checkout of restmark, or None."""
    for parent in directory.parents:
        if (parent / "CMakeLists.txt").is_file() and (parent / "bench" / "peers").is_dir():
            return parent
    return None


def load(directory: Path) -> Contestant:
    """Reads DIRECTORY/contestant.toml. Raises ManifestError that names every faulty key with its remedy."""
    directory = directory.resolve()
    path = directory / MANIFEST_NAME
    document = _read_toml(path)
    if faults := manifest_faults.faults(document, directory):
        raise ManifestError("\n".join(f"{path}: {fault}" for fault in faults))
    return _construct(document, directory)


def load_checked(directory: Path) -> Contestant:
    """The same without a look for faults, for a manifest that load() has seen elsewhere. Raises ManifestError if there is none."""
    directory = directory.resolve()
    return _construct(_read_toml(directory / MANIFEST_NAME), directory)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        raise ManifestError(
            f"{path}: there is no such file",
            "a contestant is a folder with a contestant.toml; 'restmark new-contestant NAME' writes a template",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path}: not valid TOML: {error}", "correct the named line") from None
    except OSError as error:
        raise ManifestError(f"{path}: can not be read: {error.strerror}") from None


def _expanded_requires(document: dict[str, Any], values: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The [[requires]] of this machine, {source} and {repo} replaced.

    Those of {build} are products of the build; those of a {repo} that is not here are missing with it.
    """
    for item in document.get("requires", []):
        texts = {key: item[key] for key in ("command", "hint") if key in item}
        if all(placeholders.names_in(text) <= values.keys() for text in texts.values()):
            yield {**item, **{key: placeholders.expand(text, values) for key, text in texts.items()}}


def _construct(document: dict[str, Any], directory: Path) -> Contestant:
    build = document.get("build")
    repo = find_repo(directory)
    folders = {"source": str(directory)} | ({"repo": str(repo)} if repo else {})
    start = document["start"]
    ready, deploy = document.get("ready", {}), document.get("deploy", {})
    prebuilt = document.get("prebuilt")
    in_image = document.get("image")
    plan = BuildPlan(tuple(map(tuple, build["steps"])), tuple(build["inputs"]), build.get("env", {}), build.get("folder")) if build else None
    if in_image and plan is None:
        plan = BuildPlan((image.fetching(in_image),), (), {})
    podman = (Requirement(image.COMMAND, image.PACKAGES, "it runs the image"),) if in_image else ()
    return Contestant(
        directory=directory,
        repo=repo,
        name=document["name"],
        title=document["title"],
        language=document["language"],
        model=document["model"],
        description=document["description"],
        notes=document.get("notes", "").strip(),
        routes=tuple(route for route in ALL_ROUTES if route in document.get("routes", ROUTES)),
        requires=(*(_requirement(item, directory) for item in _expanded_requires(document, folders)), *podman),
        products=tuple(item["command"] for item in document.get("requires", []) if "{build}" in item["command"]),
        build=plan,
        image=in_image,
        start=StartPlan(tuple(start["argv"]), start.get("env", {})),
        versions={label: tuple(argv) for label, argv in document["versions"].items()},
        level=document.get("level", IDIOMATIC),
        optional=document.get("optional", False),
        fairness=Fairness(**document["fairness"]) if "fairness" in document else None,
        ready_path=placeholders.expand(ready.get("path", "/"), {}),
        ready_timeout_s=float(ready.get("timeout_s", 30)),
        max_connections=document.get("limits", {}).get("max_connections"),
        back_ends=tuple(name for name in BACK_ENDS if name in document.get("back_ends", ())),
        warm_up_requests=document.get("limits", {}).get("warm_up_requests"),
        deploy=DeployPlan(deploy.get("reload", False), tuple(deploy["reuse_port"]) if "reuse_port" in deploy else None),
        prebuilt=Prebuilt(prebuilt["command"], tuple(prebuilt["packages"]), prebuilt.get("hint", "")) if prebuilt else None,
        needs_repo=any("repo" in placeholders.names_in(text) for _, text, _ in manifest_faults.templates(document)),
    )


def _requirement(item: Mapping[str, Any], directory: Path) -> Requirement:
    version_command = item.get("version_command", [item["command"], "--version"] if "minimum_version" in item else [])
    return Requirement(
        command=item["command"],
        packages=tuple(item["packages"]),
        hint=item.get("hint", ""),
        minimum_version=item.get("minimum_version", ""),
        version_command=tuple(version_command),
        pip_requirements=directory / item["pip_requirements"] if "pip_requirements" in item else None,
    )
