"""When sentences are heard: with word times and without, trimmed, joined, in a file and played."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamplay.speech.cues import Timeline, timed_sentences
from streamplay.speech.transcript import NOT_YET, Piece, TimedWord
from streamplay.words.passage import Passage
from streamplay.words.subtitles import Cue, cues_of

RATE = 1000


def piece(text: str, start: int, frames: int | None, *, kept: int = 0, lead: int = 0) -> Piece:
    made = Piece(replace(Passage.of(text), before=" "), start, frames, lead)
    made.kept = [(0, kept)]
    return made


def timed(made: Piece, *times: tuple[float, float]) -> Piece:
    at = 0
    for text, (start, stop) in zip(made.text.split(), times, strict=True):
        at = made.text.index(text, at)
        made.words.append(TimedWord(text, start, stop, at, at + len(text)))
        at += len(text)
    return made


def cues(pieces: list[Piece], end: int, *, in_file: bool = True) -> list[Cue]:
    return cues_of(timed_sentences(Timeline(pieces, RATE, end, in_file=in_file), "en"))


def test_word_times_tell_when_each_sentence_of_a_piece_is_heard() -> None:
    one = timed(piece("One two. Three.", 0, 4000), (0.2, 0.5), (0.6, 1.0), (2.0, 2.5))
    assert cues([one], 4000) == [Cue("One two.", 0.2, 1.0), Cue("Three.", 2.0, 2.5)]


def test_without_word_times_each_piece_is_shown_while_it_lasts() -> None:
    pieces = [piece("One two.", 0, 2000), piece("Three.", 2000, 1500, kept=2000)]
    assert cues(pieces, 3500) == [Cue("One two.", 0, 2), Cue("Three.", 2, 3.5)]


def test_several_sentences_of_a_piece_without_word_times_share_its_time() -> None:
    first, second = cues([piece("One two. Three four.", 0, 2000)], 2000)
    assert (first.text, second.text) == ("One two.", "Three four.")
    assert (first.begin, second.stop) == (0, pytest.approx(2))
    assert 0.7 < first.stop <= second.begin < 1.1


def test_a_sentence_of_which_a_clause_came_first_is_one() -> None:
    pieces = [piece("One clause,", 0, 1000), piece("and the rest.", 1000, 1500, kept=1000)]
    assert cues(pieces, 2500) == [Cue("One clause, and the rest.", 0, pytest.approx(2.5))]


def test_what_is_played_has_no_trimmed_silence_and_the_file_has_it() -> None:
    # 500 frames of silence were cut: 300 from the first one's end, 200 from the next one's lead.
    first = timed(piece("One.", 0, 1700), (0.1, 0.5))
    second = timed(piece("Two.", 1700, 1000, kept=2000, lead=200), (0.2, 0.6))
    assert cues([first, second], 3200) == [
        Cue("One.", 0.1, 0.5),
        Cue("Two.", 2.2, pytest.approx(2.6)),
    ]
    assert cues([first, second], 2700, in_file=False) == [
        Cue("One.", 0.1, 0.5),
        Cue("Two.", pytest.approx(1.7), pytest.approx(2.1)),
    ]


def test_where_another_server_went_on_the_file_holds_what_was_dropped_too() -> None:
    one = timed(piece("One two.", 0, 2500), (0.1, 0.5), (1.2, 1.6))
    one.kept.append((1000, 1800))  # 800 frames were dropped after the first 1000
    (only,) = cues([one], 3300)
    assert (only.begin, only.stop) == (0.1, pytest.approx(2.4))


def test_what_broke_off_ends_with_what_came_and_what_has_not_begun_is_left_out() -> None:
    pieces = [piece("One two.", 0, None), piece("Never.", NOT_YET, None)]
    assert cues(pieces, 700) == [Cue("One two.", 0, pytest.approx(0.7))]
    heard = [piece("One.", 0, 1000), piece("Two.", 1000, 1000, kept=1000)]
    assert [cue.text for cue in cues(heard, 1000, in_file=False)] == ["One."]
