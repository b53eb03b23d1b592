"""How long an answer may take."""

from __future__ import annotations

TIMEOUT_MAX_S = 60.0  # where restmark-load's histogram ends
DEFAULT_TIMEOUT_S = 30.0
