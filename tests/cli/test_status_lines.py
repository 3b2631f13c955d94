"""The status lines fit any terminal, and mark the word that is heard."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamplay.cli.status_lines import (
    StatusFacts,
    clock,
    fitted,
    sentence_line,
    status_lines,
    width,
)
from streamplay.speech.landmarks import HeardSentence

SENTENCE = "The clocks were striking thirteen, and nobody looked up at all."


def facts(**told: object) -> StatusFacts:
    return StatusFacts(**{"state": "playing", "seconds": 62.0, **told})  # type: ignore[arg-type]


def test_the_time_and_what_is_left_come_first() -> None:
    heard = HeardSentence(SENTENCE, (4, 10), 0, 0)
    first, second = status_lines(facts(left=130.0, sentence=heard, place="sentence 4"), 80)
    assert first.text == "playing 1:02, 2:10 left  sentence 4"
    assert second.text == SENTENCE
    assert second.mark == (4, 10)


def test_what_is_estimated_says_so_and_what_is_not_known_is_left_out() -> None:
    assert status_lines(facts(left=130.0, exact=False), 80)[0].text.endswith("about 2:10 left")
    assert status_lines(facts(seconds=None, state="starting"), 80)[0].text == "starting"


def test_what_matters_most_stays_where_there_is_little_room() -> None:
    told = facts(
        left=8.0, speed=1.2, volume=-4.0, place="sentence 12", first_sound=0.4, stalls=2, stalled=1
    )
    wide = status_lines(told, 120)[0].text
    assert wide == (
        "playing 1:02, 0:08 left  speed 1.2  volume -4 dB  sentence 12  2 stalls, 1.0 s"
        "  first sound 0.40 s"
    )
    assert status_lines(told, 40)[0].text == "playing 1:02, 0:08 left  speed 1.2"


@pytest.mark.parametrize("word", ["clocks", "thirteen", "looked", "all."])
def test_a_long_sentence_turns_its_pages_with_the_word_that_is_heard(word: str) -> None:
    at = SENTENCE.index(word)
    line = sentence_line(SENTENCE, (at, at + len(word)), 39)
    assert line.mark is not None
    assert line.text[slice(*line.mark)] == word
    assert width(line.text) <= 39


def test_a_page_stands_still_while_its_words_are_heard() -> None:
    pages = {
        sentence_line(SENTENCE, (at, at + 1), 39).text
        for at, character in enumerate(SENTENCE)
        if character != " "
    }
    assert len(pages) == 3


def test_wide_characters_take_two_columns_and_controls_never_reach_the_terminal() -> None:
    assert width("日本語") == 6
    assert fitted("日本語" * 20, 10) == "日本語..."
    line = sentence_line("evil \x1b[2J\r\n\u202etext", None, 40)
    assert line.text == "evil \N{REPLACEMENT CHARACTER}[2J  \N{REPLACEMENT CHARACTER}text"


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=120)


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 130), TEXT, TEXT, st.tuples(st.integers(0, 119), st.integers(0, 9)))
def test_every_line_fits_and_is_printable(
    columns: int, text: str, place: str, at: tuple[int, int]
) -> None:
    begin = min(at[0], len(text))
    word = (begin, min(len(text), begin + at[1]))
    for sentence in (HeardSentence(text, word, 0, 0), HeardSentence(text, None, 0, 0)):
        lines = status_lines(facts(left=9.0, place=place, sentence=sentence), columns)
        assert len(lines) == 2
        for line in lines:
            assert width(line.text) <= max(1, columns - 1)
            assert not any(character in "\x1b\r\n\t\x07\x9b" for character in line.text)
            if line.mark is not None:
                assert 0 <= line.mark[0] <= line.mark[1] <= len(line.text)


def test_a_clock_shows_hours_only_where_there_are_any() -> None:
    assert [clock(each) for each in (0, 9.99, 61, 3599, 3600, 36061)] == [
        *("0:00", "0:09", "1:01", "59:59", "1:00:00", "10:01:01")
    ]
