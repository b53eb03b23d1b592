"""A contestant that is an image: run by podman, in the control group of its own that every server has.

podman makes no group of its own (--cgroups=disabled), so that the one that limits and accounts for any other server holds podman, its monitor and
the container alike: limits are the same and exact, and nothing escapes. The network is the machine's: a port forwarder would be measured, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

COMMAND = "podman"
PACKAGES = ("podman",)
# Run before the first start; an image that is there, one of the user's own say, is not asked for elsewhere.
_FETCH = f'{COMMAND} image exists "$1" || exec {COMMAND} pull "$1"'


def fetching(image: str) -> tuple[str, ...]:
    """The build step that brings the image."""
    return ("sh", "-c", _FETCH, "sh", image)


def asking_id(image: str) -> tuple[str, ...]:
    """The command whose first line is the image's id: a digest of all that is in it."""
    return (COMMAND, "image", "inspect", "--format", "{{.Id}}", image)


def running(image: str, argv: Sequence[str], names: Iterable[str], folders: Iterable[Path], writable: Path) -> list[str]:
    """The command that runs argv in the image. names: variables that it gets out of podman's environment, so that no value stands on a command line;
    folders: that it reads under the paths that they have here; writable: the one that it may write to."""
    words = [COMMAND, "run", "--rm", "--pull=never", "--cgroups=disabled", "--network=host", "--log-driver=none"]
    words += [f"--volume={folder}:{folder}:ro" for folder in dict.fromkeys(folders)]
    words += [f"--volume={writable}:{writable}", *(f"--env={name}" for name in sorted(names))]
    return [*words, image, *argv]
