"""Where sentences begin in the sound of an utterance: as far as its requests and words tell. Pure.

A sentence that was requested apart begins where its piece begins; a piece may also go on with the
sentence of the one before it, of which a clause was requested first. Inside a piece that holds
several, a sentence begins with its first word whose time the server has told; without word times
it is not known where.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from streamplay.speech.transcript import NOT_YET
from streamplay.words.boundaries import is_spoken
from streamplay.words.text import sentence_ends

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streamplay.speech.transcript import Piece

BARELY_SECONDS: Final = 1.5
"""Who goes back so soon after a sentence has begun means the one before it."""


_SEEN: Final = 60
"""Characters of a piece that are looked at to tell whether a sentence ends before it."""


@dataclass(frozen=True, slots=True)
class HeardSentence:
    """The sentence that is heard at a moment, and the word.

    Attributes
    ----------
    text : str
        The sentence.
    word : tuple of int or None
        ``text[word[0]:word[1]]`` is heard; None where no word times tell.
    piece : int
        The number of its piece, from 0.
    begin : int
        Where it, or what of it stands in that piece, stands in the text of its piece.
    """

    text: str
    word: tuple[int, int] | None
    piece: int
    begin: int


@lru_cache(maxsize=64)
def sentence_edges(text: str, language: str) -> tuple[tuple[int, int], ...]:
    """Return where each sentence of a piece begins and stops, white space left out."""
    edges: list[tuple[int, int]] = []
    begin = at = 0
    for line in text.splitlines(keepends=True):
        for end in sentence_ends(line, language):
            if is_spoken(text[begin : at + end]):
                edges.append(_stripped(text, begin, at + end))
                begin = at + end
        at += len(line)
    return tuple(edges) or ((0, len(text)),)


def _stripped(text: str, begin: int, stop: int) -> tuple[int, int]:
    raw = text[begin:stop]
    return begin + len(raw) - len(raw.lstrip()), begin + len(raw.rstrip())


def goes_on(before: Piece, piece: Piece, language: str) -> bool:
    """Whether a piece goes on with the last sentence of the one before it."""
    between = piece.passage.before
    if "\n" in between:
        return False
    begin, _ = sentence_edges(before.text, language)[-1]
    head = before.text[begin:] + between
    text = head + piece.text[:_SEEN]
    return not any(
        text[end:].lstrip() == piece.text[:_SEEN] for end in sentence_ends(text, language)
    )


def _starts(pieces: Sequence[Piece], number: int, samplerate: int, language: str) -> Iterator[int]:
    """Yield the frames with which sentences of a piece begin, as far as that is known."""
    piece = pieces[number]
    if piece.start >= NOT_YET:
        return
    if number == 0 or not goes_on(pieces[number - 1], piece, language):
        yield piece.start
    words = iter(piece.words)
    for begin, _ in sentence_edges(piece.text, language)[1:]:
        word = next((each for each in words if each.begin >= begin), None)
        if word is None:
            return
        yield piece.start - piece.lead + round(word.start * samplerate)


def start_before(
    pieces: Sequence[Piece], frame: int, samplerate: int, language: str, barely: float
) -> int:
    """Return where to go back to: the beginning of this sentence, or of the one before it.

    Parameters
    ----------
    pieces : sequence of Piece
        Those of the utterance.
    frame : int
        Where the listener is.
    samplerate, language : int, str
        Of the utterance.
    barely : float
        Seconds: in a sentence that has been heard for less, back is the one before it.
    """
    latest = frame - round(barely * samplerate)
    last = _piece_at(pieces, frame)
    for number in reversed(range(0 if last is None else last + 1)):
        starts = _starts(pieces, number, samplerate, language)
        if found := [at for at in starts if at < max(1, latest)]:
            return found[-1]
    return 0


def start_after(pieces: Sequence[Piece], frame: int, samplerate: int, language: str) -> int | None:
    """Return where the next sentence begins; None: that is not known yet, or there is none."""
    for number in range(_piece_at(pieces, frame) or 0, len(pieces)):
        for at in _starts(pieces, number, samplerate, language):
            if at > frame:
                return at
    return None


def has_sentences(pieces: Sequence[Piece], language: str) -> bool:
    """Whether there is more than one sentence whose beginning is known, or is going to be."""
    if len(pieces) > 1:
        return True
    return any(piece.words and len(sentence_edges(piece.text, language)) > 1 for piece in pieces)


def heard_sentence(
    pieces: Sequence[Piece], frame: int, samplerate: int, language: str
) -> HeardSentence | None:
    """Return the sentence that is heard at a frame; None before the first."""
    number = _piece_at(pieces, frame)
    if number is None:
        return None
    piece = pieces[number]
    word = _word_at(piece, frame, samplerate)
    at = piece.heard(max(0, frame - piece.start), samplerate)[0] if word is None else word[0]
    edges = sentence_edges(piece.text, language)
    begin, stop = next((edge for edge in edges if at < edge[1]), edges[-1])
    lead = _before(pieces, number, language) if begin == edges[0][0] else ""
    text = lead + piece.text[begin:stop]
    text += _behind(pieces, number, language) if stop == edges[-1][1] else ""
    if word is None or not begin <= word[0] <= word[1] <= stop:
        return HeardSentence(text, None, number, begin)
    shift = len(lead) - begin
    return HeardSentence(text, (word[0] + shift, word[1] + shift), number, begin)


def _before(pieces: Sequence[Piece], number: int, language: str) -> str:
    """Return what of the sentence with which a piece begins stands in the pieces before it."""
    text = ""
    while number and goes_on(pieces[number - 1], pieces[number], language):
        edges = sentence_edges(pieces[number - 1].text, language)
        text = pieces[number - 1].text[edges[-1][0] :] + pieces[number].passage.before + text
        if len(edges) > 1:
            break
        number -= 1
    return text


def _behind(pieces: Sequence[Piece], number: int, language: str) -> str:
    """Return what of the sentence with which a piece ends stands in the pieces behind it."""
    text = ""
    while number + 1 < len(pieces) and goes_on(pieces[number], pieces[number + 1], language):
        edges = sentence_edges(pieces[number + 1].text, language)
        text += pieces[number + 1].passage.before + pieces[number + 1].text[: edges[0][1]]
        if len(edges) > 1:
            break
        number += 1
    return text


def _piece_at(pieces: Sequence[Piece], frame: int) -> int | None:
    """Return the number of the last piece that begins at a frame or before it."""
    number = bisect_right(pieces, frame, key=attrgetter("start")) - 1
    return None if number < 0 else number


def _word_at(piece: Piece, frame: int, samplerate: int) -> tuple[int, int] | None:
    """Return where the word stands in its piece that is heard at a frame, if that is known."""
    at = (frame - piece.start + piece.lead) / samplerate
    if not piece.words or (at > piece.words[-1].stop and piece.frames is None):
        return None
    heard = [word for word in piece.words if word.start <= at] or piece.words[:1]
    return heard[-1].begin, max(heard[-1].end, heard[-1].begin)
