"""Arguments, and which servers are run."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from . import report
from .errors import Fault, Missing
from .own import Own
from .process import find
from .recipes import DEFAULT, RECIPES
from .run import Result, prove, say

EXIT_LOST = 1
EXIT_USAGE = 2  # argparse's
EXIT_NOTHING_RAN = 3

DESCRIPTION = """\
Reloads a pre-forked server again and again under load, and counts what its clients lose. The load is new
connections, kept ones that are busy, kept ones that mostly rest, and slow readers, on the loopback interface.
Each request ends as answered or as one kind of failure. The server's own graceful way to reload is used."""

EPILOG = """\
Columns: refused: no connection; reset: before the first byte of the answer; EOF: an orderly end before it;
truncated: an end of either kind inside the answer; other: a wrong status or body; idle-close: a request that
crossed the server's close of a connection that was kept, before the server had seen a byte of it. HTTP clients send
that one again, and so does this one, so it is not among the failed ones unless --strict says so.

Exit codes: 0 nothing was lost, 1 something was, or a server failed to reload, 2 usage, 3 no server could be run.

Examples:
  reload-proof
  reload-proof --server nginx --server restmarkd --reloads 200
  reload-proof --url http://127.0.0.1:8000/ --pid $(cat master.pid)
  reload-proof --url http://127.0.0.1:80/ --command 'systemctl reload nginx'
"""


def _number(lowest: int, highest: int) -> type[int]:
    def parse(text: str) -> int:
        value = int(text)
        if not lowest <= value <= highest:
            raise argparse.ArgumentTypeError(f"must be from {lowest} to {highest}")
        return value

    return parse  # type: ignore[return-value]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="reload-proof", description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--server", action="append", choices=RECIPES, metavar="NAME",
        help=f"one of {', '.join(RECIPES)}; may be repeated (default: all but uwsgi-http11)",
    )  # fmt: skip
    parser.add_argument("--reloads", type=_number(1, 10_000), default=30, metavar="N", help="reloads of each server (30)")
    parser.add_argument("--connections", type=_number(4, 512), default=16, metavar="N", help="clients at once (16)")
    parser.add_argument("--calm", type=float, default=2.0, metavar="S", help="seconds of load without a reload, first (2)")
    parser.add_argument("--strict", action="store_true", help="idle-close counts as lost, too")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    own = parser.add_argument_group("your own server, which runs already")
    own.add_argument("--url", help="what to ask for; must be answered with 200, and always with the same body")
    own.add_argument("--pid", type=_number(2, 1 << 22), help="its master: gets the signal, and its children are watched")
    own.add_argument("--signal", default="HUP", metavar="NAME", help="the signal that reloads it (HUP)")
    own.add_argument("--command", metavar="CMD", help="a shell command that reloads it, instead of the signal")
    own.add_argument("--settle", type=float, default=1.0, metavar="S", help="without --pid: a reload's end after the command (1)")
    own.add_argument("--remote", action="store_true", help="allow a URL that is not of this machine")
    return parser


def _own(parser: argparse.ArgumentParser, args: argparse.Namespace) -> Own | None:
    if args.url is None:
        if args.pid is not None or args.command is not None:
            parser.error("--pid and --command are for --url")
        return None
    if args.server:
        parser.error("--url and --server do not go together")
    if args.pid is None and args.command is None:
        parser.error("--url needs --pid or --command, to reload the server")
    try:
        number = signal.Signals[f"SIG{args.signal.removeprefix('SIG')}"]
    except KeyError:
        parser.error(f"--signal: there is no {args.signal}")
    return Own(args.url, args.pid, args.command, number, args.settle, args.remote)


def _run_recipe(name: str, args: argparse.Namespace) -> Result:
    recipe = RECIPES[name]
    with tempfile.TemporaryDirectory(prefix="reload-proof-") as folder:
        try:
            server = recipe(Path(folder), args.connections)
        except Missing as missing:
            say(f"{name}: skipped: {missing}")
            return Result(name, skipped=f"{missing}; remedy: {missing.remedy}")
        except Fault as fault:
            say(f"{name}: {fault}")
            return Result(name, how=recipe.how, fault=str(fault))
        try:
            return prove(server, args.reloads, args.connections, args.calm)
        finally:
            server.stop()


def _interrupt(number: int, _: object) -> None:
    raise KeyboardInterrupt(number)


def main(arguments: list[str] | None = None) -> int:
    parser = _parser()
    args = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)  # what was started has to be stopped
    try:
        find("setpriv", "apt install util-linux")
        own = _own(parser, args)
        if own:
            results = [prove(own, args.reloads, args.connections, args.calm)]
        else:
            results = [_run_recipe(name, args) for name in args.server or DEFAULT]
    except Fault as fault:
        parser.error(str(fault))
    except Missing as missing:
        print(f"reload-proof: {missing}; remedy: {missing.remedy}", file=sys.stderr)
        return EXIT_NOTHING_RAN
    except KeyboardInterrupt:
        say("\nreload-proof: interrupted; what was started is stopped")
        return 130
    print(report.as_json(results) if args.json else report.as_text(results))
    if any(result.lost or (args.strict and result.reloading.idle_races) for result in results):
        return EXIT_LOST
    return 0 if any(result.ran for result in results) else EXIT_NOTHING_RAN
