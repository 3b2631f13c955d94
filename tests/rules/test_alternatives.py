"""Servers and voices that stand in for the first one: how they are named."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamplay.errors import InvalidRequest
from streamplay.rules.alternatives import (
    FIELDS,
    changes_of,
    check_alternatives,
    entries_of,
    read_alternative,
)

URL = "https://other.example/v1"


@pytest.mark.parametrize(
    ("entry", "where", "fields"),
    [
        ("local", "local", {}),
        ("local#voice=espeak:en-us+f3", "local", {"voice": "espeak:en-us+f3"}),
        (URL, URL, {}),
        (f"{URL}#model=a/b&voice=x%26y", URL, {"model": "a/b", "voice": "x&y"}),
        (f"{URL}#api=openai&api_key_env=KEY", URL, {"api": "openai", "api_key_env": "KEY"}),
    ],
)
def test_an_alternative_is_a_place_and_what_is_said_of_it(
    entry: str, where: str, fields: dict[str, str]
) -> None:
    assert read_alternative(entry) == (where, fields)


@pytest.mark.parametrize(
    "value",
    [
        *("remote", "", "ftp://a/v1", "local#voice", "local#voice=", "local#colour=red"),
        *(3, [3], [None], {"local": 1}, "local#api=openai", ["local", "remote"], b"local"),
    ],
)
def test_what_names_no_server_is_refused(value: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"^fallback: "):
        check_alternatives(value)


@given(st.text())
def test_any_text_is_an_alternative_or_a_typed_error(entry: str) -> None:
    try:
        where, fields = read_alternative(entry)
    except InvalidRequest:
        return
    assert where == "local" or where.lower().startswith("http")
    assert fields.keys() <= set(FIELDS)


def test_one_or_several_are_in_order() -> None:
    assert entries_of(None) == ()
    assert entries_of("local") == ("local",)
    assert entries_of([URL, "local", URL]) == (URL, "local", URL)


def test_the_key_of_the_first_server_goes_to_no_other() -> None:
    for where in ("local", URL):
        changes = changes_of(where, {})
        assert (changes["api_key"], changes["api_key_env"]) == (None, None)


def test_another_model_is_not_asked_for_the_voice_of_the_first() -> None:
    assert "voice" not in changes_of(URL, {})
    assert changes_of(URL, {"model": "m"})["voice"] is None
    assert changes_of(URL, {"model": "m", "voice": "v"})["voice"] == "v"
    assert "extra" not in changes_of(URL, {"voice": "v"})
    assert changes_of("local", {})["extra"] == {}
