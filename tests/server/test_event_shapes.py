from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from streamplay.server.event_shapes import Writer
from streamplay.server.scenario import Scenario
from streamplay.server.speech import SpeechWord

AUDIO = base64.b64encode(b"abc").decode()


def writer(dialect: str, **keys: Any) -> Writer:
    return Writer(Scenario(**keys), dialect, "m")


def events(data: bytes) -> list[Any]:
    """Return the JSON of each event, or its text where it is none."""
    lines = [line for line in data.decode().splitlines() if line.startswith("data: ")]
    texts = [line.removeprefix("data: ") for line in lines]
    return [json.loads(text) if text.startswith("{") else text for text in texts]


@pytest.mark.parametrize(
    ("dialect", "event"),
    [
        ("A", {"object": "audio.tts.chunk", "model": "m", "b64": AUDIO}),
        ("B", {"type": "delta", "audio": AUDIO}),
        (
            "C",
            {"type": "conversation.item.audio_output.delta", "item_id": "tts_1", "delta": AUDIO},
        ),
        ("E", {"type": "speech.audio.delta", "audio": AUDIO}),
    ],
)
def test_audio_has_the_shape_of_its_dialect(dialect: str, event: dict[str, Any]) -> None:
    assert events(writer(dialect).audio(b"abc")) == [event]
    assert events(writer(dialect, nested=True).audio(b"abc")) == [{"data": event}]


@pytest.mark.parametrize(
    ("dialect", "mark"),
    [
        ("A", "[DONE]"),
        ("B", {"type": "done"}),
        ("C", "[DONE]"),
        ("mixed", "[DONE]"),
    ],
)
def test_a_stream_ends_with_the_mark_of_its_dialect(dialect: str, mark: object) -> None:
    assert events(writer(dialect).end(5))[-1] == mark


def test_openais_mark_tells_what_was_used() -> None:
    (mark,) = events(writer("E").end(5))
    assert (mark["type"], mark["usage"]["input_tokens"]) == ("speech.audio.done", 5)


def test_without_events_audio_is_sent_as_it_is_and_the_rest_is_left_out() -> None:
    bare = writer("D", bom=True, keep_alive_every=1, unknown_every=1)
    assert (
        bare.start()
        == bare.words([SpeechWord("a", 0, 1)])
        == bare.end(1)
        == bare.keep_alive()
        == b""
    )
    assert bare.audio(b"abc") == b"abc"


def test_words_come_with_their_times() -> None:
    (event,) = events(writer("C").words([SpeechWord("a", 0.0, 0.5), SpeechWord("b", 0.5, 1.0)]))
    assert event["words"] == ["a", "b"]
    assert (event["start_seconds"], event["end_seconds"]) == ([0.0, 0.5], [0.5, 1.0])
    assert writer("C").words([]) == b""


def test_mixed_events_take_turns() -> None:
    mixed = writer("mixed")
    kinds = [next(iter(events(mixed.audio(b"abc"))[0].values())) for _ in range(4)]
    assert kinds == [
        "audio.tts.chunk",
        "delta",
        "conversation.item.audio_output.delta",
        "speech.audio.delta",
    ]


@pytest.mark.parametrize(("name", "end"), [("lf", b"\n"), ("crlf", b"\r\n"), ("cr", b"\r")])
def test_lines_end_as_asked(name: str, end: bytes) -> None:
    data = writer("B", line_end=name, event_lines=True).audio(b"")
    expected = [b"event: delta", b"id: 1", b'data: {"type":"delta","audio":""}', b"", b""]
    assert data == end.join(expected)
    assert writer("B", line_end=name).keep_alive() == b": keep-alive" + end * 2


def test_what_stands_between_comes_before_every_nth() -> None:
    busy = writer("B", keep_alive_every=2, unknown_every=2, empty_every=2, bom=True)
    assert busy.start() == b"\xef\xbb\xbf"
    first, second = busy.audio(b"abc"), busy.audio(b"abc")
    assert first.startswith(b": keep-alive\n\n")
    assert [event["type"] for event in events(first)] == ["streamplay.unknown", "delta", "delta"]
    assert events(first)[1]["audio"] == ""
    assert len(events(second)) == 1


@pytest.mark.parametrize(
    ("dialect", "kind"), [("B", "error"), ("C", "conversation.item.tts.failed"), ("E", "error")]
)
def test_an_error_has_the_shape_of_its_dialect(dialect: str, kind: str) -> None:
    (event,) = events(writer(dialect).insertion("error-event"))
    assert event["type"] == kind
    assert "message" in event["error"]


def test_the_errors_of_the_published_dialect_are_its_error_data() -> None:
    (event,) = events(writer("A").insertion("error-event"))
    assert set(event) == {"error"}


def test_what_a_fault_inserts_is_as_bad_as_it_says() -> None:
    broken = writer("A")
    with pytest.raises(json.JSONDecodeError):
        events(broken.insertion("bad-json"))
    (event,) = events(broken.insertion("bad-base64"))
    with pytest.raises(ValueError, match="base64"):
        base64.b64decode(event["b64"], validate=True)
    with pytest.raises(UnicodeDecodeError):
        broken.insertion("rubbish").decode()
    mark, late = events(broken.insertion("data-after-mark"))
    assert mark == "[DONE]"
    assert late["object"] == "audio.tts.chunk"


def test_letters_are_sent_as_they_are_and_lone_surrogates_are_not() -> None:
    data = writer("C").words([SpeechWord("é\u2028\ud800", 0.0, 1.0)])
    assert "é\u2028?".encode() in data
