"""One HTML file, without scripts, that loads nothing; light and dark."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

# The page loads nothing, whatever a name or a text in the result holds.
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

# An empty icon: otherwise a browser requests one.
_NO_ICON: Final = '<link rel="icon" href="data:,">'


def document(title: str, parts: Iterable[str]) -> str:
    """Return a whole page of these parts, which are HTML."""
    style = files("streamplay.bench.html").joinpath("report.css").read_text(encoding="utf-8")
    return "".join(
        [
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>{_NO_ICON}",
            f"<style>{style}</style></head><body><main>",
            *parts,
            "</main></body></html>\n",
        ]
    )
