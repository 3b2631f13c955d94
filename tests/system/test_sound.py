"""What is heard: a real server, real HTTP, real PortAudio, and a sound card that records.

The recordings are compared sample by sample with what the server sent. What has
been shaped (a fade, a ramp) may be told by its place alone.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import streamplay
from streamplay import Player
from streamplay.audio import AudioFormat
from tests.support.speaking import PATIENCE, account_for, asking, counted, counting, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from streamplay.receipt import Receipt
    from streamplay.server.child import LocalServer
    from streamplay.speech.utterance import Utterance
    from tests.support.nullsink import NullSink

    Samples = NDArray[np.int16]

RATE = 24000  # the sink's own
SONIC: dict[str, Any] = {"model": "cartesia/sonic", "voice": "nonfiction man"}
"""Answers as asked: any encoding, any rate."""

FADE = round(0.005 * RATE)
FADE_IN = round(0.008 * RATE)


LATENCY = 0.1
"""Seconds: the tests share two cores with what they start."""


@pytest.fixture
def player(null_sink: NullSink, speech_server: LocalServer) -> Iterator[Player]:
    with Player(base_url=speech_server.base_url, latency=LATENCY) as player:
        yield player


def hear(
    sink: NullSink, act: Callable[[], Sequence[Receipt]], *, stalls: int = 0
) -> tuple[Sequence[Receipt], Samples]:
    """Return the receipts of what `act` says, and what the sink played meanwhile.

    Where the machine was too busy to feed the device, or the server to be ahead of it, the
    receipts say so, and it is said again.
    """
    for _ in range(5):
        with sink.record() as recording:
            receipts = act()
        for receipt in receipts:
            account_for(receipt)
        fed = not any(receipt.device_underflows for receipt in receipts)
        if fed and sum(receipt.stalls.count for receipt in receipts) == stalls:
            break
    return receipts, recording.played[:, 0]


def being_heard(utterance: Utterance, frames: int = 1) -> None:
    wait_until(lambda: utterance.receipt.frames.played >= frames)


def sounding(samples: NDArray[Any]) -> NDArray[Any]:
    """Return `samples` without the digital silence before and after them."""
    loud = np.flatnonzero(samples)
    return samples[loud[0] : loud[-1] + 1]


def silences(samples: Samples) -> list[tuple[int, int]]:
    """Return where digital silence, longer than a fade, begins and ends."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], samples == 0, [False]))))
    pairs = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    return [(begin, end) for begin, end in pairs if end - begin > FADE]


def falling(samples: Samples) -> bool:
    """Whether no sample is louder than the one before it."""
    return bool((np.diff(np.abs(samples.astype(int))) <= 0).all())


# Bit for bit


@pytest.mark.parametrize("text", ["Hello.", "The quick brown fox jumps. Twice, it is said."])
def test_speech_is_heard_as_it_was_sent_first_to_last_frame(
    player: Player, null_sink: NullSink, tmp_path: Path, text: str
) -> None:
    sent = tmp_path / "sent.pcm"
    (receipt,), heard = hear(
        null_sink, lambda: [player.say(text, output=sent, force=True).wait(PATIENCE)]
    )
    assert receipt.complete
    assert receipt.output.kind == "device"
    assert receipt.frames.played == receipt.frames.received
    expected = np.frombuffer(sent.read_bytes(), "<i2")
    assert len(expected) == receipt.frames.received
    np.testing.assert_array_equal(heard, sounding(expected))


@pytest.mark.parametrize("dialect", ["A", "B", "C", "D", "E", "mixed"])
def test_in_every_dialect_each_frame_is_heard_once_and_in_order(
    player: Player, null_sink: NullSink, dialect: str
) -> None:
    extra = counting(0.4, dialect=dialect, split="odd", chunk_ms=17)
    (receipt,), heard = hear(null_sink, lambda: [player.say("hi", extra=extra).wait(PATIENCE)])
    assert receipt.complete
    np.testing.assert_array_equal(heard, counted(9600))


@pytest.mark.parametrize("encoding", ["pcm_s16le", "pcm_f32le", "pcm_mulaw", "pcm_alaw"])
@pytest.mark.parametrize("cut", [{"split": "random"}, {"write_bytes": 61, "headers": "each"}])
def test_every_encoding_is_heard_as_it_decodes(
    player: Player, null_sink: NullSink, tmp_path: Path, encoding: str, cut: dict[str, Any]
) -> None:
    sent = tmp_path / "sent.pcm"

    def act() -> list[Receipt]:
        said = player.say(
            "hello", **SONIC, encoding=encoding, extra=counting(0.3, **cut), output=sent, force=True
        )
        return [said.wait(PATIENCE)]

    (receipt,), heard = hear(null_sink, act)
    assert receipt.complete
    assert receipt.format.effective == encoding
    values = AudioFormat(encoding, RATE).decode(sent.read_bytes())[:, 0] * 32768
    assert len(values) == 7200
    np.testing.assert_array_equal(heard, sounding(values))


def test_a_cue_of_20_ms_is_heard_whole(player: Player, null_sink: NullSink) -> None:
    (receipt,), heard = hear(
        null_sink, lambda: [player.say("hi", extra=counting(0.02)).wait(PATIENCE)]
    )
    whole_cue(heard, receipt)


@pytest.mark.parametrize("latency", [None, "low", "high", LATENCY])
def test_a_cue_is_heard_whole_where_the_output_closes_after_it(
    null_sink: NullSink, speech_server: LocalServer, latency: Any
) -> None:
    def act() -> list[Receipt]:
        base_url = speech_server.base_url
        return [streamplay.say("hi", base_url=base_url, latency=latency, extra=counting(0.02))]

    (receipt,), heard = hear(null_sink, act)
    whole_cue(heard, receipt)


def whole_cue(heard: Samples, receipt: Receipt) -> None:
    """Hold 20 ms to what was sent.

    A ramp may follow: so short a cue has been played before it is known that it was all.
    """
    assert (receipt.frames.played, receipt.stalls.count) == (480, 0)
    np.testing.assert_array_equal(heard[:480], counted(480))
    assert len(heard) < 480 + FADE
    assert falling(heard[479:])


def test_say_opens_the_device_at_the_rate_of_the_stream(
    null_sink: NullSink, speech_server: LocalServer
) -> None:
    receipt = streamplay.say(
        "hello",
        base_url=speech_server.base_url,
        extra=counting(0.2, send_as="pcm_s16le@16000", headers="first"),
    )
    assert receipt.output.samplerate == 16000
    assert receipt.frames.played == receipt.frames.received == 3200


def test_two_utterances_join_without_a_frame_between(player: Player, null_sink: NullSink) -> None:
    def act() -> list[Receipt]:
        said = [player.say("hello", extra=counting(0.3)) for _ in range(3)]
        return [each.wait(PATIENCE) for each in said]

    receipts, heard = hear(null_sink, act)
    assert all(receipt.complete for receipt in receipts)
    np.testing.assert_array_equal(heard, np.tile(counted(7200), 3))


def test_tokens_are_spoken_sentence_by_sentence_without_gaps(
    player: Player, null_sink: NullSink
) -> None:
    def tokens() -> Iterator[str]:
        for word in ("This", "is", "one.", "Here", "is", "two!", "And", "three?"):
            yield word + " "

    (receipt,), heard = hear(
        null_sink, lambda: [player.say(tokens(), extra=counting(0.3)).wait(PATIENCE)]
    )
    assert receipt.requests == 3
    assert receipt.stalls.count == 0
    np.testing.assert_array_equal(heard, np.tile(counted(7200), 3))


# Disturbed


def test_a_stall_is_silence_with_shaped_edges_and_loses_nothing(
    player: Player, null_sink: NullSink
) -> None:
    extra = counting(0.8, pace=1.5, stalls=["400:1500"])
    (receipt,), heard = hear(
        null_sink, lambda: [player.say("hi", extra=extra).wait(PATIENCE)], stalls=1
    )
    assert receipt.complete
    assert receipt.stalls.count == 1
    assert receipt.stalls.longest_ms == receipt.stalls.total_ms > 100
    assert receipt.device_underflows == 0
    assert receipt.safe_start_ms is not None
    assert receipt.safe_start_ms > 100

    sent = counted(19200)
    ((begin, end),) = silences(heard)
    # Untouched up to the stall, then a ramp of its own from the last sample down.
    until = begin - (FADE - 1)
    np.testing.assert_array_equal(heard[:until], sent[:until])
    assert falling(heard[until - 1 : begin])
    # All that was sent after it, the first milliseconds of it fading in.
    rest = sent[until:]
    missing = len(rest) - (len(heard) - end)
    assert missing in {0, 1}  # the first of a fade in may be silent itself
    faded = np.abs(heard[end : end + FADE_IN].astype(int))
    assert (faded <= np.abs(rest[: len(faded)].astype(int)) + 1).all()
    np.testing.assert_array_equal(heard[end + FADE_IN :], rest[missing + FADE_IN :])


def test_a_pause_loses_nothing(player: Player, null_sink: NullSink) -> None:
    def act() -> list[Receipt]:
        utterance = player.say("hello", extra=counting(0.8))
        being_heard(utterance, 6000)
        player.pause()
        time.sleep(0.3)
        player.resume()
        return [utterance.wait(PATIENCE)]

    (receipt,), heard = hear(null_sink, act)
    assert receipt.frames.played == 19200
    assert receipt.stalls.count == 0
    sent = counted(19200)
    ((begin, end),) = silences(heard)
    assert 19200 - 2 <= len(heard) - (end - begin) <= 19200  # the fades' ends may be silent
    np.testing.assert_array_equal(heard[: begin - FADE], sent[: begin - FADE])
    assert falling(heard[begin - FADE : begin])
    after = len(heard) - end - FADE_IN
    np.testing.assert_array_equal(heard[-after:], sent[-after:])


def test_an_interruption_fades_and_then_is_silence(player: Player, null_sink: NullSink) -> None:
    tells = []

    def act() -> list[Receipt]:
        utterance = player.say("hello there", extra=counting(10))
        being_heard(utterance, 12000)
        tells.append(player.interrupt())
        receipt = utterance.wait(PATIENCE)
        time.sleep(0.2)  # what came after it would be recorded
        return [receipt]

    (receipt,), heard = hear(null_sink, act)
    assert receipt.interrupted
    assert receipt.frames.flushed > 0
    assert 12000 <= tells[-1].frames <= receipt.frames.played
    faded(heard, receipt)


def test_leaving_by_an_exception_fades_too(null_sink: NullSink, speech_server: LocalServer) -> None:
    def act() -> list[Receipt]:
        player = Player(base_url=speech_server.base_url, latency=LATENCY)
        utterance = player.say("hello", extra=counting(10))
        being_heard(utterance, 6000)
        player.close(cut=True)
        return [utterance.receipt]

    (receipt,), heard = hear(null_sink, act)
    assert receipt.interrupted
    faded(heard, receipt)


def faded(heard: Samples, receipt: Receipt) -> None:
    """Hold what was heard to what was handed over, with a fade at its end."""
    played = receipt.frames.played
    assert 0 <= played - len(heard) <= 2  # the last of a fade is silent
    np.testing.assert_array_equal(heard[: played - FADE], counted(played - FADE))
    assert falling(heard[played - FADE - 1 :])


def test_what_follows_an_interruption_is_heard_from_its_first_frame(
    player: Player, null_sink: NullSink
) -> None:
    def act() -> list[Receipt]:
        first = player.say("one", extra=counting(10))
        being_heard(first, 2400)
        player.interrupt()
        second = player.say("two", extra=counting(0.3))
        return [first.wait(PATIENCE), second.wait(PATIENCE)]

    (_, receipt), heard = hear(null_sink, act)
    assert receipt.complete
    np.testing.assert_array_equal(heard[-7200:], counted(7200))


def test_a_cancelled_utterance_is_not_heard_between_those_around_it(
    player: Player, null_sink: NullSink
) -> None:
    def act() -> list[Receipt]:
        said = [player.say("hello", extra=counting(0.4)) for _ in range(3)]
        wait_until(lambda: said[2].receipt.frames.received == 9600)
        said[1].cancel()
        return [each.wait(PATIENCE) for each in said]

    receipts, heard = hear(null_sink, act)
    assert [receipt.frames.played for receipt in receipts] == [9600, 0, 9600]
    np.testing.assert_array_equal(heard, np.tile(counted(9600), 2))


# Changed on purpose


def test_6_decibels_less_halve_what_is_heard(
    null_sink: NullSink, speech_server: LocalServer
) -> None:
    halving = -20 * np.log10(2)
    with Player(base_url=speech_server.base_url, latency=LATENCY, volume=halving) as player:
        _, heard = hear(
            null_sink, lambda: [player.say("hello", extra=counting(0.3)).wait(PATIENCE)]
        )
    np.testing.assert_allclose(heard, counted(7200) / 2, atol=0.51)


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_a_stream_of_another_rate_is_resampled_and_wholly_accounted_for(
    player: Player, null_sink: NullSink, rate: int
) -> None:
    extra = asking(signal="tone", seconds=0.5)
    (receipt,), samples = hear(
        null_sink,
        lambda: [player.say("hello", **SONIC, sample_rate=rate, extra=extra).wait(PATIENCE)],
    )
    assert receipt.complete
    assert receipt.frames.received == receipt.frames.played == rate // 2
    assert receipt.output.samplerate == RATE
    heard = samples / 32768
    assert abs(len(heard) - RATE // 2) <= RATE // 100
    # The server's tone of the first second is 300 Hz at a level of 0.3.
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    assert abs(np.argmax(spectrum) * RATE / len(heard) - 300) < 3
    assert 0.28 < np.abs(heard).max() < 0.32


def test_stereo_is_mixed_to_what_the_output_has(player: Player, null_sink: NullSink) -> None:
    extra = counting(0.2, channels=2, headers="first")
    (receipt,), heard = hear(null_sink, lambda: [player.say("hi", extra=extra).wait(PATIENCE)])
    assert (receipt.format.channels, receipt.frames.played) == (2, 4800)
    # The second channel is the first at half its level, rounded; so is the mean.
    np.testing.assert_allclose(heard, counted(4800) * 0.75, atol=0.76)
