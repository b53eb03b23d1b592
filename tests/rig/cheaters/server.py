#!/usr/bin/python3
"""A contestant that does the work honestly, or cheats (or errs) in the one way that --cheat names.

The rig's tests run it to see that verify finds each of these out, and finds nothing to say about the honest one.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # where another program runs this file, too

import cost_cheats
import more_cheats
import protocol_cheats
import work_cheats
from honest import HonestServer
from more_honest import MoreHonestServer

CHEATS: dict[str, type[HonestServer]] = {
    "none": HonestServer,
    "cached-encoder": work_cheats.CachedEncoder,
    "cached-full-encoder": work_cheats.CachedFullEncoder,
    "closed-form-loop": work_cheats.ClosedFormLoop,
    "cached-loop": work_cheats.CachedLoop,
    "prepared-loop": work_cheats.PreparedLoop,
    "skipped-decode": work_cheats.SkippedDecode,
    "decodes-nothing": work_cheats.DecodesNothing,
    "half-the-fields": work_cheats.HalfTheFields,
    "prepared-lengths": work_cheats.PreparedLengths,
    "patched-fragments": work_cheats.PatchedFragments,
    "two-faced-parser": work_cheats.TwoFacedParser,
    "two-faced-encoder": work_cheats.TwoFacedEncoder,
    "linear-digest": work_cheats.LinearDigest,
    "truncated-body": protocol_cheats.TruncatedBody,
    "surplus-byte": protocol_cheats.SurplusByte,
    "error-after-many": protocol_cheats.ErrorAfterMany,
    "wrong-content-type": protocol_cheats.WrongContentType,
    "closes-after-each": protocol_cheats.ClosesAfterEach,
    "wrong-float-text": work_cheats.WrongFloatText,
    "sleeping-worker": work_cheats.SleepingWorker,
    "sleeping-loop": work_cheats.SleepingLoop,
    "splits-answers": protocol_cheats.SplitsAnswers,
    "lenient": protocol_cheats.Lenient,
    "knows-no-digest": protocol_cheats.KnowsNoDigest,
    "refuses-404": protocol_cheats.Refuses404,
    "refuses-422": protocol_cheats.Refuses422,
    "fails-500": protocol_cheats.Fails500,
    "catch-all": protocol_cheats.CatchAll,
    "impatient": protocol_cheats.Impatient,
    "drops-second": protocol_cheats.DropsSecond,
    "closes-on-second": protocol_cheats.ClosesOnSecond,
    "truncates-second": protocol_cheats.TruncatesSecond,
    "stubborn": protocol_cheats.Stubborn,
    "leaves-child": protocol_cheats.LeavesChild,
    "crashes": protocol_cheats.Crashes,
    "none-of-eight": MoreHonestServer,
    "validation-skipped": more_cheats.ValidationSkipped,
    "echo": more_cheats.Echo,
    "bytes-for-characters": more_cheats.BytesForCharacters,
    "names-no-field": more_cheats.NamesNoField,
    "names-all-fields": more_cheats.NamesAllFields,
    "takes-too-much": more_cheats.TakesTooMuch,
    "cached-bodies": more_cheats.CachedBodies,
    "waits-not": more_cheats.WaitsNot,
    "waits-less": more_cheats.WaitsLess,
    "spinning-wait": more_cheats.SpinningWait,
    "prefix-router": more_cheats.PrefixRouter,
    "first-record": more_cheats.FirstRecord,
    "falls-over-digits": more_cheats.FallsOverDigits,
    "lacks-a-route": more_cheats.LacksARoute,
    "slows-down": cost_cheats.SlowsDown,
    "steps-at-random": cost_cheats.StepsAtRandom,
    "swallows-missing": cost_cheats.SwallowsMissing,
}


async def run(server: HonestServer, host: str, port: int) -> None:
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)
    listener = await asyncio.start_server(server.serve, host, port, limit=2**20)
    await listener.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--cheat", choices=CHEATS, default="none")
    parser.add_argument("--label", help="not used; tests find their processes by it")
    options = parser.parse_args()
    server = CHEATS[options.cheat](options.dataset)
    try:
        asyncio.run(run(server, options.host, options.port))
    except OSError as error:
        sys.exit(f"can not listen on port {options.port}: {error.strerror}")


if __name__ == "__main__":
    main()
