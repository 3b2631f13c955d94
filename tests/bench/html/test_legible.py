"""Pages of one, three and twelve targets: legible at every width, and true on top."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from streamplay.bench import compare, runner, side_by_side, target
from streamplay.bench.html.compared import compared
from streamplay.bench.html.figure import figure_html, table_html
from streamplay.bench.html.figures import figures
from streamplay.bench.html.page import page
from streamplay.bench.html.swept import swept
from streamplay.bench.html.trend import trend
from streamplay.bench.plan import Load
from tests.bench.html.test_page import FLAGS
from tests.bench.test_capacity import run_of
from tests.support.server import running

if TYPE_CHECKING:
    from pathlib import Path

    from streamplay.bench.result import Result

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

LONG: Final = "a-long-name-of-a-target-" * 8
"""With 192 characters."""

# Words that leave their figure, and words that lie upon others.
FAULTS: Final = """() => [...document.querySelectorAll('svg[role=img]')].flatMap(svg => {
  const whole = svg.getBoundingClientRect(), found = [];
  const words = [...svg.querySelectorAll('text')].filter(e => e.textContent.trim());
  const places = words.map(e => e.getBoundingClientRect());
  places.forEach((a, i) => {
    if (a.left < whole.left - 1 || a.right > whole.right + 1 || a.top < whole.top - 1 ||
        a.bottom > whole.bottom + 1) found.push('outside: ' + words[i].textContent);
    places.slice(i + 1).forEach((b, k) => {
      if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 &&
          Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3)
        found.push(words[i].textContent + ' upon ' + words[i + 1 + k].textContent);
    });
  });
  return found.map(each => svg.getAttribute('aria-label') + ': ' + each);
})"""


@pytest.fixture(scope="module")
def twelve() -> Result:
    with running("--signal", "tone", "--seconds", "0.3", "--pace", "4") as server:
        names = [LONG, *(f"target-{number}" for number in range(2, 13))]
        words = [f"name={name},base_url={server.base_url}" for name in names]
        load = Load(texts=("One two.",), requests=7, concurrency=6)
        return runner.run(target.read(words, {}), load, command="streamplay bench")


def past(result: Result, name: str) -> side_by_side.PastRun:
    return side_by_side.of_dict(name, result.to_dict())


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium; scripts/test installs it")
@pytest.mark.parametrize("width", [1280, 400])
def test_no_words_leave_their_figure_or_lie_upon_others(
    document: str, twelve: Result, tmp_path: Path, width: int
) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    runs = [past(twelve, name) for name in ("one", "two")]
    pages = {"three": document, "twelve": page(twelve, runs), "compared": compared(runs)}
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        tab = browser.new_page(viewport={"width": width, "height": 800})
        for name, content in pages.items():
            (tmp_path / f"{name}.html").write_text(content, encoding="utf-8")
            tab.goto((tmp_path / f"{name}.html").as_uri())
            assert tab.evaluate(FAULTS) == [], name
            assert tab.evaluate("document.documentElement.scrollWidth") <= width, name
        browser.close()


def test_of_many_targets_bars_and_pairs_do_not_bury_the_rest(twelve: Result) -> None:
    one = run_of(Load(rate=10.0, duration=8.0, texts=("One.",)), lambda _: 0.1)
    (many,) = (each for each in figures(_times(one, 12)) if each.heading == "First voice")
    assert 'class="interval' not in many.svg
    assert all("[" in row[2] for row in many.rows)
    assert many.svg.count(f"<title>{one.outcomes[0].target.name}</title>") == 12
    (few,) = (each for each in figures(_times(one, 3)) if each.heading == "First voice")
    assert few.svg.count('class="interval s2"') == 3
    found = page(twelve)
    assert "The targets in pairs: " in found
    # A folded part for each target, instead of ten open tables.
    folded = compared([past(twelve, "one")])
    assert folded.count("<details><summary>target-") == 11


def test_dots_are_explained_by_dots() -> None:
    one = run_of(Load(rate=10.0, duration=8.0, texts=("One.",)), lambda _: 0.1)
    (over,) = (each for each in figures(_times(one, 2)) if each.heading == "First voice over time")
    assert "<circle " in figure_html(over).partition("</svg><ul")[2]


def _times(result: Result, count: int) -> Result:
    return replace(result, outcomes=result.outcomes * count)


def test_a_long_name_or_reason_is_wrapped() -> None:
    found = table_html(("Target", "why"), [(LONG, LONG), ("a", "b")], "T")
    assert found.count('class="words"') == 2


def test_failures_are_told_on_top(document: str) -> None:
    top = document[: document.index("Figures")]
    assert "<strong>failed</strong> 7 of 21 requests (7 ServerFailed)" in top


def test_a_figure_that_is_not_stated_says_why() -> None:
    with running("--status", "500") as server:
        words = [f"name=a,base_url={server.base_url}"]
        load = Load(texts=("One two.",), requests=2)
        result = runner.run(target.read(words, {}), load, command="streamplay bench")
    assert page(result).count("no request was complete") == 3


def test_an_interruption_is_told_on_top_and_once(twelve: Result) -> None:
    found = page(replace(twelve, notes=("interrupted after 84 requests",)))
    assert "<strong>interrupted</strong> after 84 requests" in found
    assert found.count("after 84 requests") == 1


def test_a_sweep_says_on_top_which_rate_the_figures_are_of() -> None:
    load = Load(duration=10.0, texts=("One.",))
    step: dict[str, Any] = _step(run_of(replace(load, rate=4.0), lambda _: 0.05))
    found = {"rate": 4.0, "bounded": False, "ended_by": "rates", "curve": [step]}
    result = run_of(replace(load, rate=4.0), lambda _: 0.05)
    told = page(replace(result, sweep=found, notes=("of 1 rates the highest that holds is 4",)))
    assert "<strong>sweep</strong> of 1 rates the highest that holds is 4. " in told
    assert "The figures of the targets are of 4 a second." in told
    assert told.count("the highest that holds") == 1
    # The knee is the last rate: its name stands on the side that has room.
    assert re.search(r'<text class="label end"[^>]*>4 a second', next(iter(swept(found))).svg)


def _step(result: Result) -> dict[str, Any]:
    from streamplay.bench import sweep

    return sweep.sweep(lambda _: result, Load(texts=("One.",)), (4.0,), [])[0].to_dict()["curve"][0]


def test_runs_that_were_not_valid_keep_their_target_s_colour() -> None:
    run = past(run_of(Load(rate=10.0, duration=8.0, texts=("One.",)), lambda _: 0.1), "late")
    (figure,) = trend([replace(run, valid=False), run], ("first_voice",))
    assert 'class="cross s0"' in figure.svg
    assert [row[0] for row in figure.rows] == ["1: late", "2: late"]


def test_a_comparison_tells_how_many_requests_failed(result: Result) -> None:
    found = compared([past(result, "some")])
    assert '<th scope="row">1: some</th>' in found
    assert "<td>21</td><td>7</td>" in found


def test_a_measure_that_is_always_0_has_an_axis_to_1() -> None:
    result = run_of(Load(rate=10.0, duration=8.0, texts=("One.",)), lambda _: 0.1)
    (figure,) = trend([past(result, "a")], ("safe_start",))
    assert "e-" not in "".join(re.findall(r'class="tick[^>]*>([^<]*)', figure.svg))


def test_one_pair_is_one() -> None:
    assert compare.pair("a", "b", "total", [(1.0, 2.0)]).says.endswith("1 pair is too few")
