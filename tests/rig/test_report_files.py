"""The files of a report: they agree with each other and with results.json, and nothing in a run can break the page."""

from __future__ import annotations

import csv
import dataclasses
import html
import io
import statistics
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import pytest
from restmark_rig import report
from restmark_rig.model.results import Results
from restmark_rig.report import answer, badges, numbers, readme, rounds_csv
from restmark_rig.report.analysis import Analysis
from restmark_rig.report.markdown import render as render_markdown
from restmark_rig.report.metrics import CPU_US_PER_REQUEST
from restmark_rig.report.page import render as render_page
from restmark_rig.report.svg import LinearAxis, LogAxis
from restmark_rig.report.texts import TUNED_MEANS, VERDICTS, title_of
from restmark_rig.report.view import View
from restmark_rig.store import results_file
from restmark_rig.ui import cli

from . import synthetic_results
from .helpers import call_rig

pytestmark = pytest.mark.xdist_group("report")
SVG = "{http://www.w3.org/2000/svg}"


class PageReader(HTMLParser):
    """Collects tables as rows of (text, data-value), the attributes that load something, and unclosed elements."""

    VOID = ("meta", "link", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tables: dict[str, list[list[tuple[str, str | None]]]] = {}
        self.ids: list[str] = []
        self.loads: list[str] = []
        self._rows: list[list[tuple[str, str | None]]] = []
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag not in self.VOID:
            self.open.append(tag)
        self.ids += [found["id"]] if found.get("id") else []
        self.loads += [value or "" for key, value in attrs if key in ("src", "href", "srcset", "data", "action")]
        if tag == "table":
            self._rows = self.tables[found["id"] or ""] = []
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._rows[-1].append(("", found.get("data-value")))
        elif tag in ("script", "iframe", "object", "embed"):
            self.loads.append(f"<{tag}>")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            text, raw = self._rows[-1][-1]
            self._rows[-1][-1] = (text + data.strip(), raw)


def read_page(path: Path) -> PageReader:
    reader = PageReader()
    reader.feed(path.read_text())
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def run() -> Results:
    results = synthetic_results.build(rounds=5, connections=(64, 16), rate_per_s=400)
    synthetic_results.plant_faults(results)
    return results


@pytest.fixture(scope="module")
def folder(run: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A written report with a price."""
    path = tmp_path_factory.mktemp("report")
    results_file.write(run, path)
    report.write(run, path, price_per_vcpu_hour=0.04)
    return path


def test_the_command_makes_all_files_from_results_json_alone(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "results.json").write_bytes((folder / "results.json").read_bytes())
    assert cli.main(["report", str(tmp_path), "--price-per-vcpu-hour", "0.04"]) == 0
    names = ["index.html", "results.json", "rounds.csv", "summary.md"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    for name in names:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name


def test_the_command_prints_paths_on_stdout_and_errors_on_stderr(folder: Path, tmp_path: Path) -> None:
    done = call_rig(tmp_path / "cache", "report", folder, "--output", tmp_path)
    assert done.returncode == 0
    assert done.stdout.split() == [str(tmp_path / name) for name in ("rounds.csv", "summary.md", "index.html")]
    done = call_rig(tmp_path / "cache", "report", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "there is no such file" in done.stderr and "remedy" in done.stderr


def test_the_csv_has_every_round_with_its_raw_figures(run: Results, folder: Path) -> None:
    rows = list(csv.DictReader(io.StringIO((folder / "rounds.csv").read_text())))
    assert len(rows) == sum(len(cell.rounds) for cell in run.cells)
    expected = {
        (cell.contestant, cell.route, str(cell.connections), str(cell.rate_per_s or ""), str(entry.round)): entry
        for cell in run.cells
        for entry in cell.rounds
    }
    for row in rows:
        entry = expected.pop(
            (row["contestant"], row["route"], row["connections"], row["rate_per_s"], row["round"])
        )
        assert int(row["requests"]) == entry.requests
        assert row["throttled_ns"] == ""
        assert float(row["requests_per_s"]) == entry.requests * 1e6 / entry.duration_us


def test_the_csv_has_contestants_in_the_order_of_all_tables(run: Results, folder: Path) -> None:
    analysis = Analysis(run)
    rows = list(csv.DictReader(io.StringIO((folder / "rounds.csv").read_text())))
    for route in analysis.routes:
        load = analysis.main_load
        assert load is not None
        order = [s.contestant.name for s in analysis.standings(route, load, CPU_US_PER_REQUEST)]
        found = [
            r["contestant"]
            for r in rows
            if (r["route"], r["connections"]) == (route, str(load.connections)) and not (r["same_as"] or r["rate_per_s"])
        ]
        assert list(dict.fromkeys(found)) == order


def test_tuned_contestants_are_marked_and_the_mark_is_explained() -> None:
    results = synthetic_results.build(rounds=2)
    levels = [
        dataclasses.replace(record, level="tuned" if record.name == "go-fasthttp" else "idiomatic") for record in results.contestants
    ]
    plain, marked = View(results), View(dataclasses.replace(results, contestants=levels))
    for view, expected in ((plain, False), (marked, True)):
        page, summary = render_page(view), render_markdown(view)
        assert ("Go, fasthttp*" in page, "Go, fasthttp\\*" in summary) == (expected, expected)
        assert "Go, net/http*" not in page
        for text in (page, summary.replace("\\", "")):
            assert (TUNED_MEANS in text) == expected
    shown = {row[1].text: row[3].text for row in marked.contestants().rows}
    assert (shown["go-fasthttp"], shown["go-nethttp"]) == ("tuned", "idiomatic")
    assert {row[3].text for row in plain.contestants().rows} == {"–"}


def test_the_csv_has_second_runs_whose_first_has_no_cell() -> None:
    results = synthetic_results.build(rounds=2)
    results.cells = [cell for cell in results.cells if cell.contestant != "restmarkd"]
    rows = list(csv.DictReader(io.StringIO(rounds_csv.render(Analysis(results)))))
    assert len(rows) == sum(len(cell.rounds) for cell in results.cells)


def test_empty_is_not_zero_in_the_csv() -> None:
    results = synthetic_results.build(rounds=1, names=("restmarkd",))
    entry = results.cells[0].rounds[0]
    results.cells[0].rounds[0] = dataclasses.replace(entry, server_cpu_ns=None, client_cpu_ns=0, latency=None)
    row = next(csv.DictReader(io.StringIO(rounds_csv.render(Analysis(results)))))
    assert (row["server_cpu_ns"], row["client_cpu_ns"], row["latency_p50_us"], row["cpu_us_per_request"]) == (
        "",
        "0",
        "",
        "",
    )


def test_the_csv_says_what_cpu_time_was_used_for() -> None:
    results = synthetic_results.build(rounds=1, names=("restmarkd",))
    entry = results.cells[0].rounds[0]
    results.cells[0].rounds[0] = dataclasses.replace(entry, drained_requests=64, idle_cpu_ns=1234)
    row = next(csv.DictReader(io.StringIO(rounds_csv.render(Analysis(results)))))
    assert (row["requests"], row["drained_requests"], row["idle_cpu_ns"]) == (str(entry.requests), "64", "1234")
    cost_us = int(row["server_cpu_ns"]) / 1e3 / (int(row["requests"]) + int(row["drained_requests"]))
    assert float(row["cpu_us_per_request"]) == pytest.approx(cost_us)
    assert float(row["requests_per_s"]) == pytest.approx(int(row["requests"]) * 1e6 / int(row["duration_us"]))


def test_page_and_csv_agree_to_the_digit_shown(run: Results, folder: Path) -> None:
    """Medians are computed anew from the CSV, with the standard library, and compared with every cell of two tables."""
    titles = {title_of(record): record.name for record in reversed(run.contestants) if record.same_as is None}
    rounds: dict[tuple[str, str, str], list[float]] = {}
    for row in csv.DictReader(io.StringIO((folder / "rounds.csv").read_text())):
        if row["connections"] == "64" and not row["rate_per_s"]:
            for metric in ("cpu_us_per_request", "requests_per_s"):
                rounds.setdefault((row["contestant"], row["route"], metric), []).append(float(row[metric]))
    page = read_page(folder / "index.html")
    markdown = (folder / "summary.md").read_text()
    compared = 0
    for metric in ("cpu_us_per_request", "requests_per_s"):
        header, *body = page.tables[f"table-matrix-{metric}-0-64"]
        for line in body:
            shown = []
            for (route, _), (text, raw) in zip(header[1:], line[1:], strict=True):
                samples = rounds.get((titles[line[0][0]], route, metric))
                expected = statistics.median(samples) if samples else None
                assert (None if raw is None else float(raw)) == pytest.approx(expected) if samples else raw is None
                assert text == numbers.plain(expected)
                shown.append(text)
                compared += samples is not None
            assert all(f" {text} " in markdown for text in shown)
    wanted = [c for c in run.cells if c.connections == 64 and c.rate_per_s is None and c.contestant in titles.values()]
    assert compared == 2 * len(wanted)


def test_the_page_is_whole_and_loads_nothing(folder: Path) -> None:
    page = read_page(folder / "index.html")
    assert len(page.ids) == len(set(page.ids))
    assert all(value.startswith("#") or value == "data:," for value in page.loads), page.loads
    for link in page.loads:
        assert not link.startswith("#") or link[1:] in page.ids, link
    text = (folder / "index.html").read_text()
    assert "url(" not in text and "@import" not in text and "default-src 'none'" in text


def test_every_figure_has_a_title_a_description_and_marks(folder: Path) -> None:
    text = (folder / "index.html").read_text()
    figures = text.split("<svg ")[1:]
    keys = []
    for figure in figures:
        element = ElementTree.fromstring("<svg " + figure[: figure.index("</svg>")] + "</svg>")
        keys.append(element.attrib["data-figure"])
        title, description = element.find(f"{SVG}title"), element.find(f"{SVG}desc")
        assert title is not None and title.text and description is not None and len(description.text or "") > 30
        assert any(element.iter(f"{SVG}{tag}") for tag in ("circle", "rect", "polygon"))
    for route in ("root", "parse-msgpack", "encode-json", "transfer-data", "million-loop"):
        for name in ("dots-cpu_us_per_request", "dots-requests_per_s", "latency-figure"):
            assert f"{name}-{route}-0-64" in keys
    assert {"overview", "memory-load"} <= set(keys)
    assert {f"{key}-narrow" for key in keys if not key.endswith("-narrow")} == {
        key for key in keys if key.endswith("-narrow")
    }


def test_every_verdict_has_a_badge_and_an_explanation(run: Results, folder: Path) -> None:
    text = (folder / "index.html").read_text()
    view = View(run)
    for name in {verdict.name for cell in run.cells for verdict in cell.verdicts}:
        assert f'badge-doubt">{view.badges[name]}<' in text
        assert html.escape(view.verdict_texts[name]).replace("&#x27;", "&#39;") in text
    assert "12 of 84,000 answers failed" in text


def test_a_badge_behind_a_figure_is_a_symbol_with_its_name(folder: Path) -> None:
    text = (folder / "index.html").read_text()
    matrix = text[text.index('id="table-matrix-cpu_us_per_request-0-64"') :].split("</table>")[0]
    assert 'title="noisy"><span aria-hidden="true">≈</span><span class="unseen">noisy</span></span>' in matrix
    assert 'badge-doubt">noisy<' not in matrix, "in words only where the column is for badges"
    workload = text[text.index('id="table-workload-parse-msgpack-0-64"') :].split("</table>")[0]
    assert 'badge-doubt">noisy<' in workload
    assert '<span class="badge badge-doubt">≈ noisy</span>' in text, "the legend"


def test_every_verdict_has_a_symbol_of_its_own() -> None:
    assert set(badges.SYMBOLS) == {*VERDICTS, "ok"}
    assert len(set(badges.SYMBOLS.values())) == len(badges.SYMBOLS)
    assert {len(symbol) for symbol in badges.SYMBOLS.values()} == {1}


def test_the_answer_is_the_first_screen(run: Results) -> None:
    view = View(run)
    view.answer = answer.Answer("Leave <Python>?", [answer.Line("HTTP & more", "31× less CPU & more.")])
    text = render_page(view)
    block = text[text.index('<section id="summary"') :].split("</section>")[0]
    assert ">Leave &lt;Python&gt;?</h2>" in block
    assert "<dt>HTTP &amp; more</dt><dd>31× less CPU &amp; more.</dd>" in block
    assert text.index('id="summary"') < text.index('id="against"') < text.index('id="overview"')


def test_a_run_of_memory_alone_has_no_rounds_of_nothing() -> None:
    results = synthetic_results.build(rounds=1, names=("restmarkd",))
    results.cells, results.order = [], []
    results.settings = dataclasses.replace(results.settings, rounds=0, duration_ms=4000)
    text = render_page(View(results))
    assert "memory only, under loads of 4 s, 64 connections" in text
    assert "0 rounds" not in text


def test_text_from_outside_can_not_become_markup(folder: Path) -> None:
    page, markdown = (folder / "index.html").read_text(), (folder / "summary.md").read_text()
    assert "<unsteady>" not in page and "&lt;unsteady&gt;" in page
    assert "<beta>" not in page and "\\<beta\\>" in markdown


def test_hostile_titles_do_no_harm(tmp_path: Path) -> None:
    results = synthetic_results.build(rounds=1, names=("restmarkd", "rust-axum"))
    evil = '</title><script>x</script>|"&'
    results.contestants = [dataclasses.replace(record, title=evil, language=evil) for record in results.contestants]
    report.write(results, tmp_path)
    assert "<script>" not in (tmp_path / "index.html").read_text()
    assert "<script>" not in (tmp_path / "summary.md").read_text().replace("\\<script", "")
    read_page(tmp_path / "index.html")


def test_the_command_line_can_be_pasted(folder: Path) -> None:
    assert "--output &#39;results/a run&#39;" in (folder / "index.html").read_text()
    assert "    restmark run --rounds 5 --seed 1 --output 'results/a run'\n" in (folder / "summary.md").read_text()


def test_the_price_is_there_only_when_given(run: Results, folder: Path, tmp_path: Path) -> None:
    assert "table-money" in (folder / "index.html").read_text()
    report.write(run, tmp_path)
    assert "table-money" not in (tmp_path / "index.html").read_text()


def test_interrupted_failed_and_empty_runs_say_so(tmp_path: Path) -> None:
    results = synthetic_results.build(rounds=2, names=("restmarkd", "rust-axum"))
    results.complete, results.finished_unix_ms = False, None
    entry = results.verifications[0]
    results.verifications[0] = dataclasses.replace(entry, passed=False, failures=["GET / differs"])
    report.write(results, tmp_path)
    text = (tmp_path / "index.html").read_text()
    assert "This run was interrupted" in text and "did not pass verification before the load: GET / differs" in text
    results.cells, results.order = [], []
    report.write(results, tmp_path)
    read_page(tmp_path / "index.html")
    assert "Nothing was measured under load" in (tmp_path / "summary.md").read_text()


def test_a_readme_is_renewed_between_its_markers_only(run: Results, tmp_path: Path) -> None:
    document = tmp_path / "README.md"
    document.write_text(f"before\n\n{readme.BEGIN}\nold\n{readme.END}\n\nafter\n")
    paths = report.write_readme(run, document)
    text = document.read_text()
    assert text.startswith("before\n\n") and text.endswith("\n\nafter\n") and "old" not in text
    assert "| restmarkd, C structs |" in text and paths[1].name in text
    picture = ElementTree.parse(paths[1]).getroot()
    assert picture.tag == f"{SVG}svg" and picture.find(f"{SVG}style") is not None
    report.write_readme(run, document)
    assert document.read_text() == text


def test_a_readme_without_markers_is_left_alone(folder: Path, tmp_path: Path) -> None:
    document = tmp_path / "README.md"
    document.write_text("nothing here\n")
    assert cli.main(["report", str(folder), "--output", str(tmp_path / "out"), "--readme", str(document)]) == 1
    assert document.read_text() == "nothing here\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (0, "0"), (0.00001, "0"), (0.01234, "0.0123"), (0.123456, "0.123"), (0.99949, "0.999"),
        (0.9996, "1.00"), (1.234, "1.23"), (9.996, "10.0"), (12.34, "12.3"), (99.96, "100"), (12345.6, "12,346"),
    ],
)  # fmt: skip
def test_figures_have_three_digits_or_all_before_the_point(value: float | None, text: str) -> None:
    assert numbers.plain(value) == text


def test_each_tick_of_a_logarithmic_axis_is_a_doubling() -> None:
    axis = LogAxis.around([12.6, 90_000], 100, 500)
    assert axis.ticks()[0] == 8 and axis.ticks()[-1] == 131_072
    steps = [axis.at(b) - axis.at(a) for a, b in zip(axis.ticks(), axis.ticks()[1:], strict=False)]
    assert steps == pytest.approx([400 / 14] * 14)
    assert LogAxis.around([8.0], 0, 1).ticks() == [8, 16]


def test_a_linear_axis_reaches_the_largest_value() -> None:
    axis = LinearAxis.up_to(542, 0, 100)
    assert axis.ticks() == [0, 200, 400, 600]
    assert axis.at(600) == 100
    assert LinearAxis.up_to(0, 0, 1).highest > 0


def test_the_generator_of_synthetic_runs_depends_on_its_seed_alone() -> None:
    assert synthetic_results.build(seed=3) == synthetic_results.build(seed=3) != synthetic_results.build(seed=4)
