"""The record of a run as it grows: written every few seconds, so that little is lost whatever happens."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from ..host.idle_latency import DEVICE
from ..model.memory_records import MemoryRecord
from ..model.plan import CellSpec
from ..model.results import BYTE_MISMATCH, ERRORS, VERDICTS, Cell, Results, Verdict, Verification, Visit
from ..model.warm_up_records import WarmUpRecord
from ..store import results_file
from . import verdict
from .slices import Visited
from .spot_checks import Checked


class Recording:
    """Results that are being made, and the folder they are kept in."""

    def __init__(self, results: Results, directory: Path) -> None:
        self.results = results
        self.directory = directory

    def remaining(self) -> list[Visit]:
        """The visits that have not been made, in their order."""
        made = self.results.visits_made()
        return [visit for visit in self.results.order if visit not in made]

    def visited(self, visit: Visit, found: Visited) -> None:
        """Adds a round, and judges its cell anew."""
        cell = self.results.cell(visit.contestant, visit.route, visit.connections, visit.rate_per_s)
        if cell is None:
            cell = Cell(visit.contestant, visit.route, visit.connections, found.connections_used, visit.rate_per_s)
            self.results.cells.append(cell)
        cell.wire_bytes = cell.wire_bytes or found.wire_bytes
        cell.rounds.append(found.entry)
        cell.rounds.sort(key=lambda entry: entry.round)
        cell.verdicts = verdict.of_cell(cell.rounds)

    def doubt(self, contestant: str, cell_spec: CellSpec, checked: Checked) -> None:
        """Notes in the cell's last round what a probe behind it found."""
        cell = self.results.cell(contestant, cell_spec.route, cell_spec.connections, cell_spec.rate_per_s)
        if cell is None or not cell.rounds:
            return
        name = BYTE_MISMATCH if checked.wrong else ERRORS
        found = Verdict(name, checked.wrong or checked.unanswered)
        last = cell.rounds[-1]
        kept = [known for known in last.verdicts if known.name != name]
        cell.rounds[-1] = replace(last, verdicts=sorted([found, *kept], key=lambda v: VERDICTS.index(v.name)))
        cell.verdicts = verdict.of_cell(cell.rounds)

    def memory(self, record: MemoryRecord) -> None:
        """Adds a look at memory, in the place of one of the same kind."""
        key = (record.contestant, record.workers, record.phase, record.sample)
        kept = [m for m in self.results.memory if (m.contestant, m.workers, m.phase, m.sample) != key]
        self.results.memory = [*kept, record]

    def warmed_up(self, record: WarmUpRecord) -> None:
        """Adds a warm-up, in the place of one of the same start, as of a run that is resumed."""
        key = (record.contestant, record.route, record.connections, record.rate_per_s, record.start)
        kept = [one for one in self.results.warm_ups if (one.contestant, one.route, one.connections, one.rate_per_s, one.start) != key]
        self.results.warm_ups = [*kept, record]

    def remark(self, text: str) -> None:
        """Adds a sentence, once."""
        if text not in self.results.remarks:
            self.results.remarks.append(text)

    def limited_idle_latency(self, limit_us: int | None) -> None:
        """Notes whether the CPUs are kept awake from now on. None: they may sleep."""
        results = self.results
        if limit_us is None:
            self.remark(
                f"CPUs could fall asleep between requests, because the rig may not write {DEVICE}: those that wait now and "
                "then come back slowly, and figures vary more"
            )
        if limit_us != results.idle_latency_us and any(cell.rounds for cell in results.cells):
            self.remark("the CPUs were kept awake in a part of the run only, before or after it was interrupted")
            limit_us = None
        results.idle_latency_us = limit_us

    def save(self) -> Path:
        """Writes results.json as it is now; returns its path. Raises EnvironmentFault if it can not be written."""
        self.results.complete_rounds = self.results.find_complete_rounds()
        return results_file.write(self.results, self.directory)

    def finish(self, complete: bool, interrupted: str | None = None) -> Path:
        """Writes it for the last time. interrupted: by what, if it was."""
        self.results.complete = complete
        self.results.interrupted = interrupted
        self.results.finished_unix_ms = time.time_ns() // 1_000_000
        self._conclude_verification()
        return self.save()

    def _conclude_verification(self) -> None:
        """Every answer of a load was compared, and single ones behind it: that is the "after"."""
        kept = [entry for entry in self.results.verifications if entry.phase != "after"]
        for record in self.results.contestants:
            cells = [cell for cell in self.results.cells if cell.contestant == record.name]
            if not cells:
                continue
            failures = [
                f"{cell.route}, round {entry.round}: {found.evidence}"
                for cell in cells
                for entry in cell.rounds
                for found in entry.verdicts
                if found.name == BYTE_MISMATCH
            ]
            kept.append(Verification(record.name, "after", not failures, failures))
        self.results.verifications = kept
