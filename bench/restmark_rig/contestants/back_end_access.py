"""How a contestant learns where the database and the cache are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from . import placeholders


@dataclass(frozen=True)
class BackEndAccess:
    """How a server reaches the back ends: URLs, empty for one that does not run, and how many connections a worker may open.

    environment: what holds a password, such as PGPASSWORD, which is in no URL, argument or result.
    """

    database_url: str = ""
    cache_url: str = ""
    database_connections: int = 4
    cache_connections: int = 1
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def values(self) -> dict[str, object]:
        """Of the placeholders in a manifest."""
        return {name: getattr(self, name) for name in placeholders.BACK_END_NAMES}

    @property
    def variables(self) -> dict[str, str]:
        """What servers find in their environment; nothing where no back end runs."""
        if not (self.database_url or self.cache_url):
            return {}
        return {f"RESTMARK_{name.upper()}": str(value) for name, value in sorted(self.values.items())}


NO_BACK_ENDS = BackEndAccess()
