"""Markdown made fit to be heard: what is spoken of each construct, however its tokens come."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamplay.words.cleaning import Cleaned
from streamplay.words.markdown import SHORT_CODE

if TYPE_CHECKING:
    from streamplay.words.passage import Said


def clean(*parts: str, language: str = "en") -> str:
    """Return what is spoken of a text in parts, without white space around lines."""
    text = "".join(each.text for each in said(*parts, language=language))
    return "\n".join(line.strip() for line in text.split("\n")).strip("\n")


def said(*parts: str, language: str = "en") -> list[Said]:
    cleaned = Cleaned(language)
    return [each for part in parts for each in cleaned.feed(part)] + [*cleaned.finish()]


LONG_LINE = "A line that is as long as a screen is wide, or nearly so,"
CASES = [
    ("Plain text, as it is.", "Plain text, as it is."),
    ("## A heading ##", "A heading"),
    ("Title\n=====\n\nText", "Title\nText"),
    ("> A quote", "A quote"),
    ("- [x] done\n- [ ] open", "done\nopen"),
    ("- a\n  - b\n\n  more of a\n- c", "a\nb\nmore of a\nc"),
    ("1. one\n2. two\n10) ten", "1. one\n2. two\n10) ten"),
    ("**strong**, *soft*, ***both***, ~~gone~~", "strong, soft, both, gone"),
    ("__strong__ and _soft_", "strong and soft"),
    ("snake_case_name stays", "snake_case_name stays"),
    ("2 * 3 * 4 stays", "2 * 3 * 4 stays"),
    ("2*3*4 stays, and a*b*c and 2**3**4", "2*3*4 stays, and a*b*c and 2**3**4"),
    ("这是**重点**内容。", "这是重点内容。"),
    ("**注意：**内容。他说**“重点”**内容。", "注意：内容。他说“重点”内容。"),
    ("**Note:**text, *a.*b and a*(b)", "Note:text, a.b and a*(b)"),
    ("call `print(x)` and ``a`b`` now", "call print(x) and a`b now"),
    ("An * alone, a _ too, and 5 < 6", "An * alone, a _ too, and 5 < 6"),
    (r"\*not soft\* and &amp; and &copy;", "*not soft* and & and ©"),
    # Links, images, addresses
    ("[the page](https://a.example/b?c=d 'T') is it", "the page is it"),
    ("[](https://user:pass@a.example/b)", "a.example"),
    ("[**strong** link](x) [text][reference] [1]", "strong link text [1]"),
    ("[reference]: https://a.example", ""),
    (" text** and the end](https://u:secret@a.example) of it", "text and the end of it"),
    ("![a picture](x.png) and ![](y.png)", "a picture and Image."),
    ("See https://www.example.com/a/b?c=d#e.", "See example.com."),
    ("(see http://a.example/b_(c))", "(see a.example)"),
    ("<https://example.com/a> is it, or <me@example.com>", "example.com is it, or me@example.com"),
    ("**https://a.example/b** *ftp://b.example*", "a.example b.example"),
    ("https://user:pa*ss*w_or_d@host.example:80/x", "host.example"),
    ("https://user:p/ss@host.example/x", "host.example"),
    ("postgres://u:secret@db:5432/x and redis://:secret@cache", "db and cache"),
    ("ssh me:secret@host.example now", "ssh host.example now"),
    ("mailto:me@example.com, not at 10:30 @me", "me@example.com, not at 10:30 @me"),
    ("[https://u:secret@a.example](https://u:secret@a.example)", "a.example"),
    ("`curl https://u:secret@a.example/b`", "curl a.example"),
    # Code
    (
        "Like this:\n```python\nx = 1\ny = 2\n```\nThat is all.",
        "Like this:\nCode block, python.\nThat is all.",
    ),
    ("```\npip install it\n```", "pip install it"),
    ("```sh\ncurl https://u:secret@a.example\n```", "curl a.example"),
    ("```\nx\ny\n``` That is all.\n\nReally.", "Code block.\nThat is all.\nReally."),
    ("~~~\nx\n```\ny\n~~~\nend", "Code block.\nend"),
    ("````\n```\nx\n```\n````\nend", "Code block.\nend"),
    ("```x = 1``` and so on", "x = 1 and so on"),
    ("```\nx\n\ny", "Code block."),
    ("- Do:\n\n  ```sh\n  a\n\n  b\n  ```\n\n- Done", "Do:\nCode block, sh.\nDone"),
    ("    indented text is read", "indented text is read"),
    # Tables, rules, HTML
    ("| name | age |\n|---|:-:|\n| Bob | 5 |\n| **Eve** | `6` |", "name, age\nBob, 5\nEve, 6"),
    ("a\n\n---\n\nb\n\n* * *\n\nc", "a\nb\nc"),
    ("Text <b>bold</b>, <br>a line<!-- not this -->", "Text bold,\na line"),
    ("<div>Hello <em>you</em> &amp; me</div>\n<script>x()</script>", "Hello you & me"),
    ("a List<String>, a <b and c> d", "a List<String>, a <b and c> d"),
    # Emoji
    ("Well done 🎉👍🏽!", "Well done !"),
    ("👨‍👩‍👧 and 🇩🇪 and 1️⃣", "and and 1"),
    ("20 °C, © 2024, 5 €", "20 °C, © 2024, 5 €"),
    ("क्षमा करें", "क्षमा करें"),
    # Lines
    ("A short line\nand another", "A short line\nand another"),
    (
        "A line that is as long as a screen is wide, or nearly\nso goes on.",
        "A line that is as long as a screen is wide, or nearly so goes on.",
    ),
    (
        "Two spaces end a line, however long it may be, in Markdown  \nso.",
        "Two spaces end a line, however long it may be, in Markdown\nso.",
    ),
    # Reasoning
    ("<think>\nHm, *what*?\n\n```\n</think>\n\nHello.", "Hello."),
    ("Yes. <thinking>No?</thinking> No.", "Yes. No."),
    ("The `<think>` tag is not closed.", "The <think> tag is not closed."),
    ("thought of before</think>Hello.", "thought of beforeHello."),
    ("Hello. <think>and never ended", "Hello."),
    ("word " * 100 + "`<think>` is a tag.", "word " * 100 + "<think> is a tag."),
    ("", ""),
]


@pytest.mark.parametrize(("written", "heard"), CASES)
def test_what_is_only_for_the_eye_is_not_said(written: str, heard: str) -> None:
    assert clean(written) == heard
    assert clean(*written) == heard


@pytest.mark.parametrize("secret", ["secret", "pa*ss*w_or_d", "p/ss@w"])
@pytest.mark.parametrize(
    "frame", ["{}", "**{}**", "`{}`", "<{}>", "[x {}](y)", "> {}", "| {} |\n|---|", "<p>{}</p>"]
)
def test_a_password_is_never_spoken(secret: str, frame: str) -> None:
    written = frame.format(f"https://me:{secret}@host.example/x")
    heard = clean(*f"See {written} and so" if frame[0] not in "|<>" else written)
    assert "host.example" in heard
    assert not any(part in heard for part in ("secret", "ss", "w_or", "me"))


def test_a_block_of_code_is_mentioned_in_the_language_of_the_text() -> None:
    assert clean("```\na\nb\n```", language="de-CH") == "Codeblock."
    assert clean("```rust\na\nb\n```", language="fr") == "Bloc de code, rust."
    assert clean("![](x)", language="tlh") == "Image."


def test_a_long_block_of_code_is_mentioned_before_it_ends() -> None:
    cleaned = Cleaned()
    assert [*cleaned.feed("```py\n" + "x" * SHORT_CODE)] == []
    assert "".join(each.text for each in cleaned.feed("x")) == "Code block, py.\n"
    assert [*cleaned.feed("\nmore\n```\nEnd")] == []
    assert "".join(each.text for each in cleaned.finish()) == "End\n"


def test_neither_long_code_nor_an_open_mark_is_held() -> None:
    for text in ("```py\n" + "x = 1\n" * 9000, "An *open mark " * 3000):
        cleaned = Cleaned()
        for at in range(0, len(text), 50):
            list(cleaned.feed(text[at : at + 50]))
        assert len(cleaned._text) < 5000
        list(cleaned.feed("\n```\n\nEnd."))
        assert "".join(each.text for each in cleaned.finish()).strip().endswith("End.")


def test_a_plain_paragraph_is_spoken_word_by_word() -> None:
    cleaned = Cleaned()
    tokens = ("Sure", ",", " I", " can *", "do", "* that", ".", " `x", "` is", " it.")
    heard = ["".join(each.text for each in cleaned.feed(token)) for token in tokens]
    assert heard == ["", "Sure,", "", " I can", "", " do", "", " that.", " x", " is"]
    assert "".join(each.text for each in cleaned.finish()) == " it.\n"


def test_a_word_that_is_held_back_is_released_at_a_pause() -> None:
    cleaned = Cleaned()
    assert "".join(each.text for each in cleaned.feed("Let me see that.")) == "Let me see"
    assert cleaned.is_holding
    assert "".join(each.text for each in cleaned.release()) == " that."
    assert not cleaned.is_holding
    assert [*cleaned.release()] == []
    assert "".join(each.text for each in cleaned.feed(" **Yes** ")) == " Yes"


@pytest.mark.parametrize("text", ["See https:", "An **open", "- item", "ends with `"])
def test_what_may_be_more_than_a_word_is_not_released(text: str) -> None:
    cleaned = Cleaned()
    list(cleaned.feed(text))
    assert not cleaned.is_holding
    assert [*cleaned.release()] == []


def test_a_long_list_is_spoken_item_by_item() -> None:
    cleaned = Cleaned()
    assert [*cleaned.feed("- one\n")] == []
    assert "".join(each.text for each in cleaned.feed("- ")) == "one\n"


SIGNS = "ab1 2.,\n\n  *_`[]()<>-#|~!:/@\\&x>é你。\t🎉\r\0"
LETTERS = st.text(st.sampled_from(list(SIGNS)), max_size=60)
MARKS = st.lists(
    st.sampled_from(
        [
            "**",
            "*",
            "_",
            "`",
            "```",
            "\n",
            "\n\n",
            " ",
            "- ",
            "1. ",
            "# ",
            "> ",
            "|",
            "a",
            "bar.",
            "[x](y)",
            "[",
            "](z)",
            "<b>",
            "</b>",
            "<",
            "http://u:p@h.c/d",
            "~~",
            "---",
            "===",
            "<think>",
            "</think>",
            "&amp;",
            "!",
            "\\",
            "    ",
            "x,",
            "2*3",
            "<!--",
            "-->",
            "\r\n",
            "enough words for a line that a screen would wrap",
        ]
    ),
    max_size=25,
).map("".join)


@settings(max_examples=120, deadline=None)
@given(st.one_of(LETTERS, MARKS), st.lists(st.integers(0, 80), max_size=6))
def test_what_is_spoken_does_not_depend_on_how_a_text_arrives(text: str, places: list[int]) -> None:
    edges = [0, *sorted(min(place, len(text)) for place in places), len(text)]
    parts = [text[begin:end] for begin, end in itertools.pairwise(edges)]
    whole = clean(text)
    assert clean(*parts) == whole
    assert clean(*text) == whole


@settings(max_examples=120, deadline=None)
@given(st.one_of(LETTERS, MARKS))
def test_what_is_spoken_stands_in_order_where_it_was_given(text: str) -> None:
    stop = 0
    for each in said(*text):
        assert stop <= each.start <= each.stop <= len(text)
        stop = each.stop


WORDS = st.lists(st.sampled_from([f"word{index}" for index in range(30)]), min_size=1, max_size=12)
DRESS = st.sampled_from(
    [
        "{}",
        "**{}**",
        "*{}*",
        "`{}`",
        "~~{}~~",
        "[{}](http://x.y/z)",
        "<b>{}</b>",
        "{},",
        "{}.\n\n",
        "{}\n- ",
        "{}\n\n> ",
        "{}\n\n## ",
        "{}\n",
        "&amp; {}",
        "🎉 {}",
        "\\*{}",
        "{} <think>no</think>",
    ]
)


@settings(max_examples=80, deadline=None)
@given(WORDS, st.data())
def test_each_spoken_word_leads_to_where_it_stands(words: list[str], data: st.DataObject) -> None:
    text = " ".join(data.draw(DRESS).format(word) for word in words)
    spoken = said(*text)
    heard = "".join(each.text for each in spoken)
    places = [
        each.start + (at if each.stop - each.start == len(each.text) else 0)
        for each in spoken
        for at in range(len(each.text))
    ]
    at = 0
    for word in words:
        at = heard.index(word, at)
        assert text.startswith(word, places[at])
        at += len(word)
