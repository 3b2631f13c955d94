"""What pages are made of: a picture with its numbers, a table, and the document around them.

A page is one HTML file, without scripts, that loads nothing; light and dark.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

# The page loads nothing, whatever a name or a text in the result holds.
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

# An empty icon: otherwise a browser requests one.
_NO_ICON: Final = '<link rel="icon" href="data:,">'


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture, and the same in numbers for readers who cannot see it.

    Parameters
    ----------
    heading, about : str
        What it shows, and what can be seen in it.
    svg : str
        The picture.
    columns, rows : tuple
        The numbers.
    legend : tuple
        Pairs of a text and a class of the style sheet.
    """

    heading: str
    about: str
    svg: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    legend: tuple[tuple[str, str], ...] = ()


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


def drawn(figures: Iterable[Figure]) -> Iterator[str]:
    """Yield a section with all figures; nothing without one."""
    found = [figure_html(each) for each in figures]
    if found:
        yield '<h2>Figures</h2><div class="figures">'
        yield from found
        yield "</div>"


def figure_html(figure: Figure) -> str:
    """Return a figure: its picture, its legend, and the same in numbers."""
    numbers = table_html(figure.columns, figure.rows, f"{figure.heading} in numbers")
    return (
        f"<figure><h3>{escape(figure.heading)}</h3>{figure.svg}{_legend(figure)}"
        f"<figcaption>{escape(figure.about)}</figcaption>"
        f"<details><summary>In numbers</summary>{numbers}</details></figure>"
    )


def table_html(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    caption: str,
    keys: Sequence[str] = (),
) -> str:
    """Return a table whose first column names its rows; `keys`: a sample of each row's line."""
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in columns)
    shown = [key_html(kind, "key") for kind in keys] or [""] * len(rows)
    body = "".join(_row(cells, key) for cells, key in zip(rows, shown, strict=True))
    told = f"<caption><span>{escape(caption)}</span></caption>"
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}"><table>'
        f"{told}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


# Longer cells are wrapped: otherwise one name or reason makes its column wider than the page.
_LONG: Final = 40


def _row(cells: Sequence[str], key: str) -> str:
    first, *rest = cells
    numbers = "".join(f"<td{_words(cell)}>{_dim(cell)}</td>" for cell in rest)
    return f'<tr><th scope="row"{_words(first)}>{key}{escape(first)}</th>{numbers}</tr>'


def _words(cell: str) -> str:
    return ' class="words"' if len(cell) > _LONG and " [" not in cell else ""


def _dim(cell: str) -> str:
    """Return a cell with its interval set smaller."""
    value, bracket, ends = cell.partition(" [")
    dimmed = f' <span class="ends">[{escape(ends)}</span>' if bracket else ""
    return escape(value) + dimmed


def _legend(figure: Figure) -> str:
    items = "".join(f"<li>{key_html(kind)}{escape(words)}</li>" for words, kind in figure.legend)
    return f'<ul class="legend">{items}</ul>' if items else ""


_SHAPES: Final = {
    "phase": 'rect width="30" height="10"',
    "dot": 'circle cx="15" cy="5" r="4"',
}
"""How a class is drawn; others are lines."""


def key_html(kind: str, place: str = "") -> str:
    """Return a small sample of a line, a dot or a bar."""
    shape = _SHAPES.get(kind.split(maxsplit=1)[0], 'path d="M0 5H30"')
    where = f' class="{place}"' if place else ""
    return f'<svg{where} viewBox="0 0 30 10" aria-hidden="true"><{shape} class="{kind}"/></svg>'
