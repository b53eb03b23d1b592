"""The page in a real browser: no console message, all figures drawn, nothing cut off, on a desk and on a phone."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from restmark_rig import report

from . import synthetic_results, test_decide

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: apt-get install chromium"),
]
FLAGS = (
    *(
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
    ),
    *("--disable-component-update", "--disable-sync", "--enable-logging=stderr"),
)
LIGHT, DARK = "--blink-settings=preferredColorScheme=1", "--blink-settings=preferredColorScheme=0"
# Written into a copy of the page, since a browser's layout can only be asked from within.
PROBE = """
<script>
addEventListener("load", () => {
  for (const part of document.querySelectorAll("details")) part.open = true;
  const box = element => { const r = element.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; };
  const root = document.documentElement;
  const found = { width: root.clientWidth, page: root.scrollWidth, figures: {}, tables: {}, small: {} };
  for (const svg of document.querySelectorAll("svg[data-figure]")) {
    if (!svg.checkVisibility()) continue;
    const texts = [...svg.querySelectorAll("text")].map(text => ({ text: text.textContent, box: box(text) }));
    const marks = [...svg.querySelectorAll("circle, rect, polygon")].map(box);
    found.figures[svg.dataset.figure] = { box: box(svg), texts, marks };
    found.small[svg.dataset.figure] = Math.min(...texts.map(text => text.box[3] - text.box[1]));
  }
  for (const table of document.querySelectorAll("table")) {
    const scroll = table.parentElement, head = [...table.querySelectorAll("thead th")];
    const hint = scroll.previousElementSibling;
    scroll.scrollLeft = 0;
    const last = box(head[head.length - 1]), caption = box(table.querySelector("caption span"));
    const hinted = hint !== null && hint.matches(".scroll-hint") && hint.checkVisibility();
    scroll.scrollLeft = 1000;
    const moved = { first: box(head[0]), row: box(table.querySelector("tbody th")) };
    scroll.scrollLeft = 0;
    const scrolls = scroll.scrollWidth > scroll.clientWidth;
    found.tables[table.id] = { columns: head.length, last, caption, hinted, moved, scrolls, left: box(scroll)[0] };
  }
  found.background = getComputedStyle(document.body).backgroundColor;
  const out = document.createElement("pre");
  out.id = "probe"; out.textContent = JSON.stringify(found);
  document.body.append(out);
});
</script>
</body>"""

def browse(page: Path, profile: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Opens a page; its DOM is on stdout, the console on stderr."""
    assert CHROMIUM is not None
    argv = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", *options, "--dump-dom", page.as_uri()]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return done


def console(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stderr.splitlines() if ":CONSOLE" in line]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = synthetic_results.build(rounds=5, connections=(64, 256), rate_per_s=400)
    synthetic_results.plant_faults(results)
    folder = tmp_path_factory.mktemp("page")
    report.write(results, folder, price_per_vcpu_hour=0.04)
    return folder / "index.html"


def probed_copy(page: Path, script: str = "") -> Path:
    """Writes the page with the probe in it."""
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text())
    probed = page.with_name("probed.html")
    probed.write_text(text.replace("</body>", PROBE.replace("</body>", f"{script}</body>")))
    return probed


def probe(page: Path, profile: Path, *options: str) -> dict[str, Any]:
    done = browse(probed_copy(page), profile, *options)
    match = re.search(r'<pre id="probe">(.*?)</pre>', done.stdout, re.DOTALL)
    assert match is not None
    found: dict[str, Any] = json.loads(match.group(1).replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">"))
    return found


def test_the_console_stays_empty(page: Path, tmp_path: Path) -> None:
    done = browse(page, tmp_path / "profile")
    assert console(done) == []
    assert "REST servers compared" in done.stdout


def test_a_message_on_the_console_would_be_seen(tmp_path: Path) -> None:
    """The check above can fail: what the page's policy forbids is reported."""
    broken = tmp_path / "broken.html"
    policy = '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'">'
    broken.write_text(f"<!DOCTYPE html>{policy}<img src=missing.png alt=x>")
    assert console(browse(broken, tmp_path / "profile"))


def figures_of(page: Path, narrow: bool) -> set[str]:
    """Keys of the drawings that one kind of window shows."""
    keys = set(re.findall(r'data-figure="([^"]+)"', page.read_text()))
    return {key for key in keys if key.endswith("-narrow") is narrow}


def check_figures(found: dict[str, Any], least_width: float, more_than: int = 20) -> None:
    """All marks and texts within their figures, of which there are more than so many, and these within the window."""
    assert len(found["figures"]) > more_than
    for name, figure in found["figures"].items():
        left, top, right, bottom = figure["box"]
        assert right - left > least_width and bottom - top > 100, name
        assert left >= 0 and right <= found["width"], name
        assert len(figure["marks"]) > 3, name
        for text in figure["texts"]:
            x1, y1, x2, y2 = text["box"]
            assert left <= x1 and x2 <= right and top <= y1 and y2 <= bottom, (name, text)
        for x1, y1, x2, y2 in figure["marks"]:
            assert left <= x1 and x2 <= right and top <= y1 and y2 <= bottom, (name, x1, x2)
    assert found["page"] <= found["width"]


@pytest.fixture(scope="module")
def desk(page: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the probe finds at 1280 px, for a reader who likes it light."""
    return probe(page, tmp_path_factory.mktemp("profile"), "--window-size=1280,1000", LIGHT)


def test_all_figures_are_drawn_and_no_text_is_cut_off(page: Path, desk: dict[str, Any]) -> None:
    assert set(desk["figures"]) == figures_of(page, narrow=False)
    check_figures(desk, 1000)


def test_at_1280_pixels_every_column_of_every_table_is_seen(desk: dict[str, Any]) -> None:
    assert max(table["columns"] for table in desk["tables"].values()) >= 10
    for name, table in desk["tables"].items():
        assert table["last"][2] <= 1280 and not table["scrolls"], (name, table)
        assert not table["hinted"], name


def probe_on_phone(page: Path, profile: Path) -> dict[str, Any]:
    """What the probe finds at 390 px: in a frame, since a headless window is never that narrow."""
    frame = page.with_name("phone.html")
    frame.write_text('<!DOCTYPE html><body><iframe src="probed.html" width="390" height="800"></iframe></body>')
    script = (
        "<script>addEventListener('load', () => parent.postMessage("
        "document.getElementById('probe').textContent, '*'));</script>"
    )
    probed_copy(page, script)
    receiver = (
        "<script>addEventListener('message', event => { const out = document.createElement('pre'); out.id = 'probe';"
        "out.textContent = event.data; document.body.append(out); });</script>"
    )
    frame.write_text(frame.read_text().replace("<body>", "<body>" + receiver))
    done = browse(frame, profile, "--virtual-time-budget=5000")
    match = re.search(r'<pre id="probe">(.*?)</pre>', done.stdout, re.DOTALL)
    assert match is not None
    found: dict[str, Any] = json.loads(match.group(1).replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">"))
    assert 300 < found["width"] <= 390
    return found


@pytest.fixture(scope="module")
def phone(page: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Of the report."""
    return probe_on_phone(page, tmp_path_factory.mktemp("profile"))


def test_on_a_phone_the_page_itself_does_not_scroll_sideways(phone: dict[str, Any]) -> None:
    assert phone["page"] <= phone["width"]


def test_on_a_phone_every_dot_and_every_figure_is_seen(page: Path, phone: dict[str, Any]) -> None:
    assert set(phone["figures"]) == figures_of(page, narrow=True)
    check_figures(phone, 300)
    assert min(phone["small"].values()) >= 11, "and is large enough to be read"


def test_on_a_phone_no_label_runs_into_its_figures(phone: dict[str, Any]) -> None:
    """In each line of a figure the texts lie beside each other."""
    for name, figure in phone["figures"].items():
        for one, other in itertools.combinations(figure["texts"], 2):
            (a1, b1, a2, b2), (c1, d1, c2, d2) = one["box"], other["box"]
            assert a2 <= c1 or c2 <= a1 or b2 - 3 <= d1 or d2 - 3 <= b1, (name, one, other)


def test_on_a_phone_tables_scroll_and_say_so(phone: dict[str, Any]) -> None:
    scrolling = {name: table for name, table in phone["tables"].items() if table["scrolls"]}
    assert len(scrolling) > 10
    for name, table in scrolling.items():
        assert table["hinted"] or table["columns"] <= 3, name
        for head in table["moved"].values():
            assert head[0] == pytest.approx(table["left"], abs=1), (name, "the first column stays")
            assert head[2] - head[0] <= 0.5 * phone["width"], (name, "and leaves room for the others")
        assert table["caption"][2] <= phone["width"], name


def test_dark_is_dark_and_light_is_light(page: Path, desk: dict[str, Any], tmp_path: Path) -> None:
    dark = probe(page, tmp_path / "dark", DARK)
    assert desk["background"] == "rgb(255, 255, 255)"
    assert dark["background"] == "rgb(15, 20, 25)"


def test_it_prints(page: Path, tmp_path: Path) -> None:
    pdf = tmp_path / "page.pdf"
    browse(page, tmp_path / "profile", f"--print-to-pdf={pdf}")
    assert pdf.read_bytes().startswith(b"%PDF")


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of 'restmark decide', with all that it can show."""
    return test_decide.decided_page(tmp_path_factory.mktemp("decided"))


def test_the_page_of_a_decision_is_whole_on_a_desk_and_on_a_phone(decided: Path, tmp_path: Path) -> None:
    assert console(browse(decided, tmp_path / "console")) == []
    desk = probe(decided, tmp_path / "desk", "--window-size=1280,1000", LIGHT)
    check_figures(desk, 800, more_than=0)
    assert len(desk["tables"]) == 2
    assert all(table["last"][2] <= 1280 and not table["scrolls"] for table in desk["tables"].values())
    phone = probe_on_phone(decided, tmp_path / "phone")
    check_figures(phone, 300, more_than=0)
    assert probe(decided, tmp_path / "dark", DARK)["background"] != desk["background"]
