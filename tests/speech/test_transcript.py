"""What was heard: whole words, exact where their times are known, and marked where they are not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamplay.rules.fields import CHARACTERS_PER_SECOND
from streamplay.speech.transcript import (
    HeardText,
    Piece,
    find_word,
)
from streamplay.speech.transcript import heard_text as told
from streamplay.stream.wire import Words
from streamplay.words.passage import GivenText, Passage, SpokenText

RATE = 24000
HALF = RATE // 2


def piece_of(text: str, start: int, frames: int | None = None, lead: int = 0) -> Piece:
    return Piece(Passage.of(text), start, frames, lead)


def pieces_of(*parts: tuple[str, int, int | None]) -> list[Piece]:
    """Return pieces of one text, with a space between them: (text, start, frames) each."""
    given = " ".join(text for text, _, _ in parts)
    spoken, pieces = SpokenText(), []
    spoken.append(given, 0, len(given))
    for text, start, frames in parts:
        begin = spoken.taken
        stop = min(begin + len(text) + 1, len(given))
        pieces.append(Piece(spoken.take(begin, stop), start, frames))
    return pieces


def heard_text(pieces: list[Piece], frames: int, rate: int) -> tuple[str, bool]:
    said, exact, _ = told(pieces, frames, rate)
    return said, exact


def halves(text: str) -> Words:
    """Return the times of words that take half a second each."""
    words = tuple(word.strip(".,!") for word in text.split())
    starts = tuple(index / 2 for index in range(len(words)))
    return Words(words, starts, tuple(at + 0.5 for at in starts))


def timed(text: str, start: int = 0, frames: int | None = None, *, lead: int = 0) -> Piece:
    piece = piece_of(text, start, frames, lead)
    piece.take(halves(text), RATE)
    return piece


# By the share of frames


@pytest.mark.parametrize(
    ("frames", "text", "exact"),
    [
        (0, "", True),
        (1, "", False),
        (499, "One two", False),
        (999, "One two three.", False),
        (1000, "One two three.", True),
        (1100, "One two three. Four", False),
        (1200, "One two three. Four five.", True),
        (9999, "One two three. Four five.", True),
    ],
)
def test_text_is_heard_by_whole_words(frames: int, text: str, exact: bool) -> None:
    pieces = pieces_of(("One two three.", 0, 1000), ("Four five.", 1000, 200))
    assert heard_text(pieces, frames, RATE) == (text, exact)


def test_an_estimate_goes_through_no_character_that_is_written_with_several() -> None:
    seen = ["กิ", "น", "ที่", "👨‍👩‍👧", "👍🏽", "🇩🇪", "🇫🇷", "e\u0301", "नि", "字"] * 8
    edges = {sum(map(len, seen[:count])) for count in range(len(seen) + 1)}
    piece = piece_of("".join(seen), 0, RATE)
    lengths = {len(heard_text([piece], frames, RATE)[0]) for frames in range(0, RATE, 99)}
    assert lengths <= edges
    assert len(lengths) > 20


def test_a_piece_that_is_still_coming_is_estimated_by_the_pace_of_speech() -> None:
    text = "word " * 30
    half = round(len(text) / 2 / CHARACTERS_PER_SECOND * RATE)
    said, exact = heard_text([piece_of(text, 0)], half, RATE)
    assert said == ("word " * 15).strip()
    assert not exact
    assert heard_text([piece_of(text, 0)], 100 * half, RATE) == (text.strip(), False)


def test_words_end_at_any_white_space() -> None:
    assert heard_text([piece_of("one\ntwo\tthree", 0, 130)], 100, RATE)[0] == "one\ntwo"


def test_a_piece_without_any_sound_is_said_with_what_follows_it() -> None:
    pieces = pieces_of(("One.", 0, 100), ("...", 100, 0), ("Two.", 100, 100))
    assert heard_text(pieces, 100, RATE) == ("One.", True)
    assert heard_text(pieces, 200, RATE) == ("One. ... Two.", True)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40), st.integers(1, 500), st.integers(0, 600), st.booleans())
def test_what_was_heard_is_a_beginning_of_the_text(
    text: str, length: int, frames: int, whole: bool
) -> None:
    said, exact = heard_text([piece_of(text, 0, length if whole else None)], frames, RATE)
    assert text.startswith(said)
    assert exact == (frames == 0 or (whole and frames >= length))


def test_chinese_is_cut_between_its_characters() -> None:
    piece = piece_of("你好，今天天气很好。我们去公园吧。", 0, 1700)
    said, exact = heard_text([piece], 500, RATE)
    assert (said, exact) == ("你好，今天", False)


def test_a_script_without_white_space_is_cut_and_not_left_out() -> None:
    text = "สวัสดีครับวันนี้อากาศดีมากเราไปเดินเล่นที่สวนสาธารณะกันเถอะครับผม"
    said, exact = heard_text([piece_of(text, 0, 1000)], 900, RATE)
    assert text.startswith(said)
    assert len(said) > 0.8 * len(text)
    assert not exact


# By the times of words


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0.2, ""),
        (0.6, "One"),
        (1.4, "One"),
        (1.6, "One two,"),
        (2.9, "One two, three."),
    ],
)
def test_a_word_is_heard_once_half_of_it_was(count: float, text: str) -> None:
    piece = timed("One two, three.", frames=3 * HALF)
    assert heard_text([piece], round(count * HALF), RATE) == (text, True)


def test_words_are_counted_from_the_beginning_of_their_piece() -> None:
    pieces = pieces_of(("One two.", 0, RATE), ("Three four.", RATE, RATE))
    for piece in pieces:
        piece.take(halves(piece.text), RATE)
    assert heard_text(pieces, RATE + 400, RATE) == ("One two.", True)
    assert heard_text(pieces, RATE + HALF, RATE) == ("One two. Three", True)


def test_what_was_trimmed_from_the_beginning_counts_in_the_times_of_words() -> None:
    piece = timed("One two three.", frames=2 * HALF, lead=HALF)
    assert heard_text([piece], 100, RATE) == ("One", True)
    assert heard_text([piece], 100 + HALF, RATE) == ("One two", True)


def test_what_is_heard_beyond_the_times_that_have_come_is_estimated() -> None:
    piece = piece_of("One two three four five six.", 0)
    piece.take(Words(("One", "two"), (0.0, 0.5), (0.5, 1.0)), RATE)
    assert heard_text([piece], HALF, RATE) == ("One", True)
    assert heard_text([piece], 3 * HALF, RATE)[1] is False
    piece.frames = 8 * HALF  # all has come: there are no more times
    assert heard_text([piece], 3 * HALF, RATE) == ("One two", True)


def test_a_word_that_is_written_otherwise_is_passed_over() -> None:
    piece = piece_of("It is 12 already.", 0, 4 * HALF)
    times = (0.0, 0.5, 1.0, 1.5)
    piece.take(
        Words(("It", "is", "twelve", "already"), times, tuple(at + 0.5 for at in times)), RATE
    )
    assert heard_text([piece], 3 * HALF, RATE) == ("It is", True)
    assert heard_text([piece], round(3.8 * HALF), RATE) == ("It is 12 already.", True)


def test_the_same_word_twice_is_found_twice() -> None:
    piece = timed("No, no, not that no!", frames=6 * HALF)
    assert heard_text([piece], round(4.8 * HALF), RATE) == ("No, no, not that no!", True)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40), st.integers(1, 40 * HALF), st.integers(0, 40 * HALF))
def test_by_words_too_it_is_a_beginning_of_the_text(text: str, length: int, frames: int) -> None:
    said, _ = heard_text([timed(text, frames=length)], frames, RATE)
    assert text.startswith(said)


# Where it stands in the text that was given


@pytest.mark.parametrize(
    ("frames", "offset"),
    [(0, 0), (1, 0), (499, 9), (999, 16), (1000, 16), (1100, 21), (1199, 28), (1200, 29)],
)
def test_what_was_heard_ends_somewhere_in_the_given_text(frames: int, offset: int) -> None:
    given = "  One two three. Four  five. "
    spoken, pieces = SpokenText(), []
    spoken.append(given, 0, len(given))
    for stop, start, length in ((17, 0, 1000), (len(given), 1000, 200)):
        pieces.append(Piece(spoken.take(spoken.taken, stop), start, length))
    told_of = GivenText(given)
    heard = told(pieces, frames, RATE, told_of)
    assert heard.offset == offset
    assert given[: heard.offset].strip() == heard.text.strip()
    assert given[: heard.offset] + told_of.after(heard.offset) == given


def test_what_has_not_been_read_yet_is_no_rest() -> None:
    given = GivenText()
    given.append("One two. And so")
    heard = told(pieces_of(("One two.", 0, 100)), 100, RATE, given)
    assert (heard.offset, given.after(heard.offset)) == (8, " And so")


@pytest.mark.parametrize(
    ("text", "words", "places"),
    [
        ("One, two.", ["One", "two"], [0, 5]),
        ("one (two) three", ["One,", "two", "three."], [0, 5, 10]),
        ("It is 12 now.", ["It", "is", "twelve", "now"], [0, 3, 6, 9]),
        ("an apple and a pear", ["an", "apple", "a", "pear"], [0, 3, 13, 15]),
        ("20.5% of 10km", ["20.5", "percent", "of", "10", "km"], [0, 6, 6, 9, 11]),
        ("今天天气", ["今天", "天气"], [0, 2]),
        ("one", ["...", "one"], [0, 0]),
        ("", ["one"], [0]),
    ],
)
def test_each_word_is_found_where_it_stands(text: str, words: list[str], places: list[int]) -> None:
    piece = piece_of(text, 0)
    times = tuple(map(float, range(len(words))))
    piece.take(Words(tuple(words), times, times), RATE)
    assert [piece.place(word) for word in piece.words] == places


@given(st.text(max_size=40), st.text(max_size=10), st.integers(0, 40))
def test_a_word_is_found_in_the_text_or_stands_before_the_next(
    text: str, word: str, begin: int
) -> None:
    found, end = find_word(text, word, min(begin, len(text)))
    assert min(begin, len(text)) <= found <= end <= len(text)
    assert found == end or text[found:end].lower() in word.lower()


def test_what_was_heard_can_be_compared() -> None:
    assert HeardText("One", exact=True, offset=3) == told([timed("One", 0, HALF)], HALF, RATE)
