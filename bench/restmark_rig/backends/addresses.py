"""Where the back ends are, in the URLs that people write, with the password kept apart. Pure, but for reading a file that is named."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

from ..model.errors import UsageFault

DATABASE_SCHEMES = ("postgresql", "postgres")
CACHE_SCHEMES = ("redis", "unix")


@dataclass(frozen=True)
class Address:
    """A URL without its password, and the password; "" if there is none."""

    url: str
    password: str = field(default="", repr=False)

    @property
    def secret_url(self) -> str:
        """The URL with the password in it: for an environment or a library, never for an argument, a log or a result."""
        if not self.password:
            return self.url
        parts = urlsplit(self.url)
        user, _, host = parts.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=f"{user}:{quote(self.password, safe='')}@{host}"))


def given(text: str | None, option: str, schemes: tuple[str, ...], variable: str, environment: Mapping[str, str] | None = None) -> Address | None:
    """What an option says: a URL, or @FILE with one in its first line, which may hold the password. None if it says nothing.

    variable: of the environment, with the password if the URL has none. Raises UsageFault, also for a password on the command line.
    """
    if text is None:
        return None
    from_file = text.startswith("@")
    where = f"{option} {text}" if from_file else option
    url = _first_line(Path(text[1:]), where) if from_file else text
    try:
        parts = urlsplit(url)
        password = unquote(parts.password or "")
    except ValueError as error:
        raise UsageFault(f"{where}: {error}", f"write it like {_EXAMPLES[schemes[0]]}") from None
    if parts.scheme not in schemes:
        raise UsageFault(f"{where}: the URL does not begin with {' or '.join(f'{s}://' for s in schemes)}", f"write it like {_EXAMPLES[schemes[0]]}")
    if password and not from_file:
        raise UsageFault(
            f"{where}: everybody on this machine can read a password on a command line",
            f"leave it out of the URL and put it into the environment as {variable}, or write the URL into a file and say {option} @FILE",
        )
    return Address(urlunsplit(_without_password(parts)), password or (environment or os.environ).get(variable, ""))


_EXAMPLES = {"postgresql": "postgresql://user@host:5432/database", "redis": "redis://host:6379/0 or unix:///run/redis/redis.sock"}


def _first_line(path: Path, where: str) -> str:
    try:
        return path.read_text(encoding="utf-8").splitlines()[0].strip()
    except (OSError, UnicodeDecodeError, IndexError) as error:
        raise UsageFault(f"{where}: can not be read: {error}", "its first line has to be the URL") from None


def _without_password(parts: SplitResult) -> SplitResult:
    if parts.password is None:
        return parts
    user, _, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user.partition(':')[0]}@{host}")
