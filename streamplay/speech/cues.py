"""When each sentence of an utterance is heard: in its sound file, or as it is played. Pure.

By the times of words where a server has told them; otherwise each word of a piece is taken to
last as long as it is written. Times are those of the voice: pauses that the listener makes, going
back, and another speed move nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamplay.speech.landmarks import goes_on, sentence_edges
from streamplay.speech.transcript import NOT_YET
from streamplay.words.subtitles import LINE, TimedText

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streamplay.speech.transcript import Piece, TimedWord


class Timeline:
    """Where the frames of pieces lie in time.

    Parameters
    ----------
    pieces : sequence of Piece
        Those of the utterance.
    samplerate : int
        Of its frames.
    end : int
        Frames in all: of the file, or of what is meant to be heard.
    in_file : bool
        Count frames as they were kept in a file, and not as they are played.
    """

    def __init__(
        self, pieces: Sequence[Piece], samplerate: int, end: int, *, in_file: bool
    ) -> None:
        self.pieces = [piece for piece in pieces if piece.start < NOT_YET]
        self._rate, self._end, self._in_file = samplerate, end, in_file

    def seconds(self, piece: Piece, into: float) -> float:
        """Return the time of `into` seconds since a piece's first frame, trimmed ones included."""
        frame = into * self._rate
        if not self._in_file:
            return min(self._end, max(0.0, piece.start - piece.lead + frame)) / self._rate
        before, kept = next(
            each for each in reversed(piece.kept) if each[0] <= frame or not each[0]
        )
        return min(self._end, kept + frame - before) / self._rate

    def span(self, number: int) -> tuple[float, float]:
        """Return from when until when a piece is heard."""
        piece = self.pieces[number]
        behind = self.pieces[number + 1 :]
        if self._in_file:
            stop = behind[0].kept[0][1] if behind else self._end
            return piece.kept[0][1] / self._rate, stop / self._rate
        stop = self._end if piece.frames is None else piece.start + piece.frames
        return piece.start / self._rate, min(self._end, stop) / self._rate


def timed_sentences(timeline: Timeline, language: str) -> list[list[TimedText]]:
    """Return the sentences, word by word, with the times of each."""
    sentences: list[list[TimedText]] = []
    for number, piece in enumerate(timeline.pieces):
        begin, stop = timeline.span(number)
        if stop <= begin:
            continue
        edges = sentence_edges(piece.text, language)
        follows = number and goes_on(timeline.pieces[number - 1], piece, language)
        for edge in edges:
            words = list(_timed_words(timeline, piece, edge, (begin, stop)))
            if edge == edges[0] and follows and sentences:
                last = sentences[-1][-1]
                sentences[-1][-1] = last._replace(text=last.text + piece.passage.before)
                sentences[-1] += words
            else:
                sentences.append(words)
    return sentences


def _timed_words(
    timeline: Timeline, piece: Piece, edge: tuple[int, int], span: tuple[float, float]
) -> Iterator[TimedText]:
    told = [word for word in piece.words if edge[0] <= word.begin < edge[1]]
    if told:
        yield from _told(timeline, piece, edge, told)
        return
    begin, stop = span
    each = (stop - begin) / max(1, len(piece.text))
    for first, last in _written_words(piece.text, *edge):
        yield TimedText(piece.text[first:last], begin + first * each, begin + last * each)


def _told(
    timeline: Timeline, piece: Piece, edge: tuple[int, int], told: Sequence[TimedWord]
) -> Iterator[TimedText]:
    """Yield words with their own times, each with what stands up to the next."""
    begins = [edge[0], *(word.begin for word in told[1:]), edge[1]]
    for word, first, last in zip(told, begins[:-1], begins[1:], strict=True):
        if last > first:
            begin, stop = timeline.seconds(piece, word.start), timeline.seconds(piece, word.stop)
            yield TimedText(piece.text[first:last], begin, stop)


def _written_words(text: str, begin: int, stop: int) -> Iterator[tuple[int, int]]:
    """Yield from where up to where words stand, with the white space behind each."""
    at = begin
    while at < stop:
        end = at
        while end < stop and not text[end].isspace() and end - at < LINE // 2:
            end += 1
        while end < stop and text[end].isspace():
            end += 1
        yield at, end
        at = end
