"""Where a text goes on when its audio breaks off and another server takes over. Pure.

The invariant
-------------
The audio of a piece breaks off after `got` frames; the first `fixed` of them cannot be taken back
any more, because the output has had them or will have them at once. Of `find_join`:

1. ``fixed <= join.frames <= got``: exactly the frames before `join.frames` are heard.
2. ``text[join.length:]`` is asked for next. It begins at a word, or is empty.
3. Where the times of words are known and `join.exact`, every word lies whole in the frames that
   are heard, or in the text that is asked for, and none lies in both. A word that the output is
   in the middle of cannot be taken back: its beginning has been heard, and all of it is said again.
4. Without the times of words the place is estimated, and `join.exact` is false.

`tests/speech/test_joining.py` holds these four for any words, times and places.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamplay.rules.fields import CHARACTERS_PER_SECOND
from streamplay.speech.transcript import Join
from streamplay.words.boundaries import is_spoken, is_unspaced

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streamplay.speech.transcript import Piece, TimedWord

WHOLE_SECONDS: Final = 0.01
"""A word that lacks less than this at its end was heard whole: a fade takes as long."""

NEAR_CHARACTERS: Final = 12
"""An estimate moves so far, to the end of a clause, where the audio is cut in a pause."""

_MARKS: Final = frozenset(".,;:!?…")


def find_join(
    piece: Piece,
    got: int,
    fixed: int,
    samplerate: int,
    *,
    pauses: Sequence[int] = (),
    pace: float = CHARACTERS_PER_SECOND,
) -> Join:
    """Return where another server goes on with a piece.

    Parameters
    ----------
    piece : Piece
        Its text, with the times of words that were told, and its earlier joins.
    got : int
        Frames of it that came.
    fixed : int
        How many of them are heard in any case.
    samplerate : int
        Of the frames.
    pauses : sequence of int
        Frames of the piece, from `fixed` to `got` and in order, at which it is quiet: where the
        times of words are not known it is cut there.
    pace : float
        Characters that the voice has spoken a second.
    """
    last = piece.last_join
    if got <= last.frames:  # nothing came of the server that has failed
        return Join(max(got, fixed), last.length, exact=last.exact)
    words = [word for word in piece.words if word.begin >= last.length]
    if words:
        join = _between_words(piece, words, got, fixed, samplerate)
        if join is not None:
            return join
        known = _frame(piece, words[-1].stop, samplerate)
        last = Join(min(known, got), _end_of(piece.text, words[-1]), exact=False)
    paused = [at for at in pauses if max(fixed, last.frames) < at <= got]
    if paused:
        return _estimated(piece.text, last, got, paused[-1], pace / samplerate, near=True)
    return _estimated(piece.text, last, got, max(got, fixed), pace / samplerate, near=False)


def _between_words(
    piece: Piece, words: Sequence[TimedWord], got: int, fixed: int, samplerate: int
) -> Join | None:
    """Return the last join between two words that were told; None: their times do not tell."""
    slack = round(WHOLE_SECONDS * samplerate)
    for earliest, latest, length in _boundaries(piece, words, got, samplerate):
        frames = max(min(earliest, got), fixed)
        if earliest <= got + slack and frames <= max(latest, earliest):
            if not is_spoken(piece.text[length:]):
                return Join(got, len(piece.text), exact=True)  # all of it has come
            return Join(frames, length, exact=True)
    # The output is in the middle of a word: all of that is said again.
    for word in words:
        start, stop = (_frame(piece, at, samplerate) for at in (word.start, word.stop))
        if start < fixed and got + slack < stop:
            return Join(fixed, word.begin, exact=word.end > word.begin)
    return None


def _boundaries(
    piece: Piece, words: Sequence[TimedWord], got: int, samplerate: int
) -> Iterator[tuple[int, int, int]]:
    """Yield where the audio may be cut, the last place first: from, up to, and the text's length.

    Between two words of which neither is found in the text no length is known.
    """
    last = words[-1]
    if _is_found(last):
        length = _end_of(piece.text, last)
        stop = _frame(piece, last.stop, samplerate)
        yield stop, stop if is_spoken(piece.text[length:]) else max(stop, got), length
    for before, behind in zip(reversed(words[:-1]), reversed(words[1:]), strict=True):
        if _is_found(before) or _is_found(behind):
            stop, start = (_frame(piece, at, samplerate) for at in (before.stop, behind.start))
            yield min(stop, start), start, behind.begin
    start = _frame(piece, words[0].start, samplerate)
    yield min(piece.last_join.frames, start), start, piece.last_join.length


def _estimated(
    text: str, last: Join, got: int, frames: int, per_frame: float, *, near: bool
) -> Join:
    """Return a join at `frames` by the pace of the voice; `near`: at the nearest word.

    Otherwise at the word before: rather a word twice than none at all.
    """
    said = last.length + round((frames - last.frames) * per_frame)
    if said >= len(text) or not is_spoken(text[said:]):
        return Join(got, len(text), exact=False)
    starts = [at for at in range(last.length, len(text)) if _begins_word(text, at)]
    if not near:
        length = max((at for at in starts if at <= said), default=last.length)
        return Join(frames, length, exact=False)
    ends = [at for at in starts if abs(at - said) <= NEAR_CHARACTERS and _behind_mark(text, at)]
    length = min(ends or starts, key=lambda at: abs(at - said), default=last.length)
    return Join(frames, length, exact=False)


def _frame(piece: Piece, seconds: float, samplerate: int) -> int:
    return round(seconds * samplerate) - piece.lead


def _is_found(word: TimedWord) -> bool:
    return word.end > word.begin


def _end_of(text: str, word: TimedWord) -> int:
    """Return where the text goes on behind a word, its marks and the white space."""
    at = word.end
    while at < len(text) and not text[at].isspace() and not text[at].isalnum():
        at += 1
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _begins_word(text: str, at: int) -> bool:
    if text[at].isspace():
        return False
    return at == 0 or text[at - 1].isspace() or is_unspaced(text[at])


def _behind_mark(text: str, at: int) -> bool:
    before = text[:at].rstrip()
    return bool(before) and before[-1] in _MARKS
