"""Who is measured, for the record: what the manifest says, what was built from it and how it is started."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from ..contestants import builder, versions
from ..contestants.cache import Cache
from ..contestants.contestant import MANIFEST_NAME
from ..host.installation import PEERS
from ..model.results import ContestantRecord
from ..server import launcher
from ..server.launcher import StartOptions
from .participants import Participant


def describe(participant: Participant, options: StartOptions, accounting: str, cache: Cache) -> ContestantRecord:
    """The record of an participant that is built and started with these options."""
    contestant = participant.contestant
    argv, env = launcher.start_command(contestant, replace(options, back_ends=options.back_ends.recorded()), "{port}", cache)
    return ContestantRecord(
        name=participant.name,
        title=contestant.title + (" (again)" if participant.same_as else ""),
        language=contestant.language,
        model=contestant.model,
        description=contestant.description,
        notes=contestant.notes,
        routes=list(contestant.routes),
        versions=versions.collect(contestant, cache.build_dir(contestant)),
        workers=options.workers,
        accounting=accounting,
        max_connections_per_worker=contestant.max_connections,
        same_as=participant.same_as,
        build_fingerprint=builder.recorded_fingerprint(cache.build_dir(contestant)) if contestant.build else None,
        manifest_sha256=hashlib.sha256((contestant.directory / MANIFEST_NAME).read_bytes()).hexdigest(),
        start_argv=argv,
        start_env=env,
        built_in=contestant.directory.parent == PEERS,
        level=contestant.level,
    )
