from __future__ import annotations

import itertools
import sys
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamplay.playback.ring import RESERVED, SLOTS, Journal, Kind, Note, Ring

if TYPE_CHECKING:
    from collections.abc import Iterator


def sequence(
    start: int, count: int, channels: int = 1
) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Frames that carry their number; exact in float32 up to 2**24."""
    samples = np.arange(start * channels, (start + count) * channels, dtype=np.float32)
    return samples.reshape(count, channels)


def take(ring: Ring, count: int, *, at: int = 0) -> list[float]:
    out = np.full((at + count) * ring.channels, np.nan, np.float32)
    ring.read_frames(out.data.cast("B").cast("f"), at, count)
    assert np.isnan(out[: at * ring.channels]).all()
    return out[at * ring.channels :].tolist()


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 40),
    st.integers(1, 3),
    st.lists(st.integers(0, 50), max_size=12),
    st.lists(st.integers(0, 50), max_size=12),
)
def test_what_is_written_is_read_once_and_in_order(
    capacity: int, channels: int, writes: list[int], reads: list[int]
) -> None:
    ring = Ring(capacity, channels)
    written = read = 0
    for put, got in itertools.zip_longest(writes, reads, fillvalue=7):
        taken = ring.write_frames(sequence(written, put, channels))
        assert taken == min(put, capacity - (written - read))
        written += taken
        count = min(got, ring.available)
        assert take(ring, count, at=3) == sequence(read, count, channels).ravel().tolist()
        read += count
        assert (ring.written, ring.read) == (written, read)
        assert ring.available == written - read
        assert ring.available + ring.space == capacity


def test_block_sizes_that_share_no_factor_wrap_everywhere() -> None:
    ring = Ring(97, 2)
    written = read = 0
    while read < 97 * 60:
        written += ring.write_frames(sequence(written, 31, 2))
        count = min(13, ring.available)
        assert take(ring, count) == sequence(read, count, 2).ravel().tolist()
        read += count


def test_a_full_ring_takes_nothing_and_keeps_what_it_has() -> None:
    ring = Ring(5, 1)
    assert ring.write_frames(sequence(0, 9)) == 5
    assert ring.write_frames(sequence(5, 1)) == 0
    assert take(ring, 5) == [0, 1, 2, 3, 4]


def test_dropped_frames_make_room_unread() -> None:
    ring = Ring(5, 1)
    ring.write_frames(sequence(0, 5))
    ring.drop_frames(3)
    assert ring.write_frames(sequence(5, 9)) == 3
    assert take(ring, 5) == [3, 4, 5, 6, 7]


@pytest.mark.parametrize(("capacity", "channels"), [(0, 1), (1, 0), (-1, 1)])
def test_a_ring_without_room_is_refused(capacity: int, channels: int) -> None:
    with pytest.raises(ValueError, match="impossible ring"):
        Ring(capacity, channels)


@pytest.fixture
def _restless() -> Iterator[None]:
    """Have threads interrupt each other anywhere, and a thousand times as often as usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(before / 1000)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_restless")
def test_two_threads_pass_a_sequence_without_a_lock() -> None:
    ring = Ring(127, 1)
    total = 100_000

    def produce() -> None:
        for size in itertools.cycle((1, 2, 3, 5, 31, 89)):
            if ring.written >= total:
                return
            ring.write_frames(sequence(ring.written, min(size, total - ring.written)))
            time.sleep(0)  # a full ring is not looked at again at once

    writer = threading.Thread(target=produce)
    writer.start()
    expected = 0
    out = np.zeros(64, np.float32)
    while expected < total:
        count = min(ring.available, 17 + expected % 41)
        ring.read_frames(out.data.cast("B").cast("f"), 0, count)
        assert np.array_equal(out[:count], np.arange(expected, expected + count))
        expected += count
        time.sleep(0)
    writer.join()
    assert ring.available == 0


# The journal


def test_notes_are_read_once_and_in_order() -> None:
    journal = Journal()
    journal.write_note(Kind.PLAYED, 0, 120, 1.0, 0.5)
    journal.write_note(Kind.STALLED, 120, 30, 2.0)
    assert journal.read_notes() == [
        Note(Kind.PLAYED, 0, 120, 1.0, 0.5),
        Note(Kind.STALLED, 120, 30, 2.0, 0.0),
    ]
    assert journal.read_notes() == []


def test_a_journal_goes_round_without_an_end() -> None:
    journal = Journal()
    for at in range(0, 5 * SLOTS, 300):
        for position in range(at, at + 300):
            journal.write_note(Kind.PLAYED, position, 1, 0.0)
        assert [note.position for note in journal.read_notes()] == list(range(at, at + 300))
    assert journal.lost == 0


def test_what_is_handed_over_leaves_room_for_what_is_rarer() -> None:
    journal = Journal()
    for position in range(SLOTS):
        journal.write_note(Kind.PLAYED, position, 1, 0.0)
    assert journal.lost == RESERVED
    for position in range(RESERVED + 3):
        journal.write_note(Kind.SKIPPED, position, 1, 0.0)
    assert journal.lost == RESERVED + 3
    kinds = [note.kind for note in journal.read_notes()]
    assert kinds == [Kind.PLAYED] * (SLOTS - RESERVED) + [Kind.SKIPPED] * RESERVED


def test_two_threads_pass_notes_without_a_lock() -> None:
    journal = Journal()
    total = 20_000

    def write() -> None:
        position = 0
        while position < total:
            lost = journal.lost
            journal.write_note(Kind.SKIPPED, position, 1, 0.0)
            position += lost == journal.lost

    writer = threading.Thread(target=write)
    writer.start()
    expected = 0
    while expected < total:
        for note in journal.read_notes():
            assert note.position == expected
            expected += 1
    writer.join()
