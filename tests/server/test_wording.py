from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamplay.server.wording import fit, has_words, runs


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("See https://www.example.com/a/b?x=1&y=2 now.", "See example dot com now."),
        ("See [the page](https://example.com/x).", "See the page."),
        ("Say [hi](/həlˈO/).", "Say hi."),
        ("www.example.co.uk/x is up", "example dot co dot uk is up"),
        ("Mail joe.bloggs@example.com!", "Mail joe bloggs at example dot com!"),
        ("http://user:secret@127.0.0.1:80/x", "127 dot 0 dot 0 dot 1"),
        ("Well done 👍🏽👨‍👩‍👧 all", "Well done all"),
        ("👍", "thumbs up sign"),
        ("Call `do_it_now()` on **all**", "Call do it now on all"),
        ("In /usr/local/bin there", "In usr local bin there"),
        ("and/or", "and/or"),
        ("a -------- b ........ c", "a - b . c"),
        ("a\x00b\x1b[31m\u202ec\ud800", "a b 31mc"),
        ("Zürich, naïve", "Zürich, naïve"),
        ("1" * 17, " ".join("1" * 17)),
        ("x9" * 20, "x9x9x9x9x9x9 x9x9x9x9x9x9 x9x9x9x9x9x9 x9x9"),
        ("It costs $5.99 (100%) at 10:30.", "It costs $5.99 (100%) at 10:30."),
        ("", ""),
    ],
)
def test_what_is_no_word_is_made_one(text: str, said: str) -> None:
    assert fit(text) == said


@settings(deadline=None)  # a busy machine
@given(st.text(max_size=400))
def test_any_text_can_be_made_fit(text: str) -> None:
    made = fit(text)
    assert not any(0xD800 <= ord(letter) < 0xE000 for letter in made)
    assert max(map(len, made.split()), default=0) < 350
    assert "".join(part for part, _ in runs(made)) == made


def test_a_text_is_cut_where_its_script_changes() -> None:
    assert runs("The word мир, means 2 peace: 平和") == [
        ("The word ", "LATIN"),
        ("мир, ", "CYRILLIC"),
        ("means 2 peace: ", "LATIN"),
        ("平和", "CJK"),
    ]
    assert runs("… 12") == [("… 12", "")]
    assert runs("1. Ja") == [("1. Ja", "LATIN")]


def test_only_letters_and_digits_are_words() -> None:
    assert [has_words(text) for text in ("a", "7", "中", "…", "", "👍")] == [True] * 3 + [False] * 3
