"""How a contestant learns where the database and the cache are."""

from __future__ import annotations

from dataclasses import dataclass, field

from . import placeholders


@dataclass(frozen=True)
class BackEndAccess:
    """How a server reaches the back ends: URLs, empty for one that does not run, and how many connections a worker may open.

    secret_…: the same with a password if there is one: for environments alone, and never for an argument, a log or a result. credentials: a
    folder that nobody else may read, with passwords in the files database-password and cache-password, as systemd passes them on.
    """

    database_url: str = ""
    cache_url: str = ""
    database_connections: int = 4
    cache_connections: int = 1
    secret_database_url: str = field(default="", repr=False)
    secret_cache_url: str = field(default="", repr=False)
    database_password: str = field(default="", repr=False)
    credentials: str = ""

    @property
    def values(self) -> dict[str, object]:
        """Of the placeholders in a manifest, without passwords."""
        return {name: getattr(self, name) for name in placeholders.BACK_END_NAMES}

    @property
    def secret_values(self) -> dict[str, object]:
        """Of the placeholders in a manifest's environment, passwords and all."""
        secrets = {"database_url": self.secret_database_url, "cache_url": self.secret_cache_url}
        return {**self.values, **{name: value for name, value in secrets.items() if value}}

    @property
    def secret_variables(self) -> dict[str, str]:
        """Of the environment, for those who get a URL without its password as an argument: libpq's, and systemd's."""
        found = {"PGPASSWORD": self.database_password, "CREDENTIALS_DIRECTORY": self.credentials}
        return {name: value for name, value in found.items() if value}

    def recorded(self) -> BackEndAccess:
        """For the record of a run: a placeholder in place of a URL, which each start chooses anew."""
        return BackEndAccess(
            "{database_url}" if self.database_url else "", "{cache_url}" if self.cache_url else "", self.database_connections, self.cache_connections
        )

    @staticmethod
    def variables(values: dict[str, object]) -> dict[str, str]:
        """What servers find in their environment by these values; nothing where no back end runs."""
        if not (values["database_url"] or values["cache_url"]):
            return {}
        return {f"RESTMARK_{name.upper()}": str(value) for name, value in sorted(values.items())}


NO_BACK_ENDS = BackEndAccess()
