"""docs/SECURITY.md names faults that the soak has, and the soak has none that its page does not count on."""

from __future__ import annotations

import re
from pathlib import Path

from soak_rig.faults import FAULTS
from soak_rig.hostile import ACTS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "SECURITY.md").read_text(encoding="utf-8")


def test_faults_that_the_page_names_exist() -> None:
    lists = re.findall(r"`tests/soak` \((`[^)]+)\)", PAGE)
    named = {name for text in lists for name in re.findall(r"`([a-z-]+)`", text)}
    assert len(named) >= 10
    assert named <= set(FAULTS) | set(ACTS)
