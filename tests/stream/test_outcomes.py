from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamplay.stream.outcomes import (
    ErrorBehind,
    error_at_the_end,
    error_words,
    first_value,
    may_be_last,
    tells_failure,
)

if TYPE_CHECKING:
    from collections.abc import Iterable


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, "end"),
        ({}, "response.output_audio.done"),
        ({}, "stream_end"),
        ({}, "Completed"),
        ({"done": True}, ""),
        ({"is_final": True}, "message"),
        ({"finish_reason": "stop"}, ""),
        ({"status": 2}, ""),
        ({"status": "completed"}, ""),
    ],
)
def test_a_last_event_is_known(fields: dict[str, Any], kind: str) -> None:
    assert may_be_last(fields, kind)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"audio": "QUFB"},
        {"done": False, "is_final": "true"},
        {"finish_reason": None},
        {"finish_reason": "null"},
        {"status": 1},
        {"status": [2]},
    ],
)
def test_an_event_in_the_middle_is_not_the_last(fields: dict[str, Any]) -> None:
    assert not may_be_last(fields, "speech.audio.delta")


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, "error"),
        ({}, "response.failed"),
        ({"status": "error"}, ""),
        ({"success": False}, ""),
        ({"errors": ["no"]}, ""),
        ({"base_resp": {"status_code": 1002}}, ""),
    ],
)
def test_a_failure_is_known(fields: dict[str, Any], kind: str) -> None:
    assert tells_failure(fields, kind)
    assert not tells_failure({"base_resp": {"status_code": 0}, "success": True}, "error.none")


@pytest.mark.parametrize(
    "said",
    [
        "it broke",
        {"message": "it broke", "code": "x"},
        {"code": "x", "error": {"message": "it broke"}},
        {"type": "response.failed", "response": {"error": {"message": "it broke"}}},
        {"errors": [{"msg": "it broke"}]},
        {"base_resp": {"status_code": 1, "status_msg": "it broke"}},
        {"error": {"type": "it broke"}},
    ],
)
def test_the_words_of_an_error_are_found(said: object) -> None:
    assert error_words(said) == "it broke"


def test_no_words_are_made_up() -> None:
    deep: dict[str, Any] = {"error": "x"}
    for _ in range(1000):
        deep = {"error": deep}
    assert [error_words(said) for said in (deep, None, 7, [], {}, {"code": 7})] == [""] * 6


def behind(pieces: Iterable[bytes]) -> tuple[bytes, str]:
    error = ErrorBehind()
    audio = b"".join(map(error.feed_bytes, pieces))
    rest, words = error.finish()
    return audio + rest, words


@example(audio=b'{"error"', key="error", line=False, cuts=[])
@given(
    st.binary(max_size=300),
    st.sampled_from(["error", "detail", "message"]),
    st.booleans(),
    st.lists(st.integers(0, 400), max_size=6),
)
def test_an_error_behind_audio_is_found_however_it_is_cut(
    audio: bytes, key: str, line: bool, cuts: list[int]
) -> None:
    body = audio + json.dumps({key: "it broke"}).encode() + b"\n" * line
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    pieces = [body[a:b] for a, b in itertools.pairwise(edges)]
    assert behind(pieces) == (audio, "it broke")
    assert error_at_the_end(body) == "it broke"


@given(
    st.lists(st.sampled_from([b'{"error"', b'{"err', b"{", b"}", b"x" * 3000, b"ab"]), max_size=9)
)
def test_audio_that_looks_like_an_error_is_given_in_the_end(pieces: list[bytes]) -> None:
    assert behind(pieces) == (b"".join(pieces), "")


@given(st.recursive(st.integers() | st.text(), st.lists), st.text())
def test_the_first_of_several_values_is_read(value: object, behind: str) -> None:
    text = json.dumps([value]).encode()
    assert first_value(text + b" " + behind.encode(errors="replace")) == ([value], len(text))
    assert first_value(b"\xef\xbb\xbf" + text) == ([value], len(text) + 3)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_has_no_value(text: bytes) -> None:
    assert first_value(text) == (None, len(text))
