"""Fixtures of the tests of POST /validate; a pytest plugin that they name in `pytest_plugins`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from daemon import Daemon
from validate_support import assert_given_back


@pytest.fixture(scope="module", params=["struct", "tree"])
def daemon(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    one = Daemon(tmp_path_factory.mktemp("validate") / "d", ("server.processes=1", f"workloads.codec={request.param}"))
    one.wait_ready()
    yield one
    assert_given_back(one)
    one.finish()
