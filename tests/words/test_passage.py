"""What is spoken leads back to the text that was given, for any text and any cut into parts."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamplay.words.boundaries import is_spoken
from streamplay.words.passage import GivenText, Passage, SpokenText
from streamplay.words.sources import Manner, sentences, whole

TEXT = st.text(
    st.one_of(
        st.sampled_from(list("abD1  .,;!?…\"'”»)\n\n*_`[](<>-#|。！你好🎉")),
        st.characters(codec="utf-8"),
    ),
    max_size=80,
)
PLACES = st.lists(st.integers(0, 80), max_size=8)


def parts_of(text: str, places: list[int]) -> list[str]:
    edges = [0, *sorted(min(place, len(text)) for place in places), len(text)]
    return [text[begin:end] for begin, end in itertools.pairwise(edges)]


def passages(parts: list[str], manner: Manner, told: GivenText | None = None) -> list[Passage]:
    async def gather() -> list[Passage]:
        return [passage async for passage in sentences(iter(parts), manner, told)]

    return asyncio.run(gather())


def check(found: list[Passage], text: str) -> None:
    """Spans are monotone and cover the text; all but the last can be spoken."""
    assert "".join(text[each.start : each.stop] for each in found) == text
    assert [each.start for each in found[1:]] == [each.stop for each in found[:-1]]
    assert all(is_spoken(each.text) and each.text == each.text.strip() for each in found[:-1])
    for each in found:
        assert each.start <= each.end <= each.stop
        places = [each.place(at) for at in range(len(each.text))]
        assert places == sorted(places)
        assert all(each.start <= place < each.stop for place in places)
        ends = [each.end_of(length) for length in range(1, len(each.text) + 1)]
        assert ends == sorted(ends)
        assert all(each.start <= end <= each.end for end in ends)


@settings(max_examples=150, deadline=None)
@given(TEXT, PLACES, st.sampled_from(["en", "de", "zh", "hi"]))
def test_the_spans_of_a_stream_are_its_text(text: str, places: list[int], language: str) -> None:
    told = GivenText()
    found = passages(parts_of(text, places), Manner(language), told)
    check(found, text)
    assert (told.length, told.ended, told.after(0)) == (len(text), True, text)
    for each in found:
        assert [text[each.place(at)] for at in range(len(each.text))] == list(each.text)
    assert "".join(each.before + each.text for each in found).strip() == text.strip()


@settings(max_examples=100, deadline=None)
@given(TEXT, PLACES)
def test_passages_do_not_depend_on_how_a_text_arrives(text: str, places: list[int]) -> None:
    assert passages(parts_of(text, places), Manner()) == passages([text], Manner())


@settings(max_examples=100, deadline=None)
@given(TEXT, PLACES)
def test_the_spans_of_a_cleaned_text_are_it_too(text: str, places: list[int]) -> None:
    manner = Manner(clean=True)
    found = passages(parts_of(text, places), manner)
    check(found, text)
    assert found == passages([text], manner)
    check(list(whole(text, clean=True)), text)


@settings(max_examples=100, deadline=None)
@given(TEXT)
def test_the_spans_of_one_text_are_it(text: str) -> None:
    found = list(whole(text))
    check(found, text)
    assert [each.text for each in found if each.text] == ([text.strip()] if is_spoken(text) else [])


def test_a_long_text_is_cut_and_its_spans_are_it() -> None:
    text = "This is it, word for word. \n\n" * 2000 + "-" * 9000 + " the end " + "." * 5000
    found = list(whole(text))
    check(found, text)
    assert max(len(each.text) for each in found) <= 4096


@pytest.mark.parametrize("text", ["...", "🎉", "---\n", '"'])
def test_what_cannot_be_spoken_is_no_request(text: str) -> None:
    assert [each.text for each in whole(text)] == [""]
    assert [each.text for each in passages([text], Manner())] == [""]


def test_what_cannot_be_spoken_belongs_to_what_follows_it() -> None:
    found = passages(["The plan.\n\n---\n\n🎉 We start."], Manner())
    assert [(each.text, each.start, each.stop) for each in found] == [
        ("The plan.", 0, 10),
        ("🎉 We start.", 10, 27),
    ]
    assert found[1].before == "\n\n---\n\n"
    found = passages(["We start.\n🎉"], Manner())
    assert [(each.text, each.start, each.stop) for each in found] == [
        ("We start.", 0, 10),
        ("", 10, 11),
    ]


def test_a_run_that_is_not_verbatim_stands_for_its_range() -> None:
    spoken = SpokenText()
    spoken.append("See ", 0, 4)
    spoken.append("example.com", 4, 30)
    spoken.append(" now", 30, 34)
    passage = spoken.take(0, spoken.stop)
    assert passage.text == "See example.com now"
    assert (passage.place(4), passage.place(8), passage.place(15)) == (4, 4, 30)
    assert (passage.end_of(3), passage.end_of(15), passage.end_of(19)) == (3, 30, 34)


def test_what_closes_at_the_end_of_a_line_is_no_part_of_the_rest() -> None:
    text = "- One *item*\n- Another `one`\n\n**Last**"
    found = passages([text], Manner(clean=True))
    assert [text[each.start : each.end].strip() for each in found] == [
        "- One *item*",
        "- Another `one`",
        "**Last**",
    ]


def test_what_closes_behind_a_word_belongs_to_it() -> None:
    spoken = SpokenText()  # a **b** c
    spoken.append("a ", 0, 2)
    spoken.append("b", 4, 5)
    spoken.append(" c", 7, 9)
    passage = spoken.take(0, spoken.stop)
    assert passage.text == "a b c"
    assert passage.end_of(3) == 7
