from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamplay.server import espeak, speech
from streamplay.server import order as orders
from streamplay.server.sentences import split
from tests.support.server import asking


def spoken(
    text: str, samplerate: int, **fields: object
) -> tuple[np.ndarray, list[speech.SpeechWord]]:
    order = orders.read(asking(text, **fields))
    pieces = list(speech.pieces(order, samplerate))
    frames = np.concatenate([piece.frames for piece in pieces])
    return frames, [word for piece in pieces for word in piece.words]


def test_sentences_are_pieces_of_their_own() -> None:
    assert split("One. Two! Three? Four… Five") == [
        "One.",
        "Two!",
        "Three?",
        "Four…",
        "Five",
    ]
    assert split("第一。第二！") == ["第一。", "第二！"]


def test_a_full_stop_that_shortens_a_word_ends_no_sentence() -> None:
    whole = "Dr. Smith met J. K. Rowling at 5 p.m. on Oct. 3, e.g. at No. 7 of the U.S. government."
    assert split(whole, "never") == split(whole) == [whole]
    assert split("It is 5 p.m. We go. So be it.") == ["It is 5 p.m.", "We go.", "So be it."]


def test_clauses_are_pieces_where_that_is_asked() -> None:
    assert split("One, two; three.", "immediate") == ["One,", "two;", "three."]
    assert split("One. Two.", "never") == ["One. Two."]


def test_a_long_first_sentence_begins_with_its_first_clause() -> None:
    rest = "and this goes on for quite a while, as sentences do when nobody stops them, and on."
    assert split(f"It begins, and goes on, {rest}") == [
        "It begins,",
        f"and goes on, {rest}",
    ]


@given(st.text(max_size=1200), st.sampled_from(["sentence", "immediate", "never"]))
def test_no_piece_is_long_and_no_letter_is_lost(text: str, segment: str) -> None:
    parts = split(text, segment)
    assert all(0 < len(part) <= 300 for part in parts)
    letters = [character for character in text if character.isalnum()]
    assert [character for part in parts for character in part if character.isalnum()] == letters


@pytest.mark.parametrize("samplerate", [8000, 22050, 24000, 48000])
def test_any_rate_lasts_equally_long(samplerate: int) -> None:
    frames, words = spoken("One two. Three four.", samplerate)
    native, _ = spoken("One two. Three four.", 22050)
    assert abs(len(frames) / samplerate - len(native) / 22050) < 0.001
    assert [word.text for word in words] == ["One", "two", "Three", "four"]


def test_word_times_follow_each_other_to_the_end_of_the_sound() -> None:
    frames, words = spoken("One two. Three four.", 24000)
    assert all(a.start < a.end <= b.start for a, b in pairwise(words))
    assert abs(words[-1].end - len(frames) / 24000) < 0.002


def test_words_stand_where_they_sound() -> None:
    frames, words = spoken("One. Two.", espeak.SAMPLERATE)
    alone, _ = spoken("Two.", espeak.SAMPLERATE)
    start = round(words[1].start * espeak.SAMPLERATE)
    # SpeechWord times have milliseconds, 22 frames.
    shifts = [frames[start + shift : start + shift + len(alone)] for shift in range(-22, 23)]
    assert any(np.array_equal(shifted, alone) for shifted in shifts)


def test_what_begins_later_counts_from_there() -> None:
    order = orders.read(asking("One two."))
    early, late = (next(speech.pieces(order, 24000, begin)) for begin in (0.0, 1.5))
    assert [word.start + 1.5 for word in early.words] == [word.start for word in late.words]


def test_warming_up_needs_nothing_and_gives_nothing() -> None:
    assert speech.warm() is None


def test_a_text_without_sentences_is_cut_between_words() -> None:
    words = [f"word{number}" for number in range(200)]
    parts = split(" ".join(words))
    assert " ".join(parts).split() == words
    assert split("x" * 700) == ["x" * 300, "x" * 300, "x" * 100]
