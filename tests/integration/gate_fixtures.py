"""Fixtures of the tests of the gate; a pytest plugin that they name in `pytest_plugins`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from daemon import Daemon
from gate_support import Watched


# A sanitizer, or memory that is overwritten when it is freed, shows a use after free that the usual allocator hides.
@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    daemon = Daemon(
        tmp_path_factory.mktemp("gate") / "d",
        ("server.processes=1", "limits.idle-timeout=10min", "limits.request-timeout=10min", "admin.listen=127.0.0.1:0"),
        environment={"MALLOC_PERTURB_": "165"},
    )
    daemon.wait_ready()
    yield Watched(daemon)
    daemon.finish()
