from __future__ import annotations

from typing import Any

import pytest

from streamplay.server.json_fields import Fields, Refusal, parse, shown


def test_what_is_given_is_taken_and_what_is_not_has_its_default() -> None:
    fields = Fields({"a": "x", "b": True, "c": 5.0, "d": ["e"], "f": {"g": 1}})
    assert (fields.text("a"), fields.text("z", "y")) == ("x", "y")
    assert (fields.flag("b"), fields.flag("z")) == (True, False)
    assert (fields.integer("c", 1, (1, 9)), fields.integer("z", 1, (1, 9))) == (5, 1)
    assert (fields.strings("d"), fields.strings("z")) == (["e"], [])
    assert (fields.mapping("f"), fields.mapping("z")) == ({"g": 1}, {})
    assert "a" in fields
    assert "z" not in fields


def test_a_field_that_is_null_is_absent() -> None:
    fields = Fields({"a": None})
    assert "a" not in fields
    assert fields.text("a", "x") == "x"
    with pytest.raises(Refusal, match="a: is required"):
        fields.text("a", required=True)


def test_a_name_may_stand_in_an_object() -> None:
    assert Fields({"a": "x"}).name("a") == Fields({"a": {"id": "x"}}).name("a") == "x"
    for wrong in ({}, {"id": 5}, ["x"], 5):
        with pytest.raises(Refusal, match="a: must be a string"):
            Fields({"a": wrong}).name("a")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"[" * 100_000, b'{"a":' * 17 + b"1" + b"}" * 17, b"9" * 5000]
)
def test_a_body_that_cannot_be_read_is_refused(body: bytes) -> None:
    with pytest.raises(Refusal) as caught:
        parse(body)
    assert caught.value.status == 400
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("value", [True, "5", 5.5, [], float("inf"), float("nan")])
def test_what_is_no_whole_number_is_refused(value: Any) -> None:
    with pytest.raises(Refusal, match="a: must be an integer"):
        Fields({"a": value}).integer("a", 1, (0, 9))


@pytest.mark.parametrize("value", [True, "5", []])
def test_what_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(Refusal, match="a: must be a number"):
        Fields({"a": value}).number("a", 1, (0, 9))


def test_a_nested_field_is_named_with_its_place() -> None:
    with pytest.raises(Refusal, match=r"outer\.a: must be a string") as caught:
        Fields({"a": 1}, "outer.").text("a")
    assert caught.value.param == "outer.a"


def test_a_long_value_is_shown_in_part() -> None:
    assert shown("short") == "'short'"
    assert shown("x" * 99) == "'" + "x" * 59 + "..."
