"""Reading files aloud: how soon the first sentence is there, the memory of reading all, resuming.

    .venv/bin/python -m benchmarks.books [--megabytes 20]

A book of 300 pages (90,000 words, 30 chapters) as EPUB, HTML, Markdown and text, and a text of
`--megabytes`. Each is read in a process of its own: milliseconds from before `read_document` was
imported to the first sentence, seconds to read all of it, the most memory above that of the
process before, and seconds to go on from its last sentence.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

CHAPTERS, PARAGRAPHS, WORDS = 30, 60, 50
WORD_LIST = "the house of old people is not what anyone said it was when we came by"
_CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="content.opf"/></rootfiles></container>'
)
_PACKAGE = (
    '<package xmlns="http://www.idpf.org/2007/opf"><metadata '
    'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>A Book</dc:title></metadata>'
    "<manifest>{}</manifest><spine>{}</spine></package>"
)


def paragraphs(dice: random.Random) -> list[str]:
    """Write the paragraphs of a chapter."""
    words = WORD_LIST.split()
    made = []
    for _ in range(PARAGRAPHS):
        text = [dice.choice(words) for _ in range(WORDS)]
        for at in range(9, WORDS, 10):
            text[at] += "."
        made.append(" ".join(text).capitalize())
    return made


def write(folder: Path, megabytes: float) -> list[Path]:
    """Write the files."""
    dice = random.Random(1)
    chapters = [paragraphs(dice) for _ in range(CHAPTERS)]
    pages = [
        f"<html><body><h2>Chapter {n}</h2>" + "".join(f"<p>{each}</p>" for each in chapter)
        for n, chapter in enumerate(chapters, 1)
    ]
    texts = [f"Chapter {n}\n\n" + "\n\n".join(chapter) for n, chapter in enumerate(chapters, 1)]
    book, page, markdown = (folder / f"book.{kind}" for kind in ("epub", "html", "md"))
    plain, large = folder / "book.txt", folder / "large.txt"
    with zipfile.ZipFile(book, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("mimetype", "application/epub+zip")
        file.writestr("META-INF/container.xml", _CONTAINER)
        numbers = range(len(pages))
        items = "".join(
            f'<item id="p{n}" href="{n}.xhtml" media-type="application/xhtml+xml"/>'
            for n in numbers
        )
        spine = "".join(f'<itemref idref="p{n}"/>' for n in numbers)
        file.writestr("content.opf", _PACKAGE.format(items, spine))
        for n, text in enumerate(pages):
            file.writestr(f"{n}.xhtml", text)
    page.write_text("".join(pages))
    plain.write_text("\n\n".join(texts))
    markdown.write_text("\n\n".join(f"## {text}" for text in texts))
    once = plain.read_text()
    large.write_text("\n\n".join([once] * max(1, round(megabytes * 1e6 / len(once)))))
    return [book, page, markdown, plain, large]


def most_memory() -> int:
    """Return the most memory that this process has had, in kB; on Linux."""
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(found[1]) if found else 0


def read(path: str) -> dict[str, Any]:
    """Read one file; in a process of its own."""
    before = most_memory()
    begun = time.perf_counter()
    from streamplay.words.books import read_document

    document = read_document(path)
    sentence = next(iter(document))
    first = time.perf_counter() - begun
    begun, count = time.perf_counter(), 0
    last = sentence
    for last in document:
        count = last.number
    whole = time.perf_counter() - begun
    begun = time.perf_counter()
    again = next(document.sentences(last.start, last.number))
    resumed = time.perf_counter() - begun
    peak = most_memory() - before
    return {
        "bytes": Path(path).stat().st_size,
        "sentences": count,
        "first_ms": 1000 * first,
        "all_s": whole,
        "peak_mb": peak / 1024,
        "resume_s": resumed,
        "right": again.text == last.text and again.number == count,
    }


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--megabytes", type=float, default=20)
    parser.add_argument("--read", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.read:
        print(json.dumps(read(args.read)))
        return 0
    print("file        MB  sentences  first, ms  all, s  most memory, MB  resume, s  right")
    right = True
    with tempfile.TemporaryDirectory() as folder:
        for path in write(Path(folder), args.megabytes):
            command = [sys.executable, "-m", "benchmarks.books", "--read", str(path)]
            told = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
            right = right and told["right"]
            print(
                f"{path.name:<10} {told['bytes'] / 1e6:>4.1f} {told['sentences']:>9}"
                f" {told['first_ms']:>10.0f} {told['all_s']:>7.2f} {told['peak_mb']:>16.1f}"
                f" {told['resume_s']:>10.2f}  {told['right']}"
            )
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
