from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamplay.request import SpeechRequest
from streamplay.rules.pronunciation import replaced, replacements

RULES = ("omg/oh my god", "C++/see plus plus", "omg/never", "a/b", "b/a", "New York/N Y")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("omg, omgs and C++!", "oh my god, omgs and see plus plus!"),
        ("a b", "b a"),
        ("in New York", "in N Y"),
        ("", ""),
    ],
)
def test_whole_words_are_replaced_once(text: str, said: str) -> None:
    assert replaced(text, replacements(RULES)) == said


def test_what_would_be_too_long_is_refused() -> None:
    assert replaced("a a", {"a": "bbb"}, 7) == "bbb bbb"
    with pytest.raises(OverflowError):
        replaced("a a", {"a": "bbb"}, 6)


@given(st.text(), st.dictionaries(st.text(min_size=1), st.text(), max_size=5))
def test_without_its_words_a_text_stays_as_it_is(text: str, words: dict[str, str]) -> None:
    strange = {word: by for word, by in words.items() if word not in text}
    assert replaced(text, strange) == text


def test_in_openais_shape_the_text_says_what_is_to_be_heard() -> None:
    request = SpeechRequest(input="SQL is fun", pronounce=["SQL/sequel"])
    openai, together = request.body("openai"), request.body()
    assert (openai["input"], "extra_params" in openai) == ("sequel is fun", False)
    assert together["input"] == "SQL is fun"
    assert together["extra_params"] == {"pronunciation_dict": ["SQL/sequel"]}
