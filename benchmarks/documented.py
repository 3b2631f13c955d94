"""Parts of a page that a program writes: from ``<!-- NAME: …`` to ``<!-- end of NAME -->``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def replace_part(page: Path, name: str, lines: Sequence[str]) -> None:
    """Put lines in place of what a page holds between the marks of a part.

    Raises
    ------
    SystemExit
        If the page has no such marks.
    """
    text = page.read_text(encoding="utf-8").split("\n")
    begins = [at for at, line in enumerate(text) if line.startswith(f"<!-- {name}:")]
    ends = [at for at, line in enumerate(text) if line == f"<!-- end of {name} -->"]
    if len(begins) != 1 or len(ends) != 1 or ends[0] < begins[0]:
        raise SystemExit(f"{page} has no part {name!r}")
    text[begins[0] + 1 : ends[0]] = ["", *lines, ""]
    page.write_text("\n".join(text), encoding="utf-8")
