"""What the report says of back ends: the parts of a request's CPU time, what moving would change, and the bars; all from a run's rounds."""

from __future__ import annotations

import dataclasses

from restmark_rig.model.back_end_records import BackEndFootprint, BackEndRecord, BackEndUse
from restmark_rig.model.results import Cell, Results, Round
from restmark_rig.report import back_end_chart, back_ends, markdown
from restmark_rig.report.analysis import Analysis, Load
from restmark_rig.report.gains import baseline
from restmark_rig.report.view import View
from restmark_rig.store import results_file

from . import synthetic_results

ROUTE = "/orm/search"
REQUESTS = 1000


def round_(number: int, server_us: float, database_us: float | None, wall_us: float = 1000.0) -> Round:
    """Figures that wobble by a percent, as they do."""
    wobble = 1 + 0.01 * (-1) ** number
    used = BackEndUse(None if database_us is None else round(database_us * wobble * 1e3) * REQUESTS, 10_000_000, 2 * REQUESTS, 0, 50 * REQUESTS, 0)
    made = synthetic_results.build(rounds=1, names=("restmarkd",)).cells[0].rounds[0]
    return dataclasses.replace(
        made,
        round=number,
        duration_us=round(wall_us * REQUESTS),
        requests=REQUESTS,
        drained_requests=0,
        server_cpu_ns=round(server_us * wobble * 1e3) * REQUESTS,
        client_cpu_ns=50_000 * REQUESTS,
        verdicts=[],
        back_ends=used,
    )


def run(go_us: float = 90.0, database_us: float | None = 290.0) -> Results:
    """Python takes 710 µs and the database 290 for it; Go takes go_us, and the database the same."""
    results = synthetic_results.build(rounds=6, names=("python-uwsgi", "go-nethttp"), connections=(16,))
    results.cells.clear()
    for connections in (16, 1):
        for name, us in (("python-uwsgi", 710.0), ("go-nethttp", go_us)):
            rounds = [round_(number, us, database_us, 1500.0) for number in range(1, 7)]
            results.cells.append(Cell(name, ROUTE, connections, connections, rounds=rounds))
    results.order.clear()
    results.back_ends = [BackEndRecord("database", "15.7", database_us is None, [1], "client", 4, {"fsync": "on"})]
    results.back_end_footprints = [BackEndFootprint("go-nethttp", 8, 2, 20480)]
    return results


def test_the_parts_are_those_of_the_rounds() -> None:
    analysis = Analysis(run())
    found = {parts.contestant.name: parts for parts in back_ends.parts_of(analysis, ROUTE, Load(0, 16))}
    server, database, cache, wait = found["python-uwsgi"].values
    assert (round(server), round(database), cache, wait) == (710, 290, 0.0, 0.0)
    alone = {parts.contestant.name: parts for parts in back_ends.parts_of(analysis, ROUTE, back_ends.ALONE)}
    assert round(alone["python-uwsgi"].values[3]) == 1500 - 710 - 290 - 50  # less the client's time, too
    assert alone["go-nethttp"].values[3] > 1000


def test_what_is_the_languages_own_and_what_moving_would_change_is_said_with_intervals() -> None:
    (said,) = back_ends.sentences(run(), Analysis(run()))
    assert said.startswith("Of a GET /orm/search on Python (")
    assert ", 71 % (" in said and "of the CPU time is Python's own, the rest the database's" in said
    assert "Moving to Go (" in said and "would cut the CPU of the whole by 62 % (" in said


def test_no_gain_is_said_to_be_none() -> None:
    (said,) = back_ends.sentences(run(go_us=705.0), Analysis(run(go_us=705.0)))
    assert "is within the noise" in said and "would cut" not in said
    (said,) = back_ends.sentences(run(go_us=1400.0), Analysis(run(go_us=1400.0)))
    assert "would add 69 % (" in said


def test_what_is_not_known_is_not_invented() -> None:
    results = run(database_us=None)
    (said,) = back_ends.sentences(results, Analysis(results))
    assert "is not known, since it is your own" in said
    assert all(parts.database is None for parts in back_ends.parts_of(Analysis(results), ROUTE, Load(0, 16)))


def test_page_and_summary_have_section_bars_and_tables() -> None:
    results = run()
    view = View(results_file.from_document(results_file.to_document(results), "x"))
    section = view.back_ends_section()
    assert section is not None
    assert [figure.key for figure in section.blocks[0].figures] == ["back-ends-orm-search"]
    text = markdown.render(view)
    assert "## Where a request's time goes" in text and "started for the run on CPU 1, shared with the client" in text
    assert "would cut the CPU of the whole by 62 %" in text
    for table in section.tables:
        assert table.caption.replace("_", "\\_") in text
    two = next(table for table in section.tables if table.key == "back-ends-orm-search-load")
    statements = [column.title for column in two.columns].index("Statements")
    assert [row[statements].text for row in two.rows] == ["2.00", "2.00"]


def test_bars_are_as_long_as_their_parts() -> None:
    drawn = back_end_chart.figure(ROUTE, back_ends.parts_of(Analysis(run()), ROUTE, back_ends.ALONE))
    assert drawn is not None
    svg = drawn.render()
    assert svg.count("part-wait") == 3 and svg.count("part-server") == 3  # the legend's and two contestants'
    assert "server 710 µs, database 290 µs" in svg


def test_a_run_without_them_has_no_such_section() -> None:
    view = View(synthetic_results.build(rounds=2))
    assert view.back_ends_section() is None
    assert "Where a request" not in markdown.render(view)


def test_the_bars_title_says_what_part_the_server_has() -> None:
    drawn = back_end_chart.figure(ROUTE, back_ends.parts_of(Analysis(run()), ROUTE, back_ends.ALONE))
    assert drawn is not None
    assert drawn.title.startswith("GET /orm/search, one at a time: the server is 6 % of the time on Go, ")
    assert " and 49 % of the time on Python 3, " in drawn.title  # 710 of 1450 µs


def test_what_waits_for_nothing_is_not_said_to_wait_for_0_ms() -> None:
    results = run()
    for cell in results.cells:
        cell.rounds[:] = [dataclasses.replace(entry, duration_us=round(1000.0 * REQUESTS)) for entry in cell.rounds]
    (said,) = back_ends.sentences(results, Analysis(results))
    assert ", and nothing is waited for. " in said


def renamed(results: Results, names: dict[str, str]) -> Results:
    """The same run of contestants in Python with other names, in the order of the names."""
    results.contestants[:] = sorted(
        (dataclasses.replace(record, name=names[record.name], language="Python") for record in results.contestants), key=lambda record: record.name
    )
    for cell in results.cells:
        cell.contestant = names[cell.contestant]
    return results


def test_cpython_is_the_baseline_of_those_on_back_ends() -> None:
    results = synthetic_results.build(names=("python-uwsgi", "go-nethttp"), connections=(16,))
    chosen = baseline(renamed(results, {"python-uwsgi": "python-uwsgi-backends", "go-nethttp": "pypy-backends"}))
    assert chosen is not None and chosen.name == "python-uwsgi-backends"
    chosen = baseline(renamed(results, {"python-uwsgi-backends": "python-uwsgi-backends", "pypy-backends": "python-uwsgi"}))
    assert chosen is not None and chosen.name == "python-uwsgi"  # where both take part
