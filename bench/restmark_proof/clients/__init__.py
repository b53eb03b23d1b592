"""A load of HTTP clients that tells apart how each request failed. Used by bench/reload-proof and by the integration tests.

It measures no speed: one thread drives all clients. What it is for is that no request is lost unseen while a server is
reloaded, resized, upgraded or killed: each request ends as answered or as exactly one kind of failure.
"""

from .client import LocalFault
from .load import Load
from .outcome import Failure, Outcome, Tally
from .profile import Profile

__all__ = ["Failure", "Load", "LocalFault", "Outcome", "Profile", "Tally"]
