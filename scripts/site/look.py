"""Look at every page of the site in Chromium: wide and narrow, light and dark.

Builds the site strictly, serves it on loopback, and visits all pages. An error on a page's
console, a request to another host, a link that leads nowhere, or a page that is wider than a narrow
screen is told, and ends this with an error.

    .venv/bin/python -m scripts.site.look [--keep FOLDER]

--keep writes screenshots of a few pages. Needs Chromium and what scripts/test installs.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urldefrag, urljoin, urlsplit

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parent.parent.parent
WIDTHS: Final = (1280, 400)
SCHEMES: Final = ("light", "dark")
KEPT: Final = ("", "tutorials/speak/", "reference/errors/", "reference/library/", "performance/")

_ARGUMENTS: Final = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


class Quiet(SimpleHTTPRequestHandler):
    """Serves files, and says nothing."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> int:
    """Look at all pages; return 1 where anything is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", folder]
        subprocess.run(command, cwd=ROOT, check=True, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"})
        with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                faults = list(look(f"http://127.0.0.1:{server.server_port}/", place, args.keep))
            finally:
                server.shutdown()
                thread.join()
    for fault in faults:
        print(fault)
    print(f"{len(faults)} faults")
    return 1 if faults else 0


def look(base: str, place: Path, keep: Path | None) -> Iterator[str]:
    """Yield what is wrong."""
    pages = sorted(
        file.parent.relative_to(place).as_posix().removeprefix(".")
        for file in place.rglob("*.html")
        if file.name == "index.html"
    )
    addresses = [f"{page}/" if page else "" for page in pages]
    print(f"{len(addresses)} pages, {len(WIDTHS)} widths, {len(SCHEMES)} schemes")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=list(_ARGUMENTS)
        )
        for scheme in SCHEMES:
            for width in WIDTHS:
                context = browser.new_context(
                    viewport={"width": width, "height": 900}, color_scheme=scheme
                )
                tab = context.new_page()
                told: list[str] = []
                _listen(tab, base, told)
                for address in addresses:
                    tab.goto(base + address, wait_until="load")
                    yield from (f"{address} {width} {scheme}: {each}" for each in told)
                    told.clear()
                    wide = tab.evaluate("document.documentElement.scrollWidth")
                    if wide > width:
                        yield f"{address} {width} {scheme}: {wide} pixels wide"
                    if width == WIDTHS[0] and scheme == "light":
                        yield from _dead_links(tab, base, address, place)
                    if keep and address in KEPT:
                        keep.mkdir(parents=True, exist_ok=True)
                        name = address.strip("/").replace("/", "-") or "home"
                        tab.screenshot(path=keep / f"{name}-{width}-{scheme}.png")
                context.close()
        browser.close()


def _listen(tab: Any, base: str, told: list[str]) -> None:
    tab.on("console", lambda line: line.type == "error" and told.append(f"console: {line.text}"))
    tab.on("pageerror", lambda error: told.append(f"error: {error}"))
    tab.on(
        "request",
        lambda asked: (
            asked.url.startswith((base, "data:", "blob:")) or told.append(f"asks for {asked.url}")
        ),
    )


def _dead_links(tab: Any, base: str, address: str, place: Path) -> Iterator[str]:
    links = tab.eval_on_selector_all("a[href]", "all => all.map(a => a.getAttribute('href'))")
    for link in dict.fromkeys(links):
        target, anchor = urldefrag(urljoin(base + address, link))
        if not target.startswith(base):
            continue
        file = place / urlsplit(target).path.lstrip("/")
        file = file / "index.html" if file.is_dir() else file
        if not file.is_file():
            yield f"{address}: {link} leads nowhere"
        elif anchor and f'id="{anchor}"' not in file.read_text(encoding="utf-8"):
            yield f"{address}: {link}: there is no such place"


if __name__ == "__main__":
    sys.exit(main())
