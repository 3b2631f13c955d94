"""Reading files aloud: how soon the first sentence is there, the memory of reading all, resuming.

    .venv/bin/python -m benchmarks.books [--megabytes 20] [--seconds 10]

A book of 300 pages (90,000 words, 30 chapters) as EPUB, HTML, Markdown and text, and a text of
`--megabytes`. Each is read in a process of its own: milliseconds from before `read_document` was
imported to the first sentence, seconds to read all of it, the most memory above that of the
process before, and seconds to go on from its last sentence.

Then each is listened to for `--seconds`, as `say -f` at a terminal does, from a local server in
real time: milliseconds from before streamplay was imported to the first request and to the first
sound, requests made until then (at most prefetch + 2) and in all, the most memory, and whether
reading goes on in the sentence that was being heard.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

_NO_BYTE_CODE = "PYTHONDONTWRITEBYTECODE"
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


def listen(path: str, url: str, seconds: float) -> dict[str, Any]:
    """Listen to one file for a while; in a process of its own."""
    before = most_memory()
    begun = time.perf_counter()
    from streamplay.events import FirstSound, Requested
    from streamplay.player import SteeredPlayer
    from streamplay.words.books import SentenceFeed, read_document

    first: dict[str, float] = {}
    asked: list[str] = []
    early = 0

    def note(event: Any) -> None:
        nonlocal early
        first.setdefault(type(event).__name__, event.at - begun)
        if isinstance(event, Requested):
            asked.append(event.text)
        if isinstance(event, FirstSound):
            early = len(asked)

    document = read_document(path)
    feed = SentenceFeed(document)
    with SteeredPlayer(base_url=url, on_event=note) as player:
        speech = player.say(feed)
        time.sleep(max(0.0, begun + seconds - time.perf_counter()))
        heard = player.interrupt()
        sentence = feed.at(heard.offset)
        speech.wait(20)
    assert sentence is not None
    again = next(document.sentences(sentence.start, sentence.number))
    return {
        "request_ms": 1000 * first["Requested"],
        "sound_ms": 1000 * first["FirstSound"],
        "early": early,
        "requests": len(asked),
        "peak_mb": (most_memory() - before) / 1024,
        "right": (again.number, again.text) == (sentence.number, sentence.text)
        and early <= player_prefetch() + 2,
    }


def player_prefetch() -> int:
    """Return how many pieces a player asks for ahead."""
    from streamplay.rules.option_table import OPTIONS

    return int(OPTIONS["prefetch"].default)


def in_own_process(*words: str) -> dict[str, Any]:
    """Run this module on one file, and return what it tells."""
    command = [sys.executable, "-m", "benchmarks.books", *words]
    # An installed package has its byte code: compiling it would take as long as everything else.
    environment = {name: os.environ[name] for name in os.environ.keys() - {_NO_BYTE_CODE}}
    told = subprocess.run(command, check=True, capture_output=True, env=environment).stdout
    return dict(json.loads(told))


def listen_to_all(paths: list[Path], seconds: float) -> bool:
    """Print the second table; return whether all was as it should be."""
    from streamplay.server.child import LocalServer

    print("\nfile        request, ms  sound, ms  asked before  asked  most memory, MB  right")
    right = True
    with LocalServer(("--pace", "1", "--first-byte-ms", "100")) as server:
        in_own_process("--listen", str(paths[0]), "--url", server.base_url, "--seconds", "1")
        for path in paths:
            words = ("--listen", str(path), "--url", server.base_url, "--seconds", str(seconds))
            told = in_own_process(*words)
            right = right and told["right"]
            print(
                f"{path.name:<10} {told['request_ms']:>12.0f} {told['sound_ms']:>10.0f}"
                f" {told['early']:>13} {told['requests']:>6} {told['peak_mb']:>16.1f}"
                f"  {told['right']}"
            )
    return right


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--megabytes", type=float, default=20)
    parser.add_argument("--seconds", type=float, default=10)
    for own in ("--read", "--listen", "--url"):
        parser.add_argument(own, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.listen:
        print(json.dumps(listen(args.listen, args.url, args.seconds)))
        return 0
    if args.read:
        print(json.dumps(read(args.read)))
        return 0
    print("file        MB  sentences  first, ms  all, s  most memory, MB  resume, s  right")
    right = True
    with tempfile.TemporaryDirectory() as folder:
        paths = write(Path(folder), args.megabytes)
        for path in paths:
            told = in_own_process("--read", str(path))
            right = right and told["right"]
            print(
                f"{path.name:<10} {told['bytes'] / 1e6:>4.1f} {told['sentences']:>9}"
                f" {told['first_ms']:>10.0f} {told['all_s']:>7.2f} {told['peak_mb']:>16.1f}"
                f" {told['resume_s']:>10.2f}  {told['right']}"
            )
        right = listen_to_all(paths, args.seconds) and right
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
