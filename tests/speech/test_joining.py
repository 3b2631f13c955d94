"""Where another server goes on: the invariant of `streamplay.speech.joining`, for any words."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from streamplay.speech.joining import WHOLE_SECONDS, find_join
from streamplay.speech.transcript import HeardText, Join, Piece, heard_text
from streamplay.stream.wire import Words
from streamplay.words.passage import Passage

RATE = 1000
SLACK = round(WHOLE_SECONDS * RATE)


class Spoken(NamedTuple):
    """A text as a server speaks it: where each word begins and ends, in frames."""

    words: list[str]
    spans: list[tuple[int, int]]

    @property
    def text(self) -> str:
        return " ".join(self.words)

    def piece(self, told: int, lead: int = 0) -> Piece:
        """Return the piece of it, with the times of the first `told` words."""
        piece = Piece(Passage.of(self.text), 0, lead=lead)
        starts = tuple((start + lead) / RATE for start, _ in self.spans[:told])
        stops = tuple((stop + lead) / RATE for _, stop in self.spans[:told])
        piece.take(Words(tuple(self.words[:told]), starts, stops), RATE)
        return piece


@st.composite
def spoken(draw: st.DrawFn) -> Spoken:
    count = draw(st.integers(1, 12))
    # Each word is another one, and some have marks: "w3x," is said as "w3x".
    words = [f"w{index}x" + draw(st.sampled_from(["", "", ",", "."])) for index in range(count)]
    spans, at = [], draw(st.integers(0, 200))
    for _ in words:
        stop = at + draw(st.integers(2 * SLACK + 1, 600))
        spans.append((at, stop))
        at = stop + draw(st.sampled_from([0, 0, 0, 150]))
    return Spoken(words, spans)


@st.composite
def broken_off(draw: st.DrawFn) -> tuple[Spoken, int, int]:
    said = draw(spoken())
    got = draw(st.integers(0, said.spans[-1][1] + 300))
    return said, got, draw(st.integers(0, got))


def check_places(said: Spoken, join: Join, got: int, fixed: int) -> None:
    assert fixed <= join.frames <= got
    rest = said.text[join.length :]
    assert not rest or said.text.split()[-len(rest.split()) :] == rest.split()


@given(broken_off())
def test_every_word_is_heard_whole_or_asked_for_again_and_none_twice(
    case: tuple[Spoken, int, int],
) -> None:
    said, got, fixed = case
    join = find_join(said.piece(len(said.words)), got, fixed, RATE)
    check_places(said, join, got, fixed)
    assert join.exact
    asked = said.text[join.length :].split()
    for word, (start, stop) in zip(said.words, said.spans, strict=True):
        whole = join.frames >= stop - SLACK
        assert whole != (word in asked), (word, join)
        if word in asked:  # not begun, but for the one that the output is in the middle of
            assert join.frames <= start or join.frames == fixed


@given(broken_off(), st.data())
def test_times_that_do_not_reach_the_end_are_exact_or_told_as_inexact(
    case: tuple[Spoken, int, int], data: st.DataObject
) -> None:
    said, got, fixed = case
    told = data.draw(st.integers(0, len(said.words)))
    join = find_join(said.piece(told), got, fixed, RATE)
    check_places(said, join, got, fixed)
    assume(join.exact)
    asked = said.text[join.length :].split()
    for word, (_, stop) in zip(said.words, said.spans, strict=True):
        assert (join.frames >= stop - SLACK) != (word in asked)


@given(broken_off(), st.lists(st.integers(0, 8000), max_size=5))
def test_without_times_the_place_is_a_word_and_told_as_estimated(
    case: tuple[Spoken, int, int], pauses: list[int]
) -> None:
    said, got, fixed = case
    inside = sorted(at for at in pauses if fixed <= at <= got)
    join = find_join(said.piece(0), got, fixed, RATE, pauses=inside)
    check_places(said, join, got, fixed)
    assert join.exact == (got == 0)


@given(broken_off(), broken_off())
def test_what_is_heard_of_both_servers_is_the_text(
    case: tuple[Spoken, int, int], second: tuple[Spoken, int, int]
) -> None:
    """A second server says the rest, is cut too, and `heard_text` tells of every moment of it."""
    said, got, fixed = case
    piece = said.piece(len(said.words))
    join = find_join(piece, got, fixed, RATE)
    piece.go_on(join)
    rest = said.text[join.length :].split()
    assume(rest)
    length = 200
    starts = tuple(index * length / RATE for index in range(len(rest)))
    stops = tuple((index + 1) * length / RATE for index in range(len(rest)))
    piece.take(Words(tuple(rest), starts, stops), RATE)
    piece.frames = join.frames + len(rest) * length
    for index in range(len(rest) + 1):
        into = join.frames + index * length
        text, exact, offset = heard_text([piece], into, RATE)
        expected = " ".join([*said.words[: len(said.words) - len(rest)], *rest[:index]])
        assert exact or into == 0
        assert said.text[:offset].rstrip() == text == expected.rstrip()
    got = join.frames + min(second[1], len(rest) * length)
    again = find_join(piece, got, min(join.frames + second[2], got), RATE)
    assert join.length <= again.length
    asked = said.text[again.length :].split()
    for index, word in enumerate(rest):
        whole = again.frames >= join.frames + (index + 1) * length - SLACK
        assert whole != (word in asked)


@pytest.mark.parametrize("lead", [0, 120])
def test_a_cut_is_behind_the_last_whole_word(lead: int) -> None:
    said = Spoken(["One,", "two", "three."], [(100, 300), (300, 500), (600, 900)])
    piece = said.piece(3, lead)
    assert find_join(piece, 800, 0, RATE) == Join(500, 9, exact=True)
    assert find_join(piece, 800, 550, RATE) == Join(550, 9, exact=True)
    assert find_join(piece, 800, 650, RATE) == Join(650, 9, exact=True)  # "thr", then "three."
    assert find_join(piece, 950, 650, RATE) == Join(950, 15, exact=True)
    assert find_join(piece, 250, 0, RATE) == Join(0, 0, exact=True)


def test_a_number_that_is_read_otherwise_is_neither_lost_nor_said_twice() -> None:
    piece = Piece(Passage.of("It is 12 already."), 0)
    times = (0.0, 0.2, 0.4, 0.6)
    said = Words(("It", "is", "twelve", "already"), times, tuple(at + 0.2 for at in times))
    piece.take(said, RATE)
    assert find_join(piece, 700, 0, RATE) == Join(600, 9, exact=True)
    assert find_join(piece, 500, 0, RATE) == Join(400, 6, exact=True)
    assert find_join(piece, 500, 450, RATE).length == 6  # "twe", then "12 already."


def test_an_estimate_goes_to_the_clause_that_ends_in_a_pause() -> None:
    text = "Some words are here, and others there. And some more of them."
    piece = Piece(Passage.of(text), 0)
    join = find_join(piece, 2800, 0, RATE, pauses=[1400, 2450], pace=15.0)
    assert join == Join(2450, text.index("And"), exact=False)


def test_a_text_without_white_space_goes_on_where_it_was() -> None:
    piece = Piece(Passage.of("今日は天気がいいですね明日も晴れるでしょう"), 0)
    join = find_join(piece, 2000, 2000, RATE, pace=5.0)
    assert join == Join(2000, 10, exact=False)


def test_what_is_estimated_makes_all_that_follows_inexact() -> None:
    said = Spoken(["One", "two", "three"], [(0, 300), (300, 600), (600, 900)])
    piece = said.piece(0)
    join = find_join(piece, 400, 0, RATE)
    assert not join.exact
    piece.go_on(join)
    rest = said.text[join.length :].split()
    times = tuple(index * 0.3 for index in range(len(rest)))
    piece.take(Words(tuple(rest), times, tuple(at + 0.3 for at in times)), RATE)
    piece.frames = join.frames + 300 * len(rest)
    assert heard_text([piece], piece.frames, RATE) == HeardText(said.text, False, len(said.text))
    assert not heard_text([piece], join.frames + 300, RATE).exact
