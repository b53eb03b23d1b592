"""A Python package index as pip asks it: the simple repository API in HTML (PEP 503), with data-requires-python (PEP 503) and yanked files (PEP 592)."""

from __future__ import annotations

import html.parser
import os
import re
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass

from .pins import RenewalFailed

_DEFAULT_INDEX = "https://pypi.org/simple"
_TIMEOUT_S = 60.0
_WHEEL = re.compile(r"(?P<name>.+?)-(?P<version>[^-]+)(?:-\d[^-]*)?-(?P<python>[^-]+)-(?P<abi>[^-]+)-(?P<platform>[^-]+)\.whl$")
_SOURCE = re.compile(r"(?P<name>.+)-(?P<version>[^-]+)\.(?:tar\.gz|zip)$")


@dataclass(frozen=True)
class Artifact:
    """One file of a release. kind: "source", or the wheel's platform without the age of the C library, e.g. "any" or "manylinux x86_64"."""

    file: str
    version: str
    kind: str
    sha256: str
    requires_python: str


class _Page(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.links.append(dict(attrs))


def artifacts(page: str) -> list[Artifact]:
    """The files that a project's page lists, without those that were withdrawn and those of kinds that pip no longer takes."""
    reader = _Page()
    reader.feed(page)
    found = []
    for link in reader.links:
        address, _, fragment = (link.get("href") or "").partition("#")
        if "data-yanked" in link or not fragment.startswith("sha256="):
            continue
        file = urllib.request.url2pathname(address.rpartition("/")[2])
        if match := _WHEEL.fullmatch(file):
            kind = _platform(match["platform"])
        elif match := _SOURCE.fullmatch(file):
            kind = "source"
        else:
            continue
        found.append(Artifact(file, match["version"], kind, fragment.removeprefix("sha256="), link.get("data-requires-python") or ""))
    return found


def _platform(tags: str) -> str:
    last = tags.rpartition(".")[2]
    match = re.fullmatch(r"(manylinux|musllinux)(?:_\d+_\d+|\d+)_(\w+)", last)
    return f"{match[1]} {match[2]}" if match else last


def of_project(name: str) -> list[Artifact]:
    """artifacts() of a project on the index that pip is configured for. Raises RenewalFailed."""
    address = f"{_index()}/{re.sub(r'[-_.]+', '-', name).lower()}/"
    request = urllib.request.Request(address, headers={"Accept": "text/html", "User-Agent": "restmark-renew"})
    trusted = os.environ.get("PIP_CERT") or None
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S, context=ssl.create_default_context(cafile=trusted)) as answer:
            return artifacts(answer.read().decode("utf-8"))
    except (OSError, ValueError) as error:  # urllib.error.URLError is an OSError
        raise RenewalFailed(f"{address}: {error}", "is the index reachable? pip config list tells which one it is") from None


def _index() -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", "global.index-url"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    configured = os.environ.get("PIP_INDEX_URL") or (done.stdout.strip() if done.returncode == 0 else "")
    return (configured or _DEFAULT_INDEX).rstrip("/")
