"""Files that are read aloud: their sentences, chapters and places, and what is no such file."""

from __future__ import annotations

import os
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from streamplay.errors import FileFailed, InvalidRequest
from streamplay.words.books import REMEMBERED, SentenceFeed, read_document, starting_at

if TYPE_CHECKING:
    from pathlib import Path

CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/content.opf"/></rootfiles></container>'
)
PACKAGE = (
    '<package xmlns="http://www.idpf.org/2007/opf"><metadata '
    'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>The  Book</dc:title>'
    "<dc:language>de</dc:language></metadata><manifest>"
    '<item id="nav" properties="nav" href="nav.xhtml" media-type="application/xhtml+xml"/>{items}'
    '</manifest><spine><itemref idref="nav"/>{spine}</spine></package>'
)


def page(body: str) -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml" '
        'xmlns:epub="http://www.idpf.org/2007/ops"><head><title>x</title><style>p {}</style></head>'
        f"<body>{body}</body></html>"
    )


def book(path: Path, pages: list[str], **extra: str) -> Path:
    """Write an EPUB of these pages; the contents call them Contents 1 and so on."""
    numbers = range(1, len(pages) + 1)
    items = "".join(
        f'<item id="p{n}" href="page%20{n}.xhtml" media-type="application/xhtml+xml"/>'
        for n in numbers
    )
    links = "".join(f'<li><a href="page%20{n}.xhtml#top">Contents {n}</a></li>' for n in numbers)
    entries = {
        "META-INF/container.xml": CONTAINER,
        "OEBPS/content.opf": PACKAGE.format(
            items=items, spine="".join(f'<itemref idref="p{n}"/>' for n in numbers)
        ),
        "OEBPS/nav.xhtml": page(f"<nav><ol>{links}</ol></nav>"),
        **{f"OEBPS/page {n}.xhtml": page(body) for n, body in zip(numbers, pages, strict=True)},
        **{name.replace("__", "/"): text for name, text in extra.items()},
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        for name, text in entries.items():
            if text:
                file.writestr(name, text)
    return path


def texts(path: Path, **options: Any) -> list[str]:
    return [sentence.text for sentence in read_document(path, **options)]


# Text


def test_text_is_read_sentence_by_sentence_over_wrapped_lines(tmp_path: Path) -> None:
    written = (
        "\ufeffChapter 1. The beginning\n\nMr. Smith came on the first of May, which was a very\n"
        "fine day. He said so.\n\n\n* * *\n\nA short line\nand another.\r\n\r\nThe end"
    )
    path = tmp_path / "book.txt"
    path.write_text(written, encoding="utf-8", newline="")
    document = read_document(path)
    assert (document.kind, document.language, document.title) == ("text", "en", "")
    found = list(document)
    assert [each.text for each in found] == [
        "Chapter 1. The beginning",
        "Mr. Smith came on the first of May, which was a very fine day.",
        "He said so.",
        "A short line",
        "and another.",
        "The end",
    ]
    given = written.removeprefix("\ufeff")
    assert [given[each.start :].startswith(each.text[:5]) for each in found] == [True] * 6
    assert [each.number for each in found] == [1, 2, 3, 4, 5, 6]
    assert all(each.chapter and each.chapter.title.startswith("Chapter 1") for each in found)
    assert [each.is_heading for each in found] == [True, *[False] * 5]
    assert found[-1].progress == 1


def test_a_place_leads_back_to_its_sentence(tmp_path: Path) -> None:
    path = tmp_path / "book.md"
    path.write_text("# One\n\nFirst. Second.\n\n# Two\n\n- Third\n- Fourth. Fifth.\n")
    document = read_document(path)
    found = list(document)
    for index, sentence in enumerate(found):
        assert list(document.sentences(sentence.start)) == found[index:]
        known = list(document.sentences(sentence.start, sentence.number))
        assert [each.text for each in known] == [each.text for each in found[index:]]
        assert [each.number for each in known] == [each.number for each in found[index:]]


def test_paragraphs_may_be_lines(tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    long = "This is one paragraph, written in a single line, as text editors do. " * 3
    path.write_text(f"{long.strip()}\n{long.strip()}\n")
    assert texts(path) == [long[: len(long) // 3].strip()] * 6


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "windows-1252"],
)
def test_text_is_read_in_the_encoding_it_is_in(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "text"
    path.write_text("Grüße an alle. " * 1500, encoding=encoding)
    found = texts(path)
    assert len(found) == 1500
    assert set(found) == {"Grüße an alle."}


@pytest.mark.parametrize("name", ["endless.txt", "endless.html"])
def test_a_text_without_any_end_is_cut_and_not_held(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("word " * 40_000)
    first = next(iter(read_document(path)))
    assert 1000 < len(first.text) <= 4096
    assert sum(len(text.split()) for text in texts(path)) == 40_000


# Markdown


def test_markdown_has_chapters_by_its_headings(tmp_path: Path) -> None:
    path = tmp_path / "book.md"
    path.write_text(
        "Before.\n\n# The *first*\n\nSee [this](https://u:secret@x.y).\n\nTitle\n---\n\n"
        "```py\na\nb\n```\n\n## Last\r\n\r\nEnd.",
        newline="",
    )
    found = list(read_document(path))
    assert [(each.text, each.chapter.title if each.chapter else None) for each in found] == [
        ("Before.", None),
        ("The first", "The first"),
        ("See this.", "The first"),
        ("Title", "Title"),
        ("Code block, py.", "Title"),
        ("Last", "Last"),
        ("End.", "Last"),
    ]
    assert [each.chapter.level for each in found if each.chapter and each.is_heading] == [1, 2, 2]
    assert texts(path, clean=False)[1] == "# The *first*"


# HTML and EPUB


def test_html_is_read_as_it_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "page"
    path.write_bytes(
        "<!DOCTYPE html><html lang='fr'><title>Été &amp; hiver</title><nav>Menu</nav>"
        "<p>Hé<h1>Un <em>mot</em></h1><ol start=3><li>a<li>b</ol><table><tr><td>x<td>y</table>"
        "<pre>a\nb</pre><pre>short</pre>Voir https://u:secret@h.c/x.<br>Là 🎉<img alt='Une image'>"
        "<script>x()</script><ruby>漢<rt>kan</rt></ruby><!-- non -->".encode(
            "latin-1", "xmlcharrefreplace"
        )
    )
    document = read_document(path)
    assert [each.text for each in document] == [
        "Hé",
        "Un mot",
        "3. a",
        "4. b",
        "x, y",
        "Bloc de code.",
        "short",
        "Voir h.c.",
        "Là Une image 漢",
    ]
    assert (document.kind, document.title, document.language) == ("html", "Été & hiver", "fr")


def test_a_book_has_its_pages_in_order_and_chapters_by_heading_or_contents(tmp_path: Path) -> None:
    path = book(
        tmp_path / "x.epub",
        [
            "<p>Ohne Titel. Am 3. Mai.</p>",
            "<h2>Kapitel</h2><p>Text<a epub:type='noteref' href='#n'>1</a>, mehr.</p>",
            "<p>Ende.</p>",
        ],
    )
    document = read_document(path)
    assert (document.title, document.language, document.kind) == ("The Book", "de", "epub")
    found = list(document)
    assert [(each.text, each.chapter.title if each.chapter else None) for each in found] == [
        ("Ohne Titel.", "Contents 1"),
        ("Am 3. Mai.", "Contents 1"),
        ("Kapitel", "Kapitel"),
        ("Text, mehr.", "Kapitel"),
        ("Ende.", "Contents 3"),
    ]
    assert [each.progress for each in found] == sorted(each.progress for each in found)
    assert found[-1].progress == pytest.approx(1)
    again = list(document.sentences(found[3].start, found[3].number))
    assert [(each.number, each.text) for each in again] == [(4, "Text, mehr."), (5, "Ende.")]
    assert [each.chapter.title for each in again if each.chapter] == ["Kapitel", "Contents 3"]


def test_an_older_book_has_its_contents_in_an_ncx(tmp_path: Path) -> None:
    ncx = (
        '<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap><navPoint><navLabel><text>'
        'Erstes</text></navLabel><content src="page%201.xhtml"/></navPoint></navMap></ncx>'
    )
    package = PACKAGE.format(
        items='<item id="p1" href="page 1.xhtml" media-type="application/xhtml+xml"/>'
        '<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>',
        spine='<itemref idref="p1"/><itemref idref="gone"/>',
    ).replace("nav.xhtml", "gone.xhtml")
    path = book(
        tmp_path / "x.epub",
        ["<p>Ja.</p>"],
        **{"OEBPS__content.opf": package, "OEBPS__toc.ncx": ncx, "OEBPS__nav.xhtml": ""},
    )
    (only,) = read_document(path)
    assert only.chapter is not None
    assert only.chapter.title == "Erstes"


def test_a_book_is_unpacked_a_page_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    open_entry = zipfile.ZipFile.open

    def watched(self: zipfile.ZipFile, name: Any, *args: Any, **options: Any) -> Any:
        opened.append(getattr(name, "filename", name))
        return open_entry(self, name, *args, **options)

    path = book(tmp_path / "x.epub", ["<p>Ja. Nein.</p>\n" * 2000] * 50)
    document = read_document(path)
    monkeypatch.setattr(zipfile.ZipFile, "open", watched)
    sentences = iter(document)
    assert next(sentences).text == "Ja."
    assert opened == ["OEBPS/page 1.xhtml"]
    for _ in range(4000):
        next(sentences)
    assert opened == ["OEBPS/page 1.xhtml", "OEBPS/page 2.xhtml"]
    assert 0 < next(sentences).progress < 0.05


def test_a_reading_may_start_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "book.md"
    path.write_text("# One\n\nYes. No.\n\n# Number Two\n\nNow. Then.\n")
    document = read_document(path)
    assert [each.text for each in starting_at(document, "3")] == [
        "No.",
        "Number Two",
        "Now.",
        "Then.",
    ]
    assert next(starting_at(document, "number  two")).text == "Number Two"
    assert next(starting_at(document, "two")).number == 4
    for number in ("9", "0", "-1"):
        with pytest.raises(InvalidRequest, match=rf"from: is {number}\. Allowed: 1 to 6"):
            starting_at(document, number)
    with pytest.raises(InvalidRequest, match="is empty"):
        starting_at(document, " ")
    with pytest.raises(
        InvalidRequest, match=r"names no heading: 'three'\. Allowed: 'One', 'Number Two'"
    ):
        starting_at(document, "three")


def test_sentences_are_a_text_to_be_said_and_its_offsets_lead_back(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("One. Two.\n\nThree.")
    feed = SentenceFeed(read_document(path))
    assert feed.at(0) is None
    said = "".join(feed)
    assert said == "One.\nTwo.\nThree.\n"
    at = [feed.at(offset) for offset in (0, 3, 4, 8, 9, 10, 99)]
    assert [each and each.number for each in at] == [1, 1, 2, 2, 3, 3, 3]


def test_of_a_long_text_only_the_last_sentences_are_remembered(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("So it is.\n" * 3 * REMEMBERED)
    feed = SentenceFeed(read_document(path))
    assert sum(map(len, feed)) == 30 * REMEMBERED
    last = feed.at(30 * REMEMBERED - 1)
    assert last is not None
    assert last.number == 3 * REMEMBERED
    assert len(feed._given) < 2 * REMEMBERED


# What is none


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.pdf", b"%PDF-1.7", "it is a PDF"),
        ("a.docx", b"PK\x03\x04word", "it is a zip file"),
        ("a.epub", b"PK\x03\x04", "it is damaged"),
        ("b.epub", b"text", "it is no EPUB"),
        ("a.rtf", b"{\\rtf1", "it is RTF"),
        ("a.bin", bytes(range(256)), "it is no text"),
        ("a.gz", b"\x1f\x8b\x08", "it is compressed"),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path: Path, name: str, data: bytes, why: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(FileFailed, match=why):
        read_document(tmp_path / name)


def test_a_pipe_is_refused_at_once_and_a_file_without_a_size_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    for path in (tmp_path / "pipe.txt", "/dev/zero"):
        with pytest.raises(FileFailed, match=r"no file\. Give it on standard input"):
            read_document(path)
    assert list(read_document("/proc/self/status"))


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileFailed, match="No such file"):
        read_document(tmp_path / "none")
    with pytest.raises(FileFailed, match="Is a directory"):
        read_document(tmp_path)


@pytest.mark.parametrize(
    ("entry", "text", "why"),
    [
        ("META-INF__container.xml", "", "META-INF/container.xml is missing"),
        ("META-INF__container.xml", "<container/>", "names no package"),
        ("META-INF__container.xml", " ", "is no XML|is empty"),
        ("OEBPS__content.opf", "<package/>", "without any page"),
        (
            "META-INF__encryption.xml",
            '<encryption><EncryptionMethod Algorithm="aes"/></encryption>',
            "protected",
        ),
    ],
)
def test_a_book_that_is_broken_is_told(tmp_path: Path, entry: str, text: str, why: str) -> None:
    path = book(tmp_path / "x.epub", ["<p>Ja.</p>"], **{entry: text})
    with pytest.raises(FileFailed, match=why):
        read_document(path)


def test_a_book_whose_entries_have_no_names_is_told(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.epub", "w") as book:
        book.writestr("mimetype", "application/epub+zip")
        book.writestr("ü.xhtml", "text")
    data = (tmp_path / "a.epub").read_bytes()
    (tmp_path / "a.epub").write_bytes(data.replace("ü".encode(), b"\xff\xff"))
    with pytest.raises(FileFailed, match="it is damaged"):
        read_document(tmp_path / "a.epub")


def test_fonts_may_be_obfuscated(tmp_path: Path) -> None:
    listed = '<encryption><EncryptionMethod Algorithm="http://www.idpf.org/2008/embedding"/></encryption>'
    path = book(tmp_path / "x.epub", ["<p>Ja.</p>"], **{"META-INF__encryption.xml": listed})
    assert texts(path) == ["Ja."]


def test_a_damaged_page_is_told_after_what_came_before(tmp_path: Path) -> None:
    path = book(tmp_path / "x.epub", ["<p>Ja.</p>", "<p>" + "Nein. " * 5000 + "</p>"])
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as file:
        start = file.getinfo("OEBPS/page 2.xhtml").header_offset
    data[start + 60 : start + 80] = bytes(20)
    path.write_bytes(data)
    found = []
    with pytest.raises(FileFailed, match="it is damaged"):
        found += [found.append(each.text) for each in read_document(path)]
    assert found[0] == "Ja."


def test_an_entity_is_not_expanded_and_nothing_is_fetched(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    bomb = f'<!DOCTYPE p [<!ENTITY x SYSTEM "file://{tmp_path}/secret">]>'
    package = bomb + PACKAGE.replace("The  Book", "&x;").format(
        items='<item id="p1" href="page 1.xhtml" media-type="application/xhtml+xml"/>',
        spine='<itemref idref="p1"/>',
    )
    path = book(tmp_path / "x.epub", ["<p>Ja.</p>"], **{"OEBPS__content.opf": package})
    document = read_document(path)
    assert "secret" not in document.title
    assert [each.text for each in document] == ["Ja."]


def test_html_needs_an_extra_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.html").write_text("<p>Hello")
    monkeypatch.setitem(sys.modules, "lxml", None)
    monkeypatch.setitem(sys.modules, "lxml.etree", None)
    with pytest.raises(FileFailed, match=r"pip install 'streamplay\[books\]'"):
        texts(tmp_path / "x.html")
