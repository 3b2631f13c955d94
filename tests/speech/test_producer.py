"""The producer: pieces of text, formats, faults, and what is told of them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

import streamplay
from streamplay import Player
from streamplay.errors import (
    ConnectFailed,
    InvalidRequest,
    ModelNotFound,
    RemoteError,
    StreamPlayError,
    TimedOut,
    Truncated,
)
from tests.support.speaking import (
    PATIENCE,
    Silent,
    account_for,
    asking,
    being_heard,
    counted,
    counting,
    failure,
    receipt_of,
    wait_until,
    without_gaps,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streamplay.server.child import LocalServer


def test_the_first_voice_is_later_than_the_silence_before_it(player: Player) -> None:
    extra = asking(signal="tone", seconds=0.3, leading_silence_ms=400)
    ms = player.say("hello", extra=extra).wait(PATIENCE).ms
    assert ms.first_sound is not None
    assert ms.first_voice is not None
    assert ms.first_voice > ms.first_sound


def test_silence_has_no_first_voice(player: Player) -> None:
    ms = player.say("hello", extra=asking(signal="silence", seconds=0.2)).wait(PATIENCE).ms
    assert ms.first_sound is not None
    assert ms.first_voice is None


def test_an_iterable_is_spoken_sentence_by_sentence(player: Player, fast: Silent) -> None:
    def tokens() -> Iterator[str]:
        yield from ("First", " one. Sec", "ond one.", " Third")

    player.pause()  # until all has come: the server is not what is looked at
    utterance = player.say(tokens(), extra=counting(1))
    wait_until(lambda: utterance.receipt.frames.received == 3 * 24000)
    player.resume()
    receipt = account_for(utterance.wait(PATIENCE))
    assert (receipt.requests, receipt.attempts) == (3, 3)
    assert receipt.chars == len("First one.") + len("Second one.") + len("Third")
    assert receipt.frames.played == 3 * 24000
    assert receipt.stalls.count == 0
    # The moments are the first request's, over the warm connection; the others had to make theirs.
    assert receipt.ms.connected is None
    np.testing.assert_array_equal(fast.values, np.tile(counted(24000), 3))


def test_a_sentence_is_spoken_before_the_next_is_there(player: Player) -> None:
    go_on = threading.Event()

    def tokens() -> Iterator[str]:
        yield "First one. And"
        assert go_on.wait(PATIENCE)
        yield " more."

    # Each sentence comes in one chunk: the network cannot be late within it. It lasts long enough
    # for a busy machine to learn before its end that the text is late.
    utterance = player.say(tokens(), extra=counting(0.5, chunk_ms=1000))
    being_heard(utterance, 12000)
    go_on.set()
    receipt = utterance.wait(PATIENCE)
    assert receipt.requests == 2
    assert receipt.stalls.count == 0  # the text was late, and not the network


def test_what_an_iterable_raises_is_raised_by_wait_and_told(player: Player) -> None:
    def tokens() -> Iterator[str]:
        yield "First one. "
        raise ZeroDivisionError("no more text")

    utterance = player.say(tokens(), extra=counting(0.1))
    with pytest.raises(ZeroDivisionError):
        utterance.wait(PATIENCE)
    receipt = account_for(utterance.receipt)
    assert receipt.frames.played == 2400
    assert receipt.error is not None
    assert receipt.error.type == "ZeroDivisionError"
    assert player.say("and on", extra=counting(0.1)).wait(PATIENCE).complete


@pytest.mark.parametrize("text", [[], ["", "  \n"]])
def test_an_iterable_without_text_is_an_invalid_request(player: Player, text: list[str]) -> None:
    assert isinstance(failure(player.say(text)), InvalidRequest)


def test_an_endless_iterable_is_read_no_further_than_it_is_spoken(live: Player) -> None:
    read = 0

    def tokens() -> Iterator[str]:
        nonlocal read
        while True:
            read += 1
            yield "word. "

    before = threading.active_count()
    utterance = live.say(tokens(), extra=counting(60, pace=1))
    being_heard(utterance)
    utterance.cancel()
    utterance.wait(PATIENCE)
    wait_until(lambda: threading.active_count() <= before)
    assert read < 1000


@pytest.mark.parametrize("text", [None, 5, b"bytes", object()])
def test_what_is_no_text_is_an_invalid_request_at_once(player: Player, text: Any) -> None:
    with pytest.raises(InvalidRequest, match="input: is "):
        player.say(text)


def test_an_utterance_may_have_time_limits_of_its_own(live: Player) -> None:
    slow = asking(signal="tone", seconds=0.2, first_byte_ms=1500)
    error = failure(live.say("hello", extra=slow, timeout=0.5))
    assert isinstance(error, TimedOut)
    assert (error.waiting_for, error.seconds) == ("first byte", 0.5)
    error = failure(live.say("hello", extra=slow, deadline=0.1))
    assert isinstance(error, TimedOut)
    assert error.waiting_for == "deadline"
    assert live.say("hello", extra=slow).wait(PATIENCE).complete


def test_a_refusal_is_raised_with_its_receipt(player: Player, speech_server: LocalServer) -> None:
    error = failure(player.say("hello", model="no/such-model", voice="tara"))
    assert isinstance(error, ModelNotFound)
    receipt = receipt_of(error)
    assert receipt.error is not None
    assert (receipt.error.type, receipt.error.status) == ("ModelNotFound", 404)
    assert receipt.base_url == speech_server.base_url
    assert receipt.ms.sent is not None
    assert receipt.ms.headers is not None
    assert receipt.ms.finished is not None
    assert receipt.ms.first_audio is None
    assert receipt.attempts == 1
    assert not receipt.complete


def test_a_refused_say_tells_whom_it_asked(speech_server: LocalServer, fast: Silent) -> None:
    with pytest.raises(ModelNotFound) as caught:
        streamplay.say(
            "hello", base_url=speech_server.base_url, model="no/such-model", voice="tara"
        )
    assert receipt_of(caught.value).base_url == speech_server.base_url


def test_a_server_that_is_not_there_is_a_connect_failure(silent: Silent, impatient: None) -> None:
    with Player(base_url="http://127.0.0.1:9/v1") as player:
        error = failure(player.say("hello"))
    assert isinstance(error, ConnectFailed)
    assert receipt_of(error).base_url == "http://127.0.0.1:9/v1"
    assert receipt_of(error).attempts == 1


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("fault", "kind"),
    [("end-between-chunks", Truncated), ("error-event", RemoteError)],
)
def test_what_came_before_a_fault_is_heard_and_kept(
    live: Player,
    silent: Silent,
    tmp_path: Path,
    fault: str,
    kind: type[StreamPlayError],
) -> None:
    file = tmp_path / "kept.wav"
    extra = counting(2, fault=fault, at_event=4)
    error = failure(live.say("hello", extra=extra, output=file))
    assert isinstance(error, kind)
    frames = receipt_of(error).frames
    assert 0 < frames.received == frames.played == frames.saved
    np.testing.assert_array_equal(silent.values[: frames.received], counted(frames.received))
    samples, _ = soundfile.read(file, dtype="int16")
    np.testing.assert_array_equal(samples, counted(frames.received))


def test_decode_as_wins_over_the_model(speech_server: LocalServer, fast: Silent) -> None:
    notices: list[str] = []
    with Player(base_url=speech_server.base_url, notify=notices.append) as player:
        extra = counting(0.5, send_as="pcm_f32le@24000")
        (receipt,) = without_gaps(player, {"extra": extra, "decode_as": "pcm_f32le@24000"})
    assert (receipt.format.effective, receipt.format.source) == ("pcm_f32le", "user")
    assert receipt.frames.played == 12000
    np.testing.assert_array_equal(fast.values, counted(12000))
    assert len(notices) == 1
    assert "decode_as" in notices[0]


@pytest.mark.parametrize("form", ["wav", "mp3"])
def test_a_whole_file_is_played_and_is_no_surprise(
    speech_server: LocalServer, fast: Silent, form: str
) -> None:
    notices: list[str] = []
    receipt = streamplay.say(
        "Hello.", base_url=speech_server.base_url, format=form, notify=notices.append
    )
    assert account_for(receipt).complete
    assert receipt.frames.played == receipt.frames.received > 0
    assert notices == []


def test_a_reserve_that_is_longer_than_a_piece_is_gathered_from_several(
    speech_server: LocalServer, fast: Silent
) -> None:
    with Player(base_url=speech_server.base_url, prebuffer=6000) as player:
        text = iter(["A sentence of its own. ", "Another sentence of its own. ", "A third one."])
        receipt = account_for(player.say(text, extra=counting(4)).wait(PATIENCE))
    assert receipt.frames.played == 3 * 4 * 24000
