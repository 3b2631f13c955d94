from __future__ import annotations

import base64
import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamplay.errors import (
    MalformedEvent,
    RemoteError,
    StreamBroken,
    TooLarge,
    Truncated,
    UnexpectedContent,
)
from streamplay.stream import json_body
from streamplay.stream.declared import Told
from streamplay.stream.sniff import BASE64
from streamplay.stream.wire import Audio, Done, WireEvent, reader_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

EVENTS = "text/event-stream"


def sse(*events: object) -> bytes:
    texts = [event if isinstance(event, str) else json.dumps(event) for event in events]
    return "".join(f"data: {text}\n\n" for text in texts).encode()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def read(body: bytes | Iterable[bytes], content_type: str = EVENTS) -> list[WireEvent]:
    reader = reader_for(content_type)
    pieces = [body] if isinstance(body, bytes) else body
    events = [event for piece in pieces for event in reader.feed(piece)]
    return events + list(reader.finish())


def read_until_fault(body: bytes) -> tuple[list[WireEvent], StreamBroken | None]:
    reader = reader_for(EVENTS)
    events: list[WireEvent] = []
    try:
        events.extend(reader.feed(body))
        events.extend(reader.finish())
    except StreamBroken as error:
        return events, error
    return events, None


def delta_a(data: bytes) -> dict[str, Any]:
    return {"object": "audio.tts.chunk", "model": "m", "b64": b64(data)}


def delta_b(data: bytes) -> dict[str, Any]:
    return {"type": "delta", "audio": b64(data)}


def delta_c(data: bytes) -> dict[str, Any]:
    kind = "conversation.item.audio_output.delta"
    return {"type": kind, "item_id": "tts_1", "delta": b64(data)}


def delta_e(data: bytes) -> dict[str, Any]:
    return {"type": "speech.audio.delta", "audio": b64(data)}


def wrapped(data: bytes) -> dict[str, Any]:
    return {"data": delta_a(data)}


def untyped(data: bytes) -> dict[str, Any]:
    return {"b64": b64(data)}


DELTAS = [delta_a, delta_b, delta_c, delta_e, wrapped, untyped]
ENDS = [
    "[DONE]",
    {"type": "done"},
    {"type": "speech.audio.done", "usage": None},
    {"data": "[DONE]"},
]

every_delta = pytest.mark.parametrize("delta", DELTAS)
every_end = pytest.mark.parametrize("end", ENDS, ids=str)


@every_delta
def test_a_dialect_cut_anywhere_means_the_same(delta: Callable[[bytes], dict[str, Any]]) -> None:
    body = sse(delta(bytes(range(40))), "[DONE]")
    for cut in range(len(body) + 1):
        assert read([body[:cut], body[cut:]]) == [Audio(bytes(range(40))), Done()]
    assert read(body[i : i + 1] for i in range(len(body))) == read(body)


@given(
    st.lists(st.tuples(st.sampled_from(DELTAS), st.binary(max_size=60)), max_size=8),
    st.lists(st.integers(0, 2000), max_size=12),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_mixed_dialects_cut_at_random_give_what_was_sent(
    parts: list[tuple[Callable[[bytes], dict[str, Any]], bytes]], cuts: list[int], end: str
) -> None:
    body = sse(*(delta(data) for delta, data in parts), "[DONE]").replace(b"\n", end.encode())
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    events = read(body[a:b] for a, b in itertools.pairwise(edges))
    assert events == [*(Audio(data) for _, data in parts), Done()]


def test_event_and_id_and_comment_lines_change_nothing() -> None:
    body = b": hello\n\nevent: speech.audio.delta\nid: 1\n" + sse(delta_e(b"ab")) + b"id: 2\n\n"
    body += b"event: speech.audio.done\n" + sse({"type": "speech.audio.done", "usage": {"t": 3}})
    assert read(body) == [Audio(b"ab"), Done({"t": 3})]


def test_a_body_that_ends_without_its_mark_is_truncated() -> None:
    events, error = read_until_fault(sse(delta_a(b"kept")))
    assert events == [Audio(b"kept")]
    assert isinstance(error, Truncated)


def test_an_empty_body_is_truncated() -> None:
    with pytest.raises(Truncated):
        read(b"")


@every_delta
def test_a_body_cut_at_any_byte_is_never_called_complete(
    delta: Callable[[bytes], dict[str, Any]],
) -> None:
    mark = b"data: [DONE]"
    body = sse(delta(b"0123456789"), delta(b"abc")) + mark
    for cut in range(len(body)):
        events, error = read_until_fault(body[:cut])
        assert isinstance(error, Truncated), cut
        assert Done() not in events


@every_end
def test_an_end_mark_that_lacks_only_its_blank_line_is_the_end(end: object) -> None:
    body = sse(delta_a(b"ab"), end)
    assert read(body[:-1]) == read(body[:-2]) == read(body) == [Audio(b"ab"), Done()]


@pytest.mark.parametrize(
    "after",
    [sse(delta_a(b"late")), sse("{"), b"data: " + b"x" * 200, sse({"error": "late"}), b"\xff\x00"],
    ids=lambda after: str(after[:12]),
)
def test_what_comes_after_the_end_mark_changes_nothing(after: bytes) -> None:
    body = sse(delta_a(b"ab"), "[DONE]")
    for pieces in ([body, after], [body + after], [body[:-1], body[-1:] + after, after]):
        reader = reader_for(EVENTS, max_event_bytes=150)
        events = [event for piece in pieces for event in reader.feed(piece)]
        assert events + list(reader.finish()) == [Audio(b"ab"), Done()]


def test_events_after_the_end_mark_are_counted() -> None:
    reader = reader_for(EVENTS)
    list(reader.feed(sse(delta_a(b"ab"), "[DONE]", "[DONE]")))
    list(reader.feed(sse(delta_a(b"late"))))
    assert reader.late == 2


def test_an_event_longer_than_its_bound_is_too_large() -> None:
    reader = reader_for(EVENTS, max_event_bytes=100)
    with pytest.raises(TooLarge):
        list(reader.feed(sse(delta_a(bytes(100)))))


@pytest.mark.parametrize("kind", ["text/event-stream; charset=latin-1", "Text/Event-Stream"])
def test_the_content_type_is_read_without_its_parameters_and_its_case(kind: str) -> None:
    assert read(sse("[DONE]"), kind) == [Done()]


@pytest.mark.parametrize(
    "kind", ["application/octet-stream", "audio/pcm;rate=24000", "audio/wav", "Audio/MPEG", ""]
)
def test_a_body_of_bytes_is_audio_and_its_end_is_its_own(kind: str) -> None:
    assert read([b"ab", b"", b"data: c"], kind) == [Audio(b"ab"), Audio(b"data: c"), Done()]


JSON = "application/json; charset=utf-8"
SOUND = bytes(range(256)) * 3


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"audio": b64(SOUND)}),
        json.dumps({"audio": b64(SOUND), "sample_rate": 24000}) + "\n",
        json.dumps({"result": {"audio": {"data": b64(SOUND)}}}, indent=2),
        json.dumps({"audioContent": b64(SOUND)}),
        json.dumps([{"b64_json": b64(SOUND)}]),
        json.dumps({"a.b": b64(SOUND)}),
        json.dumps({"array": [list(SOUND)]}),
        json.dumps({"choices": [{"message": {"audio": {"data": b64(SOUND)}}}]}),
        "\n".join(json.dumps({"audio_base64": b64(SOUND[at:][:256])}) for at in (0, 256, 512)),
        "\n".join(
            json.dumps({"type": "audio", "data": b64(one)}) for one in (SOUND[:9], SOUND[9:])
        ),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_audio_in_json_is_heard_however_it_is_cut(body: str, size: int) -> None:
    data = body.encode()
    events = read([data[at : at + size] for at in range(0, len(data), size)], JSON)
    assert b"".join(event.data for event in events if isinstance(event, Audio)) == SOUND
    assert events[-1] == Done()


def test_numbers_in_json_tell_their_encoding_and_nothing_else() -> None:
    (audio, _) = read(json.dumps({"array": [n / 512 for n in range(300)]}).encode(), JSON)
    assert isinstance(audio, Audio)
    assert audio.told == Told(0, 0, "pcm_f32le")


@pytest.mark.parametrize("size", [1, 1 << 20])
def test_json_in_utf_16_is_read_by_its_mark(size: int) -> None:
    data = json.dumps({"audio": b64(SOUND)}).encode("utf-16")
    events = read([data[at : at + size] for at in range(0, len(data), size)], JSON)
    assert events == [Audio(SOUND), Done()]


def test_lines_of_json_are_heard_as_they_come() -> None:
    reader = reader_for("application/x-ndjson")
    line = json.dumps({"audio_base64": b64(b"ab")}).encode() + b"\n"
    assert list(reader.feed(line)) == [Audio(b"ab")]


@pytest.mark.parametrize("body", [b'{"error": "no"}', b'{"ok": true}', b"null", b"[]", b"{", b""])
def test_json_without_audio_is_an_error_with_the_servers_words(body: bytes) -> None:
    reader = reader_for(JSON, words=lambda data: data.decode())
    with pytest.raises(RemoteError if body else UnexpectedContent) as raised:
        [*reader.feed(body), *reader.finish()]
    assert body.decode() in str(raised.value)


def test_an_error_after_audio_in_lines_of_json_is_told() -> None:
    reader = reader_for(JSON)
    body = json.dumps({"audio_base64": b64(b"ab")}) + '\n{"error": "the GPU is on fire"}\n'
    with pytest.raises(RemoteError, match="on fire"):
        list(reader.feed(body.encode()))


def b64_lines(*values: object) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


HEARD = {"audio_base64": b64(b"ab")}
ENDED = {"type": "done"}


def test_a_line_of_json_is_heard_when_its_end_comes() -> None:
    reader = reader_for(JSON)
    line = b64_lines({"audio_base64": b64(bytes(90))})
    assert list(reader.feed(line[:100])) == []
    assert list(reader.feed(line[100:])) == [Audio(bytes(90))]


def test_lines_of_json_have_one_end_and_what_follows_it_is_late() -> None:
    reader = reader_for(JSON)
    events = list(reader.feed(b64_lines(HEARD, ENDED, HEARD, HEARD)))
    assert events == [Audio(b"ab"), Done()]
    assert [list(reader.finish()), list(reader.finish())] == [[], []]
    assert reader.late == 2


def test_a_body_of_json_ends_once() -> None:
    reader = reader_for(JSON)
    list(reader.feed(json.dumps(HEARD).encode()))
    assert list(reader.finish()) == [Audio(b"ab"), Done()]
    assert list(reader.finish()) == []
    assert reader.late == 0


def test_an_end_of_json_before_any_audio_is_not_told() -> None:
    reader = reader_for(JSON)
    assert list(reader.feed(b64_lines(ENDED))) == []
    with pytest.raises(UnexpectedContent):
        list(reader.finish())


def test_the_number_of_a_line_is_that_of_its_value() -> None:
    reader = reader_for(JSON)
    with pytest.raises(MalformedEvent, match="event 3"):
        list(reader.feed(b64_lines(HEARD, HEARD, {"audio_base64": "!" * 40})))


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b64_lines(HEARD) + b'{"audio": "AA', Truncated),
        (b'{"audio": "'.ljust(4097, b"A"), Truncated),
        (b'{"audio": "'.ljust(4096, b"A"), UnexpectedContent),
    ],
)
def test_json_that_ends_before_its_end_is_truncated_where_it_was_audio(
    body: bytes, error: type[StreamBroken]
) -> None:
    with pytest.raises(error):
        read(body, JSON)


def test_json_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert json_body.MAX_JSON_BYTES == 64 * 1024 * 1024  # docs/security.md promises it
    monkeypatch.setattr(json_body, "MAX_JSON_BYTES", 100)
    reader = reader_for(JSON)
    assert list(reader.feed(b"{" * 100)) == []
    with pytest.raises(TooLarge):
        list(reader.feed(b"{"))


def test_one_value_over_many_lines_is_tried_sixty_four_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[bytes] = []
    parsed = json_body.parsed
    monkeypatch.setattr(json_body, "parsed", lambda line: (tried.append(line), parsed(line))[1])
    long = json.dumps({"x": list(range(100)), **HEARD}, indent=1).encode() + b"\n"
    for before in (b"", b64_lines(HEARD)):
        tried.clear()
        assert read(before + long, JSON)[-2:] == [Audio(b"ab"), Done()]
        assert len(tried) == 64 + bool(before)


def large_delta(length: int) -> bytes:
    """Return an event of so many bytes; what it holds besides its audio makes up the length."""
    delta = {"type": "audio", "data": b64(bytes(3 * (length // 4 - 30))), "note": ""}
    delta["note"] = "x" * (length - len(sse(delta)))
    return sse(delta)


@pytest.mark.parametrize(
    ("lengths", "power"),
    [
        ([1 << 14] * 3, 17),  # from 16 kB on more is fed at a time
        ([(1 << 14) - 1] * 3, 15),
        ([9000] * 4, 15),
    ],
)
def test_large_events_that_repeat_are_fed_with_less_copying(lengths: list[int], power: int) -> None:
    reader = reader_for("text/event-stream")
    assert len(list(reader.feed(b"".join(map(large_delta, lengths))))) == len(lengths)
    assert reader.turn_bytes == 1 << power


def test_a_last_event_that_repeats_many_like_one_another_is_empty() -> None:
    deltas = [SOUND[at:][:96] for at in range(0, len(SOUND), 96)]
    last = {"type": "audio", "data": b64(SOUND), "is_final": True}
    body = sse(*({"type": "audio", "data": b64(delta)} for delta in deltas), last)
    heard = [event.data for event in read(body) if isinstance(event, Audio)]
    assert heard == [*deltas, b""]


@pytest.mark.parametrize("end", ["data: [DONE]", "data: [DONE]\n", 'data: {"type": "done"}'])
def test_an_end_mark_without_its_blank_line_counts_behind_repeated_events_however_it_is_cut(
    end: str,
) -> None:
    deltas = sse(*({"type": "speech.audio.delta", "audio": b64(SOUND)} for _ in range(4)))
    for at in range(len(end) + 1):
        events = read([deltas + end[:at].encode(), end[at:].encode()])
        assert events == [*[Audio(SOUND)] * 4, Done()]


def test_an_error_behind_bytes_is_told_and_what_only_begins_like_one_is_heard() -> None:
    with pytest.raises(RemoteError, match="GPU"):
        read(bytes(100) + b'{"error": {"message": "the GPU is on fire"}}', "audio/pcm")
    events = read(bytes(100) + b'{"err', "audio/pcm")
    assert b"".join(each.data for each in events if isinstance(each, Audio))[100:] == b'{"err'
    assert events[-1] == Done()


def test_a_body_of_base64_is_audio() -> None:
    reader = reader_for(BASE64)
    body = b64(SOUND).encode()
    events = [
        event for at in range(0, len(body), 100) for event in reader.feed(body[at : at + 100])
    ]
    events += reader.finish()
    assert b"".join(each.data for each in events[:-1] if isinstance(each, Audio)) == SOUND
    assert all(each.data for each in events[:-1] if isinstance(each, Audio))
    assert events[-1] == Done()


@pytest.mark.parametrize(
    ("kind", "power"), [(EVENTS, 15), (JSON, 15), (BASE64, 17), ("audio/pcm", 18)]
)
def test_a_reader_begins_with_nothing_late_and_bounds_a_turn(kind: str, power: int) -> None:
    reader = reader_for(kind)
    assert (reader.late, reader.turn_bytes) == (0, 2**power)


def test_what_may_have_been_audio_is_named_and_ends_with_its_body() -> None:
    suspect = {"type": "k" * 100, "f" * 100: "AAAA" * 300}
    reader = reader_for(EVENTS)
    list(reader.feed(sse(suspect)))
    held = f'an event "{"k" * 59}…" holds what may be audio in "{"f" * 59}…"'
    assert reader.suspect == held
    assert list(reader.finish()) == [Done()]
    assert list(reader.finish()) == []
    events, error = read_until_fault(sse(delta_a(b"ab"), suspect))
    assert len(events) == 2
    assert isinstance(error, Truncated)


def test_rubbish_after_the_end_mark_is_counted_once() -> None:
    reader = reader_for(EVENTS)
    list(reader.feed(sse("[DONE]")))
    list(reader.feed(b"\xff\xfe{}\n\n"))
    assert reader.late == 1


@pytest.mark.parametrize(("kind", "shown"), [("text/plain", True), ("text/html", False)])
def test_the_words_of_a_text_are_shown_and_those_of_a_page_are_not(kind: str, shown: bool) -> None:
    with pytest.raises(UnexpectedContent) as caught:
        reader_for(kind, words=lambda data: data.decode(), start=b"no credit")
    assert ("no credit" in str(caught.value)) == shown


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "text/plain", "multipart/mixed"])
def test_what_cannot_be_speech_is_refused_by_its_content_type(kind: str) -> None:
    with pytest.raises(UnexpectedContent, match=kind.partition(";")[0]):
        reader_for(kind)


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_give_events_or_a_typed_error(data: bytes, as_an_event: bool) -> None:
    events, error = read_until_fault(b"data: " + data + b"\n\n" if as_an_event else data)
    assert error is not None or isinstance(events[-1], Done)


@pytest.mark.parametrize("delta", [delta_a, delta_b, delta_c, delta_e])
@pytest.mark.parametrize("rubbish", [b"\xff", b"\x00\x9f\x92", b"\xe2\x80"])
@pytest.mark.parametrize("instead", [False, True])
def test_rubbish_at_any_byte_is_a_fault_or_does_no_harm(
    delta: Callable[[bytes], dict[str, Any]], rubbish: bytes, instead: bool
) -> None:
    body = b": hello\n\nevent: x\n" + sse(delta(b"first"), delta(b"second"), "[DONE]")
    whole = [Audio(b"first"), Audio(b"second"), Done()]
    for at in range(len(body)):
        events, error = read_until_fault(body[:at] + rubbish + body[at + instead :])
        if error is None:
            assert events == whole, at
        else:
            assert events == whole[: len(events)], at


@pytest.mark.parametrize("kind", ["text/event-stream", "application/x-ndjson"])
@pytest.mark.parametrize("size", [2, 100, 191])
def test_a_short_delta_in_an_object_of_audio_is_audio(kind: str, size: int) -> None:
    deltas = [bytes(range(1, 201)) * 24, bytes(range(size)), bytes(range(1, 201)) * 12]
    texts = [base64.b64encode(delta).decode() for delta in deltas]
    events = [
        {"candidates": [{"content": {"parts": [{"inlineData": {"data": text}}]}}]} for text in texts
    ]
    events += [{"output": {"audio": {"data": text}}} for text in texts]
    begin, end = ("data: ", "\n\n") if kind == "text/event-stream" else ("", "\n")
    body = "".join(f"{begin}{json.dumps(event)}{end}" for event in events).encode()
    reader = reader_for(kind)
    meant = [*reader.feed(body), *reader.finish()]
    assert b"".join(event.data for event in meant if isinstance(event, Audio)) == b"".join(
        2 * deltas
    )


@pytest.mark.parametrize("missing", [1, 2])
def test_the_last_event_is_heard_where_its_blank_line_is_missing(missing: int) -> None:
    event = {"type": "audio", "data": base64.b64encode(bytes(1000)).decode()}
    body = 3 * f"data: {json.dumps(event)}\n\n".encode()
    reader = reader_for("text/event-stream")
    meant = [*reader.feed(body[:-missing]), *reader.finish()]
    assert [len(event.data) for event in meant if isinstance(event, Audio)] == [1000, 1000, 1000]
    assert isinstance(meant[-1], Done)


def test_an_event_that_is_cut_is_no_end() -> None:
    event = {"type": "audio", "data": base64.b64encode(bytes(1000)).decode()}
    body = 3 * f"data: {json.dumps(event)}\n\n".encode()
    reader = reader_for("text/event-stream")
    list(reader.feed(body[:-10]))
    with pytest.raises(Truncated):
        list(reader.finish())


@pytest.mark.parametrize("kind", ["text/event-stream", "application/x-ndjson"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_last_event_that_repeats_all_audio_is_not_heard_again(kind: str, count: int) -> None:
    deltas = [bytes(range(at, at + 200)) for at in range(count)]
    events = [{"data": {"audio": delta.hex(), "status": 1}} for delta in deltas]
    events.append({"data": {"audio": b"".join(deltas).hex(), "status": 2}})
    begin, end = ("data: ", "\n\n") if kind == "text/event-stream" else ("", "\n")
    body = "".join(f"{begin}{json.dumps(event)}{end}" for event in events).encode()
    reader = reader_for(kind)
    meant = [*reader.feed(body), *reader.finish()]
    heard = b"".join(event.data for event in meant if isinstance(event, Audio))
    assert heard == b"".join(deltas)


@pytest.mark.parametrize("step", [1, 17, 10_000])
@pytest.mark.parametrize("end", ["data: [DONE]\n", "data: [DONE]\n\n", 'data: {"type": "done"}'])
def test_events_without_blank_lines_between_are_heard(step: int, end: str) -> None:
    texts = [base64.b64encode(bytes([at]) * 300).decode() for at in range(1, 5)]
    body = "".join(f'data: {{"type": "delta", "audio": "{text}"}}\n' for text in texts) + end
    reader = reader_for("text/event-stream")
    data = body.encode()
    meant = [
        event for at in range(0, len(data), step) for event in reader.feed(data[at : at + step])
    ]
    meant += reader.finish()
    assert [event.data for event in meant if isinstance(event, Audio)] == [
        bytes([at]) * 300 for at in range(1, 5)
    ]
    assert isinstance(meant[-1], Done)


def test_of_events_without_blank_lines_the_one_that_is_cut_is_told() -> None:
    text = base64.b64encode(bytes(300)).decode()
    line = f'data: {{"type": "audio", "data": "{text}"}}\n'
    reader = reader_for("text/event-stream")
    body = (2 * line + line[:100]).encode()
    meant = list(reader.feed(body))
    with pytest.raises(Truncated):
        meant.extend(reader.finish())
    assert sum(isinstance(event, Audio) for event in meant) == 2


@pytest.mark.parametrize("name", ["audio", "Audio", "AUDIO"])
def test_the_name_of_an_event_is_known_in_capitals_too(name: str) -> None:
    text = base64.b64encode(bytes(range(1, 101))).decode()
    reader = reader_for("text/event-stream")
    body = f'event: {name}\ndata: {{"data": "{text}"}}\n\n'.encode()
    assert [*reader.feed(body), *reader.finish()] == [Audio(bytes(range(1, 101))), Done()]
