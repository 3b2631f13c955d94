from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamplay.words.speech_text import Cleaner, cleaner, spoken


@pytest.mark.parametrize(
    ("written", "heard"),
    [
        ("Plain text, as it is.", "Plain text, as it is."),
        ("## A heading", "A heading"),
        ("> A quote", "A quote"),
        ("- [x] done", "done"),
        ("1. stays a number", "1. stays a number"),
        ("**strong**, *soft*, ***both***, ~~gone~~", "strong, soft, both, gone"),
        ("__strong__ and _soft_", "strong and soft"),
        ("snake_case_name stays", "snake_case_name stays"),
        ("2 * 3 * 4 stays", "2 * 3 * 4 stays"),
        ("call `print(x)` now", "call print(x) now"),
        ("[the page](https://a.example/b?c=d)", "the page"),
        ("![a picture](x.png)", "a picture"),
        ("See https://www.example.com/a/b?c=d#e.", "See example.com."),
        ("<https://example.com/a> is it", "example.com is it"),
        ("| name | age |", "name, age"),
        ("|---|:-:|", ""),
        ("---", ""),
        ("* * *", ""),
        ("Well done 🎉👍🏽!", "Well done !"),
        ("👨‍👩‍👧 and 🇩🇪", "and"),
        ("20 °C, © 2024, 5 €", "20 °C, © 2024, 5 €"),
        ("क्षमा करें", "क्षमा करें"),
        ("", ""),
    ],
)
def test_what_is_only_for_the_eye_is_not_said(written: str, heard: str) -> None:
    assert spoken(written) == heard


def test_a_block_of_code_is_left_out_however_it_is_cut() -> None:
    text = "Like this:\n```python\n# not a heading\nx = 1\n```\nThat is all."
    assert Cleaner().clean(text) == "Like this:\nThat is all."
    one = Cleaner()
    assert [one.clean(line) for line in text.split("\n")] == [
        "Like this:",
        *[""] * 4,
        "That is all.",
    ]


def test_a_fence_inside_a_longer_one_does_not_end_it() -> None:
    assert Cleaner().clean("````\n```\nx\n```\n````\nend") == "end"


def test_nothing_is_done_unless_asked_for() -> None:
    assert cleaner(wanted=False)("**a**") == "**a**"
    assert cleaner(wanted=True)("**a**") == "a"


@given(st.text(max_size=60))
def test_whatever_is_written_can_be_cleaned_and_gets_no_longer(text: str) -> None:
    assert len(spoken(text.replace("\n", " "))) <= 2 * len(text)
