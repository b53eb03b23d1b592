#!/usr/bin/python3
"""Measures restmarkd against its own targets and prints a line for each. Exit code 2 if one is missed.

Usage: bench/targets [--rounds N] [--duration SECONDS]
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import click
from restmark_rig.contestants import builder, registry
from restmark_rig.contestants.cache import Cache, default_directory
from restmark_rig.host import installation
from restmark_rig.load import load_program
from restmark_rig.model.errors import RigError
from restmark_rig.store import dataset
from restmark_rig.study import targets
from restmark_rig.terminal import console


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rounds", type=click.IntRange(1, 100), default=7, show_default=True)
@click.option("--duration", type=click.IntRange(1, 60), default=3, show_default=True, metavar="SECONDS", help="Of a round.")
def main(rounds: int, duration: int) -> None:
    """Measure restmarkd against its speed and memory targets."""
    cache = Cache(default_directory())
    data = dataset.write_default(cache.folder("datasets") / "default.msgpack")
    ours, limit = (registry.resolve(name, installation.PEERS) for name in ("restmarkd", "epoll-limit"))
    try:
        with console.progress() as progress:
            load_program.provide(cache, progress)
            for contestant in (ours, limit):
                builder.build(contestant, cache, progress)
            findings = targets.all_findings(ours, limit, data.path, cache, rounds, duration, progress.say)
    except RigError as error:
        console.show_error(error)
        sys.exit(error.exit_code)
    for finding in findings:
        console.plain(
            console.out,
            f"{'met   ' if finding.met else 'MISSED'} {finding.name}: {finding.figure}; target {finding.target:g}",
        )
    sys.exit(0 if all(finding.met for finding in findings) else 2)


main()
