"""The article's sentence on FastCGI: its rule, and one uWSGI behind three nginx."""

from __future__ import annotations

from pathlib import Path

import pytest
from restmark_rig.contestants import contestant, requirements
from restmark_rig.contestants.cache import Cache
from restmark_rig.host.pinning import Pinning
from restmark_rig.load import load
from restmark_rig.store.dataset import Dataset
from restmark_rig.studies.article import fastcgi
from restmark_rig.studies.lab import Lab, Pace
from restmark_rig.studies.record import HOLDS, HOLDS_NOT, OPEN, Cell
from restmark_rig.studies.study import CannotTell

from .helpers import ROOT, Silent, cheater, processes_mentioning

SERVER = contestant.load(ROOT / "bench" / "peers" / fastcgi.SERVER)


def cells(name: str, times: float, front_us: float = 50.0) -> list[Cell]:
    """Of a protocol: nginx, and a server that takes so many times 50 µs. Rounds lie a little apart."""
    rounds = [
        {fastcgi.SERVERS: 50 * times * wobble, fastcgi.FRONTS: front_us * wobble, fastcgi.WHOLE: (50 * times + front_us) * wobble, "requests_per_s": 1e4}
        for wobble in (1.0, 1.02, 0.98, 1.01, 0.99, 1.0)
    ]
    return [Cell({"protocol": name, "route": route, "contestant": "x"}, rounds) for route in fastcgi.ROUTES]


@pytest.mark.parametrize(("times", "verdict"), [(1.5, HOLDS), (0.7, HOLDS_NOT), (1.0, OPEN)])
def test_front_and_server_together_decide(times: float, verdict: str) -> None:
    finding = fastcgi.judge([*cells(fastcgi.HTTP, 1.0), *cells(fastcgi.FASTCGI, times), *cells(fastcgi.UWSGI, 1.0)])
    assert finding.verdict == verdict, finding.why
    assert len(finding.tables[0].rows) == 3 * len(fastcgi.ROUTES)


def test_what_the_front_saves_counts() -> None:
    assert fastcgi.judge([*cells(fastcgi.HTTP, 1.0, front_us=90), *cells(fastcgi.FASTCGI, 1.2, front_us=40)]).verdict == HOLDS_NOT


def test_one_route_is_not_all() -> None:
    first, second = cells(fastcgi.FASTCGI, 1.5), cells(fastcgi.FASTCGI, 1.0)
    assert fastcgi.judge([*cells(fastcgi.HTTP, 1.0), first[0], second[1]]).verdict == OPEN
    finding = fastcgi.judge([*cells(fastcgi.HTTP, 1.0), first[0], Cell(second[1].labels, lost="it crashed")])
    assert (finding.verdict, finding.why.endswith("it crashed")) == (OPEN, True)


def test_without_the_server_nothing_can_be_told(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    with Lab([cheater(tmp_path / "peers", "none")], True, cache, default_dataset, Pinning(None, None), load, Silent()) as lab:
        with pytest.raises(CannotTell, match=fastcgi.SERVER):
            fastcgi.measure(lab)


def test_each_protocol_is_spoken_to_the_server_and_nothing_is_left(cache: Cache, default_dataset: Dataset) -> None:
    if requirements.missing(SERVER) or not fastcgi.NGINX.is_installed():
        pytest.skip("uWSGI or nginx is not installed: restmark setup article")
    with Lab([SERVER], True, cache, default_dataset, Pinning(None, None), load, Silent()) as lab:
        lab.pace = Pace(rounds=1, visit_s=0.1, budget_s=1.0)
        found = fastcgi.measure(lab)
    assert not [cell.lost for cell in found if cell.lost]
    assert [(cell.labels["protocol"], cell.labels["route"]) for cell in found] == [
        (name, route) for name in (fastcgi.DIRECT, fastcgi.HTTP, fastcgi.FASTCGI, fastcgi.UWSGI) for route in fastcgi.ROUTES
    ]
    for cell in found:
        (figures,) = cell.rounds
        assert (fastcgi.FRONTS in figures) == (cell.labels["protocol"] != fastcgi.DIRECT)
        assert figures[fastcgi.WHOLE] >= figures[fastcgi.SERVERS] > 0
    assert list(cache.folder("study").iterdir()) == []
    assert not processes_mentioning(str(cache.folder("study")))
    assert not processes_mentioning(str(default_dataset.path))
