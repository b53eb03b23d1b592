"""The figures: dots instead of bars that lie, one colour a language, everybody in them, and a limit only where it is one."""

from __future__ import annotations

import dataclasses
import itertools
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from restmark_rig.model.results import CENSORED, ERRORS, NOISY, Results, Verdict
from restmark_rig.report import charts, languages, numbers
from restmark_rig.report.analysis import Analysis, Load
from restmark_rig.report.gains import Gains
from restmark_rig.report.metrics import CPU_US_PER_REQUEST, REQUESTS_PER_S
from restmark_rig.report.svg import Figure, Svg

from . import synthetic_results

TEMPLATES = Path(charts.__file__).with_name("templates")
SVG = "{http://www.w3.org/2000/svg}"
LOAD = Load(0, 64)
# How colours look without red (protan), without green (deutan) and with all cones: Machado et al. 2009, severity 1.
VISIONS = {
    "all": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}
TO_XYZ = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
WHITE_XYZ = [0.9505, 1.0, 1.089]
Floats = npt.NDArray[np.float64]


def drawing(figure: Figure | None, narrow: bool = False) -> ElementTree.Element:
    assert figure is not None
    svg: Svg = figure.narrow if narrow else figure.wide
    return ElementTree.fromstring(svg.render())


def texts(element: ElementTree.Element) -> list[str]:
    return [node.text or "" for node in element.iter(f"{SVG}text")]


def labels(element: ElementTree.Element) -> list[str]:
    return [n.text or "" for n in element.iter(f"{SVG}text") if n.attrib["class"].split()[0] == "label"]


def linear(colour: str) -> Floats:
    channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def lab(light: Floats) -> Floats:
    xyz = np.clip(np.array(TO_XYZ) @ light, 0, None) / WHITE_XYZ
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def colours() -> list[dict[str, str]]:
    """Light and dark: the names of all colours of the style sheet."""
    parts = (TEMPLATES / "colours.css").read_text().split("@media")
    return [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", part)) for part in parts]


@pytest.mark.parametrize("scheme", [0, 1])
def test_languages_keep_apart_for_everybody_and_from_the_page(scheme: int) -> None:
    found = colours()[scheme]
    marks = {name: linear(value) for name, value in found.items() if name.startswith("language-")}
    assert len(marks) >= 12
    luminance = {name: float(np.array(TO_XYZ[1]) @ light) for name, light in marks.items()}
    page = float(np.array(TO_XYZ[1]) @ linear(found["page"]))
    for name, value in luminance.items():
        assert (max(value, page) + 0.05) / (min(value, page) + 0.05) >= 3, name
    for vision, matrix in VISIONS.items():
        seen = {name: lab(np.clip(np.array(matrix) @ light, 0, 1)) for name, light in marks.items()}
        for one, other in itertools.combinations(seen, 2):
            assert np.linalg.norm(seen[one] - seen[other]) > 9, (vision, one, other)


def test_a_language_has_one_colour_and_every_class_has_one() -> None:
    assert languages.css_class(" Python") == languages.css_class("python") == "language-python"
    assert languages.css_class("PyPy") == "language-python"
    assert languages.css_class("C++") != languages.css_class("C")
    assert [languages.css_class(name) for name in ("Haskell", "OCaml")] == ["language-other-1", "language-other-0"]
    sheet = (TEMPLATES / "figures.css").read_text()
    for name in ("C", "C++", "Rust", "Go", "Python", "JavaScript", "Java", "PHP", "Ruby", "Elixir", "Zig", "D", "Nim"):
        css = languages.css_class(name)
        assert f".{css} {{ --own: var(--{css}); }}" in sheet
        assert all(css in scheme for scheme in colours())


def marks_of(figure: Figure | None, title: str) -> str:
    """Class of the mark in the row with this label."""
    svg = drawing(figure)
    label = next(node for node in svg.iter(f"{SVG}text") if (node.text or "").startswith(title))
    circles = [node for node in svg.iter(f"{SVG}circle") if node.attrib["cy"] == label.attrib["y"]]
    assert len(circles) == 1
    return circles[0].attrib["class"]


def test_colours_do_not_depend_on_who_takes_part() -> None:
    alone = Analysis(synthetic_results.build(rounds=2, names=("python-uwsgi",)))
    many = Analysis(synthetic_results.build(rounds=2))
    route = "/encode-json"
    found = [marks_of(charts.dot_plot(a, route, LOAD, CPU_US_PER_REQUEST), "Python 3, uWSGI") for a in (alone, many)]
    assert found == ["mark language-python"] * 2
    assert marks_of(charts.dot_plot(many, route, LOAD, CPU_US_PER_REQUEST), "Go, fasthttp") == "mark language-go"


def all_figures(results: Results) -> list[Figure]:
    analysis = Analysis(results)
    found = [charts.overview(analysis, LOAD)]
    for route in analysis.routes:
        found += [*charts.workload_figures(analysis, route, LOAD), charts.latency_ranges(analysis, route, LOAD)]
    return [figure for figure in found if figure]


def test_no_bar_is_drawn_on_an_axis_without_a_zero() -> None:
    figures = all_figures(synthetic_results.build(rounds=2))
    assert len(figures) == 16
    for figure in figures:
        for narrow in (False, True):
            svg = drawing(figure, narrow)
            assert not list(svg.iter(f"{SVG}rect")), figure.key
            ends = {
                (node.attrib["x1"], node.attrib["x2"])
                for node in svg.iter(f"{SVG}line")
                if "guide" in node.attrib["class"]
            }
            assert len(ends) == 1, "guides are of one length, and tell nothing by it"


def without_answers(results: Results, name: str, route: str) -> Results:
    cell = results.cell(name, route, 64)
    assert cell is not None
    cell.rounds = [dataclasses.replace(entry, requests=0, bytes=0, latency=None) for entry in cell.rounds]
    cell.verdicts = [Verdict(CENSORED, "64 answers came after the timeout and are in no latency")]
    return results


def test_who_answered_nothing_is_in_every_figure_with_the_reason() -> None:
    analysis = Analysis(without_answers(synthetic_results.build(rounds=3), "rust-axum", "/million-loop"))
    figures = [
        charts.overview(analysis, LOAD),
        charts.latency_ranges(analysis, "/million-loop", LOAD),
        *charts.workload_figures(analysis, "/million-loop", LOAD),
    ]
    assert len(figures) == 4
    for figure in figures:
        for narrow in (False, True):
            svg = drawing(figure, narrow)
            row = next(n for n in svg.iter(f"{SVG}text") if n.text == "0 requests in 3 rounds, censored")
            assert row.attrib["class"] == "value missing"
            assert "Rust, axum 0 requests in 3 rounds, censored" in (svg.findtext(f"{SVG}desc") or "")
    assert labels(drawing(figures[2]))[-1] == "Rust, axum", "behind those that have a figure"


def test_both_drawings_show_the_same_rows() -> None:
    for figure in all_figures(synthetic_results.build(rounds=2)):
        wide, narrow = drawing(figure), drawing(figure, narrow=True)
        assert labels(wide) == labels(narrow) != []
        assert wide.findtext(f"{SVG}desc") == narrow.findtext(f"{SVG}desc")


def test_the_limit_is_a_line_while_nobody_is_below_it() -> None:
    analysis = Analysis(synthetic_results.build(rounds=3))
    for route in analysis.routes:
        svg = drawing(charts.dot_plot(analysis, route, LOAD, CPU_US_PER_REQUEST))
        own = "/transfer-data" if route == "/transfer-data" else "/"
        assert any(text.startswith("limit: bare epoll loop ") and f"(GET {own}" in text for text in texts(svg)), route
        assert "Bare epoll loop" not in labels(svg)


@pytest.mark.parametrize("below", ["nginx", "rust-actix"])
def test_where_somebody_is_below_the_bare_loop_it_is_a_row_like_others(below: str) -> None:
    """A reference counts as much as a contestant; routes that borrow the limit of / lose it, too."""
    results = synthetic_results.build(rounds=3, factors={below: 0.5})
    analysis = Analysis(results)
    for route in analysis.routes:
        figure = charts.dot_plot(analysis, route, LOAD, CPU_US_PER_REQUEST)
        for narrow in (False, True):
            svg = drawing(figure, narrow)
            assert "limit" not in ElementTree.tostring(svg, encoding="unicode").lower(), route
            assert ("Bare epoll loop" in labels(svg)) is (route in ("/", "/transfer-data"))


def test_doubts_are_hollow_and_named() -> None:
    results = synthetic_results.build(rounds=3, names=("restmarkd", "rust-axum"))
    cell = results.cell("rust-axum", "/encode-json", 64)
    assert cell is not None
    cell.verdicts = [Verdict(NOISY, "planted")]
    figure = charts.dot_plot(Analysis(results), "/encode-json", LOAD, REQUESTS_PER_S)
    assert marks_of(figure, "Rust, axum") == "mark language-rust doubtful"
    assert marks_of(figure, "restmarkd, C structs") == "mark language-c"
    assert any(text.endswith(" noisy") for text in texts(drawing(figure)))
    assert any(text.endswith(" ≈") for text in texts(drawing(figure, narrow=True)))


def test_gains_stand_left_and_right_of_the_baseline() -> None:
    results = synthetic_results.build(rounds=5, memory=False)
    failed = results.cell("rust-axum", "/", 64)
    assert failed is not None
    failed.verdicts.append(Verdict(ERRORS, "planted"))
    mine = results.contestant("go-nethttp")
    gains = Gains(Analysis(results), LOAD, mine)
    times = {gain.contestant.name: gain.times for gain in gains.of("/", CPU_US_PER_REQUEST)}
    assert times["rust-axum"] is None
    figure = charts.against(gains)
    for narrow in (False, True):
        svg = drawing(figure, narrow)
        line = next(node for node in svg.iter(f"{SVG}line") if node.attrib["class"] == "baseline")
        one = float(line.attrib["x1"])
        marks = [float(n.attrib["cx"]) for n in svg.iter(f"{SVG}circle") if "language" in n.attrib["class"]]
        assert min(marks) < one < max(marks)
        assert {"Go, net/http = 1×", "GET /"} <= set(texts(svg))
        assert any(text.startswith("no figure that stands") for text in texts(svg))
        assert times["python-uwsgi"] is not None and times["python-uwsgi"].value < 1
        assert any(text.startswith(numbers.factor(times["python-uwsgi"].value)) for text in texts(svg))
    alone = synthetic_results.build(rounds=1, names=("go-nethttp",), memory=False)
    assert charts.against(Gains(Analysis(alone), LOAD, alone.contestants[0])) is None
