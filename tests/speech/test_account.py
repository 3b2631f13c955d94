from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamplay.audio import AudioFormat
from streamplay.errors import RateLimited, Truncated
from streamplay.playback.ring import Kind, Note
from streamplay.playback.track import TrackPart
from streamplay.receipt import OutputFacts
from streamplay.request import SpeechRequest
from streamplay.speech.account import Account

RATE = 24000
KINDS = (Kind.PLAYED, Kind.SKIPPED)


def frames(count: int, level: float = 0.5) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.full((count, 1), level, np.float32)


def account(*, playing: bool = True, output_rate: int = RATE, **fields: Any) -> Account:
    made = Account(SpeechRequest(input="text", **fields), "http://here/v1", playing=playing)
    made.output_rate = output_rate
    made.began(100.0)
    return made


def lies(made: Account, start: int, stop: int | None = None) -> None:
    """Put its track into the playout: open, or up to where all of it lies."""
    end = 10**9 if stop is None else stop
    made.track.parts, made.track.stop = [TrackPart(start, end, 0, end - start)], stop
    made.track.tape.end = end - start


def adds_up(made: Account, position: int) -> None:
    counts = made.receipt(position).frames
    kept = (counts.played, counts.flushed, counts.trimmed, counts.muted, counts.unplayed)
    assert counts.received == sum(kept)
    assert min(kept) >= 0


def test_the_first_voice_is_later_than_the_first_sound() -> None:
    made = account()
    made.arrived(np.concatenate([frames(2400, 0.0), frames(2400)]), 9600, 100.2)
    assert made.voice_frame == 2400
    lies(made, 1000)
    made.track.voice_offset = made.voice_frame
    for block in range(20):
        made.track.apply(Note(Kind.PLAYED, 1000 + 240 * block, 240, 100.3 + block / 100))
    ms = made.receipt(5800).ms
    assert ms.first_audio == pytest.approx(200)
    assert ms.first_sound == pytest.approx(300)
    assert ms.first_voice == pytest.approx(400)


# Safe start


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(
            st.tuples(st.integers(0, 5000), st.floats(0, 2)),
            min_size=1,
            max_size=8,
        ),
        min_size=1,
        max_size=3,
    )
)
def test_the_safe_start_is_the_worst_lateness_of_any_request(
    requests: list[list[tuple[int, float]]],
) -> None:
    made, now, worst = account(), 100.0, None
    for chunks in requests:
        made.began(now)
        arrivals = []
        for count, gap in chunks:
            now += gap
            made.arrived(frames(count), 2 * count, now)
            if count:
                arrivals.append((count, now))
        played = 0.0
        for count, at in arrivals:
            late = at - arrivals[0][1] - played
            worst = late if worst is None else max(worst, late)
            played += count / RATE
    got = made.receipt(0).safe_start_ms
    assert got == (None if worst is None else pytest.approx(1000 * worst, abs=1e-6))


def test_a_chunk_without_frames_is_no_first_audio() -> None:
    made = account()
    made.arrived(frames(0), 44, 100.1)
    assert made.receipt(0).ms.first_audio is None
    made.arrived(frames(100), 200, 100.4)
    made.arrived(frames(0), 3, 100.9)
    receipt = made.receipt(0)
    assert receipt.ms.first_audio == pytest.approx(400)
    assert receipt.ms.last_audio == pytest.approx(400)
    assert receipt.bytes.audio == 247


# Frames


@settings(max_examples=60, deadline=None)
@given(
    st.booleans(),
    st.sampled_from([RATE, 22050, 48000]),
    st.lists(
        st.one_of(
            st.tuples(st.just("arrived"), st.integers(0, 3000)),
            st.tuples(st.just("muted"), st.integers(0, 500)),
            st.tuples(st.just("played"), st.integers(0, 5000)),
            st.tuples(st.just("skipped"), st.integers(0, 5000)),
            st.tuples(st.just("stop"), st.none()),
            st.tuples(st.just("finish"), st.none()),
        ),
        max_size=25,
    ),
)
def test_every_frame_is_accounted_for_at_every_moment(
    playing: bool, output_rate: int, events: list[tuple[str, Any]]
) -> None:
    made = account(playing=playing, output_rate=output_rate)
    position = start = 700
    for event, count in events:
        if event == "arrived":
            made.arrived(frames(count), 2 * count, 100.0)
            if playing:
                lies(made, start)
        elif event == "muted":
            made.muted(count)
        elif event == "stop":
            made.track.stop = position
        elif event == "finish":
            made.finish(101.0, complete=True, interrupted=False)
        else:
            kind = Kind.PLAYED if event == "played" else Kind.SKIPPED
            made.track.apply(Note(kind, position, count, 100.5))
            position += count
        adds_up(made, position)
    counts = made.receipt(position).frames
    if not playing:
        assert counts.played == counts.flushed == 0
    if made.settled and playing:
        assert counts.unplayed == 0


def test_what_was_not_heard_when_it_was_settled_was_flushed() -> None:
    made = account()
    made.arrived(frames(1000), 2000, 100.0)
    made.muted(50)
    lies(made, 0)
    assert made.receipt(300).frames.unplayed == 700
    made.finish(102.0, complete=False, interrupted=True)
    receipt = made.receipt(300)
    assert (receipt.frames.played, receipt.frames.flushed) == (300, 700)
    assert (receipt.frames.received, receipt.frames.muted) == (1050, 50)
    assert receipt.interrupted
    assert receipt.ms.finished == pytest.approx(2000)


@pytest.mark.parametrize("output_rate", [8000, 22050, 44100, 48000])
@pytest.mark.parametrize("received", [1, 999, 24001])
def test_no_frame_is_lost_in_the_rounding_of_a_resampler(output_rate: int, received: int) -> None:
    made = account(output_rate=output_rate)
    made.requested(4)
    made.arrived(frames(received), 2 * received, 100.0)
    for off in (0, 1):
        stop = 10 + received * output_rate // RATE + off
        lies(made, 10, stop)
        assert made.receipt(stop).frames.played == received


def test_what_came_and_was_never_put_was_not_played() -> None:
    for output_rate in (RATE, 48000):
        made = account(output_rate=output_rate)
        made.requested(4)
        made.arrived(frames(1000), 2000, 100.0)
        stop = 1000 * output_rate // RATE
        lies(made, 0, stop)
        made.arrived(frames(1000), 2000, 100.0)  # and then its file could not be written
        made.finish(101.0, complete=False, interrupted=False)
        counts = made.receipt(stop).frames
        assert (counts.received, counts.played, counts.flushed) == (2000, 1000, 1000)


# Facts


def test_a_receipt_tells_all_that_was_noted() -> None:
    made = account()
    for name, at in (("connected", None), ("sent", 100.01), ("headers", 100.1), ("sent", 105.0)):
        made.moment(name, at)
    made.requested(4)
    made.requested(3)
    made.counted(body=10, audio=2, words=1, ignored=3, attempts=1)
    made.counted(body=5, attempts=2)
    made.asked("local", SpeechRequest(input="text", voice="leo"))
    made.spoken_by("en-us")
    made.effective(AudioFormat("pcm_mulaw", 8000, 2), "header")
    made.saved(7)
    made.output(OutputFacts("silent", "clock", 8000, 20.0, "python"))
    lies(made, 0)
    made.track.apply(Note(Kind.STALLED, 0, 2400, 1.0))
    made.track.apply(Note(Kind.STALLED, 0, 4800, 1.0))
    made.track.apply(Note(Kind.UNDERFLOWED, 0, 0, 1.0))
    receipt = made.receipt(0)
    assert (receipt.ms.connected, receipt.ms.sent) == (None, pytest.approx(10))
    assert (receipt.requests, receipt.chars, receipt.attempts) == (2, 7, 3)
    assert (receipt.bytes.body, receipt.events.audio, receipt.events.words) == (15, 2, 1)
    assert receipt.events.ignored == 3
    assert (receipt.base_url, receipt.voice) == ("local", "en-us")
    assert (receipt.format.effective, receipt.format.channels) == ("pcm_mulaw", 2)
    assert made.samplerate == receipt.format.samplerate == 8000
    assert receipt.frames.saved == 7
    assert receipt.output.name == "clock"
    assert (receipt.stalls.count, receipt.stalls.total_ms) == (2, pytest.approx(300))
    assert receipt.stalls.longest_ms == pytest.approx(200)
    assert receipt.device_underflows == 1
    assert json.loads(json.dumps(receipt.to_dict()))["format"]["source"] == "header"


def test_a_receipt_is_a_copy() -> None:
    made = account()
    before = made.receipt(0)
    made.arrived(frames(10), 20, 100.0)
    made.requested(3)
    assert (before.frames.received, before.requests) == (0, 0)
    assert made.received == 10


def test_the_first_request_is_time_zero() -> None:
    made = account()
    made.began(200.0)
    made.arrived(frames(10), 20, 201.0)
    assert made.receipt(0).ms.first_audio == pytest.approx(101_000)


def test_an_error_is_told_by_its_class_its_words_and_its_status() -> None:
    made = account()
    assert made.receipt(0).error is None
    made.error = RateLimited("slow down", status=429)
    told = made.receipt(0).error
    assert told is not None
    assert (told.type, told.message, told.status) == ("RateLimited", "slow down", 429)
    made.error = Truncated("it ended")
    told = made.receipt(0).error
    assert told is not None
    assert told.status is None


@pytest.mark.parametrize(
    ("effective", "source", "told"),
    [
        (AudioFormat("pcm_s16le", 24000), "model", None),
        (AudioFormat("pcm_s16le", 22050), "header", "a header in the stream says so"),
        (AudioFormat("pcm_f32le", 24000), "user", "--decode-as"),
        (AudioFormat("pcm_f32le", 24000), "request", "this server's own format"),
        (AudioFormat("pcm_mulaw", 24000), "model", "always returns"),
    ],
)
def test_bytes_that_are_not_what_was_asked_for_are_told_with_the_reason(
    effective: AudioFormat, source: Any, told: str | None
) -> None:
    made = account()
    made.effective(effective, source)
    if told is None:
        assert made.surprise is None
    else:
        assert told in (made.surprise or "")
        assert f"decoded as {effective.encoding} at {effective.samplerate} Hz" in made.surprise
