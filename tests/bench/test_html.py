"""The report as one file: whole, offline, readable; and looked at in a real browser."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from streamplay.bench import runner, target
from streamplay.bench.curves import share_below, thin
from streamplay.bench.html.page import page
from streamplay.bench.html.svg import Plot, ticks
from streamplay.bench.plan import Load
from tests.support.server import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streamplay.bench.result import Result

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

# What Chromium needs to start as root, and what keeps it from looking for its maker's hosts.
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]

EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def result() -> Iterator[Result]:
    with (
        running("--pace", "4", "--signal", "tone", "--seconds", "0.6") as quick,
        running("--first-byte-ms", "30", "--stall", "200:300", "--signal", "tone") as slow,
        running("--status", "500") as failing,
    ):
        words = [
            f"name=quick {EVIL},base_url={quick.base_url}",
            f"name=slow,base_url={slow.base_url}",
            f"name=failing,base_url={failing.base_url}",
        ]
        load = Load(texts=("One two.",), requests=7, concurrency=3)
        yield runner.run(target.read(words, {}), load, command=f"streamplay bench {EVIL}")


@pytest.fixture(scope="module")
def document(result: Result) -> str:
    return page(result)


class _Check(HTMLParser):
    """Notes every address in the document, and whether its tags are balanced."""

    EMPTY = ("meta", "link", "path", "circle", "rect")

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"href", "src"}]
        if tag not in {"meta", "link"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_names_no_other_place(document: str) -> None:
    check = _Check()
    check.feed(document)
    assert check.open == []
    assert check.addresses == ["data:,"]
    assert "script" not in check.seen
    assert "default-src 'none'" in document
    assert "url(" not in document
    assert "@import" not in document


def test_names_cannot_become_tags(document: str) -> None:
    assert EVIL not in document
    assert "&lt;script&gt;" in document


def test_every_figure_has_a_name_a_description_and_numbers(document: str) -> None:
    figures = re.findall(r"<figure>.*?</figure>", document, re.DOTALL)
    assert len(figures) == 13
    for figure in figures:
        assert 'role="img" aria-label="' in figure
        assert "<desc>" in figure
        assert "<figcaption>" in figure
        assert "<details><summary>In numbers</summary>" in figure
    headings = re.findall(r"<figure><h3>(.*?)</h3>", document)
    for heading in (
        "First voice",
        "Where the time goes",
        "Arrivals: slow",
        "Stalls over prebuffer",
    ):
        assert heading in headings


def test_what_failed_has_no_curve_and_is_told(document: str) -> None:
    assert "7 ServerFailed" in document
    assert "Arrivals: failing" not in document
    assert "least safe start: " in document


def test_colours_are_told_apart_from_their_background_in_both_themes() -> None:
    from importlib.resources import files

    style = files("streamplay.bench.html").joinpath("report.css").read_text()
    light, dark = style.split("prefers-color-scheme: dark")[:2]
    for theme in (light, dark):
        colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", theme))
        # WCAG 2.2: 4.5 for text, 3 for graphics.
        for name in ("ink", "soft", "bad", "good"):
            assert contrast(colours[name], colours["panel"]) >= 4.5, name
        for name in colours.keys() - {"paper", "panel", "rule", "ink", "soft"}:
            assert contrast(colours[name], colours["panel"]) >= 3, name


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    channels = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(
    ("server", "more", "requests", "figures", "says"),
    [
        (["--status", "500"], "", 3, 0, "3 of 3 requests failed"),
        (["--signal", "tone", "--pace", "2", "--seconds", "0.4"], "", 1, 12, "p50 needs 6"),
        (["--signal", "tone", "--seconds", "0.2"], ",format=wav", 3, 8, "3 answers came at once"),
    ],
)
def test_a_report_of_little_is_whole_too(
    server: list[str], more: str, requests: int, figures: int, says: str
) -> None:
    with running(*server) as there:
        words = [f"name=a,base_url={there.base_url}{more}"]
        load = Load(texts=("One two.",), requests=requests)
        found = page(runner.run(target.read(words, {}), load, command="streamplay bench"))
    check = _Check()
    check.feed(found)
    assert check.open == []
    assert found.count("<figure>") == figures
    assert ("<h2>Figures</h2>" in found) is bool(figures)
    assert says in found


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium; scripts/test installs it")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_browser_shows_every_figure_and_asks_nobody(
    document: str, tmp_path: Path, theme: Any
) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    file = tmp_path / "report.html"
    file.write_text(document, encoding="utf-8")
    said: list[str] = []
    asked: list[str] = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        view = browser.new_context(color_scheme=theme, viewport={"width": 1100, "height": 800})
        tab = view.new_page()
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto(file.as_uri())
        shapes = tab.eval_on_selector_all(
            "figure svg[role=img]", "all => all.map(e => e.getBoundingClientRect().toJSON())"
        )
        strokes = tab.eval_on_selector_all(
            "figure path.line", "all => all.map(e => getComputedStyle(e).stroke)"
        )
        paper = tab.evaluate("getComputedStyle(document.body).backgroundColor")
        # By keyboard alone: to the first figure's numbers, past the tables that scroll.
        tab.keyboard.press("Tab")
        while tab.evaluate("document.activeElement.tagName") != "SUMMARY":
            tab.keyboard.press("Tab")
        tab.keyboard.press("Enter")
        opened = tab.locator("details[open] caption").all_inner_texts()
        tab.set_viewport_size({"width": 400, "height": 800})
        wide = tab.evaluate("document.documentElement.scrollWidth")
        browser.close()
    assert said == []
    assert opened == ["First byte in numbers"]
    assert asked == [file.as_uri()]
    assert len(shapes) == 13
    assert all(shape["width"] > 300 and shape["height"] > 60 for shape in shapes)
    assert strokes
    assert "none" not in strokes
    assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(15, 20, 25)"}[theme]
    assert wide <= 400


def test_axes_have_round_numbers_within_their_ends() -> None:
    assert ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert ticks(0, 437) == [0, 100, 200, 300, 400]
    assert ticks(3, 3) == [3]


def test_a_distribution_rises_from_none_to_all() -> None:
    assert share_below([]) == []
    assert share_below([3, 1, 3, 2]) == [(1, 0.0), (1, 0.25), (2, 0.5), (3, 1.0)]
    many = share_below(range(10_000))
    assert len(many) < 1000
    assert many[-1] == (9999, 1.0)


def test_thinning_keeps_both_ends() -> None:
    points = [(float(n), 0.0) for n in range(1001)]
    kept = thin(points, 10)
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    assert len(kept) <= 12


def test_a_point_on_a_flat_axis_is_still_somewhere() -> None:
    plot = Plot("T", "about", (0, 0), (0, 0), "x", "y")
    assert all(value == value for value in plot.at(0, 0))  # noqa: PLR0124  that is: no NaN


def test_a_search_for_the_capacity_has_its_curve(result: Result) -> None:
    steps = [
        {"rate": rate, "ended": rate, "requests": 10, "limited": 0, "failed": 0, "good": good}
        | {"first_voice": {"p50": 10.0 * rate, "p95": 20.0 * rate}, "why": why, "valid": True}
        for rate, good, why in ((1.0, True, ""), (2.0, False, "it <broke>"))
    ]
    found = page(replace(result, capacity={"rate": 1.0, "bounded": True, "curve": steps}))
    assert "<h3>Capacity</h3>" in found
    assert "it &lt;broke&gt;" in found
    check = _Check()
    check.feed(found)
    assert check.open == []
    empty = page(replace(result, capacity={"rate": None, "bounded": False, "curve": []}))
    assert "<h3>Capacity</h3>" not in empty
