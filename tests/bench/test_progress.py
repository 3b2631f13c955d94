"""What is shown while it runs."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from streamplay.bench import progress, target
from streamplay.bench.plan import Job
from streamplay.bench.progress import Tally, View
from streamplay.bench.sample import Sample


def sample(index: int = 0, *, took: float = 0.2, error: str | None = None) -> Sample:
    made = Sample(Job(0, index, "One."), 1.0, 1.0, samplerate=24000, error=error)
    made.arrivals = [] if error else [(1.0 + took, 24000)]
    made.ended = 1.1 + took
    return made


@pytest.fixture
def tally() -> Tally:
    words = ["name=a,base_url=http://127.0.0.1:1", "name=b,base_url=http://127.0.0.1:1"]
    return Tally(target.read(words, {}), 40, None)


def test_each_target_has_its_row(tally: Tally) -> None:
    for number in range(10):
        tally.take(sample(took=0.1 + number / 100))
    tally.take(sample(1, error="TimedOut"))
    first, second = tally.rows()
    assert first[:3] == ["a", "10", "-"]
    assert first[3] == "p50 145"
    assert second == ["b", "0", "1 TimedOut", "-", "-"]


def test_the_progress_is_of_all_requests(tally: Tally) -> None:
    assert tally.share == 0
    for _ in range(10):
        tally.take(sample())
    assert tally.share == 0.25
    assert "25%  10 of 40 requests" in tally.progress()


def test_without_an_end_in_sight_there_is_no_bar() -> None:
    tally = Tally([], None, None)
    assert tally.share is None
    assert tally.progress().startswith("0 requests")
    assert (Tally([], None, 1e-9).share or 0) == 1


def test_a_person_sees_it(tally: Tally) -> None:
    tally.take(sample())
    page = io.StringIO()
    Console(file=page, width=120).print(tally)
    assert "FIRST AUDIO" in page.getvalue()
    assert "1 of 40" in page.getvalue()


def test_the_view_counts_and_draws_seldom(tally: Tally, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = 0

    def refresh(_: object) -> None:
        nonlocal drawn
        drawn += 1

    monkeypatch.setattr("rich.live.Live.refresh", refresh)
    with View(tally) as view:
        before = drawn
        view.take(sample())
        assert drawn == before + 1
        monkeypatch.setattr(progress, "_A_SECOND", 1e-6)
        view.take(sample())
        assert drawn == before + 1
    assert tally.share == 0.05
