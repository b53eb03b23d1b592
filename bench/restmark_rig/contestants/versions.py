"""Versions of the tools a contestant is made with, as the manifest's commands print them."""

from __future__ import annotations

import functools
import os
import subprocess
from pathlib import Path

from . import image, placeholders, targets
from .contestant import Contestant

_TIMEOUT_S = 20


@functools.cache
def first_line(argv: tuple[str, ...], cwd: Path, search_path: str | None = None) -> str:
    """The first line that a command prints, on stdout or else on stderr; "unknown (why)" if it can not be had.

    search_path: the PATH that it is looked for in and runs with, the rig's own if None.

    Cached for the life of the rig: contestants share tools, and each is asked once.
    """
    try:
        done = subprocess.run(
            argv,
            cwd=cwd,
            env={**os.environ, **path_variable(search_path)},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError:
        return f"unknown ({argv[0]} not found)"
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"unknown ({error})"
    lines = [line.strip() for line in (done.stdout + "\n" + done.stderr).splitlines() if line.strip()]
    if done.returncode != 0 and not done.stdout.strip():  # a traceback is no version
        return f"unknown ({argv[0]} failed: {lines[-1] if lines else f'exit code {done.returncode}'})"
    if not lines:
        return f"unknown ({argv[0]} printed nothing)"
    return lines[0].removeprefix(f"{argv[-1]}: ")  # "go version FILE" begins with the file, whose path is this machine's own


def forget() -> None:
    """Asks again from now on: something has been installed."""
    first_line.cache_clear()


def path_variable(search_path: str | None) -> dict[str, str]:
    """What is to be added to the environment of a program that is looked for in search_path."""
    return {} if search_path is None else {"PATH": search_path}


def collect(contestant: Contestant, build_dir: Path) -> dict[str, str]:
    """label -> version for every label of the manifest."""
    values = contestant.placeholder_values(build_dir)
    aim = {"compiled for": contestant.target.name} if contestant.build is not None and contestant.target.name != targets.DEFAULT else {}
    of_image = {"image": first_line(image.asking_id(contestant.image), contestant.directory, contestant.search_path)} if contestant.image else {}
    return aim | of_image | {
        label: first_line(tuple(placeholders.expand_all(argv, values)), contestant.directory, contestant.search_path)
        for label, argv in contestant.versions.items()
    }


def of_tools(contestant: Contestant) -> dict[str, str]:
    """The same for those labels alone that do not ask the finished build: what a build depends on."""
    return {
        label: first_line(tuple(placeholders.expand_all(argv, {})), contestant.directory, contestant.search_path)
        for label, argv in contestant.versions.items()
        if not any(placeholders.names_in(word) for word in argv)
    }
