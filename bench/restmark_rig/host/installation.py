"""Where the rig's own files lie: beside its package, in a checkout as well as installed."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
BENCH = PACKAGE.parent
PEERS = BENCH / "peers"
