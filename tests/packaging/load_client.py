"""Runs a load in the network namespace that it was started in, until its standard input ends; prints the counts as one JSON object."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
from restmark_proof.clients import Load, Profile

LONGEST_S = 120.0

if __name__ == "__main__":
    host, port = sys.argv[1].split(":")
    profiles = (
        Profile("each its own connection", clients=4, pause_s=0.005, body=b"Welcome!\n"),
        Profile("kept connections", clients=4, keep_alive=True, pause_s=0.002, body=b"Welcome!\n"),
        Profile("work", "/encode-json", clients=2, keep_alive=True, pause_s=0.005, body=b"133622"),
        Profile("large answers", "/transfer-data", clients=2, pause_s=0.01),
    )
    with Load((host, int(port)), profiles, seconds=LONGEST_S) as load:
        load.wait_requests(20)
        print("started", flush=True)
        sys.stdin.read()
        tally = load.stop()
    print(
        json.dumps(
            {
                "answered": tally.answered,
                "failed": {kind.value: count for kind, count in tally.failed.items()},
                "slowest_ms": round(tally.slowest_ms, 1),
                "first": [str(failure) for failure in tally.failures[:5]],
            }
        )
    )
