"""The rig's errors and exit codes. Every error says what is wrong, where, and what would help."""

from __future__ import annotations

import sys
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the command; 128 + signal when a signal ended it, as in a shell."""

    OK = 0
    USAGE = 1
    VERIFICATION = 2
    ENVIRONMENT = 3
    REGRESSION = 4
    INTERRUPTED = 130
    TERMINATED = 143


class RigError(Exception):
    """An error that is shown to the user as it is, without a traceback.

    message: what is wrong and where; remedy: what to do about it (may be empty).
    """

    exit_code = ExitCode.ENVIRONMENT

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  remedy: {self.remedy}" if self.remedy else self.message


class UsageFault(RigError):
    """The command line, or a file that the user named, is wrong."""

    exit_code = ExitCode.USAGE


class ManifestError(UsageFault):
    """A contestant.toml is wrong."""


class DatasetError(UsageFault):
    """A dataset file can not be used."""


class EnvironmentFault(RigError):
    """The machine lacks something: a tool, a port, a right."""


def missing_package(error: ModuleNotFoundError) -> EnvironmentFault:
    """A library of the rig is not installed for the Python that runs."""
    return EnvironmentFault(
        f"the Python package {error.name} is missing in {sys.executable}",
        f"on Debian: apt-get install python3-{error.name}, and run it with /usr/bin/python3 "
        "(in a checkout, 'bench/quickstart.sh --setup' brings all that the rig needs)",
    )


class BuildFailed(EnvironmentFault):
    """A contestant did not build."""


class StartFailed(EnvironmentFault):
    """A contestant did not start, or died before it was ready."""


class Terminated(BaseException):
    """SIGTERM reached the rig. Not an Exception, so that only clean-up handlers see it on its way out."""
