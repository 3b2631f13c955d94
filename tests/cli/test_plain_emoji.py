from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.document import Document
from prompt_toolkit.layout.processors import TransformationInput

from streamplay.cli.plain_emoji import PlainEmoji, plain

if TYPE_CHECKING:
    from prompt_toolkit.layout.controls import BufferControl
    from prompt_toolkit.layout.processors import Transformation


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("a👩\u200d👩\u200d👧b", "a👩👩👧b"),
        ("👍🏽 ❤\ufe0f", "👍 ❤"),
        ("🇩🇪", "DE"),
        ("🏴\U000e0067\U000e0062\U000e007f", "🏴"),
        ("क्\u200dष می\u200cخواهم é", "क्\u200dष می\u200cخواهم é"),
        ("x🏽", "x🏽"),
    ],
)
def test_an_emoji_of_several_characters_is_shown_by_those_that_have_a_width(
    text: str, seen: str
) -> None:
    assert plain(text) == seen


@given(st.text(st.sampled_from("a é漢👩\u200d🏽\ufe0f🇩🇪\U000e0067")))
def test_every_character_stands_where_it_is_shown(text: str) -> None:
    line = transformed(text)
    seen = "".join(part[1] for part in line.fragments)
    assert seen == plain(text)
    for place in range(len(text) + 2):
        at = line.source_to_display(place)
        assert at == len(plain(text[:place])) + max(0, place - len(text))
        assert line.source_to_display(line.display_to_source(at)) == at


def transformed(text: str) -> Transformation:
    control = cast("BufferControl", None)
    given = TransformationInput(control, Document(text), 0, lambda at: at, [("", text)], 80, 1)
    return PlainEmoji().apply_transformation(given)
