from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamplay.policy.learning import (
    KEPT,
    LEVEL_BOUND,
    NEVER,
    SOURCES,
    UNKNOWN_SECONDS,
    Lesson,
    Lessons,
    Memory,
    Source,
)

if TYPE_CHECKING:
    from collections.abc import Callable

ORPHEUS = Source("host", "orpheus", "tara")


@given(st.lists(st.floats(0, 9) | st.just(NEVER), min_size=1), st.floats(1, 100))
def test_a_threshold_is_between_what_was_needed(margins: list[float], weight: float) -> None:
    lessons = Lessons(tuple(margins))
    threshold = lessons.threshold(1 / weight)
    assert threshold == NEVER or min(margins) <= threshold <= max(margins)
    assert lessons.threshold(1 / (2 * weight)) >= threshold


@pytest.mark.no_cover
@pytest.mark.parametrize("weight", [2, 5, 20])
@pytest.mark.parametrize("shape", ["uniform", "exponential", "heavy"])
def test_the_share_that_was_asked_for_comes(weight: int, shape: str) -> None:
    draw = random.Random(f"{weight} {shape}")
    draws = {
        "uniform": draw.random,
        "exponential": lambda: draw.expovariate(1),
        "heavy": lambda: draw.paretovariate(1.5),
    }
    lessons, above, count = Lessons(), 0, 4000
    for number in range(count + KEPT):
        margin = draws[shape]()
        if number >= KEPT:
            above += margin > lessons.threshold(1 / weight)
        lessons = lessons.after(Lesson(margin, 1, 1.0))
    share = 1 / weight
    deviation = math.sqrt(share * (1 - share) / count)
    assert above / count == pytest.approx(share, abs=3 * deviation)


def until(holds: Callable[[Lessons], bool], lessons: Lessons, margin: float) -> tuple[int, Lessons]:
    """Repeat a margin until something holds of what was learned; return how often."""
    for count in range(1, KEPT + 1):
        lessons = lessons.after(Lesson(margin, 1, 1.0))
        if holds(lessons):
            return count, lessons
    raise AssertionError(margin)


def test_a_server_that_changes_is_believed_soon() -> None:
    steady_one = Lessons((NEVER,) * KEPT)
    stalled, slow = until(lambda known: known.threshold(1 / 20) > NEVER, steady_one, 2.0)
    well, _ = until(lambda known: known.threshold(1 / 20) == NEVER, slow, NEVER)
    assert stalled <= 2
    assert well <= 25


@pytest.mark.parametrize("weight", [2, 10])
@pytest.mark.parametrize("often", [0.0, 1.0])
def test_the_level_is_bounded(weight: int, often: float) -> None:
    lessons = Lessons((1.0,))
    for _ in range(1000):
        lessons = lessons.after(Lesson(1.0, 1, 1.0, 1 - often * weight))
    assert lessons.level == pytest.approx(1 / LEVEL_BOUND if often else LEVEL_BOUND)


def test_what_was_short_of_the_share_is_made_up_for() -> None:
    too_few = Lessons(tuple(range(100)), level=1.1)
    too_many = Lessons(tuple(range(100)), level=0.9)
    assert too_few.threshold(0.1) < Lessons(tuple(range(100))).threshold(0.1)
    assert too_many.threshold(0.1) > Lessons(tuple(range(100))).threshold(0.1)


def test_how_long_a_text_becomes_is_learned() -> None:
    lessons = Lessons()
    assert lessons.length(150) == pytest.approx(10.0)
    assert lessons.length(0) == UNKNOWN_SECONDS
    for _ in range(60):
        lessons = lessons.after(Lesson(NEVER, 100, 20.0))
    assert lessons.length(50) == pytest.approx(10.0)
    assert lessons.after(Lesson(NEVER, 0, 1e6)).length(50) == pytest.approx(10.0)


def test_memory_is_bounded() -> None:
    memory = Memory()
    lessons = Lessons()
    for _ in range(2 * KEPT):
        lessons = lessons.after(Lesson(1.0, 1, 1.0))
    assert len(lessons.margins) == KEPT
    for number in range(SOURCES + 5):
        memory.keep(Source("host", f"model {number}", ""), lessons)
        memory.keep(ORPHEUS, lessons)
    assert memory.of(ORPHEUS) == lessons
    assert memory.of(Source("host", "model 0", "")) == Lessons()
    assert memory.of(Source("host", f"model {SOURCES + 4}", "")) == lessons


def test_a_new_voice_begins_with_what_another_of_its_model_taught() -> None:
    memory = Memory()
    memory.learn(ORPHEUS, Lesson(2.0, 150, 10.0))
    assert memory.of(Source("host", "orpheus", "leo")) == memory.of(ORPHEUS)
    assert memory.of(Source("host", "kokoro", "tara")) == Lessons()
    assert memory.of(Source("elsewhere", "orpheus", "tara")) == Lessons()
    memory.clear()
    assert memory.of(ORPHEUS) == Lessons()
