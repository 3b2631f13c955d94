"""A page of HTML, checked."""

from __future__ import annotations

from html.parser import HTMLParser

EVIL = "<script>alert(1)</script>"
"""A name that must not become a tag."""


class PageCheck(HTMLParser):
    """Notes every address in the document, and whether its tags are balanced."""

    EMPTY = ("meta", "link", "path", "circle", "rect")

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"href", "src"}]
        if tag not in {"meta", "link"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
