"""Files read aloud: `say -f`, from where a file was left, with the place told and kept."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from streamplay.cli import config, console
from streamplay.cli.at_terminal import Remaining, characters_per_second
from streamplay.cli.usage import UsageError
from streamplay.cli.user_files import UserFiles, state_folder
from streamplay.errors import FileFailed
from streamplay.rules.fields import CHARACTERS_PER_SECOND, LONGEST
from streamplay.words.books import SentenceFeed, read_document, starting_at

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from streamplay.speech.steering import ListenerView
    from streamplay.speech.utterance import Utterance
    from streamplay.words.books import Document
    from streamplay.words.document import DocumentSentence

SURE_BYTES: Final = 20_000
"""Of a file, after which its share of markup is known well enough: some ten pages."""

KEPT_PLACES: Final = 200
"""Files whose places are kept; the one read longest ago is forgotten first."""

_PLACES: Final = "places.json"
_PLACES_BYTES: Final = 1 << 18


def _refuse_same(args: argparse.Namespace) -> None:
    """Refuse to write over the file that is read, under whatever name."""
    for named in (args.output, args.record, args.subtitles):
        with suppress(OSError, ValueError):  # one of them is not there: told where it is opened
            if named is not None and Path(named).samefile(args.file):
                raise FileFailed(
                    f"cannot write {named}: it is the file that is read",
                    remedy="Name another file",
                )


class ReadAloud:
    """One file that is read aloud.

    Parameters
    ----------
    args : argparse.Namespace
        The flags of ``say``.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        _refuse_same(args)
        self.document: Document = read_document(
            Path(args.file), language=args.language, clean=args.clean
        )
        stores = config.tables()["privacy"].get("store", True)
        tell = (lambda _: None) if args.quiet else console.tell
        self._tell = tell
        self._files = UserFiles(state_folder() if stores else None, tell)
        self._key = str(Path(args.file).resolve())
        self.feed = SentenceFeed(self._begin(args))

    def _begin(self, args: argparse.Namespace) -> Iterator[DocumentSentence]:
        if args.from_ is not None:
            return starting_at(self.document, args.from_)
        place = self._places().get(self._key) if args.resume else None
        if args.resume and place is None:
            self._tell("this file was not left in the middle: it is read from its beginning")
        if place is None:
            sentences = self.document.sentences()
        else:
            sentences = self.document.sentences(place["start"], place["sentence"])
        first = next(sentences, None)
        if first is None:
            raise UsageError(f"there is nothing to say in {self.document.path}")
        return chain((first,), sentences)

    def leave(self, utterance: Utterance) -> None:
        """Tell where reading stopped, and keep the place; forget it where all was heard."""
        places = self._places()
        known = places.pop(self._key, None)
        sentence = self.feed.at(utterance.heard().offset)
        if utterance.receipt.complete or sentence is None:
            if known is not None:
                self._keep(places)
            return
        places[self._key] = {"sentence": sentence.number, "start": sentence.start}
        again = "--resume" if self._keep(places) else f"--from {sentence.number}"
        chapter = f" of “{sentence.chapter.title}”" if sentence.chapter else ""
        done = f", {100 * self.share(sentence):.0f} % of the file"
        self._tell(f"stopped in sentence {sentence.number}{chapter}{done}; {again} goes on there")

    def _keep(self, places: dict[str, Any]) -> bool:
        """Write the places; return whether they could be written."""
        kept = dict(list(places.items())[-KEPT_PLACES:])
        return self._files.write(_PLACES, json.dumps(kept).encode()) is not None

    def share(self, sentence: DocumentSentence) -> float:
        """Return how much of the file lies before the end of a sentence: 0 to 1."""
        return self._share_of(sentence.stop, sentence)

    def begins(self, sentence: DocumentSentence) -> float:
        """Return how much of the file lies before a sentence, as far as that is known."""
        return self._share_of(sentence.start, sentence)

    def _share_of(self, place: int, sentence: DocumentSentence) -> float:
        document = self.document
        if document.kind in {"text", "markdown"}:  # places are characters of the file
            return min(1.0, place / max(1, document.size))
        return sentence.progress

    def _places(self) -> dict[str, Any]:
        try:
            places = json.loads(self._files.read(_PLACES, _PLACES_BYTES) or "{}")
        except (ValueError, RecursionError):
            return {}
        if not isinstance(places, dict):
            return {}
        return {file: place for file, place in places.items() if _is_place(place)}


class FileProgress:
    """How far a file has been read aloud: by its bytes, and by the pace of the voice.

    Parameters
    ----------
    read : ReadAloud
        The file.
    """

    def __init__(self, read: ReadAloud) -> None:
        self._read = read
        self._begun: float | None = None

    def look(self, view: ListenerView) -> Remaining:
        """Return what is left, estimated until all of it has come; and the sentence."""
        sentence = self._read.feed.at(view.offset)
        if sentence is None:
            return Remaining()
        chapter = f" of “{sentence.chapter.title}”" if sentence.chapter else ""
        place = f"sentence {sentence.number}{chapter}, {100 * self._read.share(sentence):.0f} %"
        known = view.known - view.seconds
        if view.whole:
            return Remaining(known, exact=True, place=place)
        return Remaining(max(known, self._expected(view, sentence) - view.seconds), place=place)

    def _expected(self, view: ListenerView, sentence: DocumentSentence) -> float:
        """Return how many seconds all will take that was to be read in this run."""
        size, begins = self._read.document.size, self._read.begins(sentence)
        self._begun = begins if self._begun is None else self._begun
        passed = (begins - self._begun) * size
        # Markup takes bytes too: after a few pages it is known how many.
        spoken = view.offset / passed if passed > SURE_BYTES else 1.0
        return (1 - self._begun) * size * spoken / characters_per_second(view)


def _is_place(place: Any) -> bool:
    return isinstance(place, dict) and all(
        type(place.get(name)) is int and place[name] >= 0 for name in ("sentence", "start")
    )


def dry_run(texts: Iterator[str], *, as_one: bool) -> int:
    """Print what saying the texts would take: characters, requests, minutes. Nothing is sent."""
    characters = requests = 0
    for text in texts:
        said = len(text.strip())
        characters += said
        requests += -(-said // LONGEST) if said else 0
    if as_one:
        requests = max(1, -(-characters // LONGEST))
    minutes = characters / CHARACTERS_PER_SECOND / 60
    console.out(f"{characters} characters, about {requests} requests and {minutes:.1f} minutes")
    return 0


def standard_input() -> Iterator[str]:
    """Yield the sentences of standard input."""
    from streamplay.words.document import sentences_of, text_blocks

    parts = ((line, 0.0) for line in sys.stdin)
    return (sentence.text for sentence in sentences_of(text_blocks(parts)))
