"""Who is measured, for the record: what the manifest says, what was built from it and how it is started."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from ..contestants.contestant import MANIFEST_NAME
from ..host.installation import PEERS
from ..model.results import ContestantRecord
from ..server.launcher import StartOptions
from ..server.placement import LOOPBACK, Placement
from .participants import Participant

HOST = "{host}"


def describe(participant: Participant, options: StartOptions, accounting: str, placement: Placement) -> ContestantRecord:
    """The record of a participant that is built and started with these options."""
    contestant, options = participant.contestant, participant.options(options)
    suffix = f", {options.workers} workers" if participant.scales else " (again)" if participant.same_as else ""
    # By which address other machines come may be another one when the run is gone on with; it is chosen anew then, as a port is.
    host = options.host if options.host == LOOPBACK else HOST
    built = placement.record(contestant, replace(options, host=host, back_ends=options.back_ends.recorded()))
    return ContestantRecord(
        name=participant.name,
        title=contestant.title + suffix,
        language=contestant.language,
        model=contestant.model,
        description=contestant.description,
        notes=contestant.notes,
        routes=list(contestant.routes),
        versions=built.versions,
        workers=options.workers,
        accounting=accounting,
        max_connections_per_worker=contestant.max_connections,
        same_as=participant.same_as,
        scales=participant.scales,
        build_fingerprint=built.fingerprint,
        manifest_sha256=hashlib.sha256((contestant.directory / MANIFEST_NAME).read_bytes()).hexdigest(),
        start_argv=built.argv,
        start_env=built.env,
        built_in=contestant.directory.parent == PEERS,
        level=contestant.level,
    )
