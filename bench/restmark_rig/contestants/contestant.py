"""A contestant: one folder with a contestant.toml, read and checked."""

from __future__ import annotations

import difflib
import functools
import json
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..model.errors import ManifestError
from ..model.results import IDIOMATIC
from ..model.workloads import (
    ALL_ROUTES,
    BACK_ENDS,
    RECORD_ROUTES,
    ROUTE_ENCODE,
    ROUTE_LOOP,
    ROUTE_PARSE,
    ROUTE_RECORD,
    ROUTE_VALIDATE,
    ROUTES,
    back_end_of,
)
from . import image, placeholders, targets

if TYPE_CHECKING:
    import jsonschema

MANIFEST_NAME = "contestant.toml"
SCHEMA_PATH = Path(__file__).with_name("contestant.schema.json")
_OF_RECORDS = (ROUTE_PARSE, ROUTE_ENCODE, ROUTE_VALIDATE, ROUTE_RECORD)  # which fixed answers can not serve


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
    faults = [_describe(error) for error in _schema_errors(document)]
    if not faults:
        faults = list(_semantic_faults(document, directory))
    if faults:
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


@functools.cache
def _validator() -> jsonschema.Draft202012Validator:
    import jsonschema  # which takes a third of a command's start

    return jsonschema.Draft202012Validator(json.loads(SCHEMA_PATH.read_text(encoding="utf-8")))


def _schema_errors(document: dict[str, Any]) -> list[Any]:
    return sorted(_validator().iter_errors(document), key=lambda error: [str(part) for part in error.path])


def _dotted(parts: Iterator[Any] | list[Any]) -> str:
    key = ""
    for part in parts:
        key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else str(part)
    return key


def _describe(error: Any) -> str:
    """One schema error as a sentence with key and remedy."""
    key = _dotted(list(error.absolute_path))
    known = error.schema.get("properties", {})
    if error.validator == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        lines = [
            f"key '{_dotted([*error.absolute_path, name])}' is missing; remedy: add {known[name]['description']}"
            for name in missing
            if name in known and error.message.startswith(repr(name))
        ]
        return "; ".join(lines)
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        unknown = sorted(set(error.instance) - set(known))
        return "; ".join(_unknown_key([*error.absolute_path, name], name, list(known)) for name in unknown)
    value = json.dumps(error.instance, ensure_ascii=False, default=str)
    shown = value if len(value) <= 60 else value[:57] + "…"
    length = f" of {len(error.instance)} characters" if error.validator == "maxLength" else ""
    remedy = f"give {error.schema.get('description', error.message)}"
    return f"key '{key}' has the wrong value {shown}{length}; remedy: {remedy}"


def _unknown_key(parts: list[Any], name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    remedy = f"did you mean '{close[0]}'?" if close else f"remove it; known here: {', '.join(known)}"
    return f"key '{_dotted(parts)}' is unknown; remedy: {remedy}"


def _semantic_faults(document: dict[str, Any], directory: Path) -> Iterator[str]:
    """What the schema can not say."""
    if document["name"] != directory.name:
        yield (f"key 'name' is {document['name']!r}, the folder is {directory.name!r}; remedy: make the two equal")
    routes = document.get("routes", list(ROUTES))
    if document["model"] == "none" and "routes" not in document:
        yield "key 'routes' is missing; remedy: model \"none\" has no record routes, so list those it offers"
    if document["model"] == "none" and (worked := [route for route in _OF_RECORDS if route in routes]):
        yield (
            f"key 'model' is \"none\" while routes has {' and '.join(worked)}; "
            'remedy: say "struct" or "tree", whichever they use'
        )
    yield from _back_end_faults(document, routes)
    yield from _prebuilt_faults(document)
    for number, item in enumerate(document.get("requires", [])):
        if "pip_requirements" in item and not (file := directory / item["pip_requirements"]).is_file():
            yield f"key 'requires[{number}].pip_requirements': there is no file {file}; remedy: correct it"
    for key, text, allowed in _templates(document):
        try:
            placeholders.check(text, allowed)
        except placeholders.PlaceholderError as error:
            yield f"key '{key}': {error}; remedy: {error.remedy}"
    yield from _requires_faults(document)
    start = [*document["start"]["argv"], *document["start"].get("env", {}).values()]
    if not any(name in text for text in start for name in ("{port}", "{address}")):
        yield "key 'start.argv' never uses {port} or {address}; remedy: pass one of them, the rig chooses the port"


def _back_end_faults(document: dict[str, Any], routes: Sequence[str]) -> Iterator[str]:
    said = document.get("back_ends", [])
    for name in BACK_ENDS:
        asking = [route for route in routes if back_end_of(route) == name]
        if asking and name not in said:
            yield f"key 'back_ends' lacks \"{name}\", which {asking[0]} asks; remedy: add it"
        if name in said and not asking:
            yield f"key 'back_ends' has \"{name}\", which none of its routes asks; remedy: take it out, or list the routes"


def _requires_faults(document: dict[str, Any]) -> Iterator[str]:
    for number, item in enumerate(document.get("requires", [])):
        command, key = item["command"], f"key 'requires[{number}].command'"
        if "/" in command and not command.startswith(("/", "{")):
            yield (
                f"{key} is {command!r}, a relative path; remedy: begin with / or {{source}}/ (this file's folder), "
                "or name a command on PATH"
            )
        if "{build}" in command and "build" not in document:
            yield f"{key}: without a [build] nothing is in {{build}}; remedy: add [build], or name another file"


def _prebuilt_faults(document: dict[str, Any]) -> Iterator[str]:
    if "prebuilt" not in document:
        return
    if not any("{repo}" in word for step in document.get("build", {}).get("steps", []) for word in step):
        yield (
            "key 'prebuilt' stands without a build from {repo}; remedy: remove it, and name the installed program in "
            "start.argv"
        )
    if not any(argv[0] == document["start"]["argv"][0] for argv in document["versions"].values()):
        yield (
            "key 'prebuilt' needs a command in [versions] that asks the program itself; remedy: add one that begins "
            "with the first word of start.argv"
        )


def _templates(document: dict[str, Any]) -> Iterator[tuple[str, str, frozenset[str]]]:
    """(key, text, allowed placeholders) of every text in which placeholders stand."""
    build, start = document.get("build", {}), document["start"]
    for number, item in enumerate(document.get("requires", [])):
        yield f"requires[{number}].command", item["command"], placeholders.BUILD_NAMES
        yield f"requires[{number}].hint", item.get("hint", ""), placeholders.FOLDER_NAMES
    yield "ready.path", document.get("ready", {}).get("path", "/"), frozenset()
    for number, step in enumerate(build.get("steps", [])):
        for index, word in enumerate(step):
            yield f"build.steps[{number}][{index}]", word, placeholders.BUILD_NAMES
    for index, glob in enumerate(build.get("inputs", [])):
        yield f"build.inputs[{index}]", glob, placeholders.FOLDER_NAMES
    for name, value in build.get("env", {}).items():
        yield f"build.env.{name}", value, placeholders.BUILD_NAMES
    for index, word in enumerate(start["argv"]):
        yield f"start.argv[{index}]", word, placeholders.START_NAMES
    for name, value in start.get("env", {}).items():
        yield f"start.env.{name}", value, placeholders.START_NAMES
    for label, argv in document["versions"].items():
        for index, word in enumerate(argv):
            yield f"versions.{label}[{index}]", word, placeholders.BUILD_NAMES


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
    ready = document.get("ready", {})
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
        prebuilt=Prebuilt(prebuilt["command"], tuple(prebuilt["packages"]), prebuilt.get("hint", "")) if prebuilt else None,
        needs_repo=any("repo" in placeholders.names_in(text) for _, text, _ in _templates(document)),
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
