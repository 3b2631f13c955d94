"""The site builds without a warning, and its pages load nothing from another host."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

pytestmark = pytest.mark.no_cover

ROOT = Path(__file__).parent.parent.parent

LOADING = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}


class Loaded(HTMLParser):
    """Collects the addresses that a browser would ask for by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        address = given.get(LOADING.get(tag, "")) or ""
        if tag == "link" and given.get("rel") in {"canonical", "next", "prev"}:
            return
        self.addresses.append(address)


def build(place: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(place)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment
    )
    assert (built.returncode, built.stdout + built.stderr) == (0, "")


# One test, so that the site is built once: it takes four seconds.
def test_the_site_builds_strictly_and_asks_no_other_host(tmp_path: Path) -> None:
    pytest.importorskip("material", reason="the site needs the extra docs")
    build(tmp_path)
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        _asks_no_other_host(page)
    for sheet in tmp_path.rglob("*.css"):
        assert not re.search(r"url\([\"']?https?:", sheet.read_text(encoding="utf-8")), sheet
    _lists_every_page(tmp_path)


def _asks_no_other_host(page: Path) -> None:
    found = Loaded()
    found.feed(page.read_text(encoding="utf-8"))
    assert not [each for each in found.addresses if re.match(r"(https?:)?//", each)], page


def _lists_every_page(site: Path) -> None:
    told = (site / "llms.txt").read_text(encoding="utf-8")
    assert told.startswith("# streamplay\n")
    for path in re.findall(r"\]\(([^)]+)\)", told):
        assert (site / path).is_file(), path
    assert "reference/errors/index.html" in told
