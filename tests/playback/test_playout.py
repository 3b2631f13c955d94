"""What the playout promises, whatever is asked of it and in blocks of any size.

1. Received = played + skipped + still in the ring, at every moment.
2. A block is always filled whole.
3. A stream that nothing disturbs passes bit for bit, its first and last frames included.
4. Where sound is cut, runs dry or returns, no sample jumps by more than the fades allow.
5. A stall is told once, when sound returns in the middle of a stream, with the exact
   number of silent frames. The end of a stream is none, and what comes after it begins
   unfaded.
6. A skip of what is being heard is silence within one block and a fade.
7. A skip of a later stretch leaves what is before and after it untouched.
8. Underflows are told only while sound is open.

The model plays one frame at a time, with everything that was ever written at hand: no
ring, no blocks, no positions within them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamplay.playback.playout import SKIPS, Playout
from streamplay.playback.ring import Kind, Ring

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamplay.audio import Frames

RATE = 8000
FADE, FADE_IN = 40, 64  # 5 and 8 ms: small, so that blocks of any size may cut them
CAPACITY = 500

STRETCHES = st.lists(
    st.tuples(st.integers(-100, 200), st.integers(0, 400)), min_size=1, max_size=SKIPS + 2
)
"""How far each begins behind the end of the one before it, and how long it is."""

COMMANDS = st.one_of(
    st.tuples(st.just("write"), st.integers(1, 700)),
    st.tuples(st.just("write"), st.integers(1, 60)),
    st.tuples(st.just("render"), st.integers(1, 300)),
    st.tuples(st.just("render"), st.integers(1, 30)),
    st.tuples(st.just("end"), st.none()),
    st.tuples(st.just("level"), st.integers(1, 600)),
    st.tuples(st.just("pause"), st.booleans()),
    st.tuples(st.just("gain"), st.sampled_from([0.0, 0.5, 1.0, 2.0])),
    st.tuples(st.just("skip"), STRETCHES),
)


def apart(position: int, ways: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return stretches in order, apart from each other; the first may lie around `position`."""
    stretches: list[tuple[int, int]] = []
    for way, length in ways:
        start = max(0, position + way) if not stretches else stretches[-1][1] + abs(way) % 90 + 1
        stretches.append((start, start + length))
    return stretches


class Model:
    """The playout, one frame at a time."""

    def __init__(self, channels: int) -> None:
        self.stream: list[Any] = []
        self.read = self.end = 0
        self.level, self.gain, self.paused = 1, 1.0, False
        self.skips: list[tuple[int, int]] = []
        self.played = self.skipped = 0
        self.stalls: list[tuple[int, int]] = []
        self.began = self.ended = False  # in this frame, by itself
        self._sounding = False
        self._gain = 1.0
        self._rising = 0  # frames of fade in to come
        self._falling: int | None = None  # frames of fade out to come
        self._tail: list[float] = []  # the factors of the ramp to come
        self._last: Any = np.zeros(channels, np.float32)
        self._shaped = False  # sound is to return by a fade
        self._missing: int | None = None

    def frame(self) -> Any:
        self.began = self.ended = False
        self._honour_skip()
        if self._sounding and self._falling is None and (self.paused or self._is_unwanted()):
            self._falling = FADE
        if self._sounding and self.read == len(self.stream):
            self._run_dry()
        if not self._sounding and self._may_begin():
            self._begin()
        return self._sound() if self._sounding else self._silence()

    def _is_unwanted(self) -> bool:
        return self._skip() is not None

    def _skip(self) -> tuple[int, int] | None:
        """The stretch that the next frame is in."""
        ends = ((start, min(stop, len(self.stream))) for start, stop in self.skips)
        return next(((start, stop) for start, stop in ends if start <= self.read < stop), None)

    def _honour_skip(self) -> None:
        skip = self._skip()
        if skip is not None and (not self._sounding or self.read == skip[0]):
            stop = skip[1]
            if self._falling is not None:
                self._fall_silent(self._falling)
            self.skipped += stop - self.read
            self.read = stop
            self._missing, self._shaped = None, False

    def _run_dry(self) -> None:
        self.ended = self.read == self.end
        if not self.ended and self._falling is None:
            self._missing = 0
        left = FADE if self._falling is None else self._falling
        self._fall_silent(0 if self.ended else left)
        self._shaped = not self.ended

    def _fall_silent(self, ramp: int) -> None:
        self._sounding, self._falling = False, None
        self._tail = [left / ramp for left in reversed(range(ramp))]
        self._shaped = True

    def _may_begin(self) -> bool:
        ahead = len(self.stream) - self.read
        enough = ahead >= self.level or self.end == len(self.stream)
        return not self.paused and not self._tail and ahead > 0 and enough

    def _begin(self) -> None:
        if self._missing is not None and self.end == self.read:
            self._shaped = False
        elif self._missing:
            self.stalls.append((self.read, self._missing))
        self._sounding, self._missing, self._gain = True, None, self.gain
        self._rising = FADE_IN if self._shaped else 0
        self.began = not self._shaped
        self._shaped = False

    def _sound(self) -> Any:
        sample = self.stream[self.read]
        self.read += 1
        self.played += 1
        self._gain += min(max(self.gain - self._gain, -1 / FADE), 1 / FADE)
        factor = self._gain
        if self._rising:
            self._rising -= 1
            factor *= 1 - self._rising / FADE_IN
        if self._falling is not None:
            self._falling -= 1
            factor *= self._falling / FADE
        heard = self._last = np.float32(np.clip(sample * factor, -1, 1))
        skipped = any(self.read == stop for _, stop in self.skips)
        if self._falling is not None and (self._falling == 0 or skipped):
            self._fall_silent(self._falling)
            self._shaped = not skipped
        return heard

    def _silence(self) -> Any:
        if self._missing is not None and self.end == self.read:
            self._missing, self._shaped = None, False
        elif self._missing is not None and not self.paused:
            self._missing += 1
        return np.float32(self._last * self._tail.pop(0)) if self._tail else self._last * 0


class Pair:
    """Gives the playout and its model the same, and compares all that can be seen."""

    def __init__(self, channels: int, signal: float | None = None) -> None:
        self.channels = channels
        self.playout = Playout(RATE, channels, CAPACITY)
        self.model = Model(channels)
        self.heard = [np.zeros(channels, np.float32)]
        self.natural: set[int] = set()  # frames where a stream began or ended by itself
        self.stalls: list[tuple[int, int]] = []
        self._signal = signal
        self._random = np.random.default_rng(7)
        self._counted = {Kind.PLAYED: 0, Kind.SKIPPED: 0}

    def do(self, command: str, argument: Any) -> None:
        getattr(self, command)(argument)
        assert self.playout.position == self.model.read
        assert self.playout.written == len(self.model.stream)
        assert self.playout.space == CAPACITY - (self.playout.written - self.playout.position)
        for note in self.playout.journal.read_notes():
            if note.kind is Kind.STALLED:
                self.stalls.append((note.position, note.frames))
            else:
                self._counted[note.kind] += note.frames
        in_ring = self.playout.written - self.playout.position
        assert sum(self._counted.values()) + in_ring == self.playout.written
        assert self._counted == {Kind.PLAYED: self.model.played, Kind.SKIPPED: self.model.skipped}
        assert self.stalls == self.model.stalls

    def write(self, count: int) -> None:
        frames = self._random.uniform(-1, 1, (count, self.channels)).astype(np.float32)
        if self._signal is not None:
            frames[:] = self._signal
        taken = self.playout.write_frames(frames)
        assert taken == min(count, CAPACITY - (len(self.model.stream) - self.model.read))
        self.model.stream.extend(frames[:taken])

    def render(self, count: int) -> None:
        block = render(self.playout, count)
        assert not np.isnan(block).any()
        for frame in block:
            np.testing.assert_allclose(frame, self.model.frame(), rtol=0, atol=1e-6)
            if self.model.began or self.model.ended:
                self.natural.add(len(self.heard))
            self.heard.append(frame)

    def end(self, _: None) -> None:
        self.playout.end()
        self.model.end = len(self.model.stream)

    def level(self, frames: int) -> None:
        self.playout.start_level = self.model.level = frames

    def gain(self, factor: float) -> None:
        self.playout.gain = self.model.gain = factor

    def pause(self, paused: bool) -> None:
        self.model.paused = paused
        (self.playout.pause if paused else self.playout.resume)()
        assert self.playout.paused is paused

    def skip(self, ways: list[tuple[int, int]]) -> None:
        stretches = apart(self.playout.position, ways)
        self.model.skips = stretches[:SKIPS]
        self.playout.skip(stretches)


def render(playout: Playout, count: int, *, late: bool = False) -> NDArray[np.float32]:
    """One block, poisoned first: what is not written shows."""
    block = np.full((count, playout.channels), np.nan, np.float32)
    playout.render(block.data.cast("B").cast("f"), 1.5, late=late, delay=0.25)
    return block


def tone(count: int, channels: int = 1) -> Frames:
    """Frames of which no two are alike, and none is silent."""
    samples = np.arange(1, count * channels + 1, dtype=np.float32) / (count * channels)
    return samples.reshape(count, channels)


def kinds(playout: Playout) -> list[Kind]:
    return [note.kind for note in playout.journal.read_notes()]


@pytest.mark.no_cover
@settings(max_examples=75, deadline=None)
@given(st.integers(1, 2), st.lists(COMMANDS, max_size=40))
def test_any_commands_and_blocks_sound_as_the_model_does(
    channels: int, commands: list[tuple[str, Any]]
) -> None:
    pair = Pair(channels)
    for command, argument in commands:
        pair.do(command, argument)


@pytest.mark.no_cover
@settings(max_examples=75, deadline=None)
@given(st.lists(COMMANDS, max_size=40))
def test_a_constant_signal_never_jumps_but_where_a_stream_begins_or_ends(
    commands: list[tuple[str, Any]],
) -> None:
    level, loudest = 0.25, 2.0
    pair = Pair(1, signal=level)
    for command, argument in commands:
        pair.do(command, argument)
    steps = np.abs(np.diff(np.concatenate(pair.heard)))
    # Gain, fade in and fade out may all move in the same frame.
    steepest = level * (1 / FADE + loudest / FADE_IN + loudest / FADE)
    for index in np.flatnonzero(steps > steepest + 1e-6):
        assert int(index) + 1 in pair.natural


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 2),
    st.lists(st.integers(1, 200), min_size=1, max_size=10),
    st.lists(st.integers(1, 200), min_size=1, max_size=10),
)
def test_an_undisturbed_stream_passes_bit_for_bit(
    channels: int, writes: list[int], blocks: list[int]
) -> None:
    playout = Playout(RATE, channels, 4000)
    frames = tone(sum(writes), channels)
    playout.start_level = len(frames) + 1
    at = 0
    for count in writes:
        assert not render(playout, 3).any()
        playout.write_frames(frames[at : at + count])
        at += count
    playout.end()
    heard = []
    while sum(len(block) for block in heard) < len(frames):
        heard.append(render(playout, blocks[len(heard) % len(blocks)]))
    out = np.concatenate(heard)
    assert out[: len(frames)].tobytes() == frames.tobytes()
    assert not out[len(frames) :].any()
    assert set(kinds(playout)) == {Kind.PLAYED}


@pytest.mark.parametrize("block", [1, 7, FADE, 64, 333])
def test_a_stall_is_told_once_with_its_exact_silence(block: int) -> None:
    playout = Playout(RATE, 1, 4000)
    playout.write_frames(tone(100))
    silent = -100
    while silent < 200:
        render(playout, block)
        silent += block
    assert Kind.STALLED not in kinds(playout)
    playout.write_frames(tone(500))
    playout.end()
    render(playout, 700)
    notes = [note for note in playout.journal.read_notes() if note.kind is Kind.STALLED]
    assert [(note.position, note.frames) for note in notes] == [(100, silent)]


def test_what_is_gathered_after_a_stall_belongs_to_it() -> None:
    playout = Playout(RATE, 1, 4000)
    playout.write_frames(tone(50))
    render(playout, 100)
    playout.start_level = 200
    playout.write_frames(tone(100))
    render(playout, 100)
    playout.write_frames(tone(100))
    render(playout, 100)
    notes = [note for note in playout.journal.read_notes() if note.kind is Kind.STALLED]
    assert [(note.position, note.frames) for note in notes] == [(50, 150)]


def test_a_pause_is_no_part_of_a_stall() -> None:
    playout = Playout(RATE, 1, 4000)
    playout.write_frames(tone(50))
    render(playout, 100)
    playout.pause()
    render(playout, 1000)
    playout.resume()
    render(playout, 30)
    playout.write_frames(tone(100))
    render(playout, 10)
    notes = [note for note in playout.journal.read_notes() if note.kind is Kind.STALLED]
    assert [note.frames for note in notes] == [80]


def test_silence_for_a_dry_ring_is_counted_until_its_end_is_told() -> None:
    playout = Playout(RATE, 1, 4000)
    playout.write_frames(tone(100))
    render(playout, 100)
    assert playout.starved == 0
    render(playout, 130)
    assert playout.starved == 130
    playout.end()
    render(playout, 50)
    assert playout.starved == 130


def test_each_channel_of_a_ramp_goes_on_from_its_own_last_sample() -> None:
    playout = Playout(RATE, 2, 4000)
    frames = np.full((100, 2), 0.5, np.float32)
    frames[:, 1] = -0.25
    playout.write_frames(frames)
    heard = render(playout, 100 + FADE)[100:]
    falling = np.arange(FADE - 1, -1, -1, dtype=np.float32) / FADE
    assert np.allclose(heard, np.stack((falling / 2, -falling / 4), axis=1), atol=1e-6)


def test_another_callback_fades_in() -> None:
    playout = Playout(RATE, 1, 4000)
    playout.write_frames(np.full((300, 1), 0.5, np.float32))
    render(playout, 100)
    playout.moved()
    heard = render(playout, FADE_IN + 10)[:, 0]
    assert heard[0] < 0.02
    assert np.all(np.diff(heard[:FADE_IN]) > 0)
    assert heard[-1] == 0.5


@pytest.mark.parametrize("told", ["before", "after"])
def test_the_end_of_a_stream_is_no_stall_and_the_next_begins_unfaded(told: str) -> None:
    playout = Playout(RATE, 1, 4000)
    first = tone(100)
    playout.write_frames(first)
    if told == "before":
        playout.end()
    heard = render(playout, 150)
    assert heard[:100].tobytes() == first.tobytes()
    assert heard[100:].any() == (told == "after")  # not told in time, it appends a ramp
    playout.end()
    render(playout, 150)
    playout.write_frames(first)
    assert render(playout, 100).tobytes() == first.tobytes()
    assert Kind.STALLED not in kinds(playout)


def test_an_end_that_is_told_together_with_the_next_stream_is_no_stall() -> None:
    playout = Playout(RATE, 1, 4000)
    playout.write_frames(tone(100))
    render(playout, 200)
    playout.end()
    playout.write_frames(tone(200))
    assert render(playout, 200).tobytes() == tone(200).tobytes()
    assert Kind.STALLED not in kinds(playout)


def test_a_stream_after_an_end_that_was_told_late_waits_for_the_ramp() -> None:
    playout = Playout(RATE, 1, 4000)
    playout.write_frames(tone(100))
    render(playout, 110)
    playout.end()
    playout.write_frames(tone(200))
    heard = render(playout, 230)
    assert np.all(np.diff(heard[: FADE - 10, 0]) < 0)
    assert heard[FADE - 10 :].tobytes() == tone(200).tobytes()
    assert Kind.STALLED not in kinds(playout)


@pytest.mark.parametrize("block", [1, 13, 64, 200])
def test_a_skip_of_what_is_heard_is_silence_within_a_block_and_a_fade(block: int) -> None:
    playout = Playout(RATE, 2, 4000)
    playout.write_frames(tone(2000, 2))
    render(playout, block)
    playout.skip([(0, 2000)])
    blocks = -(-FADE // block) + 1
    heard = np.concatenate([render(playout, block) for _ in range(blocks)])
    assert heard[: FADE - 1].any()
    assert not heard[FADE:].any()
    assert playout.position == 2000


def test_a_skip_of_a_later_stretch_leaves_its_neighbours_untouched() -> None:
    playout = Playout(RATE, 1, 4000)
    frames = tone(900)
    playout.write_frames(frames)
    playout.end()
    playout.skip([(300, 600)])
    heard = np.concatenate([render(playout, 70) for _ in range(9)])
    assert heard[:600].tobytes() == np.concatenate([frames[:300], frames[600:]]).tobytes()
    assert not heard[600:].any()


def test_what_follows_a_skip_begins_unfaded_even_where_the_fade_was_cut_short() -> None:
    playout = Playout(RATE, 1, 4000)
    frames = np.full((400, 1), 0.5, np.float32)
    playout.write_frames(frames)
    playout.end()
    render(playout, 90)
    playout.skip([(0, 100)])  # less than a fade is left of it
    heard = render(playout, 400)[:, 0]
    assert np.all(np.abs(np.diff(heard[:FADE])) <= 0.5 / FADE + 1e-6)
    assert heard[FADE - 1] == 0
    assert np.all(heard[FADE : FADE + 300] == 0.5)


def test_a_skip_while_silent_is_done_at_once_and_what_was_missing_is_no_stall() -> None:
    playout = Playout(RATE, 1, 4000)
    playout.write_frames(tone(50))
    render(playout, 100)
    playout.start_level = 500
    playout.write_frames(tone(100))
    playout.skip([(0, 150)])
    render(playout, 1)
    assert playout.position == 150
    playout.write_frames(tone(500))
    assert render(playout, 500).tobytes() == tone(500).tobytes()
    assert Kind.STALLED not in kinds(playout)


def test_a_skip_beyond_what_was_written_takes_the_rest_as_it_comes() -> None:
    playout = Playout(RATE, 1, 4000)
    playout.skip([(0, 150)])
    for _ in range(3):
        render(playout, 10)
    assert not kinds(playout)
    playout.write_frames(tone(200))
    assert render(playout, 50).tobytes() == tone(200)[150:].tobytes()


def test_a_volume_that_was_set_in_silence_holds_from_the_first_frame() -> None:
    playout = Playout(RATE, 1, 4000)
    playout.gain = 0.0
    playout.write_frames(tone(200))
    assert not render(playout, 100).any()
    playout.gain = 1.0
    assert 0 < render(playout, 1)[0, 0] < 0.05  # while it is heard, the way is ramped


def test_amplified_sound_is_limited_to_full_scale() -> None:
    playout = Playout(RATE, 1, 4000)
    playout.gain = 10.0
    playout.write_frames(np.linspace(-1, 1, 400, dtype=np.float32).reshape(-1, 1))
    heard = render(playout, 400)
    assert heard.min() == -1
    assert heard.max() == 1


def test_underflows_are_told_only_while_sound_is_open() -> None:
    playout = Playout(RATE, 1, 4000)
    render(playout, 10, late=True)
    assert not kinds(playout)
    playout.write_frames(tone(100))
    render(playout, 10)
    render(playout, 10, late=True)
    notes = playout.journal.read_notes()
    assert [note.kind for note in notes] == [Kind.PLAYED, Kind.UNDERFLOWED, Kind.PLAYED]
    assert (notes[1].position, notes[1].frames) == (10, 0)
    playout.pause()
    render(playout, 100)
    render(playout, 10, late=True)
    assert Kind.UNDERFLOWED not in kinds(playout)


def test_a_note_tells_when_its_frames_are_heard() -> None:
    playout = Playout(RATE, 1, 4000)
    playout.write_frames(tone(80))
    playout.skip([(20, 60)])
    render(playout, 80)
    played = [note for note in playout.journal.read_notes() if note.kind is Kind.PLAYED]
    assert [note.time for note in played] == [1.5, 1.5]
    assert math.isclose(played[1].delay, 0.25 + 20 / RATE)


class LateRing(Ring):
    """Frames arrive just after the reader has seen that there are none."""

    arriving: Frames | None = None

    @property
    def available(self) -> int:
        before = super().available
        if before == 0 and self.arriving is not None:
            frames, self.arriving = self.arriving, None
            self.write_frames(frames)
        return before


@pytest.mark.parametrize("disturbed", [False, True])
def test_frames_that_come_before_one_was_missed_go_on_unshaped(disturbed: bool) -> None:
    playout = Playout(RATE, 1, 4000)
    playout._ring = ring = LateRing(4000, 1)
    frames = np.full((300, 1), 0.5, np.float32)
    playout.write_frames(frames[:100])
    if disturbed:
        render(playout, 150)
        playout.write_frames(frames[100:110])  # shorter than the fade in
    ring.arriving = frames[110:]
    heard = render(playout, 150)[:, 0]
    assert np.all(np.abs(np.diff(heard)) <= 0.5 / FADE_IN + 1e-6)
    assert heard[-1] == 0.5
    assert kinds(playout).count(Kind.STALLED) == disturbed


def test_what_is_asked_can_be_read_back() -> None:
    playout = Playout(RATE, 1, CAPACITY)
    assert (playout.capacity, playout.rendered, playout.paused) == (CAPACITY, 0, False)
    render(playout, 100)
    assert playout.rendered == 100


def opened(*pieces: tuple[int, float]) -> Playout:
    """Return a playout that holds frames of these values."""
    playout = Playout(RATE, 1, CAPACITY)
    for count, value in pieces:
        playout.write_frames(np.full((count, 1), value, np.float32))
    return playout


def next_block(playout: Playout, frames: int) -> list[float]:
    out = np.empty(frames, np.float32)
    playout.render(out.data, 0.0)
    return out.tolist()


def test_a_fade_takes_real_frames_and_ends_with_the_last_of_them() -> None:
    playout = opened((400, 0.5))
    next_block(playout, 20)
    playout.pause()
    assert next_block(playout, FADE - 1) == pytest.approx(
        [0.5 * left / FADE for left in range(FADE - 1, 0, -1)]
    )
    assert next_block(playout, 30) == [0.0] * 30
    assert playout.position == 20 + FADE
    playout.resume()
    rising = [0.5 * (1 - left / FADE_IN) for left in range(FADE_IN - 1, -1, -1)]
    assert next_block(playout, FADE_IN) == pytest.approx(rising)


def test_a_fade_that_comes_to_a_skip_goes_on_without_the_frames_behind_it() -> None:
    playout = opened((40, 0.5))
    playout.end()  # where one stream ends, and another follows
    playout.write_frames(np.full((200, 1), 0.9, np.float32))
    next_block(playout, 20)
    playout.pause()
    playout.skip([(40, 100)])
    falling = [0.5 * left / FADE for left in range(FADE - 1, -1, -1)]
    assert next_block(playout, FADE + 5) == pytest.approx([*falling, *[0.0] * 5])
    assert playout.position == 100


def test_what_was_paused_and_waits_for_its_level_is_no_stall() -> None:
    playout = opened((100, 0.5))
    next_block(playout, 20)
    playout.pause()
    next_block(playout, 60)
    playout.start_level = 200
    playout.resume()
    assert next_block(playout, 50) == [0.0] * 50
    playout.start_level = 1
    next_block(playout, 10)
    assert playout.starved == 0
    assert Kind.STALLED not in {note.kind for note in playout.journal.read_notes()}


def test_a_volume_moves_by_full_scale_in_the_time_of_a_fade() -> None:
    playout = opened((300, 1.5))
    assert next_block(playout, 10) == [1.5] * 10  # at full volume nothing is touched
    playout.gain = 0.0
    assert next_block(playout, FADE)[FADE // 2 - 1] == pytest.approx(0.75)
    assert next_block(playout, 10) == [0.0] * 10
