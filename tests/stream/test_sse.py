from __future__ import annotations

import base64
import itertools
import json
import sys
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamplay.errors import MalformedEvent, TooLarge
from streamplay.stream import sse
from streamplay.stream.sse import MAX_EVENT_BYTES, EventReader

if TYPE_CHECKING:
    from collections.abc import Iterable

CASES = json.loads((Path(__file__).parent.parent / "data" / "sse-cases.json").read_text())["cases"]

# The only cases with an event whose data is empty. Speech always has data, so that
# such events are dropped here as if they had had no data field at all.
WITH_AN_EMPTY_EVENT = {"nocolon", "BOM empty"}

Seen = tuple[str, str, str]


def read(pieces: Iterable[bytes], reader: EventReader | None = None) -> list[Seen]:
    reader = reader or EventReader()
    return [(e.event, e.data, e.id) for piece in pieces for e in reader.feed(piece)]


def expected(case: dict[str, Any]) -> list[Seen]:
    events = [(event["event"], event["data"], event["id"]) for event in case["events"]]
    return [event for event in events if event[1]]


def body(case: dict[str, Any]) -> bytes:
    return base64.b64decode(case["body_base64"])


by_name = pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])


@by_name
def test_a_conformance_case_cut_anywhere_gives_its_events(case: dict[str, Any]) -> None:
    data = body(case)
    for cut in range(len(data) + 1):
        assert read([data[:cut], data[cut:]]) == expected(case), f"cut at {cut}"


@by_name
def test_a_conformance_case_fed_byte_by_byte_gives_its_events(case: dict[str, Any]) -> None:
    data = body(case)
    assert read(data[i : i + 1] for i in range(len(data))) == expected(case)


@by_name
def test_a_conformance_case_with_empty_pieces_between_gives_its_events(
    case: dict[str, Any],
) -> None:
    data = body(case)
    pieces = [piece for i in range(len(data)) for piece in (b"", data[i : i + 1], b"")]
    assert read(pieces) == expected(case)


def test_only_the_listed_cases_have_an_event_with_empty_data() -> None:
    empty = {c["name"] for c in CASES if any(not e["data"] for e in c["events"])}
    assert empty == WITH_AN_EMPTY_EVENT


def test_carriage_returns_alone_deliver_an_event_without_waiting_for_more() -> None:
    assert read([b"data: now\r\r"]) == [("message", "now", "")]


def test_the_line_feed_of_a_split_crlf_is_no_line_of_its_own() -> None:
    reader = EventReader()
    assert read([b"data: a\r"], reader) == []
    assert read([b"\ndata: b\r", b"\n\r", b"\n"], reader) == [("message", "a\nb", "")]
    assert read([b"data: c\r", b"\n", b"\n"], reader) == [("message", "c", "")]


def test_bytes_that_are_no_utf8_are_replaced() -> None:
    assert read([b"data: a\xff\xe2\x82", b"b\n\n"]) == [("message", "a\ufffd\ufffdb", "")]
    assert read([b"data: {\xff}\n\n"]) == [("message", "{\ufffd}", "")]


def test_a_line_that_names_no_field_is_dropped() -> None:
    assert read([b"{}\nretry\nData: y\ndata: x\n\n"]) == [("message", "x", "")]


@pytest.mark.parametrize(
    "line",
    [
        b"da\xffta: y",
        b"\xef\xbb\xbfdata: y",  # a byte order mark stands at the beginning only
        b"\xe2\x82",
        b"\x00\x9f{}",
        b"id\x07: 3",
        b"\x1b",
        b": ping\xffdata: {}",
        "d§ata: y".encode(),
    ],
)
def test_a_line_that_rubbish_has_damaged_is_malformed_and_not_lost(line: bytes) -> None:
    events = EventReader().feed(b"data: x\n\n" + line + b"\n\n")
    assert next(events).data == "x"
    with pytest.raises(MalformedEvent):
        next(events)


@given(
    st.lists(st.sampled_from(["data: a", "data:", ":c", "id: 7", "event: e", "", "x"]), max_size=12)
    .flatmap(
        lambda lines: st.tuples(
            st.just(lines), st.lists(st.sampled_from(["\n", "\r\n", "\r"]), min_size=len(lines))
        )
    )
    .map(lambda pair: "".join(a + b for a, b in zip(*pair, strict=False)).encode()),
    st.lists(st.integers(0, 100), max_size=6),
)
def test_events_do_not_depend_on_where_the_body_is_cut(data: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[a:b] for a, b in itertools.pairwise(edges)]
    assert read(pieces) == read([data])


def test_an_event_at_its_bound_is_read_and_one_byte_more_is_too_large() -> None:
    line = b"data: " + b"x" * 94
    assert read([line, b"\n\n"] * 2, EventReader(100)) == [("message", "x" * 94, "")] * 2
    with pytest.raises(TooLarge, match="longer than 100 bytes"):
        read([line + b"x", b"\n\n"], EventReader(100))


@pytest.mark.parametrize("line", [b"data:x\n", b"event\n", b"id: 1\n"])
def test_many_short_lines_of_one_event_are_bounded_too(line: bytes) -> None:
    with pytest.raises(TooLarge):
        read([line * 30], EventReader(100))
    assert MAX_EVENT_BYTES == 16 * 1024 * 1024  # docs/security.md promises it


def test_many_short_lines_of_one_event_hold_little_more_than_their_bytes() -> None:
    reader, lines = EventReader(), 100_000
    tracemalloc.start()
    for _ in range(100):
        assert not list(reader.feed(b"data: xy\n" * (lines // 100)))
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 8 * lines
    (event,) = reader.feed(b"\n")
    assert event.data == "\n".join(["xy"] * lines)


def test_a_line_without_end_is_refused_before_it_is_held_whole() -> None:
    reader = EventReader(1000)
    with pytest.raises(TooLarge):
        read((b"x" * 10 for _ in range(1000)), reader)
    assert sum(map(len, reader._line)) <= 1000


def test_keep_alive_comments_never_add_up_to_an_event_that_is_too_large() -> None:
    reader = EventReader(100)
    assert read([b": keep-alive\n"] * 1000, reader) == []
    assert read([b": split ", b"comment\r\n"] * 1000, reader) == []
    assert read([b"data: still here\n\n"], reader) == [("message", "still here", "")]


def test_what_came_before_a_line_that_is_too_long_is_given_first() -> None:
    events = EventReader(20).feed(b"data: one\n\ndata: " + b"x" * 30)
    assert next(events).data == "one"
    with pytest.raises(TooLarge):
        next(events)


def test_an_unfinished_event_is_told_only_when_asked_for() -> None:
    reader = EventReader()
    assert read([b"data: one\n\ndata: tw", b"o"], reader) == [("message", "one", "")]
    last = reader.pending()
    assert last is not None
    assert last.data == "two"
    assert reader.pending() is None


def test_a_stream_of_nothing_has_nothing_pending() -> None:
    assert EventReader().pending() is None


def test_a_leading_byte_order_mark_alone_is_nothing() -> None:
    reader = EventReader()
    assert read([b"\xef", b"\xbb", b"\xbf"], reader) == []
    assert reader.pending() is None


def test_it_is_between_events_behind_a_blank_line_or_a_whole_comment() -> None:
    reader = EventReader()
    assert not reader.is_between  # a byte order mark may come
    found = []
    pieces = [
        b"\n",
        b"da",
        b"ta: a\n",
        b"data: b",
        b"\n",
        b"\n",
        b": c",
        b"\n",
        b": d\r",
        b"\n: e\n",
    ]
    for piece in pieces:
        list(reader.feed(piece))
        found.append(reader.is_between)
    assert found == [True, False, False, False, False, True, False, True, False, True]


def test_the_fields_are_read_without_the_face_of_their_library(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in sys.modules if name.startswith("httpx_sse")]:
        monkeypatch.delitem(sys.modules, name)
    first = sse.decoders.__wrapped__()
    assert first.SSEDecoder().decode("data: x") is None
    assert "httpx_sse" not in sys.modules
    assert sse.decoders.__wrapped__() is first
    for name in [name for name in sys.modules if name.startswith("httpx_sse")]:
        monkeypatch.delitem(sys.modules, name)  # the others come back


def test_the_last_event_without_data_is_named() -> None:
    reader = EventReader()
    assert list(reader.feed(b"event: one\n\nevent: two\n\n: three\n\n")) == []
    assert reader.dataless == "two"
    assert [each.event for each in reader.feed(b"event: four\ndata: x\n\n")] == ["four"]
    assert reader.dataless == "two"
