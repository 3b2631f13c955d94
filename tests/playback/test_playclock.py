"""What is heard now, by the moments at which blocks are heard."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamplay.playback.playclock import PlayClock
from streamplay.playback.ring import Kind, Note

RATE = 1024  # its fractions are exact


def played(position: int, frames: int, heard_at: float, delay: float = 0.5) -> Note:
    return Note(Kind.PLAYED, position, frames, heard_at - delay, delay)


def test_nothing_is_heard_before_the_first_block_is() -> None:
    clock = PlayClock(RATE)
    assert (clock.position(9.0), clock.time_of(5)) == (0, None)
    clock.add_notes([played(0, 100, 10.0)])
    assert clock.position(9.9) == 0


def test_it_runs_at_the_samplerate_within_a_block_and_stops_at_its_end() -> None:
    clock = PlayClock(RATE)
    clock.add_notes([played(0, 128, 10.0)])
    assert [clock.position(at) for at in (10.0, 10.0625, 10.125, 13.0)] == [0, 64, 128, 128]


def test_every_block_is_a_new_anchor_so_that_an_underflow_is_seen() -> None:
    clock = PlayClock(RATE)
    clock.add_notes([played(0, 128, 10.0), played(128, 128, 10.5)])  # 3/8 s were missed
    assert clock.position(10.25) == 128
    assert clock.position(10.5625) == 192


def test_only_blocks_that_were_played_are_anchors() -> None:
    clock = PlayClock(RATE)
    clock.add_notes([Note(Kind.STALLED, 7, 50, 10.0, 0.0), Note(Kind.SKIPPED, 7, 50, 10.0, 0.0)])
    assert clock.position(11.0) == 0


def test_the_time_of_a_position_is_when_all_before_it_was_heard() -> None:
    clock = PlayClock(RATE)
    clock.add_notes([played(0, 128, 10.0), played(128, 128, 10.5)])
    assert clock.time_of(64) == 10.0625
    assert clock.time_of(128) == 10.125
    assert clock.time_of(192) == 10.5625
    assert clock.time_of(384) == 10.75  # right behind the last block


@given(
    st.lists(st.tuples(st.integers(1, 50), st.floats(0, 0.05)), min_size=1, max_size=20),
    st.lists(st.floats(0, 5), min_size=1, max_size=20),
)
def test_it_never_goes_back_nor_beyond_what_was_handed_over(
    blocks: list[tuple[int, float]], looks: list[float]
) -> None:
    clock = PlayClock(RATE)
    position, at = 0, 1.0
    for frames, late in blocks:
        clock.add_notes([played(position, frames, at + late)])
        position, at = position + frames, at + late + frames / RATE
    heard = [clock.position(now) for now in sorted(looks)]
    assert heard == sorted(heard)
    assert heard[-1] <= position
