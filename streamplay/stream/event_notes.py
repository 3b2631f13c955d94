"""What is kept in mind of the events of a body, whichever way they come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamplay.presentable import presentable
from streamplay.stream.declared import Told
from streamplay.stream.dialects import Audio, Ignored

if TYPE_CHECKING:
    from streamplay.stream.dialects import WireEvent

_BEGIN_BYTES: Final = 64  # of the first audio, by which its repetition is known


class EventNotes:
    """What a reader of events keeps in mind of them.

    Attributes
    ----------
    late : int
        Events that came behind the end mark.
    told : Told
        What the events have said of the audio.
    suspect : str
        The first event that holds what may be audio in a field that is not known, in words.
    heard : bool
        Whether any audio has come.
    marked : bool
        Whether an end mark is due before the body's end.
    """

    def __init__(self) -> None:
        self.late = 0
        self.told = Told()
        self.suspect = ""
        self.heard = False
        self.marked = True
        self._deltas = self._bytes = 0  # of audio
        self._begin = b""
        self._hash = 0  # of the first audio

    def once(self, event: WireEvent) -> WireEvent:
        """Empty a last event that holds once more all the audio that came before it."""
        if not isinstance(event, Audio) or not event.data:
            return event
        size = len(event.data)
        again = event.last and self._deltas > 0 and size == self._bytes
        if again and event.data.startswith(self._begin) and self._is_sum(event.data):
            return Audio(b"", event.told, event.ends_with_body, event.last)
        if not self._deltas:
            self._begin, self._hash = event.data[:_BEGIN_BYTES], hash(event.data)
        self._deltas += 1
        self._bytes += size
        return event

    def _is_sum(self, data: bytes) -> bool:
        """Tell whether audio of the right size is all that came, and not one more delta like it.

        Of several deltas the size is proof enough. One delta may be followed by another of its
        size: then all bytes have to be the same, and silence may well be sent twice.
        """
        return self._deltas > 1 or (hash(data) == self._hash and any(data))

    def note(self, event: WireEvent) -> None:
        """Keep in mind what an event was."""
        if isinstance(event, Audio):
            self.told = event.told.over(self.told)
            self.heard = self.heard or bool(event.data)
            self.marked = not event.ends_with_body
        elif isinstance(event, Ignored):
            self.told = event.told.over(self.told)
            self.marked = self.marked and not event.ends
            if event.suspect and not self.suspect:
                kind = presentable(event.kind, limit=60)
                field = presentable(event.suspect, limit=60)
                self.suspect = f'an event "{kind}" holds what may be audio in "{field}"'
