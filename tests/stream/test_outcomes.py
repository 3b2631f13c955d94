from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamplay.stream.outcomes import (
    error_behind,
    error_words,
    first_value,
    may_be_last,
    tells_failure,
)


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


@given(st.binary(max_size=300), st.sampled_from(["error", "detail", "message"]), st.booleans())
def test_an_error_behind_audio_is_found_and_the_audio_is_not_lost(
    audio: bytes, key: str, line: bool
) -> None:
    error = json.dumps({key: "it broke"}).encode() + b"\n" * line
    assert error_behind(audio + error) == (len(audio), "it broke")


@given(st.binary(max_size=5000))
def test_bytes_without_an_error_are_audio(data: bytes) -> None:
    assert error_behind(data + b'{"error": }') == (len(data) + 11, "")
    assert error_behind(data + b"}")[0] == len(data) + 1


@given(st.recursive(st.integers() | st.text(), st.lists), st.text())
def test_the_first_of_several_values_is_read(value: object, behind: str) -> None:
    text = json.dumps([value]).encode()
    assert first_value(text + b" " + behind.encode(errors="replace")) == ([value], len(text))
    assert first_value(b"\xef\xbb\xbf" + text) == ([value], len(text) + 3)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_has_no_value(text: bytes) -> None:
    assert first_value(text) == (None, len(text))
