"""How a server wants to be asked, found out in as few requests as it takes."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamplay import Player
from streamplay.audio import AudioFormat
from streamplay.network.failures import ErrorBody, read_error
from streamplay.network.request_shapes import (
    AT_ONCE_SECONDS,
    Server,
    Servers,
    Shape,
    ShapeChoice,
    divided,
    read_shape,
)
from streamplay.request import SpeechRequest
from tests.support.rawserver import refuse, replies, running, speech

if TYPE_CHECKING:
    from pathlib import Path

    from streamplay.request import Api

REQUEST = SpeechRequest(input="Hello")
NO_RAW = ErrorBody("Input should be 'mp3' or 'pcm'", fields=frozenset({"response_format"}))
NOTHING = ErrorBody("no")
BOTH: tuple[Api, ...] = ("together", "openai")
OPENAI: tuple[Api, ...] = ("openai",)


def choice(
    apis: tuple[Api, ...] = BOTH,
    request: SpeechRequest = REQUEST,
    server: Server | None = None,
    *,
    official: bool = False,
) -> ShapeChoice:
    return ShapeChoice(server or Server(), apis, request, official=official)


def formats(chosen: ShapeChoice, status: int, said: ErrorBody) -> list[str]:
    """Return what is asked for, one after the other, while the server refuses."""
    asked = [chosen.body()["response_format"]]
    while chosen.after_refusal(status, said, 10.0):
        asked.append(chosen.body()["response_format"])
    return asked


def test_a_stranger_is_asked_in_togethers_shape_first() -> None:
    assert choice().body() == REQUEST.body("together")


@pytest.mark.parametrize("status", [400, 415, 422, 501])
@pytest.mark.parametrize(
    "said",
    [
        NO_RAW,
        NOTHING,
        ErrorBody("extra field: response_encoding not permitted"),
        ErrorBody("response_format must be one of [wav]"),
        ErrorBody("the model does not support this response_format"),
    ],
)
def test_shapes_are_tried_in_their_order(status: int, said: ErrorBody) -> None:
    assert formats(choice(), status, said) == ["raw", "pcm", "wav", "mp3"]
    assert formats(choice(OPENAI), status, said) == ["pcm", "wav", "mp3"]
    assert formats(choice(("together",)), status, said) == ["raw"]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (404, NO_RAW),
        (401, NO_RAW),
        (503, NOTHING),
        (400, ErrorBody("bad text")),
        (400, ErrorBody("no such voice")),
        (422, ErrorBody("too long", fields=frozenset({"input"}))),
    ],
)
def test_another_refusal_changes_nothing(status: int, said: ErrorBody) -> None:
    assert formats(choice(), status, said) == ["raw"]


@pytest.mark.parametrize("api", BOTH)
def test_the_apis_own_host_is_asked_in_its_own_shape_only(api: Api) -> None:
    own = choice((api,), official=True)
    assert own.body() == REQUEST.body(api)
    assert len(formats(own, 422, NO_RAW)) == 1


def test_a_format_of_the_users_is_kept_in_every_shape() -> None:
    wav = SpeechRequest(input="Hello", response_format="wav")
    assert formats(choice(request=wav), 400, NOTHING) == ["wav", "wav"]


@pytest.mark.parametrize("words", ["stream is not for mp3", "stream with response_format mp3"])
def test_a_file_is_asked_for_as_a_stream_and_whole_where_that_is_refused(words: str) -> None:
    mp3 = SpeechRequest(input="Hello", response_format="mp3", strict=False)
    said = ErrorBody(words)
    server = Server()
    chosen = choice(OPENAI, mp3, server=server)
    assert (chosen.body()["stream"], chosen.body()["stream_format"]) == (True, "audio")
    assert chosen.after_refusal(400, said, 0.1)
    assert not {"stream", "stream_format"} & chosen.body().keys()
    assert chosen.worked()
    assert read_shape(chosen.shape.to_dict()) == chosen.shape
    assert "stream" not in choice(OPENAI, mp3, server=server).body()
    assert choice(OPENAI, server=server).body()["stream"] is True  # samples are streamed
    whole = SpeechRequest(input="Hello", response_format="mp3", strict=False, stream=False)
    assert choice(OPENAI, whole).body()["stream"] is False
    assert Shape("together").body(mp3)["stream"] is False


def test_who_knows_what_the_bytes_are_gets_no_mp3() -> None:
    told = SpeechRequest(input="Hello", decode_as=AudioFormat("pcm_mulaw", 8000))
    assert formats(choice(request=told), 400, NOTHING) == ["raw", "pcm", "wav"]


def test_imitators_are_told_all_that_they_may_take() -> None:
    body = choice(OPENAI, SpeechRequest(input="Hello", sample_rate=16000, extra={"x": 1})).body()
    assert (body["stream"], body["stream_format"], body["sample_rate"]) == (True, "audio", 16000)
    assert body["x"] == 1
    assert not {"stream", "sample_rate"} & REQUEST.body("openai").keys()


@pytest.mark.parametrize("name", ["stream", "stream_format", "sample_rate"])
@pytest.mark.parametrize("in_words", [False, True])
def test_a_field_that_the_server_does_not_take_is_left_out(name: str, in_words: bool) -> None:
    said = ErrorBody(f"unknown: {name}") if in_words else ErrorBody("", fields=frozenset({name}))
    chosen = choice(OPENAI)
    assert chosen.after_refusal(422, said, 10.0)
    assert name not in chosen.body()
    assert chosen.body()["response_format"] == "pcm"


def test_a_server_that_does_not_stream_is_asked_for_the_whole() -> None:
    chosen = choice(OPENAI)
    assert chosen.after_refusal(400, ErrorBody("Streaming is not supported"), 0.1)
    assert not {"stream", "stream_format"} & chosen.body().keys()
    assert chosen.body()["response_format"] == "pcm"


def test_what_the_user_asked_for_is_not_left_out() -> None:
    wanted = SpeechRequest(input="Hello", extra={"stream_format": "audio"})
    chosen = choice(OPENAI, wanted)
    chosen.after_refusal(400, ErrorBody("Unknown parameter: stream_format"), 10.0)
    assert chosen.body()["stream_format"] == "audio"


def test_a_500_that_comes_at_once_changes_the_shape_once_per_server() -> None:
    server = Server()
    first = choice(server=server)
    assert first.after_refusal(500, NOTHING, 0.0)
    assert first.body()["response_format"] == "pcm"
    assert not first.after_refusal(500, NOTHING, 0.0)
    assert first.undo_500()
    assert first.body()["response_format"] == "raw"
    assert not first.undo_500()
    assert not choice(server=server).after_refusal(500, NOTHING, 0.0)


def test_a_500_that_names_the_format_refuses_it() -> None:
    chosen = choice()
    for asked, other in (("raw", "pcm"), ("pcm", "wav")):
        command = f"['ffmpeg', '-i', '/tmp/a.mp3', '-f', '{asked}']"
        told = {"error": "An internal server error occurred", "details": f"FFmpeg: {command}"}
        said = read_error(json.dumps(told).encode())
        assert chosen.after_refusal(500, said, AT_ONCE_SECONDS + 1)
        assert chosen.body()["response_format"] == other


def test_a_500_that_took_its_time_changes_the_shape_where_it_comes_again() -> None:
    chosen = choice()
    assert not chosen.after_refusal(500, NOTHING, AT_ONCE_SECONDS + 1)
    assert chosen.shape == Shape()
    assert chosen.after_refusal(500, NOTHING, AT_ONCE_SECONDS + 1)
    assert chosen.shape == Shape("openai")


def test_a_500_from_a_known_server_changes_nothing() -> None:
    assert not choice(server=Server(Shape())).after_refusal(500, NOTHING, 0.0)


def test_what_worked_is_asked_first_the_next_time() -> None:
    server = Servers().of("http://one")
    first = choice(server=server)
    assert first.after_refusal(400, NO_RAW, 10.0)
    assert first.worked()
    assert server.news
    second = choice(server=server)
    assert second.body()["response_format"] == "pcm"
    assert not second.worked()
    # And where the server has changed its mind, the others are tried again.
    assert formats(second, 400, NO_RAW) == ["pcm", "raw", "wav", "mp3"]
    # A shape of the other API is none where the user has told one.
    assert choice(("together",), server=server).body()["response_format"] == "raw"


def test_a_shape_is_the_same_after_it_was_kept() -> None:
    shape = Shape("openai", "wav", frozenset({"stream"}))
    assert read_shape(shape.to_dict()) == shape


@pytest.mark.parametrize(
    "damaged",
    [
        {},
        {"api": "x", "audio": "pcm", "without": []},
        {"api": "openai", "audio": "exe", "without": []},
        {"api": "openai", "audio": "pcm", "without": 1},
        {"api": ["openai"], "audio": "pcm", "without": [[]]},
    ],
)
def test_what_is_no_shape_is_refused(damaged: dict[str, Any]) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        read_shape(damaged)


def test_a_server_is_known_again_by_its_facts() -> None:
    server, later = Server(Shape("openai", "wav"), news=True), Server()
    facts = server.facts()
    assert server.facts() is None
    later.recall(facts)
    assert (later.shape, later.facts()) == (Shape("openai", "wav"), None)
    later.recall({"api": "openai", "audio": "mp3", "without": []})
    assert later.shape == Shape("openai", "wav")


@pytest.mark.parametrize("damaged", [None, 1, [], {}, {"api": 1}, "x"])
def test_damaged_facts_are_none(damaged: Any) -> None:
    server = Server()
    server.recall(damaged)
    assert server.shape is None


def test_with_remember_the_second_run_asks_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_wav = refuse(400, {"error": {"message": "response_format must be one of [wav]"}})
    spoken = speech(b"\x01\x02" * 999)

    def talk(base_url: str) -> int:
        # Each run is a process of its own, which knows nothing.
        monkeypatch.setattr("streamplay.network.request_shapes.PROCESS", Servers())
        given: Any = {"base_url": base_url, "model": "m", "voice": "v", "play": False}
        with Player(**given, remember=tmp_path / "learned") as player:
            return player.say("Hello").wait(60).attempts

    async def main() -> list[int]:
        async with running(replies(only_wav, only_wav, spoken)) as server:
            return [await asyncio.to_thread(talk, server.base_url) for _ in range(2)]

    assert asyncio.run(main()) == [3, 1]


@given(st.text(st.sampled_from("ab .!?\n。”"), max_size=200).filter(str.strip), st.integers(1, 50))
def test_a_text_is_divided_into_parts_that_fit_and_nothing_is_lost(text: str, longest: int) -> None:
    parts = divided(text, longest)
    assert all(0 < len(part) <= longest for part in parts if part)
    assert "".join("".join(parts).split()) == "".join(text.split())


def test_a_text_is_divided_at_sentences_or_else_between_words() -> None:
    assert divided("One. Two is here. Three", 18) == ["One. Two is here.", "Three"]
    assert divided("one two three", 9) == ["one two", "three"]
    assert divided("abcdef", 4) == ["abcd", "ef"]
    assert divided(" all of it ", None) == ["all of it"]


@pytest.mark.parametrize("apis", [OPENAI, ("together",)])
def test_a_server_that_refuses_a_speed_is_asked_without_one(apis: tuple[Api, ...]) -> None:
    fast = SpeechRequest(input="Hello", speed=1.5)
    chosen = choice(apis, fast)
    assert chosen.body()["speed"] == 1.5
    assert chosen.after_refusal(
        400, ErrorBody("Extra inputs: speed", fields=frozenset({"speed"})), 1
    )
    assert "speed" not in chosen.body()
    official = choice(apis, fast, official=True)
    assert not official.after_refusal(400, ErrorBody("speed", fields=frozenset({"speed"})), 1)


ALIGNED = SpeechRequest(input="Hello", alignment="word")
UNALIGNED = "the server tells no times of words with canopylabs/orpheus-3b-0.1-ft"


@pytest.mark.parametrize("official", [True, False])
@pytest.mark.parametrize(
    "said", [ErrorBody("no such field", fields=frozenset({"alignment"})), NOTHING]
)
def test_times_of_words_are_left_out_where_they_may_be_what_is_refused(
    said: ErrorBody, *, official: bool
) -> None:
    server = Server()
    first = choice(("together",), ALIGNED, server, official=official)
    assert first.body()["alignment"] == "word"
    assert first.after_refusal(400, said, 0.1)
    assert "alignment" not in first.body()
    assert first.worked() == [UNALIGNED]
    second = choice(("together",), ALIGNED, server, official=official)
    assert ("alignment" in second.body(), second.worked()) == (False, [])


def test_a_refusal_that_was_about_something_else_blames_no_times_of_words() -> None:
    about_the_model = ErrorBody("no such model", fields=frozenset({"model"}))
    assert not choice(("together",), ALIGNED).after_refusal(400, about_the_model, 0.1)
    asked = choice(BOTH, ALIGNED)
    assert asked.after_refusal(400, NOTHING, 0.1)
    assert asked.after_refusal(400, NOTHING, 0.1)
    assert (asked.shape.api, asked.body()["alignment"]) == ("openai", "word")
    assert asked.worked() == ["the server wants OpenAI's shape of request (--api openai)"]


def test_speech_without_times_of_words_is_heard_where_a_model_refuses_them() -> None:
    refusal = refuse(422, {"error": {"message": "alignment is not supported by this model"}})

    def talk(base_url: str) -> tuple[list[int], list[str]]:
        told: list[str] = []
        with Player(
            base_url=base_url, api="together", alignment="word", play=False, notify=told.append
        ) as player:
            receipts = [player.say("Hello").wait(60) for _ in range(2)]
        assert all(receipt.complete for receipt in receipts)
        return [receipt.attempts for receipt in receipts], told

    async def main() -> tuple[list[int], list[str]]:
        async with running(replies(refusal, speech(b"\x01\x02" * 999))) as server:
            return await asyncio.to_thread(talk, server.base_url)

    assert asyncio.run(main()) == ([2, 1], [UNALIGNED])
