"""Reading by an earlier event's pattern is reading: the same events, faults and ends."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamplay.errors import StreamBroken, TooLarge, Truncated
from streamplay.stream import wire
from streamplay.stream.dialects import Audio, Done
from streamplay.stream.repeats import Repeats

if TYPE_CHECKING:
    from collections.abc import Callable


def told(reader: wire.Reader, parts: list[bytes]) -> tuple[list[Any], str, Any, int, str]:
    """Everything that a reader says of a body, however it was cut."""
    found: list[Any] = []
    fault = ""
    try:
        for part in parts:
            found.extend((event, getattr(event, "told", None)) for event in reader.feed(part))
        found.extend((event, None) for event in reader.finish())
    except StreamBroken as error:
        fault = str(error)
    return found, fault, reader.told, reader.late, reader.suspect


def readers() -> tuple[wire.Reader, wire.Reader]:
    """One reader as it is, and one that looks for no pattern."""
    plain = wire._EventStream(4000)
    plain._misses = 1 << 30
    return wire._EventStream(4000), plain


SPEECH = st.binary(min_size=0, max_size=90) | st.binary(min_size=60, max_size=60)
TEXT = SPEECH.map(lambda data: base64.b64encode(data).decode()) | st.sampled_from(
    ["ab" * 40, "AAAA\\n", 'x"y', "AA-_" * 9, "A" * 63, "", "é" * 20, "AAAA AAAA" * 5]
)
SHAPES: list[Callable[[str], bytes]] = [
    lambda b: b'data: {"object": "audio.tts.chunk", "b64": "%b"}\n\n' % b.encode(),
    lambda b: b'data: {"object": "audio.tts.chunk", "b64": "%b"}\r\n\r\n' % b.encode(),
    lambda b: b'event: delta\ndata: {"type": "speech.audio.delta", "audio": "%b"}\n\n' % b.encode(),
    lambda b: (
        b'data: {"b64": "%b", "sample_rate": 16000, "b": "%b"}\n\n' % (b.encode(), b.encode())
    ),
    lambda b: b'data: {"type": "delta", "delta": "%b"}\n\n' % b.encode(),
    lambda b: b"data: " + json.dumps({"type": "audio", "data": b, "n": len(b)}).encode() + b"\n\n",
    lambda b: b"data: %b\n\n" % b.encode(),
    lambda _: b": ping\n\n",
    lambda _: b": ping\n",
    lambda _: b"data: [DONE]\n\n",
    lambda _: b'data: {"type": "done"}\n\n',
    lambda _: b"data: {",
    lambda _: b"\r",
]


def delta(number: int) -> bytes:
    """Return an event of one length, whatever the number."""
    return SHAPES[0](base64.b64encode(bytes([number]) * 60).decode())


OTHER = b'data: {"type": "other"}\n\n'


@pytest.fixture
def as_json(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the events that are read as JSON."""
    found: list[str] = []
    meaning = wire.meaning

    def noted(data: str, number: int, name: str) -> wire.WireEvent:
        found.append(data)
        return meaning(data, number, name)

    monkeypatch.setattr(wire, "meaning", noted)
    return found


@pytest.mark.parametrize("size", [1, 33, len(delta(0)), 250, 1 << 20])
def test_from_the_third_on_events_that_repeat_are_not_read_as_json(
    size: int, as_json: list[str]
) -> None:
    reader = wire._EventStream(4000)
    body = b"".join(map(delta, range(40)))
    whole = 2 * len(delta(0))  # a pattern is learned from an event that comes whole
    events = list(reader.feed(body[:whole]))
    for at in range(whole, len(body), size):
        events += reader.feed(body[at : at + size])
    assert events == [Audio(bytes([number]) * 60) for number in range(40)]
    assert len(as_json) == 2
    assert not reader._held
    with pytest.raises(Truncated, match="after 40 events"):
        list(reader.finish())


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize(
    ("events", "read"),
    [
        ([delta(0), delta(1), *[OTHER] * 13, delta(2)], 15),
        ([delta(0), delta(1), delta(2), *[OTHER] * 15, delta(3)], 17),
        ([delta(0), delta(1), delta(2), *[OTHER] * 16, delta(3), delta(4)], 20),
    ],
)
def test_after_sixteen_others_in_a_row_no_pattern_is_looked_for(
    events: list[bytes], read: int, at_once: bool, as_json: list[str]
) -> None:
    reader = wire._EventStream(4000)
    pieces = [b"".join(events)] if at_once else events
    assert len([each for piece in pieces for each in reader.feed(piece)]) == len(events)
    assert len(as_json) == read


@pytest.mark.parametrize(("least", "read", "then"), [(0, 2, 2), (-1, 4, 5)])
def test_a_pattern_is_used_up_to_the_bound_of_an_event(
    least: int, read: int, then: int, as_json: list[str]
) -> None:
    reader = wire._EventStream(len(delta(0)) + least)
    body = b"".join(map(delta, range(4)))
    assert len(list(reader.feed(body + delta(4)[:90]))) == 4
    assert len(as_json) == read
    assert list(reader.feed(delta(4)[90:])) == [Audio(bytes([4]) * 60)]
    assert len(as_json) == then


def test_another_event_is_told_at_once_where_a_pattern_is_known() -> None:
    reader = wire._EventStream(4000)
    list(reader.feed(delta(0) * 3))
    assert len(list(reader.feed(OTHER))) == 1
    assert list(reader.feed(b"data: [DONE]\n\n")) == [Done()]


def test_what_an_event_says_of_the_audio_holds_again_when_it_is_repeated() -> None:
    reader = wire._EventStream(4000)
    text = base64.b64encode(bytes(60)).decode()
    slow = f'data: {{"b64": "{text}", "sample_rate": 16000}}\n\n'.encode()
    list(reader.feed(slow * 3))
    list(reader.feed(b'data: {"type": "other", "sample_rate": 48000}\n\n'))
    assert reader.told.samplerate == 48000
    list(reader.feed(slow))
    assert reader.told.samplerate == 16000


@settings(max_examples=120)
@given(st.data())
def test_a_pattern_changes_nothing_that_a_reader_says(data: st.DataObject) -> None:
    shape = data.draw(st.sampled_from(SHAPES[:7]))
    usual = st.tuples(st.just(shape), TEXT)
    other = st.tuples(st.sampled_from(SHAPES), TEXT)
    events = data.draw(st.lists(usual | usual | other, max_size=24))
    body = b"".join(make(text) for make, text in events)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    parts = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    by_pattern, plain = readers()
    assert told(by_pattern, parts) == told(plain, parts)


def test_an_event_that_is_too_long_is_refused_before_it_has_come_whole() -> None:
    reader, _ = readers()
    assert list(reader.feed(delta(0) * 2)) == [Audio(bytes(60))] * 2  # the first one may have a BOM
    assert list(reader.feed(b'data: {"object": "audio.tts.chunk", "b64": "')) == []
    assert [list(reader.feed(b"A" * 1000)) for _ in range(3)] == [[], [], []]
    with pytest.raises(TooLarge):
        list(reader.feed(b"A" * 1000))


def test_audio_that_stands_there_twice_gives_no_pattern() -> None:
    text = base64.b64encode(bytes(range(60))).decode()
    assert Repeats.of(SHAPES[3](text), Audio(bytes(range(60)))) is None
    assert Repeats.of(SHAPES[0](text), Audio(b"other" * 12)) is None
    assert Repeats.of(SHAPES[0]("AAAA"), Audio(bytes(3))) is None
