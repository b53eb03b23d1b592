"""Going on with an interrupted run: its record is trusted for what was measured, not for what may have changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path

from ..model import cpulist
from ..model.errors import UsageFault
from ..model.results import ContestantRecord, Machine, Results, Rig, RunSettings
from ..store import results_file
from . import machine_record
from .recording import Recording

# Lengths and rounds are the record's: --quick chose them then. The last two do not bear on what is measured.
_NOT_COMPARED = frozenset({"rounds", "duration_ms", "warmup_ms", "baseline", "mix"})
# How machines are reached, which may be another way each time, and by which option of the run they take part.
_WAYS = {
    "--server": ("--server",),
    "--server-address": ("--server",),
    "--ssh-config": ("--server", "--load-from"),
    "--load-from": ("--load-from",),
    "--listen": ("--load-from", "--load-cluster"),
}
_SHOWN_CHARACTERS = 60


def open_recording(directory: Path) -> Recording:
    """The recording in directory. Raises UsageFault if nothing is left to do, ResultsError if it can not be read."""
    results = results_file.read(directory)
    recording = Recording(results, directory.absolute())
    if not results.order:
        raise UsageFault(f"{directory} holds no run", "name the --output folder of an interrupted 'restmark run'")
    if not recording.remaining():
        raise UsageFault(f"the run in {directory} is complete", "start a new one")
    return recording


def require_same_ground(
    results: Results, now: Machine, settings: RunSettings, rig: Rig, tools: Mapping[str, str], server_machine: Machine | None = None
) -> None:
    """Raises UsageFault with a list of what differs, if rounds of today would not compare with those that are recorded.

    Looks at all that is known before anything is built.
    """
    changes = list(machine_record.differences(results.machine, now))
    if results.server_machine and server_machine:
        changes += [f"of the servers, {change}" for change in machine_record.differences(results.server_machine, server_machine)]
    for key in (field.name for field in fields(RunSettings) if field.name not in _NOT_COMPARED):
        was, today = getattr(results.settings, key), getattr(settings, key)
        if was != today:
            changes.append(f"{key.replace('_', ' ')}: {_shown(key, was)}, now {_shown(key, today)}")
    changes += _rig_changes(results.rig, rig)
    for tool in sorted({*results.tools, *tools} - {"restmark"}):
        if results.tools.get(tool) != tools.get(tool):
            changes.append(f"{tool}: {results.tools.get(tool, 'none')}, now {tools.get(tool, 'none')}")
    _refuse(changes)


def require_same_contestants(results: Results, contestants: Sequence[ContestantRecord]) -> None:
    """Raises UsageFault with a list of what differs. Accounting that is not known yet ("") is not compared."""
    present = {record.name: record for record in contestants}
    changes = []
    for record in results.contestants:
        if record.name not in present:
            changes.append(f"{record.name} took part and can not now")
        else:
            changes += _contestant_changes(record, present[record.name])
    _refuse(changes)


def require_same_load_machines(results: Results, names: Iterable[str]) -> None:
    """Raises UsageFault if others would make the load. names: as the host file has them."""
    was, now = (", ".join(sorted(one)) for one in ({machine.name for machine in results.load_machines}, names))
    if was != now:
        _refuse([f"the load came from {was}, now from {now}"])


def ways_that_change(argv: Sequence[str], options: Iterable[str]) -> list[str]:
    """Those of the options that would change a run of this command line: all but ways to a machine that takes part in it."""
    return [option for option in options if not any(asking in argv for asking in _WAYS.get(option, ()))]


def by_other_ways(argv: Sequence[str], ways: Mapping[str, str]) -> list[str]:
    """The command line with other ways to its machines, by option. Raises UsageFault if a recorded one leads nowhere any more."""
    words = list(argv)
    for option, value in ways.items():
        if option in words:
            words[words.index(option) + 1] = value
        else:
            words += [option, value]
    for option in ("--load-from", "--ssh-config"):
        if option in words and not Path(path := words[words.index(option) + 1]).exists():
            raise UsageFault(f"this run had {option} {path}, which is not there any more", f"name one that leads to the same machines: {option} FILE")
    return words


def _refuse(changes: Sequence[str]) -> None:
    if changes:
        lines = "".join(f"\n  {change}" for change in changes)
        raise UsageFault(
            f"this run can not be resumed, because rounds of today would not compare with those that it has:{lines}",
            "put that back as it was, or start a new run",
        )


def _rig_changes(was: Rig | None, now: Rig) -> Iterator[str]:
    if was is None:
        yield "the rig: an older one, which did not record itself"
    elif was.commit != now.commit:
        yield f"the rig's commit: {_commit(was)}, now {_commit(now)}"
    elif was.sha256 != now.sha256:
        yield f"the rig's sources: {was.sha256[:12]}, now {now.sha256[:12]}"


def _commit(rig: Rig) -> str:
    return rig.commit[:12] if rig.commit else "none"


def _contestant_changes(was: ContestantRecord, now: ContestantRecord) -> Iterator[str]:
    if was.versions != now.versions:
        yield f"{was.name} was {_versions(was)} and is {_versions(now)}"
    for what, key in (("build", "build_fingerprint"), ("manifest", "manifest_sha256")):
        old, new = getattr(was, key), getattr(now, key)
        if old != new:
            yield f"{was.name}: its {what} was {(old or 'not recorded')[:12]} and is {(new or 'none')[:12]}"
    if (was.start_argv, was.start_env) != (now.start_argv, now.start_env):
        yield f"{was.name}: it was started by {_command(was)} and is by {_command(now)}"
    if now.accounting and was.accounting != now.accounting:
        yield f"{was.name}: its CPU time came from {was.accounting} and comes from {now.accounting}"


def _command(record: ContestantRecord) -> str:
    return " ".join([*(f"{name}={value}" for name, value in record.start_env.items()), *record.start_argv]) or "nothing"


def _versions(record: ContestantRecord) -> str:
    return ", ".join(f"{label} {version}" for label, version in record.versions.items()) or "of no known version"


def _shown(key: str, value: object) -> str:
    if key in ("server_cpus", "client_cpus"):
        return cpulist.render(set(value)) if isinstance(value, list) else "not pinned"
    return f"{value}"[:_SHOWN_CHARACTERS]
