from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamplay.errors import MalformedEvent, RemoteError, Truncated
from streamplay.stream.declared import Told
from streamplay.stream.dialects import Audio, Done, Ignored, Words
from streamplay.stream.payload import can_hold_audio, find_audio
from streamplay.stream.wire import reader_for
from tests.stream.test_wire import (
    b64,
    delta_a,
    delta_c,
    delta_e,
    every_delta,
    every_end,
    read,
    read_until_fault,
    sse,
)

if TYPE_CHECKING:
    from collections.abc import Callable


@every_delta
@every_end
def test_every_dialect_gives_its_audio_and_its_end(
    delta: Callable[[bytes], dict[str, Any]], end: object
) -> None:
    body = sse(delta(b"\x01\x02\x03"), delta(b""), delta(b"\x04"), end)
    assert read(body) == [Audio(b"\x01\x02\x03"), Audio(b""), Audio(b"\x04"), Done()]


def test_the_name_of_the_event_counts_where_its_data_names_no_kind() -> None:
    body = b"event: speech.audio.delta\n" + sse({"audio": b64(b"ab")})
    assert read(body + b"event: speech.audio.done\n" + sse({})) == [Audio(b"ab"), Done()]


def test_a_known_kind_with_another_dialects_key_is_still_audio() -> None:
    assert read(sse({"type": "delta", "delta": b64(b"ab")}, "[DONE]"))[0] == Audio(b"ab")
    both = {"type": "chunk", "object": "audio.tts.chunk", "b64": b64(b"ab")}
    assert read(sse(both, "[DONE]"))[0] == Audio(b"ab")


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.output_audio.delta", "delta": b64(b"ab")},
        {"type": "response.audio.delta", "delta": b64(b"ab")},
        {"object": "audio.chunk", "b64": b64(b"ab")},
    ],
    ids=str,
)
def test_a_kind_of_another_server_is_audio_where_its_keys_leave_no_doubt(
    event: dict[str, Any],
) -> None:
    assert read(sse(event, "[DONE]")) == [Audio(b"ab"), Done()]


LONG = bytes(range(256))


@pytest.mark.parametrize(
    "text",
    [
        base64.encodebytes(LONG).decode(),
        base64.encodebytes(LONG).decode().replace("\n", "\r\n"),
        base64.urlsafe_b64encode(LONG).decode(),
        base64.urlsafe_b64encode(LONG[:-1]).decode().rstrip("="),
        "data:audio/wav;base64," + b64(LONG),
        LONG.hex(),
    ],
    ids=["lines", "CRLF", "URL", "URL without padding", "address", "hexadecimal"],
)
def test_base64_is_read_in_each_of_its_spellings(text: str) -> None:
    (first, _) = read(sse({"type": "delta", "audio": text}, "[DONE]"))
    assert isinstance(first, Audio)
    assert first.data in (LONG, LONG[:-1])


@pytest.mark.parametrize(
    "event",
    [
        {"object": "audio.speech.chunk", "audio": {"data": b64(b"ab"), "format": "pcm"}},
        {"type": "response.output_audio.delta", "delta": b64(b"ab")},
        {
            "object": "chat.completion.chunk",
            "choices": [{"delta": {"audio": {"data": b64(b"ab"), "id": "x"}}}],
        },
        {"type": "audio", "data": b64(b"ab")},
        {"type": "chunk", "data": b64(b"ab")},
        {"audio_base64": b64(b"ab")},
        {"audio": {"data": b64(b"ab")}},
        {"audioContent": b64(b"ab")},
        {"event": "audio", "audio": b64(b"ab")},
        {"kind": "audio", "data": b64(b"ab")},
    ],
    ids=str,
)
def test_dialects_of_other_servers_are_heard(event: dict[str, Any]) -> None:
    assert read(sse(event, "[DONE]")) == [Audio(b"ab"), Done()]


@pytest.mark.parametrize(
    "event",
    [
        {"output": {"finish_reason": "null", "audio": {"data": b64(LONG), "url": ""}}},
        {"candidates": [{"content": {"parts": [{"inlineData": {"data": b64(LONG)}}]}}]},
        {"result": {"audioContent": b64(LONG)}},
        {"type": "tts.audio", "payload": b64(LONG)},
        {"type": "audio_chunk", "chunk": b64(LONG)},
        {"audio": list(LONG)},
        {"audio": {"type": "Buffer", "data": list(LONG)}},
    ],
    ids=lambda event: str(event)[:40],
)
def test_audio_is_known_by_what_it_stands_in(event: dict[str, Any]) -> None:
    assert read(sse(event, "[DONE]")) == [Audio(LONG), Done()]


def test_numbers_are_samples() -> None:
    for samples, encoding, kind in (
        ([0.5, -0.25] * 150, "pcm_f32le", "<f4"),
        ([300, -20000] * 150, "pcm_s16le", "<i2"),
    ):
        (first, _) = read(sse({"audio": samples, "sample_rate": 8000}, "[DONE]"))
        assert isinstance(first, Audio)
        assert first.told == Told(8000, 0, encoding)
        assert np.frombuffer(first.data, kind).tolist() == samples
    _, error = read_until_fault(sse({"type": "delta", "audio": [1e9, 2]}))
    assert isinstance(error, MalformedEvent)


def test_a_last_event_that_holds_all_the_audio_again_is_not_heard_twice() -> None:
    # MiniMax's, unless its `stream_options` exclude it.
    def event(data: bytes, status: int) -> dict[str, Any]:
        return {"data": {"audio": data.hex(), "status": status}, "base_resp": {"status_code": 0}}

    parts = [LONG, LONG[::-1]]
    heard = read(sse(*(event(part, 1) for part in parts), event(b"".join(parts), 2)))
    assert b"".join(one.data for one in heard if isinstance(one, Audio)) == b"".join(parts)
    assert heard[-1] == Done()


@pytest.mark.parametrize(
    "talk",
    [
        b"event: ping\ndata: 1764363600\n\n",
        b"event: status\ndata: warming up\n\n",
        b"data: keep-alive\n\n",
        b"data: ping\n\n",
    ],
)
def test_what_is_said_between_is_ignored(talk: bytes) -> None:
    heard = read(talk + sse(delta_e(b"ab"), "[DONE]"))
    assert [type(one) for one in heard] == [Ignored, Audio, Done]


@pytest.mark.parametrize("end", [b"event: close\ndata: \n\n", b"event: complete\ndata: ok\n\n"])
def test_an_event_may_end_the_stream_by_its_name_alone(end: bytes) -> None:
    assert read(sse(delta_e(b"ab")) + end)[-1] == Done()


def test_damaged_audio_is_no_small_talk() -> None:
    for data in (b'event: speech.audio.delta\ndata: "type":\n\n', b'event: x\ndata: {"au\n\n'):
        _, error = read_until_fault(data)
        assert isinstance(error, MalformedEvent)


def test_a_chunk_that_only_tells_why_it_is_the_last_has_no_audio() -> None:
    last = {"object": "audio.speech.chunk", "audio": None, "finish_reason": "stop"}
    assert read(sse(last, "[DONE]")) == [Audio(b""), Done()]


@pytest.mark.parametrize(
    "events",
    [
        [{"type": "audio", "data": b64(LONG)}],
        [{"type": "chunk", "data": b64(LONG)}, {"type": "end"}],
        [b64(LONG)],
        [json.dumps(b64(LONG))],
        [{"audio_base64": b64(LONG)}],
    ],
    ids=["audio", "chunk", "bare", "bare JSON", "audio_base64"],
)
def test_a_dialect_without_an_end_mark_ends_with_its_body(events: list[object]) -> None:
    heard = read(sse(*events))
    assert heard[0] == Audio(LONG)
    assert heard[-1] == Done()


@pytest.mark.parametrize(
    "last",
    [
        {"type": "end"},
        {"done": True},
        {"type": "response.output_audio.done"},
        {**delta_e(b"cd"), "is_final": True},
        {"object": "audio.speech.chunk", "audio": None, "finish_reason": "stop"},
        {"data": {"audio": "", "status": 2}},
    ],
    ids=str,
)
def test_an_event_that_says_that_it_is_the_last_ends_with_the_body(last: dict[str, Any]) -> None:
    assert read(sse(delta_e(b"ab"), last))[-1] == Done()
    _, error = read_until_fault(sse(delta_e(b"ab"), last, delta_e(b"ef")))
    assert isinstance(error, Truncated)


@pytest.mark.parametrize("mark", ["[DONE]", "[done]", "done", '"[DONE]"'])
def test_an_end_mark_may_be_spelled_in_several_ways(mark: str) -> None:
    assert read(sse(delta_a(b"ab"), mark)) == [Audio(b"ab"), Done()]


def test_an_error_that_is_no_event_is_told_in_the_servers_words() -> None:
    events, error = read_until_fault(sse(delta_a(b"kept")) + b'{"error":{"message":"it broke"}}')
    assert events == [Audio(b"kept")]
    assert isinstance(error, RemoteError)
    assert "it broke" in str(error)


def test_an_address_and_a_media_type_tell_the_rate() -> None:
    reader = reader_for("text/event-stream")
    list(reader.feed(sse({"audio": f"data:audio/pcm;rate=16000;base64,{b64(LONG)}"})))
    assert reader.told == Told(16000)
    reader = reader_for("application/json")
    audio = {"mimeType": "audio/L16;codec=pcm;rate=22050", "data": b64(LONG)}
    body = {"candidates": [{"content": {"parts": [{"inlineData": audio}]}}]}
    assert next(iter([*reader.feed(json.dumps(body).encode()), *reader.finish()])) == Audio(LONG)
    assert reader.told == Told(22050)


def test_text_in_a_chunk_is_no_audio() -> None:
    assert isinstance(read(sse({"type": "chunk", "data": "Hello you"}, "[DONE]"))[0], Ignored)


def test_an_unknown_event_that_holds_audio_is_named_with_its_field() -> None:
    for event, field in (
        ({"object": "something.else", "payload": b64(LONG)}, "payload"),
        ({"object": "something.else", "a": {"b": [{"c": b64(LONG)}]}}, "a.b.0.c"),
        ({"object": "something.else", "payload": b64(b"RIFF\0\0\0\0WAVEfmt ")}, "payload"),
    ):
        reader = reader_for("text/event-stream")
        list(reader.feed(sse(event)))
        assert reader.suspect == f'an event "something.else" holds what may be audio in "{field}"'
    reader = reader_for("text/event-stream")
    list(reader.feed(sse({"type": "response.text.delta", "delta": "Hello " * 100})))
    assert reader.suspect == ""


def test_what_events_say_of_the_audio_is_told() -> None:
    reader = reader_for("text/event-stream")
    list(reader.feed(sse({"type": "speech.audio.info", "sample_rate": 24000, "channels": 2})))
    assert reader.told == Told(24000, 2)
    audio = {"data": b64(b"ab"), "sample_rate": 44100, "format": "pcm_f32le"}
    list(reader.feed(sse({"object": "audio.speech.chunk", "audio": audio})))
    assert reader.told == Told(44100, 2, "pcm_f32le")


def test_an_audio_event_with_other_data_beside_its_audio_is_not_unwrapped() -> None:
    assert read(sse({**delta_e(b"ab"), "data": {"n": 1}}, "[DONE]"))[0] == Audio(b"ab")


def test_a_null_delta_is_an_empty_one() -> None:
    assert read(sse({"type": "speech.audio.delta", "audio": None}, "[DONE]"))[0] == Audio(b"")


def test_the_end_of_an_item_is_not_the_end_of_the_stream() -> None:
    kind = "conversation.item.audio_output.done"
    assert read(sse({"type": kind}, "[DONE]")) == [Ignored(kind), Done()]


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.text.delta", "delta": "Hello"},
        {"type": "response.audio_transcript.delta", "delta": "Hello"},
        {"type": "session.created", "audio": "mono"},
        {"type": "session.created"},
        {"object": "chat.completion.chunk", "choices": []},
        {"delta": {"content": "Hello"}},
        {"data": {"type": "session.created"}},
        {"error": None, "type": "progress"},
        {},
    ],
    ids=str,
)
def test_an_unknown_event_is_ignored_and_told(event: dict[str, Any]) -> None:
    first, last = read(sse(event, "[DONE]"))
    assert isinstance(first, Ignored)
    assert last == Done()


@pytest.mark.parametrize("nested", [False, True])
def test_word_timestamps_are_read(nested: bool) -> None:
    table = {"words": ["a", "b"], "start_seconds": [0, 0.5], "end_seconds": [0.5, 1]}
    kind = {"type": "conversation.item.word_timestamps"}
    event = {**kind, "timestamps": table} if nested else {**kind, **table}
    assert read(sse(event, "[DONE]"))[0] == Words(("a", "b"), (0.0, 0.5), (0.5, 1.0))


@pytest.mark.parametrize(
    "change",
    [
        {"words": "ab"},
        {"words": ["a", 2]},
        {"start_seconds": [0]},
        {"end_seconds": None},
        {"end_seconds": [1, "2"]},
        {"end_seconds": [1, 10**400]},
        {"end_seconds": [1, float("nan")]},
        {"end_seconds": [1, True]},
    ],
    ids=str,
)
def test_word_timestamps_that_do_not_match_are_malformed(change: dict[str, Any]) -> None:
    table = {"words": ["a", "b"], "start_seconds": [0, 0.5], "end_seconds": [0.5, 1]}
    event = {"type": "conversation.item.word_timestamps", **table, **change}
    with pytest.raises(MalformedEvent, match=r"event 1 .*word timestamps"):
        read(sse(event))


@pytest.mark.parametrize(
    "text",
    [
        "QUI",
        "QUI==",
        "QQ",
        "QQ=",
        "Q===",
        "=QQ=",
        "QU I=",
        "QUI=QUI=",
        "QU-I=QU-_",
        "QUé=",
        "*",
    ],
)
def test_bad_base64_is_malformed_and_names_its_event(text: str) -> None:
    events, error = read_until_fault(sse(delta_a(b"kept"), {"type": "delta", "audio": text}))
    assert events == [Audio(b"kept")]
    assert isinstance(error, MalformedEvent)
    assert "event 2 " in str(error)


@pytest.mark.parametrize(
    "data",
    [
        "{",
        "nonsense",
        "[]",
        "3",
        '"text"',
        "[" * 100_000,
        "1" * 5000,
        '{"type":"delta"}',
        '{"type":"delta","audio":7}',
        '{"object":"audio.tts.chunk","b64":["QQ=="]}',
        "\x00\x1b[2J",
    ],
    ids=lambda data: data[:20],
)
def test_an_event_that_cannot_be_read_is_malformed_and_what_came_before_is_kept(data: str) -> None:
    events, error = read_until_fault(sse(delta_c(b"kept"), data))
    assert events == [Audio(b"kept")]
    assert isinstance(error, MalformedEvent)
    assert "event 2 " in str(error)
    assert str(error).isprintable()


@pytest.mark.parametrize(
    "event",
    [
        {"error": {"message": "it broke", "type": "server_error"}},
        {"error": "it broke"},
        {"error": {"detail": "it broke"}},
        {"error": {"code": 7, "nested": "it broke"}},
        {"type": "error", "message": "it broke"},
        {"type": "conversation.item.tts.failed", "error": {"message": "it broke"}},
        {"type": "speech.audio.error", "message": "it broke"},
        {"data": {"error": "it broke"}},
        {"data": {"object": "x.failed", "detail": "it broke"}},
        {**delta_a(b"ab"), "error": "it broke"},
    ],
    ids=str,
)
def test_an_error_inside_the_stream_is_raised_in_the_servers_words(event: dict[str, Any]) -> None:
    events, error = read_until_fault(sse(delta_a(b"kept"), event))
    assert events == [Audio(b"kept")]
    assert isinstance(error, RemoteError)
    assert "it broke" in str(error)


@pytest.mark.parametrize("data", ['{"message": "it broke"}', "it broke", '"it broke"'])
def test_an_event_named_error_is_an_error_whatever_its_data(data: str) -> None:
    _, error = read_until_fault(b"event: error\n" + sse(data))
    assert isinstance(error, RemoteError)
    assert "it broke" in str(error)


def test_an_errors_words_cannot_act_on_a_terminal() -> None:
    evil = "\x1b]0;owned\x07 red\x9b31m \u202eback\u2066 \u2028 end " + "x" * 5000
    _, error = read_until_fault(sse({"error": {"message": evil}}))
    assert str(error).isprintable()
    assert len(str(error)) < 1000


_AUDIO_TEXTS = st.sampled_from((LONG, b"RIFF\0\0\0\0WAVEfmt ", b"OggS" + bytes(9))).flatmap(
    lambda data: st.sampled_from(
        (
            b64(data),
            f"data:audio/vnd.wave;base64,{b64(data)}",
            f"DATA:;base64,{b64(data)}",
            f"\r\ndata:audio/vnd.wave;base64,{b64(data)}",
            base64.encodebytes(data).decode(),
            base64.urlsafe_b64encode(data).decode(),
        )
    )
)
_VALUES = st.recursive(
    st.one_of(st.text(max_size=20), st.integers(), st.floats(), st.none(), _AUDIO_TEXTS)
    | st.integers(254, 258).map(lambda count: [7] * count),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(st.dictionaries(st.text(max_size=5), _VALUES, max_size=3), st.booleans(), st.booleans())
def test_no_event_that_holds_audio_is_cleared_by_its_text(
    fields: dict[str, Any], ascii_only: bool, spaced: bool
) -> None:
    text = json.dumps(fields, ensure_ascii=ascii_only, separators=None if spaced else (",", ":"))
    if find_audio(fields).path:
        assert can_hold_audio(text)
        assert can_hold_audio(text.replace("/", "\\/"))
        assert can_hold_audio(text.replace("data:", "d\\u0061ta:"))


def test_small_events_are_cleared_by_their_text() -> None:
    words = {"type": "conversation.item.word_timestamps", "words": ["a"], "start_seconds": [0.5]}
    assert not can_hold_audio(json.dumps(words))
    assert not can_hold_audio('{"type": "ping"}')
