"""What is asked of a Locust master that has restmark's locustfile: the other end of the routes of bench/distributed/master.py, over HTTP on the port of
Locust's page."""

from __future__ import annotations

import http.client
import json
import socket
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from ..host import ports
from ..model.errors import EnvironmentFault

OTHER_LOCUSTFILE = "start the master with bench/distributed/locustfile.py of this version"
THEN = "then start the run again, or --resume it"
_ASK_S = 60.0
_PAGE_S = 10.0  # Locust's page comes at once; what is asked of its workers may take longer
_OTHER_PORT = "name the port of the Locust master's page (its --web-port, 8089), which is not that of its workers (5557)"


class MasterGone(EnvironmentFault):
    """The master does not answer."""


@dataclass(frozen=True)
class Master:
    """host, port: of its page. logs: of a master that the run itself has started, and of its workers: where they are; empty for somebody else's."""

    host: str
    port: int
    logs: str = ""

    def ask(self, path: str, document: Any = None, timeout_s: float = _ASK_S) -> Any:
        """Its answer. Raises MasterGone; EnvironmentFault with what it says is wrong."""
        url = f"http://{self._address}{path}"
        try:
            return json.loads(self._read(url, None if document is None else json.dumps(document).encode(), timeout_s))
        except urllib.error.HTTPError as error:
            raise _fault(url, error) from None
        except ValueError:
            raise MasterGone(f"{url} is answered with no JSON", self._remedy) from None

    def require_page(self) -> None:
        """Raises MasterGone if no HTTP is spoken there: a port that takes connections and is silent is found in seconds."""
        try:
            self._read(f"http://{self._address}/", None, _PAGE_S)
        except urllib.error.HTTPError:
            return  # somebody who wants a password, say: ask() tells what is wrong

    def _read(self, url: str, body: bytes | None, timeout_s: float) -> bytes:
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=timeout_s) as response:
                return bytes(response.read())
        except urllib.error.HTTPError:
            raise
        except (OSError, http.client.HTTPException) as error:
            raise MasterGone(f"the Locust master at {self._address} does not answer: {self._why(error, timeout_s)}", self._remedy) from None

    def _why(self, error: Exception, timeout_s: float) -> str:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(reason, ConnectionRefusedError):
            return "nothing listens there"
        if isinstance(reason, TimeoutError):
            return f"nothing was said in {timeout_s:.0f} s"
        if isinstance(reason, socket.gaierror):
            return f"host {self.host}: {reason.strerror}"
        if isinstance(reason, http.client.BadStatusLine) and not isinstance(reason, http.client.RemoteDisconnected):
            return "what listens there speaks no HTTP"
        return str(reason)

    @property
    def _address(self) -> str:
        return ports.address(self.host, self.port)

    @property
    def _remedy(self) -> str:
        return f"see {self.logs}; {THEN}" if self.logs else _OTHER_PORT


def _fault(url: str, error: urllib.error.HTTPError) -> EnvironmentFault:
    try:
        told = json.load(error)
    except ValueError:
        return EnvironmentFault(f"{url} answers {error.code}", OTHER_LOCUSTFILE)
    return EnvironmentFault(f"the load machines can not make the load: {told['fault']}", "see the master's log")
