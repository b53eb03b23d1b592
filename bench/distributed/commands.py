"""The restmark that belongs to these scripts."""

from __future__ import annotations

from pathlib import Path

from stopping import Fault

from restmark_rig.host.own_command import RUN_AS

__all__ = ["RUN_AS", "restmark"]


def restmark() -> Path:
    """In a checkout it is beside them; installed, in PREFIX/bin, and they below PREFIX/share. Raises Fault."""
    bench = Path(__file__).resolve().parents[1]
    places = (bench / "restmark", bench.parents[2] / "bin" / "restmark")
    for place in places:
        if place.exists():
            return place
    raise Fault(f"restmark is neither {places[0]} nor {places[1]}; reinstall it")
