"""What would have been heard of an arrival trace, measured."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamplay.bench.plan import Job
from streamplay.bench.sample import Sample, facts, heard_at, measure
from streamplay.policy.jitter import policy
from streamplay.policy.learning import Memory
from streamplay.policy.simulate import play
from tests.support import arrivals

RATE = 24000


def sample(pieces: list[tuple[float, int]], *, intended: float = 100.0, **more: object) -> Sample:
    """A request that was begun 2 ms late, at 100.002, with pieces so long after that."""
    begun = intended + 0.002
    made = Sample(Job(0, 0, "One two."), intended, begun, samplerate=RATE, encoding="pcm_s16le")
    made.moments = {"sent": begun + 0.001, "headers": begun + 0.1, "first_byte": begun + 0.1}
    made.arrivals = [(begun + when, frames) for when, frames in pieces]
    made.ended = begun + pieces[-1][0] + 0.01
    for name, value in more.items():
        setattr(made, name, value)
    return made


def measured(made: Sample) -> dict[str, float | None]:
    return measure(made, Memory(), "http://host/v1", "model")


def test_moments_count_from_the_intended_start() -> None:
    values = measured(sample([(0.2, 2400), (0.25, 2400)]))
    assert values["first_audio"] == pytest.approx(202)
    assert values["headers"] == pytest.approx(102)
    assert values["total"] == pytest.approx(262)


def test_silence_in_front_of_the_voice_is_played_first() -> None:
    values = measured(sample([(0.2, 2400), (0.25, 2400)], voice_frame=3600))
    assert values["first_sound"] == pytest.approx(202)
    assert values["first_voice"] == pytest.approx(202 + 150)


def test_voice_after_a_stall_is_heard_after_the_stall() -> None:
    values = measured(sample([(0.2, 2400), (0.9, 2400)], voice_frame=2400))
    assert values["first_voice"] == pytest.approx(902)
    assert values["stalls"] == 1
    assert values["stall_ms"] == pytest.approx(600)


def test_silence_has_no_first_voice() -> None:
    assert measured(sample([(0.2, 2400), (0.25, 2400)])).get("first_voice") is None


def test_what_came_at_once_has_no_continuity() -> None:
    values = measured(sample([(0.2, 48000)]))
    for name in ("chunk_gap", "safe_start", "stalls", "stall_ms", "continuity_0"):
        assert values.get(name) is None
    assert values["first_audio"] is not None


def test_continuity_depends_on_what_is_ahead() -> None:
    # 100 ms pieces, the second 50 ms late, the third 120.
    values = measured(sample([(0.2, 2400), (0.35, 2400), (0.52, 2400), (0.53, 2400)]))
    found = [values[f"continuity_{ms}"] for ms in (0, 100, 200)]
    assert found == [0.0, 0.0, 1.0]
    assert values["safe_start"] == pytest.approx(120)
    assert values["chunk_gap"] == pytest.approx(170)


def test_the_real_time_factor_is_making_over_hearing() -> None:
    values = measured(sample([(0.101, 24000), (0.501, 24000)]))
    assert values["rtf"] == pytest.approx(0.5 / 2)


def test_an_answer_without_audio_has_no_moments_of_audio() -> None:
    made = sample([(0.2, 1)], samplerate=0)
    made.arrivals = []
    values = measured(made)
    assert values["total"] is not None
    assert values.get("first_audio") is None


@given(arrivals.on_a_grid(), st.sampled_from(["auto", 0, 100, 400]), st.data())
def test_the_last_frame_is_heard_when_the_simulation_ends(
    pieces: list[tuple[float, int]], prebuffer: str | float, data: st.DataObject
) -> None:
    trace = arrivals.trace(pieces)
    played = play(trace, policy(prebuffer, RATE))
    last = heard_at(trace, played, trace.frames - 1)
    assert last + 1 / RATE == pytest.approx(played.finished, abs=1e-6)
    frame = data.draw(st.integers(0, trace.frames - 1))
    assert trace.arrivals[0][0] + played.wait - 1e-9 <= heard_at(trace, played, frame) <= last


def test_the_facts_of_a_request_are_a_row() -> None:
    row = facts(sample([(0.2, 2400), (0.25, 2400)]))
    assert row["late_ms"] == pytest.approx(2)
    assert row["chunks"] == 2
    assert row["audio_seconds"] == pytest.approx(0.2)
    assert row["error"] is None
