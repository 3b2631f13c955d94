"""A request's bytes: its first line, its headers, its content."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamplay.network.message import (
    authorization,
    content_of,
    headers_of,
    host_of,
    target_of,
    whole,
)


def test_a_stream_is_asked_for_where_it_is_wanted() -> None:
    assert headers_of(None, stream=True)["Accept"] == "text/event-stream, */*"
    assert headers_of(None, stream=False)["Accept"] == "*/*"


def test_the_key_is_shown_only_where_there_is_one() -> None:
    assert authorization("k") == {"Authorization": "Bearer k"}
    assert authorization(None) == authorization("") == {}
    assert "Authorization" not in headers_of(None, stream=True)


@pytest.mark.parametrize(
    ("host", "port", "named"),
    [("a.example", None, "a.example"), ("a.example", 81, "a.example:81"), ("::1", 80, "[::1]:80")],
)
def test_a_host_is_named_as_requests_name_it(host: str, port: int | None, named: str) -> None:
    assert host_of(host, port) == named


def test_what_cannot_stand_in_the_first_line_is_encoded() -> None:
    assert target_of("") == "/"
    assert target_of("/v1/ä b") == "/v1/%C3%A4%20b"
    assert target_of("/v", {"model": "a/b c&d"}) == "/v?model=a%2Fb%20c%26d"


@given(st.text(), st.dictionaries(st.text(), st.text(), max_size=3))
def test_no_text_ends_the_first_line(path: str, query: dict[str, str]) -> None:
    try:
        target = target_of(path, query)
    except UnicodeEncodeError:  # a lone surrogate is no text that can be sent
        return
    assert not set(target) & set(" \r\n\t\0")
    assert target.isascii()


@given(st.dictionaries(st.text(), st.text(), max_size=4))
def test_the_length_that_is_told_is_the_contents(body: dict[str, str]) -> None:
    content = content_of(body)
    assert json.loads(content) == body
    head, _, rest = whole("POST", "/x", "h", {"A": "b"}, content).partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /x HTTP/1.1"
    assert {"Host: h", "A: b", f"Content-Length: {len(content)}"} <= set(lines)
    assert rest == content


def test_a_request_without_content_tells_no_length() -> None:
    assert b"Content-Length" not in whole("GET", "/", "h", {}, None)
