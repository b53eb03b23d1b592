"""Where the rig's own files lie: contestants and scripts are beside its package, or where pip puts data."""

from __future__ import annotations

import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def _bench() -> Path:
    beside, of_pip = PACKAGE.parent, Path(sys.prefix) / "share" / "restmark" / "bench"
    return beside if (beside / "peers").is_dir() or not of_pip.is_dir() else of_pip


BENCH = _bench()
PEERS = BENCH / "peers"
