"""The playout: one block of sound at a time, for the callback of an output.

Theory of operation
-------------------
Frames wait in a ring. A *gate* decides whether they pass to the output::

              enough ahead, or the end is there
        ┌────────────────────────────────────────────┐
        │                                            ▼
     CLOSED ◄─── dry: ramp appended, fade in later ── OPEN
        ▲                                            │
        │        faded out                           │ pause or skip
        └──────────────────────── FADING ◄───────────┘

The gate opens when `start_level` frames are ahead, or when all frames of the
stream are there. The jitter policy decides which level is right; here it is one
number. Shape is given only to what was disturbed: a ring that runs dry
gets a short ramp *appended*, what follows fades in; a pause and a skip fade
out. A stream's own first and last frames are played as they came.

Threads
-------
The output's callback calls `render`, which never locks, waits, logs or raises.
Everything else is called on the loop, or under the pump's lock: it asks by
replacing one attribute, and the callback answers through `journal`, `position`,
`rendered` and `starved`.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final, Literal

from streamplay.playback.ring import Echo, Journal, Kind, Ring

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamplay.audio import Block, Frames

FADE_SECONDS: Final = 0.005
"""Length of the fade out at a pause and at a skip (what `interrupt()` and `cancel()` become here),
of the ramp appended when the ring runs dry, and of a change of volume by full scale. Shorter is
heard as a click, longer is heard as late."""

FADE_IN_SECONDS: Final = 0.008
"""Length of the fade in where sound returns after a stall or a pause (5 to 10 ms are usual)."""

SKIPS: Final = 16
"""The most skips that the callback knows at once: utterances that were cut while others lay between
them in the ring. Further ones are handed over when the first have been passed."""

_ZEROS: Final = memoryview(bytes(4 * 16384)).cast("f")


class Gate(Enum):
    """Whether frames pass."""

    CLOSED = "closed"
    OPEN = "open"
    FADING = "fading"


class Playout:
    """Ring, gate, fades and gain: renders the output's blocks.

    Parameters
    ----------
    samplerate : int
        Frames per second of the output.
    channels : int
        Samples per frame.
    capacity : int
        Frames that the ring holds.

    Attributes
    ----------
    start_level : int
        Frames that must be ahead before sound starts or resumes.
    gain : float
        Amplitude factor that is being approached, 1.0 is unchanged.
    journal, echo : Journal, Echo
        What the callback did, and what it filled blocks with.
    rendered : int
        Frames of output rendered so far, silence included: the output's clock.
    starved : int
        Frames of silence rendered so far because the ring was dry in the middle of a stream.
    """

    engine: Literal["native", "python"] = "python"

    def __init__(self, samplerate: int, channels: int, capacity: int) -> None:
        self.samplerate = samplerate
        self.channels = channels
        self.journal, self.echo = Journal(), Echo(channels)
        # Asked by the loop's side:
        self.start_level = 1
        self.gain = 1.0
        self._paused = False
        self._skips: tuple[tuple[int, int], ...] = ()
        self._end = 0
        # Told by the callback:
        self.rendered = 0
        self.starved = 0
        # The callback's own:
        self._ring = Ring(capacity, channels)
        self._gate = Gate.CLOSED
        self._fade = max(1, round(FADE_SECONDS * samplerate))
        self._fade_in = max(1, round(FADE_IN_SECONDS * samplerate))
        self._fade_out_left = 0
        self._fade_in_left = 0
        self._ramp = self._fade
        self._ramp_left = 0
        self._last: Sequence[float] = [0.0] * channels
        self._disturbed = False
        self._dry: int | None = None  # frames of silence since the ring ran dry
        self._gain_now = 1.0

    # The loop's side

    @property
    def capacity(self) -> int:
        """Frames that the ring holds."""
        return self._ring.capacity

    @property
    def fade(self) -> int:
        """Frames of a fade out."""
        return self._fade

    @property
    def space(self) -> int:
        """Frames that `write` would take now."""
        return self._ring.space

    @property
    def written(self) -> int:
        """Position of the next frame to be written."""
        return self._ring.written

    @property
    def position(self) -> int:
        """Position of the next frame to be handed over."""
        return self._ring.read

    @property
    def paused(self) -> bool:
        """Whether a pause was asked for."""
        return self._paused

    def write_frames(self, frames: Frames) -> int:
        """Put as many frames as fit, ``float32 (n, channels)``; return how many."""
        return self._ring.write_frames(frames)

    def end(self) -> None:
        """Note that nothing is to follow what was written so far, for now.

        Running dry here is no stall, and a start level need not be reached.
        """
        self._end = self._ring.written

    def skip(self, stretches: Sequence[tuple[int, int]]) -> None:
        """Ask that frames not be heard: of each stretch, from its start up to its stop.

        A new request replaces the last. A stretch is honoured when `position` reaches its start,
        with a fade where sound is cut, and done when it reaches its stop.

        Parameters
        ----------
        stretches : sequence of (int, int)
            In order, apart from each other. The first `SKIPS` of them are kept.
        """
        self._skips = tuple(stretches[:SKIPS])

    def pause(self) -> None:
        """Ask for silence, with a fade, until `resume`."""
        self._paused = True

    def resume(self) -> None:
        """Ask for sound to return, with a fade."""
        self._paused = False

    def moved(self) -> None:
        """Note that one callback has ended in the middle of a stream, and another will go on.

        To be called while no callback runs: what follows fades in.
        """
        self._gate = Gate.CLOSED
        self._disturbed = True
        self._ramp_left = self._fade_out_left = self._fade_in_left = 0
        self._dry = None

    # The callback's side

    def render(self, out: Block, now: float, *, late: bool = False, delay: float = 0.0) -> None:
        """Fill one block.

        Parameters
        ----------
        out : memoryview, filled whole
            Of format ``f``: ``frames * channels`` interleaved samples.
        now : float
            The clock, in seconds; only noted.
        late : bool
            The output says that it ran out before this call.
        delay : float
            Seconds until the block's first frame is heard; only noted.
        """
        frames = len(out) // self.channels
        if late and self._gate is not Gate.CLOSED:
            self.journal.write_note(Kind.UNDERFLOWED, self._ring.read, 0, now)
        done = 0
        while done < frames:
            self._obey(now)
            if self._gate is Gate.CLOSED and self._may_open():
                self._open(now)
            if self._gate is Gate.CLOSED:
                done += self._silence(out, done, frames - done)
                continue
            heard_after = delay + done / self.samplerate
            done += self._play(out, done, frames - done, now, heard_after)
        self.echo.write_block(out, self.rendered, now + delay)
        self.rendered += frames

    def _obey(self, now: float) -> None:
        """Honour a pause or a skip: at once where it is silent, by a fade where not."""
        skip = self._wanted_skip()
        if skip is not None and skip[0] <= self._ring.read:
            # Exactly at its start nothing of it has been heard: there is no sound of it to fade.
            at_start = self._ring.read == skip[0]
            if at_start and self._gate is Gate.FADING:
                self._close(dry=False)  # what came before it fades on as a ramp
            if at_start or self._gate is Gate.CLOSED:
                self._drop(skip[1], now)
            elif self._gate is Gate.OPEN:
                self._begin_fade_out()
        if self._paused and self._gate is Gate.OPEN:
            self._begin_fade_out()

    def _wanted_skip(self) -> tuple[int, int] | None:
        """Return the first skip beyond the position."""
        return next((each for each in self._skips if each[1] > self._ring.read), None)

    def _begin_fade_out(self) -> None:
        self._gate = Gate.FADING
        self._fade_out_left = self._fade

    def _drop(self, stop: int, now: float) -> None:
        start = self._ring.read
        count = min(stop, self._ring.written) - start
        if count == 0:
            return
        # The note comes first: a loop that sees the new position must find the note as well.
        self.journal.write_note(Kind.SKIPPED, start, count, now)
        self._ring.drop_frames(count)
        self._dry = None  # what was missing was not going to be heard
        self._disturbed = False  # what follows is another stream's own beginning

    def _may_open(self) -> bool:
        ahead = self._ring.available
        if self._paused or ahead == 0 or (self._ramp_left and not self._missed_nothing()):
            return False  # a ramp that has begun goes to its end: breaking it off would click
        return ahead >= self.start_level or self._end == self._ring.written

    def _missed_nothing(self) -> bool:
        """Whether the ring was found dry, and no frame of silence has followed yet."""
        return self._dry == 0 and self._ramp_left == self._fade

    def _open(self, now: float) -> None:
        if not self._missed_nothing():
            self._return(now)
        self._gate = Gate.OPEN
        self._ramp_left = 0
        self._disturbed = False
        self._dry = None

    def _return(self, now: float) -> None:
        """Note the stall, if the silence before was one, and fade in what was disturbed.

        It was none where the stream turned out to have ended there.
        """
        if self._dry is not None and self._end == self._ring.read:
            self._disturbed = False
        elif self._dry:
            self.journal.write_note(Kind.STALLED, self._ring.read, self._dry, now)
        self._fade_in_left = self._fade_in if self._disturbed else 0
        self._gain_now = self.gain  # a ramp of the gain during silence cannot be heard

    def _play(self, out: Block, at: int, room: int, now: float, delay: float) -> int:
        """Hand over what can be in one piece; return how many frames."""
        count = min(room, self._ring.available)
        if self._gate is Gate.FADING:
            count = min(count, self._fade_out_left)
        skip = self._wanted_skip()
        if skip is not None:
            # Up to where a skip begins, and never beyond where one ends.
            bound = skip[0] if skip[0] > self._ring.read else skip[1]
            count = min(count, bound - self._ring.read)
        if count == 0:
            self._close(dry=True)
            return 0
        self.journal.write_note(Kind.PLAYED, self._ring.read, count, now, delay)
        self._ring.read_frames(out, at, count)
        self._shape(out, at, count)
        skipped = skip is not None and self._ring.read == skip[1]
        if self._gate is Gate.FADING and (self._fade_out_left == 0 or skipped):
            self._close(dry=False)
            self._disturbed = not skipped  # as after `_drop`
        return count

    def _close(self, *, dry: bool) -> None:
        """Shut the gate; ramp down from the last sample unless it ended by itself."""
        ended = dry and self._end == self._ring.read
        faded = self._gate is Gate.FADING
        self._gate = Gate.CLOSED
        self._disturbed = not ended
        # Where a fade was cut short, the ramp goes on with its slope.
        self._ramp = self._fade_out_left if faded else self._fade
        self._ramp_left = 0 if ended else self._ramp
        if dry and not ended and not faded:
            self._dry = 0

    def _shape(self, out: Block, at: int, count: int) -> None:
        """Apply gain and fades to samples just copied, and remember the last ones."""
        ch = self.channels
        plain = self._gain_now == self.gain == 1.0
        if not plain or self._fade_in_left or self._gate is Gate.FADING:
            for index in range(at, at + count):
                factor = self._next_factor()
                for sample in range(index * ch, index * ch + ch):
                    out[sample] = min(1.0, max(-1.0, out[sample] * factor))
        last = (at + count) * ch
        self._last = out[last - ch : last].tolist()

    def _next_factor(self) -> float:
        """Return the factor of one frame, and move the gain and the fades on by one."""
        step = 1 / self._fade
        if self._gain_now != self.gain:
            way = self.gain - self._gain_now
            self._gain_now += min(max(way, -step), step)
        factor = self._gain_now
        if self._fade_in_left:
            self._fade_in_left -= 1
            factor *= 1 - self._fade_in_left / self._fade_in
        if self._gate is Gate.FADING:
            self._fade_out_left -= 1
            factor *= self._fade_out_left / self._fade
        return factor

    def _silence(self, out: Block, at: int, room: int) -> int:
        """Fill with the ramp that is left, or else with zeros to the end; return how many."""
        count = min(self._ramp_left, room) or room
        if self._dry is not None and self._end == self._ring.read:
            self._dry, self._disturbed = None, False  # it was the end, and no stall
        elif self._dry is not None and not self._paused:
            self._dry += count
            self.starved += count
        if self._ramp_left:
            self._ramp_down(out, at, count)
            return count
        end = (at + count) * self.channels
        for start in range(at * self.channels, end, len(_ZEROS)):
            stop = min(start + len(_ZEROS), end)
            out[start:stop] = _ZEROS[: stop - start]
        return count

    def _ramp_down(self, out: Block, at: int, count: int) -> None:
        """Go on with the ramp from the last sample that was heard."""
        ch = self.channels
        for index in range(at, at + count):
            self._ramp_left -= 1
            factor = self._ramp_left / self._ramp
            for sample in range(ch):
                out[index * ch + sample] = self._last[sample] * factor
