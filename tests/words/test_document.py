"""Documents: their sentences depend neither on how a file arrives nor on where a reader begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamplay.words.document import markdown_blocks, sentences_of, text_blocks
from streamplay.words.markup import HtmlReader, encoding_of

if TYPE_CHECKING:
    from streamplay.words.document import DocumentSentence

SIGNS = "ab. \n\r\n\n*#-`|>[]()1\x0c\u2028\x85é你。"
TEXT = st.text(st.sampled_from(list(SIGNS)), max_size=120)
PAGES = st.lists(
    st.sampled_from(
        b"<p> </p> <h1> </h1> < > &amp; &#xD800; &#0; \0 \xff \xc3 <ol\tstart=9999999999999999> "
        b"<li> <script> </script> <!-- --> <nav> </nav> <pre> text.\tMore <br/> <?xml?> "
        b"<![CDATA[ ]]> <meta\tcharset=foo> <meta\tcharset=utf-16> <meta\tcharset=rot13> "
        b"<td> <img\talt='x '> <html\tlang=x> <title> </title> <p\thidden> \xef\xbb\xbf".split(b" ")
    ),
    max_size=30,
).map(b"".join)


def sentences(text: str, length: int, *, markdown: bool, start: int = 0) -> list[DocumentSentence]:
    parts = [(text[at : at + length], 0.5) for at in range(0, len(text), length)]
    blocks = markdown_blocks(parts) if markdown else text_blocks(parts)
    return list(sentences_of(blocks, start=start))


def facts(found: list[DocumentSentence]) -> list[tuple[int, str, int, int, bool]]:
    return [(each.number, each.text, each.start, each.stop, each.is_heading) for each in found]


@pytest.mark.parametrize("markdown", [False, True])
@settings(max_examples=80, deadline=None)
@given(text=TEXT, length=st.integers(1, 40))
def test_sentences_do_not_depend_on_how_a_file_arrives(
    text: str, length: int, markdown: bool
) -> None:
    whole = sentences(text, 1 << 20, markdown=markdown)
    assert facts(sentences(text, length, markdown=markdown)) == facts(whole)
    last = 0
    for each in whole:
        assert last <= each.start <= each.stop <= len(text)
        last = each.start


@pytest.mark.parametrize("markdown", [False, True])
@settings(max_examples=100, deadline=None)
@given(text=TEXT)
def test_a_reading_goes_on_at_any_sentence(text: str, markdown: bool) -> None:
    whole = sentences(text, 1 << 20, markdown=markdown)
    for index, each in enumerate(whole):
        rest = sentences(text, 1 << 20, markdown=markdown, start=each.start)
        assert facts(rest) == facts(whole[index:])


@settings(max_examples=120, deadline=None)
@given(st.one_of(PAGES, st.binary(max_size=200)), st.integers(1, 50))
def test_any_bytes_are_a_page_and_raise_nothing(data: bytes, length: int) -> None:
    parts = ((data[at : at + length], 0.5) for at in range(0, len(data), length))
    for each in sentences_of(HtmlReader().blocks(parts)):
        assert each.text == each.text.strip() != ""


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"<p>", "utf-8"),
        ("<p>é".encode("latin-1") + b"</p>", "windows-1252"),
        (b"\xff\xfe<\0", "utf-16"),
        (b"\xef\xbb\xbf<p>", "utf-8-sig"),
        (b"<meta charset='Shift_JIS'>", "shift_jis"),
        (b'<?xml version="1.0" encoding="ISO-8859-15"?>', "iso8859-15"),
        (b"<meta charset=utf-16>", "utf-8"),
        (b"<meta charset=nonsense>", "utf-8"),
        (b"<meta charset=base64>", "utf-8"),
    ],
)
def test_a_page_is_read_in_its_encoding(data: bytes, encoding: str) -> None:
    assert encoding_of(data) == encoding


def test_sentences_do_not_meet_where_they_would_have_one_place() -> None:
    # A line end inside a code span becomes a space: the span stands for its range as a whole.
    first, *_ = sentences("Say `one.\nTwo.` Now. Three.", 1 << 20, markdown=True)
    assert first.text == "Say one. Two."
