"""How many requests a live service answered in a window: by its access log, by restmarkd's own count, else at most by its calls."""

from __future__ import annotations

import json
import os
import re
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ..model.errors import EnvironmentFault, UsageFault
from ..model.traffic_rules import Seen
from ..store import traffic_files
from .service import Window

_NUMBER = re.compile(r"(?<=/)(\d+|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27})(?=/|$)")
_LOG_MAX = 256 * 2**20  # bytes of a window that are looked at
_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Requests:
    """count: None where nothing tells. routes: "GET /items/{}" by its requests; note: how it was counted, and what that leaves out."""

    count: int | None
    note: str
    routes: Counter[str] = field(default_factory=Counter)


class AccessLog:
    """An access log from now on. Raises UsageFault if it can not be read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file: IO[bytes] = path.open("rb")
        except OSError as error:
            raise UsageFault(f"--access-log {path}: can not be read: {error.strerror}", "name the log that the service writes") from None
        self._begin = self._file.seek(0, os.SEEK_END)

    def end(self) -> Requests:
        """What was written since; from a log that took its place as well."""
        with self._file:
            size = os.fstat(self._file.fileno()).st_size
            cut = size < self._begin
            self._file.seek(0 if cut else self._begin)
            data = self._file.read(_LOG_MAX)
            rotated = self._moved()
        if rotated:
            with self._path.open("rb") as file:
                data += file.read(_LOG_MAX)
        routes, bad = self._routes(data)
        note = f"lines that {self._path} grew by"
        note += "; it was cut short meanwhile, so that some may be missing" if cut else "; it was rotated meanwhile, and both are counted" if rotated else ""
        note += f"; {bad} lines held no request" if bad else ""
        return Requests(sum(routes.values()), note, routes)

    def _moved(self) -> bool:
        try:
            now = os.stat(self._path)
        except FileNotFoundError:
            return False
        mine = os.fstat(self._file.fileno())
        return (now.st_ino, now.st_dev) != (mine.st_ino, mine.st_dev)

    @staticmethod
    def _routes(data: bytes) -> tuple[Counter[str], int]:
        routes: Counter[str] = Counter()
        bad = 0
        # A last line without its end is being written: it is the next window's.
        for line in data.split(b"\n")[:-1]:
            if not line.strip():
                continue
            seen = traffic_files.parse_line(line.rstrip(b"\r"))
            if isinstance(seen, Seen):
                routes[f"{seen.method} {_NUMBER.sub('{}', seen.path)}"] += 1
            else:
                bad += 1
        return routes, bad


class Status:
    """restmarkd's admin endpoint: http://HOST:PORT of [admin] listen. Raises EnvironmentFault if it does not answer."""

    def __init__(self, address: str) -> None:
        self._address = address.rstrip("/")
        self._before = self._read()

    def end(self) -> Requests:
        """What was counted since."""
        now = self._read()
        routes = Counter({f"route {name}": count - self._before.get(name, 0) for name, count in now.items() if count > self._before.get(name, 0)})
        return Requests(sum(routes.values()), f"restmarkd's own count, {self._address}/status", routes)

    def _read(self) -> dict[str, int]:
        url = f"{self._address}/status"
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:
                document = json.load(answer)
            return {name: int(counts["requests"]) for name, counts in document["routes"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, urllib.error.URLError) as error:
            raise EnvironmentFault(f"{url}: no status of restmarkd's: {error}", "give the address of [admin] listen, as http://127.0.0.1:8081") from None


def by_calls(window: Window) -> Requests:
    """The only thing left: calls that write. An answer takes one or more, and files and logs take some, too."""
    known = [use.writes for use in window.uses if use.writes is not None]
    if not known:
        return Requests(None, "nothing tells how many requests there were: give --access-log FILE, or --admin URL of a restmarkd")
    per_s = sum(known) / window.seconds
    return Requests(
        None,
        f"nothing tells how many requests there were: its processes made {per_s:,.0f} writes a second by write(2) and its like, and an answer takes one, "
        "several, or none (send(2) is not counted); give --access-log FILE, or --admin URL of a restmarkd",
    )
