"""Arguments, the folder, the progress line, and what is printed at the end."""

from __future__ import annotations

import argparse
import secrets
import shutil
import signal
import sys
import tempfile
import threading
from pathlib import Path

from . import report
from .faults import FAULTS
from .run import Soak

EXIT_FOUND = 1
EXIT_USAGE = 2  # argparse's
PROGRESS_S = 5.0
OVERTIME_S = 300
FULL_FINDINGS = 3

DESCRIPTION = """\
Starts restmarkd on a free port of 127.0.0.1 and lets good clients ask it for all five routes, each answer compared,
while hostile ones send what is malformed, slow, too large or cut off, and one fault after another is done to it.
No good request may fail but on a connection of a worker that was killed; memory and descriptors stay flat; the
workers are as many as asked for; service is there after each fault, and nothing is left at the end."""

EPILOG = f"""\
Faults: {", ".join(FAULTS)}.

The order of faults and all chances come from the seed, which is printed; when things happen to each other is the machine's.

Exit codes: 0 nothing was found, 1 something was (the folder with log and configuration is kept), 2 usage.
"""


class Overtime(Exception):
    """The soak did not end by itself."""


def _minutes(text: str) -> float:
    value = float(text)
    if not 0.1 <= value <= 10_000:
        raise argparse.ArgumentTypeError("must be from 0.1 to 10000")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="soak", description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    root = Path(__file__).resolve().parents[2]
    parser.add_argument("--minutes", type=_minutes, required=True, metavar="N", help="how long, to the next end of a round")
    parser.add_argument("--seed", type=int, metavar="S", help="repeats a run (default: by chance)")
    parser.add_argument("--build", type=Path, default=root / "build" / "release", help="the build tree (build/release)")
    parser.add_argument("--faults", metavar="NAME,...", help="only these kinds; none for load alone (default: all)")
    return parser


def _kinds(parser: argparse.ArgumentParser, text: str | None) -> tuple[str, ...]:
    if text is None:
        return tuple(FAULTS)
    if text == "none":
        return ()
    kinds = tuple(text.split(","))
    for kind in kinds:
        if kind not in FAULTS:
            parser.error(f"--faults: there is no {kind!r}; there are: none, {', '.join(FAULTS)}")
    return kinds


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _on_signal(number: int, _: object) -> None:
    if number == signal.SIGALRM:
        raise Overtime("the soak takes longer than it may")
    raise KeyboardInterrupt(number)


def _watch(soak: Soak, ended: threading.Event) -> None:
    told = 0
    while not ended.wait(PROGRESS_S):
        say(soak.progress())
        for finding in soak.result.findings[told:]:
            told += 1
            say(f"soak: found: {finding.text}")


def _run(soak: Soak) -> str:
    """Runs it with its progress line; why it was broken off, empty if it was not."""
    ended = threading.Event()
    ticker = threading.Thread(target=_watch, args=(soak, ended), daemon=True)
    ticker.start()
    try:
        soak.run()
    except Overtime as error:
        return str(error)
    finally:
        signal.alarm(0)
        ended.set()
        ticker.join(10)
    return ""


def main(arguments: list[str] | None = None) -> int:
    parser = _parser()
    args = parser.parse_args(arguments)
    kinds = _kinds(parser, args.faults)
    binary = args.build / "src" / "restmarkd"
    if not binary.is_file():
        parser.error(f"--build: there is no {binary}; remedy: cmake --preset release && cmake --build --preset release")
    for program, package in (("ss", "iproute2"), ("setpriv", "util-linux")):
        if not shutil.which(program):
            parser.error(f"{program} is not installed; remedy: apt install {package}")
    seed = secrets.randbelow(2**31) if args.seed is None else args.seed
    folder = Path(tempfile.mkdtemp(prefix="restmark-soak-"))
    say(f"soak: seed {seed}, {args.minutes:g} minutes, {args.build}, folder {folder}")
    for number in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, _on_signal)
    signal.alarm(int(60 * args.minutes) + OVERTIME_S)
    soak = Soak(args.build.resolve(), folder, seed, args.minutes, kinds)
    try:
        broken_off = _run(soak)
    except KeyboardInterrupt:
        say("soak: interrupted; what was started is stopped")
        print(report.summary(soak.result))
        _verdict(soak, "", folder, seed)
        return 130
    print(report.summary(soak.result))
    return _verdict(soak, broken_off, folder, seed)


def _verdict(soak: Soak, broken_off: str, folder: Path, seed: int) -> int:
    findings = soak.result.findings
    if not findings and not broken_off:
        shutil.rmtree(folder)
        return 0
    text = [report.finding(n, finding) for n, finding in enumerate(findings, 1)]
    (folder / "findings").write_text("\n\n".join(text) + "\n")
    for n, told in enumerate(text, 1):
        print(told if n <= FULL_FINDINGS else told.splitlines()[0])
    if broken_off:
        print(f"broken off: {broken_off}")
    print(f"soak: failed; seed {seed}; log, configuration and all findings are kept in {folder}")
    return EXIT_FOUND
