"""Going on with an interrupted run: its record is trusted for what was measured, not for what may have changed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from . import machine_record, results_file
from .errors import UsageFault
from .recording import Recording
from .results import ContestantRecord, Machine, Results


def open_recording(directory: Path) -> Recording:
    """The recording in directory. Raises UsageFault if nothing is left to do, ResultsError if it can not be read."""
    results = results_file.read(directory)
    recording = Recording(results, directory.absolute())
    if not results.order:
        raise UsageFault(f"{directory} holds no run", "name the --output folder of an interrupted 'restmark run'")
    if not recording.remaining():
        raise UsageFault(f"the run in {directory} is complete", "start a new one")
    return recording


def require_same(results: Results, now: Machine, contestants: Sequence[ContestantRecord], dataset_sha256: str) -> None:
    """Raises UsageFault if rounds of today would not compare with those that are recorded."""
    changes = []
    if not machine_record.same(results.machine, now):
        changes.append(f"the machine was {results.machine.hostname}, {results.machine.kernel}")
    if results.settings.dataset_sha256 != dataset_sha256:
        changes.append("the dataset was another one")
    present = {record.name: record for record in contestants}
    for record in results.contestants:
        if record.name not in present:
            changes.append(f"{record.name} took part and can not now")
        elif (today := present[record.name]).versions != record.versions:
            changes.append(f"{record.name} was {_versions(record)} and is {_versions(today)}")
    if changes:
        raise UsageFault("this run can not be resumed: " + "; ".join(changes), "start a new one")


def _versions(record: ContestantRecord) -> str:
    return ", ".join(f"{label} {version}" for label, version in record.versions.items()) or "of no known version"
