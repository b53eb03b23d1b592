"""What codecs, python-codecs, go-codecs and rust-codecs have in common: their options, and how the figures are shown."""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from restmark_rig.contestants.cache import Cache
from restmark_rig.model import stats
from restmark_rig.model.errors import EnvironmentFault
from restmark_rig.store import dataset

# Work -> case -> µs of CPU time for 1000 records, a figure a round. The first case of each work is what the others are compared with.
Rounds = dict[str, dict[str, list[float]]]


def options(language: str, add: Callable[[argparse.ArgumentParser], object] = lambda _: None) -> argparse.Namespace:
    """The command line, with rounds, json and what add adds to it. Ends the program when it is wrong."""
    parser = argparse.ArgumentParser(description=f"Measure {language}'s codecs alone.")
    parser.add_argument("--rounds", type=int, default=40, help="from 3 (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print the figures of all rounds")
    add(parser)
    arguments = parser.parse_args()
    if arguments.rounds < 3:
        parser.error("--rounds has to be 3 or more")
    return arguments


def default_dataset(cache: Cache) -> Path:
    """The default dataset's file."""
    path = cache.folder("datasets") / "default.msgpack"
    dataset.write_default(path)
    return path


def output_of(
    argv: Sequence[str], env: Mapping[str, str] | None = None, cwd: Path | None = None, remedy: str = ""
) -> str:
    """What a command prints. Raises EnvironmentFault with all that it said if it fails or can not be started."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, env=env, cwd=cwd)
    except OSError as error:
        raise EnvironmentFault(f"{argv[0]}: {error.strerror}", remedy) from None
    if done.returncode != 0:
        raise EnvironmentFault(f"{' '.join(argv)}: exit code {done.returncode}\n{done.stdout}{done.stderr}", remedy)
    return done.stdout


def show(name: str, versions: Mapping[str, str], rounds: Rounds, as_json: bool, paired: bool = True) -> None:
    """Prints the figures: all of them as JSON, or the median of each case and its ratio to the first (round by round, if they are paired)."""
    if as_json:
        document: dict[str, Any] = {
            "schema": f"restmark-{name}/1",
            "unit": "us/1000 records",
            "versions": versions,
            "rounds": rounds,
        }
        print(json.dumps(document, ensure_ascii=False))
        return
    print(", ".join(f"{package} {version}" for package, version in versions.items()))
    for work, cases in rounds.items():
        print(f"{work}, µs of CPU time for 1000 records")
        base = next(iter(cases.values()))
        for case, values in cases.items():
            middle, ratio = stats.median(values), stats.ratio(values, base, paired=paired)
            line = f"  {case:48} {middle.value:7.1f} {_interval(middle, '.1f'):19}  {ratio.value:6.3f}x {_interval(ratio, '.3f')}"
            print(line.rstrip())


def markdown(versions: Mapping[str, str], rounds: Rounds) -> str:
    """The tables of docs/CODECS.md: each work with its cases, the quickest first, by their ratio to the first one."""
    lines = [", ".join(f"{package} {version}" for package, version in versions.items()), ""]
    for work, cases in rounds.items():
        base = next(iter(cases.values()))
        ratios = {case: stats.ratio(values, base, paired=False) for case, values in cases.items()}
        lines += [f"| {work} | ratio | 95 % | least, ns a record |", "|---|---:|---|---:|"]
        for case, ratio in sorted(ratios.items(), key=lambda item: item[1].value):
            lines.append(f"| {case} | {ratio.value:.2f} | {_interval(ratio, '.2f').strip('()')} | {min(cases[case]):.0f} |")
        lines.append("")
    return "\n".join(lines).rstrip()


def _interval(estimate: stats.Estimate, form: str) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    return f"({estimate.low:{form}} … {estimate.high:{form}})"
