"""The one or two status lines of `say` and `play`: facts → text that fits the terminal. Pure."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from wcwidth import wcwidth

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamplay.speech.landmarks import HeardSentence

_GAP: Final = "  "
_DOTS: Final = "..."
_EMOJI_STYLE: Final = "\ufe0f"
"""The character before it is drawn as an emoji, which terminals make wide."""

_TURNING: Final = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
"""Classes of characters that change the direction of all that follows them in the line."""

KEYS: Final = "space pauses, left and right go back and on, [ ] speed, + - volume, q ends"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusFacts:
    """What the status lines tell.

    Attributes
    ----------
    state : str
        In one word or two: ``playing``, ``paused``.
    seconds : float or None
        How far into the sound the listener is; None before there is any.
    left : float or None
        Seconds until the end; None where that cannot be told.
    exact : bool
        Whether `left` is known, and not estimated.
    place : str
        Where in the text: its sentence and chapter.
    sentence : HeardSentence or None
        What is heard.
    first_sound : float or None
        Seconds from the request to the first sound.
    stalls, stalled : int, float
        How often sound was missing, and for how many seconds in all.
    speed, volume : float
        As they are set; volume in dB.
    note : str
        In place of the sentence.
    """

    state: str
    seconds: float | None = None
    left: float | None = None
    exact: bool = True
    place: str = ""
    sentence: HeardSentence | None = None
    first_sound: float | None = None
    stalls: int = 0
    stalled: float = 0.0
    speed: float = 1.0
    volume: float = 0.0
    note: str = ""


class StatusLine(NamedTuple):
    """A line that fits, and the part of it that is marked."""

    text: str
    mark: tuple[int, int] | None = None


def status_lines(facts: StatusFacts, columns: int) -> list[StatusLine]:
    """Return the lines for a terminal so many columns wide; they stay out of the last column."""
    room = max(1, columns - 1)
    lines = [StatusLine(_first_line(facts, room))]
    if facts.sentence is not None and not facts.note:
        lines.append(sentence_line(facts.sentence.text, facts.sentence.word, room))
    elif facts.note:
        lines.append(StatusLine(fitted(facts.note, room)))
    return lines


def _first_line(facts: StatusFacts, room: int) -> str:
    line = fitted(" ".join(filter(None, (facts.state, _time(facts)))), room)
    for part in _parts(facts):
        longer = f"{line}{_GAP}{part}"
        if width(longer) <= room:
            line = longer
    return line


def _time(facts: StatusFacts) -> str:
    if facts.seconds is None:
        return ""
    told = clock(facts.seconds)
    if facts.left is None:
        return told
    return f"{told}, {'' if facts.exact else 'about '}{clock(facts.left)} left"


def _parts(facts: StatusFacts) -> list[str]:
    """Return what follows the time, what matters most first."""
    parts = [
        f"speed {facts.speed:g}" if facts.speed != 1 else "",
        f"volume {facts.volume:+g} dB" if facts.volume else "",
        facts.place,
        _stalls(facts),
        "" if facts.first_sound is None else f"first sound {facts.first_sound:.2f} s",
    ]
    return [safe(part) for part in parts if part]


def _stalls(facts: StatusFacts) -> str:
    if not facts.stalls:
        return ""
    return f"{facts.stalls} stall{'s' * (facts.stalls > 1)}, {facts.stalled:.1f} s"


def sentence_line(sentence: str, word: tuple[int, int] | None, room: int) -> StatusLine:
    """Return the part of a sentence that fits, with the word that is heard in it marked.

    A long sentence is shown page by page, so that it stands still while it is read along.
    """
    text = safe(sentence)
    if width(text) <= room:
        return StatusLine(text, word)
    at = word[0] if word else 0
    pages = list(_pages(text, max(1, room - 2 * len(_DOTS))))
    begin, stop = next((page for page in pages if at < page[1]), pages[-1])
    lead = _DOTS if begin else ""
    shown = lead + text[begin:stop].rstrip() + (_DOTS if stop < len(text) else "")
    if width(shown) > room:  # the terminal is narrower than its dots
        return StatusLine(fitted(text[begin:], room))
    if word is None:
        return StatusLine(shown)
    shift = len(lead) - begin
    last = len(text[:stop].rstrip())
    return StatusLine(shown, (min(word[0], last) + shift, min(word[1], last) + shift))


def _pages(text: str, room: int) -> Iterator[tuple[int, int]]:
    """Yield from where up to where each page of a text goes: whole words, where they fit."""
    begin = 0
    while begin < len(text):
        stop = begin + max(1, _fits(text[begin:], room))
        if stop < len(text):
            space = text.rfind(" ", begin, stop + 1)
            stop = space + 1 if space > begin else _behind_marks(text, stop)
        yield begin, stop
        begin = stop


def _behind_marks(text: str, at: int) -> int:
    """Return the next place that does not tear a letter from its accents."""
    while at < len(text) and wcwidth(text[at]) == 0:
        at += 1
    return at


def _fits(text: str, room: int) -> int:
    """Return how many characters fit into so many columns."""
    taken = count = 0
    for character in text:
        taken += _width_of(character)
        if taken > room:
            break
        count += 1
    return count


def fitted(text: str, room: int) -> str:
    """Return a text that fits into so many columns, with dots where something is left out."""
    text = safe(text)
    if width(text) <= room:
        return text
    if room <= len(_DOTS):
        return text[: _fits(text, room)]
    return text[: _fits(text, room - len(_DOTS))].rstrip() + _DOTS


def width(text: str) -> int:
    """Return how many columns a text takes; never fewer than a terminal makes of it."""
    return sum(map(_width_of, text))


def _width_of(character: str) -> int:
    return 1 if character == _EMOJI_STYLE else max(0, wcwidth(character))


def safe(text: str) -> str:
    """Return a text of one line without characters that could control a terminal or turn it."""
    return "".join(map(_safe, text))


def _safe(character: str) -> str:
    if character.isspace():
        return " "
    controls = unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}
    turns = unicodedata.bidirectional(character) in _TURNING
    return "\N{REPLACEMENT CHARACTER}" if controls or turns else character


def clock(seconds: float) -> str:
    """Return a time as ``0:07``, ``12:34`` or ``1:02:03``."""
    whole = max(0, int(seconds + 1e-6))
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
