from __future__ import annotations

from dataclasses import replace

import pytest

from streamplay.speech.landmarks import (
    goes_on,
    has_sentences,
    heard_sentence,
    sentence_edges,
    start_after,
    start_before,
)
from streamplay.speech.transcript import NOT_YET, Piece, TimedWord
from streamplay.words.passage import Passage

RATE = 1000
BARELY = 1.5


def piece(text: str, start: int, frames: int | None, *, lead: int = 0) -> Piece:
    return Piece(replace(Passage.of(text), before=" "), start, frames, lead)


def timed(made: Piece, *starts: float) -> Piece:
    """Give each word a time, in seconds."""
    at = 0
    for text, start in zip(made.text.split(), starts, strict=True):
        at = made.text.index(text, at)
        made.words.append(TimedWord(text, start, start + 0.3, at, at + len(text)))
        at += len(text)
    return made


APART = [
    piece("One sentence.", 0, 4000),
    piece("Another one.", 4000, 5000),
    piece("The third.", 9000, None),
    piece("Not yet.", NOT_YET, None),
]


@pytest.mark.parametrize(
    ("frame", "target"),
    [
        *((0, 0), (1000, 0), (3900, 0)),
        *((4200, 0), (5499, 0), (5600, 4000), (8999, 4000)),
        *((9001, 4000), (10_400, 4000), (11_000, 9000)),
    ],
)
def test_back_is_to_the_beginning_of_this_sentence_or_of_the_one_before(
    frame: int, target: int
) -> None:
    assert start_before(APART, frame, RATE, "en", BARELY) == target


@pytest.mark.parametrize(("frame", "target"), [(0, 4000), (3999, 4000), (4000, 9000), (9500, None)])
def test_forward_is_to_the_next_sentence_that_has_come(frame: int, target: int | None) -> None:
    assert start_after(APART, frame, RATE, "en") == target


def test_word_times_tell_where_the_sentences_of_one_piece_begin() -> None:
    one = timed(piece("One two. Three four. Five.", 0, 9000), 0.1, 1, 3, 4, 6)
    assert has_sentences([one], "en")
    assert start_after([one], 0, RATE, "en") == 3000
    assert start_after([one], 3000, RATE, "en") == 6000
    assert start_before([one], 5000, RATE, "en", BARELY) == 3000
    assert start_before([one], 3500, RATE, "en", BARELY) == 0


def test_what_was_trimmed_moves_the_sentences() -> None:
    one = timed(piece("One two. Three four.", 5000, 4000, lead=500), 1, 1.5, 3, 4)
    assert start_after([one], 5000, RATE, "en") == 5000 - 500 + 3000


def test_without_word_times_one_piece_has_no_sentences() -> None:
    assert not has_sentences([piece("One two. Three four.", 0, 9000)], "en")
    assert not has_sentences([], "en")


def test_the_sentence_that_is_heard_and_the_word() -> None:
    one = timed(piece("One two. Three four.", 0, 9000), 0.1, 1, 3, 4)
    heard = heard_sentence([one], 3200, RATE, "en")
    assert heard is not None
    assert (heard.text, heard.word, heard.begin) == ("Three four.", (0, 5), 9)
    first = heard_sentence([one], 50, RATE, "en")
    assert first is not None
    assert first.word == (0, 3)


def test_without_word_times_the_sentence_is_found_by_its_share() -> None:
    heard = heard_sentence([piece("One two three. Four five six.", 0, 8000)], 7000, RATE, "en")
    assert heard is not None
    assert (heard.text, heard.word) == ("Four five six.", None)
    assert heard_sentence([], 0, RATE, "en") is None


CLAUSES = [
    piece("One clause of it,", 0, 2000),
    piece("and the rest of it.", 2000, 3000),
    piece("Another one.", 5000, 3000),
]


def test_a_piece_that_goes_on_with_a_sentence_begins_none() -> None:
    assert goes_on(CLAUSES[0], CLAUSES[1], "en")
    assert not goes_on(CLAUSES[1], CLAUSES[2], "en")
    assert start_after(CLAUSES, 100, RATE, "en") == 5000
    assert start_before(CLAUSES, 4000, RATE, "en", BARELY) == 0
    for frame in (100, 2500):
        heard = heard_sentence(CLAUSES, frame, RATE, "en")
        assert heard is not None
        assert heard.text == "One clause of it, and the rest of it."


def test_a_line_ends_a_sentence() -> None:
    heading, after = piece("Chapter 1", 0, 900), piece("It rained.", 900, 900)
    assert goes_on(heading, after, "en")
    after = Piece(replace(after.passage, before="\n"), 900, 900)
    assert not goes_on(heading, after, "en")


def test_the_edges_of_sentences_leave_white_space_and_marks_out() -> None:
    text = "One.  Two!\n\n*\nThree?"
    assert [text[a:b] for a, b in sentence_edges(text, "en")] == ["One.", "Two!", "*\nThree?"]
    assert sentence_edges("…", "en") == ((0, 1),)
