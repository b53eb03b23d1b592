"""Energy by RAPL: read from a /sys that is made up, told of a live service, of a study's visits and in the bill; and said not to be there where it is not."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest
from restmark_rig.attach import finding
from restmark_rig.attach.classing import PYTHON
from restmark_rig.attach.finding import Finding
from restmark_rig.attach.profile import Profile
from restmark_rig.attach.requests import Requests
from restmark_rig.attach.service import Use, Window
from restmark_rig.contestants.cache import Cache
from restmark_rig.host import energy
from restmark_rig.host.energy import Reading
from restmark_rig.host.pinning import Pinning
from restmark_rig.load import load
from restmark_rig.store.dataset import Dataset
from restmark_rig.studies import files
from restmark_rig.studies.lab import PACKAGE_MJ, Lab, Setting

from . import costs_example
from .helpers import Silent, call_rig, cheater


def powercap(folder: Path, **zones: tuple[int, int]) -> Path:
    for name, (value, most) in zones.items():
        zone = folder / name.replace("_", ":").replace("rapl", "intel-rapl")
        zone.mkdir(parents=True, exist_ok=True)
        (zone / "energy_uj").write_text(f"{value}\n", encoding="ascii")
        (zone / "max_energy_range_uj").write_text(f"{most}\n", encoding="ascii")
    return folder


def test_energy_is_that_of_packages_and_survives_a_counter_that_begins_anew(tmp_path: Path) -> None:
    before = energy.read(powercap(tmp_path, rapl_0=(9_000_000, 10_000_000), rapl_1=(0, 10_000_000), rapl_0_0=(5, 10)))
    after = energy.read(powercap(tmp_path, rapl_0=(1_000_000, 10_000_000), rapl_1=(500_000, 10_000_000), rapl_0_0=(9, 10)))
    assert set(after.counters) == {"intel-rapl:0", "intel-rapl:1"}
    assert energy.joules(before, after) == pytest.approx(2.5)
    nothing = energy.read(tmp_path / "nowhere")
    assert "counts no energy" in nothing.unseen
    assert energy.joules(nothing, after) is None
    window = Window(10.0, [Use(1, "x", 1.0, 0.0, 0, 0)])
    told = list(finding.lines(Finding(window, Requests(1000, "log"), [], Profile(PYTHON), joules=2.5)))
    assert "Energy: 0.2 W of the machine's packages, whatever runs on them, 2.5 mJ for each request." in told


def test_a_visit_of_a_study_has_the_energy_of_a_request(tmp_path: Path, cache: Cache, default_dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    microjoules = itertools.count(1_000_000, 500_000)
    monkeypatch.setattr(energy, "read", lambda: Reading({"intel-rapl:0": next(microjoules)}, {"intel-rapl:0": 10**12}))
    subject = cheater(tmp_path / "peers", "none")
    with Lab([subject], True, cache, default_dataset, Pinning(None, None), load, Silent()) as lab:
        server = lab.server(subject)
        figures = lab.visit(Setting({}, server, replace(lab.plan(server, "/", 2), duration_s=0.2)))
        assert figures[PACKAGE_MJ] == pytest.approx(500 / figures["requests"])
        monkeypatch.setattr(energy, "read", lambda: Reading({}, {}, "none"))
        assert PACKAGE_MJ not in lab.visit(Setting({}, server, lab.plan(server, "/", 2)))


def test_the_bill_tells_the_energy_at_the_rate_that_held(tmp_path: Path) -> None:
    study = costs_example.results()
    for claim in study.claims:
        for cell in claim.cells:
            if "asked_per_s" in cell.labels:
                for entry in cell.rounds:
                    entry[PACKAGE_MJ] = 100_000 / float(cell.labels["asked_per_s"])
    files.write(study, tmp_path / "costs")
    words = ("--run", tmp_path / "costs", "--requests-per-second", "3000", "--cpu-year", "300", "--memory-gib-year", "40")
    done = call_rig(tmp_path, "bill", *words)
    assert done.returncode == 0, done.stderr
    assert "Energy of a request: fast 50.0 mJ and slow 500 mJ" in done.stdout
    document = json.loads(call_rig(tmp_path, "bill", *words, "--json").stdout)
    found = {line["stack"]["name"]: line["stack"]["request_mj"] for line in document["lines"]}
    assert found == {"slow": pytest.approx(500), "fast": pytest.approx(50)}  # slow held 200 of 300, fast 2000 of 3000
