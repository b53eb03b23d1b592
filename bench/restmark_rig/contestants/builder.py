"""Builds contestants into the cache, again only when something that a build depends on has changed."""

from __future__ import annotations

import fcntl
import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..host.supervised import ProcessSpec, SupervisedProcess, tail
from ..model.errors import BuildFailed, ManifestError, StartFailed
from ..store.atomic_file import write_atomically
from . import placeholders, requirements, versions
from .cache import Cache, make_folder
from .contestant import BuildPlan, Contestant
from .registry import selector

_STAMP = ".restmark-build.json"
_REPORT_EVERY_S = 0.5


class Reporter(Protocol):
    """Where a build tells how far it is."""

    def progress(self, text: str) -> None:
        """What is being done now."""

    def say(self, text: str) -> None:
        """A line that stays."""


@dataclass(frozen=True)
class BuildResult:
    """What build() did. fresh: nothing had to be done; duration_s: time spent building."""

    fresh: bool
    duration_s: float
    log: Path


def state(contestant: Contestant, cache: Cache) -> str:
    """ "ready" (built, or nothing to build), "stale" (built from other sources or tools) or "unbuilt"."""
    if contestant.build is None:
        return "ready"
    recorded = recorded_fingerprint(cache.build_dir(contestant))
    if recorded is None or _absent_products(contestant, cache.build_dir(contestant)):
        return "unbuilt"
    return "ready" if recorded == fingerprint(contestant, contestant.build, cache) else "stale"


def build(contestant: Contestant, cache: Cache, reporter: Reporter, force: bool = False) -> BuildResult:
    """Builds if need be. Raises BuildFailed with the last lines of the log and its path."""
    build_dir = make_folder(cache.build_dir(contestant))
    log = cache.log(contestant, "build")
    if contestant.build is None:
        return BuildResult(True, 0.0, log)
    with _locked(build_dir.with_suffix(".lock"), contestant, reporter):
        wanted = fingerprint(contestant, contestant.build, cache)
        current = recorded_fingerprint(build_dir) == wanted and not _absent_products(contestant, build_dir)
        if current and not force:
            return BuildResult(True, 0.0, log)
        (build_dir / _STAMP).unlink(missing_ok=True)
        log.unlink(missing_ok=True)
        log.touch()
        started = time.monotonic()
        for number, step in enumerate(contestant.build.steps, 1):
            _run_step(contestant, contestant.build, step, number, build_dir, log, reporter)
        duration_s = time.monotonic() - started
        if absent := _absent_products(contestant, build_dir):
            raise BuildFailed(
                f"{contestant.name}: all build steps succeeded, but did not make {absent[0]}; the log is {log}",
                "correct build.steps, or the command in [[requires]] that names it",
            )
        stamp = {
            "fingerprint": wanted,
            "duration_s": round(duration_s, 3),
            "tools": versions.of_tools(contestant),
        }
        write_atomically(build_dir / _STAMP, json.dumps(stamp, indent=2).encode() + b"\n")
        return BuildResult(False, duration_s, log)


def fingerprint(contestant: Contestant, plan: BuildPlan, cache: Cache) -> str:
    """A digest of all that the result depends on: steps, environment, contents of the inputs, tools."""
    digest = hashlib.sha256()
    values = contestant.placeholder_values(cache.build_dir(contestant))

    def add(kind: str, *parts: str | bytes) -> None:
        for part in (kind, *parts):
            data = part.encode() if isinstance(part, str) else part
            digest.update(b"%d:" % len(data) + data)  # with its length, so that no two lists look the same

    for step in plan.steps:
        add("step", *placeholders.expand_all(step, values))
    for name in sorted(plan.env):
        add("env", name, placeholders.expand(plan.env[name], values))
    for path in input_files(contestant, plan):
        add("input", str(path), b"x" if path.stat().st_mode & 0o100 else b"-", path.read_bytes())
    for label, version in sorted(versions.of_tools(contestant).items()):
        add("tool", label, version)
    for requirement in contestant.requires:
        # A tool that [versions] does not ask: its file changes when it is upgraded.
        if found := requirements.locate(requirement, contestant.search_path):
            info = Path(found).stat()
            add("command", str(Path(found).resolve()), str(info.st_size), str(info.st_mtime_ns))
    return digest.hexdigest()


def input_files(contestant: Contestant, plan: BuildPlan) -> list[Path]:
    """The files that the globs of build.inputs match, sorted. Raises ManifestError for a glob that matches none."""
    found: set[Path] = set()
    for glob in plan.inputs:
        base, pattern = contestant.directory, glob
        if glob.startswith("{repo}/"):
            if contestant.repo is None:
                continue
            base, pattern = contestant.repo, glob.removeprefix("{repo}/")
        elif glob.startswith("{source}/"):
            pattern = glob.removeprefix("{source}/")
        try:
            # "src/**" of pathlib means folders alone; a manifest means the files below them.
            matched = {
                path for path in base.glob(pattern + "/*" if pattern.endswith("**") else pattern) if path.is_file()
            }
        except (ValueError, NotImplementedError) as error:
            raise ManifestError(f"{contestant.directory}: key 'build.inputs': {glob!r}: {error}") from None
        if not matched:
            raise ManifestError(
                f"{contestant.directory}/contestant.toml: key 'build.inputs': no file matches {glob!r}",
                f"correct the glob; it is taken below {base}",
            )
        found |= matched
    return sorted(found)


def _absent_products(contestant: Contestant, build_dir: Path) -> list[str]:
    """What the build should have made and is not there, such as a venv whose interpreter has gone."""
    products = placeholders.expand_all(contestant.products, contestant.placeholder_values(build_dir))
    return [path for path in products if not Path(path).exists()]


def recorded_fingerprint(build_dir: Path) -> str | None:
    """The fingerprint of the last successful build; None if there is none."""
    try:
        stamp = json.loads((build_dir / _STAMP).read_bytes())
        recorded: str = stamp["fingerprint"]
    except (FileNotFoundError, ValueError, KeyError):  # none, or from another version of the rig: build anew
        return None
    return recorded


@contextmanager
def _locked(path: Path, contestant: Contestant, reporter: Reporter) -> Iterator[None]:
    """Keeps two rigs from building the same contestant at once. The kernel frees the lock if a rig dies."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            reporter.say(f"{contestant.name}: another restmark is building it; waiting for that")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run_step(
    contestant: Contestant,
    plan: BuildPlan,
    step: tuple[str, ...],
    number: int,
    build_dir: Path,
    log: Path,
    reporter: Reporter,
) -> None:
    values = contestant.placeholder_values(build_dir)
    argv = placeholders.expand_all(step, values)
    with log.open("a", encoding="utf-8") as file:
        file.write(f"$ {' '.join(argv)}\n")
    title = f"{contestant.name}: build step {number} of {len(plan.steps)} ({Path(argv[0]).name})"
    reporter.say(title)
    spec = ProcessSpec(
        label=contestant.name,
        argv=argv,
        env={
            **versions.path_variable(contestant.search_path),
            **placeholders.expand_values(plan.env, values),
        },
        cwd=contestant.directory,
        log=log,
        own_cgroup=False,
    )
    started = time.monotonic()
    try:
        with SupervisedProcess(spec) as process:
            while (status := process.wait(_REPORT_EVERY_S)) is None:
                reporter.progress(f"{title}, {time.monotonic() - started:.0f} s: {tail(log, 1).strip()}")
    except StartFailed as fault:
        raise BuildFailed(fault.message, fault.remedy) from None
    if status != 0:
        raise BuildFailed(
            f"{contestant.name}: build step {number} of {len(plan.steps)} failed "
            f"({'exit code ' + str(status) if status > 0 else 'signal ' + str(-status)}): {' '.join(argv)}\n"
            f"last lines of {log}:\n{tail(log, 20)}",
            f"mend what the log says; then 'restmark build -C {selector(contestant)}' tries again",
        )
