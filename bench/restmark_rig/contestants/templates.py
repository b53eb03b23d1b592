"""What `restmark new-contestant` writes: the files of a template, most of them made of a built-in contestant's.

A built-in contestant's sources are taken as they are, with what it shares with others in a folder of its own below the new one, so that there is no second
copy that has to be kept up: what the rig's tests verify is what a new contestant starts from.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..host.installation import PACKAGE, PEERS
from .contestant import MANIFEST_NAME

FOLDER = PACKAGE / "contestants" / "template"
GUIDE = "docs/YOUR-SERVICE.md"
_PYTHON = tuple(f"common/python/{name}.py" for name in ("checked_start", "dataset", "digest", "msgpack_read", "siblings"))
_PARAMETERS = "common/python/parameters.py"


@dataclass(frozen=True)
class Template:
    """what: it is made with, for --help.

    folders: those below FOLDER whose files are taken. contestant: the built-in one whose files are taken. shared: globs of what that one shares with
    others, below the folder of all. yours: the file in which one's own service is to go, and what is there.
    """

    what: str
    yours: tuple[str, str]
    folders: tuple[str, ...] = ()
    contestant: str = ""
    shared: tuple[str, ...] = ()


TEMPLATES = {
    "stdlib": Template(
        "Python's standard library alone",
        ("server.py", "the server, its routes and a MessagePack decoder"),
        folders=("stdlib", "python"),
    ),
    "asgi": Template(
        "FastAPI and uvicorn in a venv, the five routes",
        ("app.py", "the application: routes, parameters and codecs"),
        folders=("asgi", "python"),
    ),
    "node": Template(
        "node:http and node:cluster alone, the five routes",
        ("server.js", "the server, its routes and a MessagePack decoder"),
        folders=("node",),
    ),
    "fastapi": Template(
        "FastAPI and uvicorn in a venv, all eight routes",
        ("main.py", "the application: routes, parameters, models and codecs"),
        contestant="python-fastapi",
        shared=_PYTHON,
    ),
    "granian": Template(
        "granian, msgspec and a bare WSGI application in a venv",
        ("app.py", "the application: routes, structs and codecs"),
        contestant="python-granian",
        shared=(*_PYTHON, _PARAMETERS),
    ),
    "flask": Template(
        "Flask and gunicorn in a venv",
        ("main.py", "the application: routes and codecs"),
        contestant="python-flask",
        shared=(*_PYTHON, _PARAMETERS, "common/python/schema.py"),
    ),
    "fastify": Template(
        "Fastify with its schemas, on a Node.js of its own",
        ("server.js", "the application: routes, schemas and codecs"),
        contestant="node-fastify",
        shared=("common/node/*", *(f"common/python/{name}.py" for name in ("checked_start", "dataset", "msgpack_read"))),
    ),
    "go": Template(
        "Go's net/http and encoding/json",
        ("routes.go", "the routes; main.go starts the server, validate.go checks bodies"),
        contestant="go-nethttp",
        shared=("common/go-service/*", "common/go-workloads/*"),
    ),
    "rust": Template(
        "axum, serde_json and rmp-serde",
        ("src/main.rs", "the application: routes, extractors and codecs"),
        contestant="rust-axum",
        shared=("common/rust-workloads/**/*", "common/python/locked_version.py"),
    ),
    "java": Template(
        "Vert.x Web and Jackson, on a Java of its own",
        ("Main.java", "the application and its routes; Codecs.java has the codecs"),
        contestant="java-vertx",
        shared=("common/java/**/*",),
    ),
}

# Name of a file (or a folder with its slash) -> what it is for, and whether it stays.
_ROLES = {
    MANIFEST_NAME: "how it is built and started. `title`, `description` and `[fairness]` are to tell of your service",
    "requirements.in": "the packages that are asked for: add yours. It has the command that makes requirements.lock of it",
    "requirements.lock": "all packages with their versions and hashes, which the build installs",
    "requirements.txt": "all packages with their versions, which the build installs: add yours",
    "package.json": "the packages that are asked for: add yours, then `npm install --package-lock-only`",
    "package-lock.json": "all packages with their versions and hashes, which the build installs",
    "go.mod": "the modules that are asked for: `go get` adds yours",
    "go.sum": "their hashes",
    "Cargo.toml": "the crates that are asked for: `cargo add` adds yours",
    "Cargo.lock": "all crates with their versions and hashes",
    "pom.xml": "the libraries that are asked for: add yours",
    "common/": "the dataset, the digests that `restmark verify` asks for, and what else no service has: stays as it is",
    "digest.py": "the digests that `restmark verify` asks for: stays as it is",
    "digest.js": "the digests that `restmark verify` asks for: stays as it is",
    "digest.go": "the digests that `restmark verify` asks for, of the records of this server",
}


def files(template: str, name: str) -> dict[str, str]:
    """Path below the new folder -> text, for a contestant of that name. Raises OSError where an installation lacks a file."""
    chosen = TEMPLATES[template]
    found = {path.name: path for place in chosen.folders for path in _files_of(FOLDER / place)}
    texts = {file: path.read_text(encoding="utf-8").replace("@NAME@", name) for file, path in found.items()}
    lessons = ""
    if chosen.contestant:
        texts |= _of_contestant(chosen, name)
        lessons = texts.get("README.md", "")
    # What is to be known of the template would be wrong of what takes its place, so it does not stay in the manifest.
    texts[MANIFEST_NAME], notes = _without_notes(texts[MANIFEST_NAME])
    texts["README.md"] = _readme(template, name, texts.keys() - {"README.md"}, notes, lessons)
    return dict(sorted(texts.items()))


def _of_contestant(chosen: Template, name: str) -> dict[str, str]:
    source = PEERS / chosen.contestant
    (source / MANIFEST_NAME).stat()  # a folder that is not there has no files, and raises nothing of itself
    texts = {str(path.relative_to(source)): path.read_text(encoding="utf-8") for path in _files_of(source)}
    for glob in chosen.shared:
        for path in sorted(PEERS.glob(glob)):
            if path.is_file() and _is_source(path.relative_to(PEERS)):
                texts[str(path.relative_to(PEERS))] = path.read_text(encoding="utf-8")
    if (source / "Cargo.toml").is_file():
        texts |= _own_workspace(chosen.contestant, texts["Cargo.toml"])
    for file, rewrite in _REWRITES.items():
        for name_there in [there for there in texts if re.fullmatch(file, there)]:
            texts[name_there] = rewrite(texts[name_there])
    texts[MANIFEST_NAME] = _named(texts[MANIFEST_NAME], name)
    return texts


def _files_of(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and _is_source(path.relative_to(folder)))


def _is_source(path: Path) -> bool:
    """Not what tools leave behind, nor tests of what is shared, which would not find what they test with."""
    left_behind = any(part == "__pycache__" or part.endswith("_cache") for part in path.parts)
    return not left_behind and not path.name.endswith("_test.go")


def _named(manifest: str, name: str) -> str:
    text = re.sub('^name = ".*"$', f'name = "{name}"', manifest, count=1, flags=re.MULTILINE)
    text = re.sub('^title = ".*"$', f'title = "{name}"', text, count=1, flags=re.MULTILINE)
    text = re.sub("^optional = true\n", "", text, flags=re.MULTILINE)  # for built-in ones alone
    return f"# The manifest of a contestant. docs/COMPARE-YOUR-OWN.md explains every key.\n{text}"


def _without_notes(manifest: str) -> tuple[str, str]:
    notes = tomllib.loads(manifest).get("notes", "").strip()
    return re.sub('^notes = """\n.*?^"""\n', "", manifest, flags=re.MULTILINE | re.DOTALL), notes


# File below the new folder, as a pattern -> what lies beside a built-in contestant's folder lies in the new one.
_REWRITES: dict[str, Callable[[str], str]] = {
    re.escape(MANIFEST_NAME): lambda text: re.sub(r"(?<!\{build\}/)\.\./", "", text),
    r"[^/]+\.js": lambda text: text.replace('require("../common/', 'require("./common/'),
    r"go\.mod": lambda text: text.replace("=> ../common/", "=> ./common/"),
}


def _own_workspace(crate: str, manifest: str) -> dict[str, str]:
    """Cargo.toml and Cargo.lock of one of the Rust contestants that stands alone."""
    workspace = re.sub("^#.*\n", "", (PEERS / "Cargo.toml").read_text(encoding="utf-8"), flags=re.MULTILINE)
    workspace = re.sub(r"^members = \[.*\]$", 'members = ["common/rust-workloads"]', workspace, flags=re.MULTILINE)
    lock = (PEERS / "Cargo.lock").read_text(encoding="utf-8")
    return {"Cargo.toml": f"{manifest}\n{workspace}", "Cargo.lock": pruned_lock(lock, crate)}


def pruned_lock(lock: str, root: str) -> str:
    """A Cargo.lock with the package `root` and what that depends on alone, which `cargo --locked` demands."""
    packages = tomllib.loads(lock)["package"]
    blocks = lock.split("[[package]]\n")
    needed: set[int] = set()
    wanted = [root]
    while wanted:
        name, _, version = wanted.pop().partition(" ")
        version = version.partition(" ")[0]
        for number, package in enumerate(packages):
            if package["name"] == name and version in ("", package["version"]) and number not in needed:
                needed.add(number)
                wanted += package.get("dependencies", [])
    kept = [block.rstrip("\n") for number, block in enumerate(blocks[1:]) if number in needed]
    return blocks[0] + "\n\n".join(f"[[package]]\n{block}" for block in kept) + "\n"


def _readme(template: str, name: str, paths: set[str], notes: str, lessons: str) -> str:
    chosen = TEMPLATES[template]
    origin = f", of the built-in contestant `{chosen.contestant}`" if chosen.contestant else ""
    own, what = chosen.yours
    roles = {own: f"{what}. **This is what your service takes the place of**"}
    for path in sorted(paths - {own}):
        key = "common/" if path.startswith("common/") else path
        roles.setdefault(key, _ROLES.get(key, "belongs to the server"))
    rows = "\n".join(f"| `{path}` | {role} |" for path, role in roles.items())
    text = (FOLDER / "README.md.in").read_text(encoding="utf-8")
    for key, value in {"NAME": name, "TEMPLATE": template, "ORIGIN": origin, "OWN": own, "ROWS": rows, "GUIDE": GUIDE}.items():
        text = text.replace(f"@{key}@", value)
    known = f"\n## What is to be known of it as it is\n\n{notes}\n" if notes else ""
    return text + known + (f"\n{_demoted(lessons)}" if lessons else "")


def _demoted(notes: str) -> str:
    """Another page as a section of this one."""
    return re.sub("^#", "##", notes, flags=re.MULTILINE)
