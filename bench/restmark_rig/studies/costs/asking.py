"""Each of the routes that all contestants have, asked once."""

from __future__ import annotations

from ...model.workloads import ROUTES, full
from ...server.http_probe import ProbeError
from ...server.launcher import RunningServer
from ...store.dataset import Dataset
from ...verify.difference import describe
from ...verify.oracle import Oracle

_ANSWER_S = 60.0


def ask_all(server: RunningServer, dataset: Dataset) -> None:
    """Of these the ones that it has. Raises ProbeError if an answer is not the right one."""
    name, oracle = server.contestant.name, Oracle(dataset)
    for route in ROUTES:
        if route in server.contestant.routes:
            request = full(route)
            with server.connect(_ANSWER_S) as connection:
                response = connection.ask(request)
            if response.status != 200:
                raise ProbeError(f"{name}: {request.line} was answered with {response.status}")
            expected = oracle.answer(request).like(response.body)
            if response.body != expected:
                raise ProbeError(f"{name}: {request.line}: {describe(expected, response.body)}")
