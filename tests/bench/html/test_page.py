"""The report as one file: whole, offline, readable; and looked at in a real browser."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from streamplay.bench import runner, target
from streamplay.bench.html.page import page
from streamplay.bench.plan import Load
from tests.support.pages import PageCheck
from tests.support.server import running

if TYPE_CHECKING:
    from pathlib import Path


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

# What Chromium needs to start as root, and what keeps it from looking for its maker's hosts.
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]


def test_the_page_is_whole_and_names_no_other_place(document: str) -> None:
    check = PageCheck()
    check.feed(document)
    assert check.open == []
    assert check.addresses == ["data:,"]
    assert "script" not in check.seen
    assert "default-src 'none'" in document
    assert "url(" not in document
    assert "@import" not in document


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
    check = PageCheck()
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
        while not tab.evaluate("document.activeElement.matches('figure summary')"):
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
