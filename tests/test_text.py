from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamplay.text import LONGEST, SentenceCutter, pieces

# Everything that ends a sentence, what may stand around it, and the rest of the world.
TEXT = st.text(
    st.one_of(
        st.sampled_from(list("ab .!?…\"'”’»)]\n\r\t。！？」』）")), st.characters(codec="utf-8")
    ),
    max_size=60,
)


def cut(*parts: str) -> list[str]:
    cutter = SentenceCutter()
    sentences = [sentence for part in parts for sentence in cutter.feed(part)]
    return [*sentences, *cutter.finish()]


def squeezed(text: str) -> str:
    return "".join(text.split())


@settings(max_examples=300, deadline=None)
@given(TEXT, st.lists(st.integers(0, 60), max_size=6))
def test_the_cuts_do_not_depend_on_how_the_text_arrives(text: str, places: list[int]) -> None:
    edges = [0, *sorted(min(place, len(text)) for place in places), len(text)]
    parts = [text[begin:end] for begin, end in itertools.pairwise(edges)]
    whole = cut(text)
    assert cut(*parts) == whole
    assert cut(*text) == whole


@settings(max_examples=200, deadline=None)
@given(TEXT)
def test_nothing_is_lost_but_white_space(text: str) -> None:
    sentences = cut(text)
    assert squeezed("".join(sentences)) == squeezed(text)
    assert all(sentence == sentence.strip() != "" for sentence in sentences)


@settings(max_examples=200, deadline=None)
@given(TEXT, st.integers(1, 30))
def test_a_piece_is_never_longer_than_the_limit_nor_empty(text: str, longest: int) -> None:
    parts = list(pieces(text, longest))
    assert all(0 < len(part) <= longest and part == part.strip() for part in parts)
    assert squeezed("".join(parts)) == squeezed(text)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ('He said "Go." Then left.', ['He said "Go."', "Then left."]),
        ("Wait... what?! Yes.", ["Wait...", "what?!", "Yes."]),
        ("Pi is 3.14, more or less.", ["Pi is 3.14, more or less."]),
        ("a line\nanother\n\n\nlast", ["a line", "another", "last"]),
        ("你好。「再见！」好", ["你好。", "「再见！」", "好"]),
        (" \n \t ", []),
        ("", []),
    ],
)
def test_sentences_are_cut_where_they_end(text: str, sentences: list[str]) -> None:
    assert cut(text) == sentences


def test_a_sentence_leaves_as_soon_as_it_is_whole() -> None:
    cutter = SentenceCutter()
    assert list(cutter.feed("One. ")) == ["One."]
    assert list(cutter.feed("Two")) == []
    assert list(cutter.feed("\n")) == ["Two"]
    assert list(cutter.finish()) == []


@pytest.mark.parametrize(
    ("text", "longest", "parts"),
    [
        ("One two. Three four five.", 20, ["One two.", "Three four five."]),
        ("one two three four", 9, ["one two", "three", "four"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("short", 9, ["short"]),
    ],
)
def test_a_long_text_is_cut_at_a_sentence_then_at_a_space_then_anywhere(
    text: str, longest: int, parts: list[str]
) -> None:
    assert list(pieces(text, longest)) == parts


def test_a_sentence_beyond_the_limit_is_sent_in_pieces() -> None:
    words = "word " * LONGEST
    sentences = cut(words + ". Next.")
    assert max(map(len, sentences)) <= LONGEST
    assert len(sentences) > 4
    assert sentences[-1] == "Next."
    assert re.sub(r"\s+", "", "".join(sentences)).startswith("wordword")
