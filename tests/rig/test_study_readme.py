"""What README.md shows of the study of pipelining is what its kept results say."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from restmark_rig.model.errors import UsageFault
from restmark_rig.studies import files, readme
from restmark_rig.studies.record import BUMP, VERDICTS

from .helpers import ROOT

STORE = ROOT / "docs" / "pipelining-results.json"


def test_readme_shows_what_the_kept_results_say(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    copy = tmp_path / "README.md"
    copy.write_text(text, encoding="utf-8")
    readme.main(copy, STORE, None)
    assert copy.read_text(encoding="utf-8") == text, "docs/update-studies"
    drawn = copy.with_name(readme.PICTURE_NAME).read_text(encoding="utf-8")
    assert drawn == (ROOT / readme.PICTURE_NAME).read_text(encoding="utf-8"), "docs/update-studies"
    claim = files.read(STORE).claims[0]
    assert claim.sentence in text and claim.finding.verdict in VERDICTS and claim.finding.charts[0].kind == BUMP
    assert drawn.startswith("<svg ") and all(series.name in drawn for series in claim.finding.charts[0].series)


def test_what_is_kept_is_the_first_claim_with_one_picture() -> None:
    results = files.read(STORE)
    more = dataclasses.replace(results, claims=[dataclasses.replace(results.claims[0], number=2), results.claims[0]])
    assert readme.kept(more) == results
    with pytest.raises(UsageFault, match="no picture of claim 1"):
        readme.kept(dataclasses.replace(results, claims=more.claims[:1]))
    with pytest.raises(UsageFault, match="markers"):
        readme.renewed("no markers", results)
