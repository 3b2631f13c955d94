from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamplay.words.text import (
    FIRST_SECONDS,
    LONGEST,
    SentenceCutter,
    pieces,
    sentence_ends,
)
from streamplay.words.token_pace import LONGEST_QUIET_SECONDS, QUIET_SECONDS, UNKNOWN_SECONDS

# Everything that ends a sentence, what may stand around it, and the rest of the world.
TEXT = st.text(
    st.one_of(
        st.sampled_from(list("abD1 .,;!?…\"'”’»)]\n\r\t。！？，」』）好।")),
        st.characters(codec="utf-8"),
    ),
    max_size=60,
)


def cut(*parts: str, language: str = "en") -> list[str]:
    cutter = SentenceCutter(language)
    sentences = [sentence for part in parts for sentence in cutter.feed(part)]
    return [*sentences, *cutter.finish()]


def squeezed(text: str) -> str:
    return "".join(text.split())


@settings(max_examples=120, deadline=None)
@given(TEXT, st.lists(st.integers(0, 60), max_size=6))
def test_the_cuts_do_not_depend_on_how_the_text_arrives(text: str, places: list[int]) -> None:
    edges = [0, *sorted(min(place, len(text)) for place in places), len(text)]
    parts = [text[begin:end] for begin, end in itertools.pairwise(edges)]
    whole = cut(text)
    assert cut(*parts) == whole
    assert cut(*text) == whole


@settings(max_examples=100, deadline=None)
@given(TEXT)
def test_nothing_is_lost_but_white_space(text: str) -> None:
    sentences = cut(text)
    assert squeezed("".join(sentences)) == squeezed(text)
    assert all(sentence == sentence.strip() != "" for sentence in sentences)


@settings(max_examples=100, deadline=None)
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
        ("Wait... what?! Yes.", ["Wait... what?!", "Yes."]),
        ("Pi is 3.14, more or less.", ["Pi is 3.14, more or less."]),
        ("Dr. Smith saw J. R. Tolkien. So?", ["Dr. Smith saw J. R. Tolkien.", "So?"]),
        ("a line\nanother\n\n\nlast", ["a line", "another", "last"]),
        (" \n \t ", []),
        ("", []),
    ],
)
def test_sentences_are_cut_where_they_end(text: str, sentences: list[str]) -> None:
    assert cut(text) == sentences


@pytest.mark.parametrize(
    ("language", "text", "sentences"),
    [
        ("zh", "你好。「再见！」好", ["你好。", "「再见！」", "好"]),
        ("zh-CN", "你好。Hello there. 好", ["你好。", "Hello there.", "好"]),
        ("ja", "今日は。明日は？", ["今日は。", "明日は？"]),
        ("hi", "यह एक है। यह दो है। हाँ", ["यह एक है।", "यह दो है।", "हाँ"]),
        ("de", "Am 3. Mai kam Dr. Frank. Ja.", ["Am 3. Mai kam Dr. Frank.", "Ja."]),
        ("fr", "Bonjour ! Ça va ? Oui.", ["Bonjour !", "Ça va ?", "Oui."]),
        ("pt_BR", "O Sr. Silva veio. Sim.", ["O Sr. Silva veio.", "Sim."]),
        ("tlh", "One. Two.", ["One.", "Two."]),
    ],
)
def test_each_language_has_its_rules(language: str, text: str, sentences: list[str]) -> None:
    assert cut(text, language=language) == sentences
    assert cut(*text, language=language) == sentences


def test_the_first_piece_may_be_a_clause_and_the_others_are_sentences() -> None:
    text = "Well, that is good to hear, is it not? It is, my friend, so it is. Yes"
    sentences = ["Well, that is good to hear,", "is it not?", "It is, my friend, so it is.", "Yes"]
    assert cut(text) == sentences


def test_a_clause_of_syllables_is_as_long_as_one_of_letters() -> None:
    assert cut("你好，朋友，很高兴见到你，真的。") == ["你好，朋友，很高兴见到你，", "真的。"]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Sure, I can help you with that,", "Sure, I can help you with that,"),
        ("很高兴见到你们大家，", "很高兴见到你们大家，"),
        ("All of them together are 12,", ""),  # it may be 12,000
        ('"I can help you with that,', ""),  # the quotation's end belongs to it
        ("“I can help you with that,", ""),
        ("He said 'I can help you,", ""),
        ("So I can't help you with that,", "So I can't help you with that,"),
        ("See the page http:", ""),
        ("See https://example.com/a,", ""),  # the address may go on
        ("We have not met since last March,", ""),  # 2026
        ("Nous ne nous voyons que vendredi,", ""),  # 28 novembre
        ("A hydrocarbon that we call N,", ""),  # N-dimethyl
    ],
)
def test_the_first_clause_leaves_with_its_comma_where_that_can_be_nothing_else(
    text: str, first: str
) -> None:
    assert "".join(SentenceCutter().feed(text)) == first


def test_a_sentence_leaves_with_the_word_behind_it() -> None:
    cutter = SentenceCutter()
    assert list(cutter.feed("One? ")) == []
    assert list(cutter.feed("T")) == ["One?"]
    assert list(cutter.feed("wo? Thr")) == []
    assert list(cutter.feed("ee ")) == ["Two?"]
    assert list(cutter.feed("\n")) == ["Three"]
    assert list(cutter.finish()) == []


def test_a_full_stop_waits_for_the_whole_word_behind_it() -> None:
    cutter = SentenceCutter("de")
    assert list(cutter.feed("Am 3. M")) == []
    assert list(cutter.feed("ai da. Und ")) == ["Am 3. Mai da."]


def test_the_first_phrase_is_held_back_no_longer_than_the_deadline() -> None:
    cutter = SentenceCutter()
    assert cutter.deadline is None
    assert list(cutter.feed("All of it is sa", 10.0)) == []
    assert list(cutter.feed("id", 10.2)) == []
    assert cutter.deadline == 10.0 + FIRST_SECONDS
    assert list(cutter.expire(10.4)) == []
    assert list(cutter.expire(cutter.deadline)) == []  # "All of it" is too short for now
    assert cutter.deadline == 10.0 + 4 * FIRST_SECONDS
    assert list(cutter.expire(cutter.deadline)) == ["All of it"]
    assert list(cutter.feed(" now? Ne", 12.5)) == ["is said now?"]


def test_a_phrase_that_comes_behind_the_deadline_leaves_at_once() -> None:
    cutter = SentenceCutter()
    list(cutter.feed("The value", 0.0))
    assert list(cutter.expire(FIRST_SECONDS)) == []
    assert list(cutter.feed(" of pi", 0.7)) == []
    assert list(cutter.feed(" is", 0.8)) == ["The value of pi"]


def test_a_slow_model_is_given_more_time_each_time() -> None:
    cutter = SentenceCutter()
    list(cutter.feed("Somebody else has t", 0.0))
    assert list(cutter.expire(FIRST_SECONDS)) == ["Somebody else"]
    assert cutter.deadline == FIRST_SECONDS + 2 * FIRST_SECONDS


def test_half_a_word_is_never_said() -> None:
    cutter = SentenceCutter()
    list(cutter.feed("Incompre", 0.0))
    assert list(cutter.expire(1.0)) == []
    assert list(cutter.expire(2.0)) == []
    assert cutter.deadline is None
    assert list(cutter.feed("hensible", 2.1)) == []
    assert list(cutter.finish()) == ["Incomprehensible"]


def test_a_sentence_leaves_when_nothing_follows_it_for_a_while() -> None:
    cutter = SentenceCutter()
    assert list(cutter.feed("One! Two. ", 5.0)) == ["One!"]
    assert cutter.deadline == 5.0 + QUIET_SECONDS
    assert list(cutter.expire(5.0 + QUIET_SECONDS)) == ["Two."]
    assert cutter.deadline is None
    list(cutter.feed("Later Mr.", 7.0))
    assert cutter.deadline is None  # after an abbreviation there is more to come


def test_a_sentence_whose_next_word_has_only_begun_leaves_too() -> None:
    cutter = SentenceCutter()
    assert list(cutter.feed("It is done now. An", 0.0)) == []
    assert list(cutter.expire(QUIET_SECONDS)) == ["It is done now."]
    assert list(cutter.feed("d more.", 1.0)) == []
    assert list(cutter.finish()) == ["And more."]


@pytest.mark.parametrize("text", ["Pi is 3.", "It is 22,", "At 10:", "The U.", "At 9 a.m.", "1."])
def test_what_may_go_on_in_the_next_token_is_not_said_before_that(text: str) -> None:
    cutter = SentenceCutter()
    now = 0.0
    for character in text:
        now += 0.4
        assert list(cutter.feed(character, now)) == []
    while cutter.deadline is not None:
        assert list(cutter.expire(cutter.deadline)) == []
    assert list(cutter.finish()) == [text]


def test_a_slow_model_has_paused_only_after_several_of_its_tokens() -> None:
    cutter = SentenceCutter()
    for at, token in enumerate((" what", " is", " that", "?")):
        list(cutter.feed(token, at * 0.5))
    assert list(cutter.expire(1.5)) == []
    assert list(cutter.expire(2.0)) == []  # the deadlines of the first words
    assert cutter.deadline == 1.5 + UNKNOWN_SECONDS
    assert list(cutter.feed("!", 2.0)) == []
    assert cutter.deadline == 2.0 + 4 * 0.5
    assert list(cutter.expire(4.0)) == ["what is that?!"]


def test_nothing_is_known_of_a_model_that_has_sent_one_token() -> None:
    cutter = SentenceCutter()
    list(cutter.feed("Wait.", 0.0))
    assert cutter.deadline == FIRST_SECONDS  # a phrase there may be before that
    assert list(cutter.expire(FIRST_SECONDS)) == []
    assert cutter.deadline == UNKNOWN_SECONDS
    assert list(cutter.expire(UNKNOWN_SECONDS)) == ["Wait."]


def test_a_program_that_writes_sentences_does_not_have_to_wait_for_a_model() -> None:
    cutter = SentenceCutter()
    list(cutter.feed("Here I am.", 0.0))
    assert list(cutter.expire(QUIET_SECONDS)) == ["Here I am."]
    list(cutter.feed("It is half past 5.", 60.0))
    assert cutter.deadline == 60.0 + LONGEST_QUIET_SECONDS  # it may be 5.30


@pytest.mark.parametrize(
    ("text", "longest", "parts"),
    [
        ("One two. Three four five.", 20, ["One two.", "Three four five."]),
        ("one two three four", 9, ["one two", "three", "four"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("It costs about 1 234 567 euros.", 24, ["It costs", "about 1 234 567 euros."]),
        ("We met, on the 3 May 2026", 20, ["We met,", "on the 3 May 2026"]),
        ("今天天气很好，我们去公园", 10, ["今天天气很好，", "我们去公园"]),
        ("e\u0301e\u0301e\u0301", 3, ["e\u0301", "e\u0301", "e\u0301"]),
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


@pytest.mark.parametrize(
    ("text", "language", "sentences"),
    [
        ("Иә. Не керегі бар? — деді ол. Жоқ.", "kk", ["Иә.", "Не керегі бар? — деді ол.", "Жоқ."]),
        ("One more. . . . Then two.", "en", ["One more. . . .", "Then two."]),
        ("Is it? – Yes. Good.", "en", ["Is it?", "– Yes.", "Good."]),
        ("It is late! 🎉 Come in.", "en", ["It is late!", "🎉 Come in."]),
    ],
)
def test_a_dash_or_a_dot_that_stands_alone_does_not_tell_where_a_sentence_ends(
    text: str, language: str, sentences: list[str]
) -> None:
    assert cut(*text, language=language) == sentences


def test_a_text_that_breaks_off_leaves_its_whole_sentences() -> None:
    for text, whole in (("One. Two", ["One."]), ("One. Two. ", ["One.", "Two."]), ("One", [])):
        cutter = SentenceCutter()
        assert [*cutter.feed(text), *cutter.break_off()] == whole


@pytest.mark.parametrize("space", ["\u00a0", "\u202f", "\u3000", "\u2003", "\u00a0\u202f"])
def test_a_wide_space_before_a_full_stop_is_as_good_as_any(space: str) -> None:
    text = f"It is plan B{space}. " * 3
    assert list(pieces(text, 20)) == [f"It is plan B{space}."] * 3


def test_a_panic_inside_sentencex_leaves_the_text_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    class PanicException(BaseException):
        pass

    def segment(*_: str) -> list[str]:
        raise PanicException

    monkeypatch.setattr("sentencex.segment", segment)
    assert " ".join(pieces("One. Two. Three is said here.", 20)) == "One. Two. Three is said here."


def test_no_blank_line_of_a_long_text_is_lost_whatever_is_read_at_a_time() -> None:
    for length in range(1, 30):  # sentencex reads 10 kB at a time, up to a blank line
        first = f"It begin{'s' * length}."
        text = f"{first}\n\n" + "It goes on.\n\n" * 900
        ends = [0, *sentence_ends(text)]
        assert ends[-1] == len(text)
        said = {text[begin:end].strip() for begin, end in itertools.pairwise(ends)}
        # Two of them together where a part of the text ends.
        assert said <= {first, "It goes on.", "It goes on.\n\nIt goes on.", ""}


@pytest.mark.parametrize("mark", ["\u0301", "\u200d", "\ufe0f"])
def test_a_letter_without_end_is_cut_like_any_other_text(mark: str) -> None:
    """A model that loops may write it: the player makes no request for each of its marks."""
    parts = list(pieces("a" + mark * (3 * LONGEST)))
    assert "".join(parts) == "a" + mark * (3 * LONGEST)
    assert len(parts) <= 4
    cut = "e\u0301" * LONGEST
    assert all(part.startswith("e") for part in pieces(cut))
