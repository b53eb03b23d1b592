"""docs/METHODOLOGY.md says what the program does: its verdicts, badges, limits and constants."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from restmark_rig import statistics
from restmark_rig.report import doubt, told
from restmark_rig.report.readme import BEGIN, END
from restmark_rig.report.texts import VERDICTS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "METHODOLOGY.md").read_text()


def rows() -> dict[str, tuple[str, str]]:
    """Verdict to (badge, condition), from the page's table."""
    found = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE)
    return {name: (badge, text) for name, badge, text in found}


def test_every_verdict_is_explained_with_its_badge() -> None:
    assert {name: badge for name, (badge, _) in rows().items()} == {
        name: badge for name, (badge, _) in VERDICTS.items()
    }


def test_constants_are_those_of_the_program() -> None:
    assert f"a factor of {statistics.SINGLE_ROUND_FACTOR:g} up and down" in PAGE
    assert f"at least {statistics.LEAST_FLOOR * 100 - 100:.0f} %" in PAGE
    assert f"{statistics.NEIGHBOURS_FREEDOM} rounds more" in PAGE
    assert f"taken for {doubt.UNKNOWN_SLOWDOWN * 100:.0f} %" in PAGE
    assert f"further apart than {told.SAID_WITH_INTERVAL:g} ×" in PAGE
    assert f"{statistics.OUTLIER_MADS:.3f} MAD" in PAGE
    assert f"and {statistics.OUTLIER_LEAST_SHARE * 100:g} %" in PAGE
    assert BEGIN in PAGE and END in PAGE


def test_limits_are_those_of_the_program() -> None:
    verdict = pytest.importorskip("restmark_rig.verdict", reason="this checkout has no 'restmark run'")
    limits = verdict.thresholds()
    for name, key, factor in (
        ("byte_mismatch", "bytes_max_difference_share", 100),
        ("censored", "rate_reached_min_share", 100),
        ("censored", "answers_min_per_connection", 1),
        ("starved", "server_starved_max_share", 100),
        ("ack_stall", "ack_stall_min_ms", 1),
        ("throttled", "throttled_max_share", 100),
        ("noisy", "foreign_cpu_max_share", 100),
        ("noisy", "spread_max_share", 100),
        ("noisy", "spread_min_rounds", 1),
        ("client_bound", "client_busy_min_share", 100),
        ("client_bound", "server_busy_min_share", 100),
    ):
        assert f" {limits[key] * factor:g} " in rows()[name][1] + " ", (name, key)
