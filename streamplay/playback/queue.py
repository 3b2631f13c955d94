"""The playback queue: tracks one behind the other, from decoded frames through the ring to the end.

This is the wall between frames that are being made and frames that are being heard. It reads no
clock and waits for nothing: `streamplay.playback.pump` calls it under its lock, and is told how
many frames of output may pass before it has to be called again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamplay.playback.playout import FADE_IN_SECONDS
from streamplay.playback.track import joined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from streamplay.audio import Frames
    from streamplay.playback.native import AnyPlayout
    from streamplay.playback.tape import Stretcher
    from streamplay.playback.track import Track

__all__ = ["PlaybackQueue"]

QUEUE_BYTES: Final = 64 * 1024 * 1024
"""Decoded frames that wait behind the ring: eleven minutes of 24 kHz mono. What a track keeps so
that it can be heard again is part of it, and gives way to what waits."""

BEGUN_SECONDS: Final = 0.1
"""A track that begins to be played so soon counts as begun: it is not taken out of the ring any
more. Longer than the largest block of an output, while which the callback sees no skip."""

REFILLS: Final = 8
"""The ring is refilled when so small a part of it is free: it is kept nearly full, because it has
to last while a busy machine keeps the loop from refilling it."""


class PlaybackQueue:
    """Holds what has come and writes it to the ring as there is room; cuts; finds what is done.

    Not bounded itself: check `is_full` before `put_frames`.

    Parameters
    ----------
    playout : Playout
        Where frames are played.
    reserve : int
        Frames of its ring that are kept free, so that what follows a cut is heard at once.

    Attributes
    ----------
    tracks : list of Track
        In the order in which they are heard.
    opens_at : int
        The output's frame count before which nothing is played.
    drain : int
        Frames of output between handing over the last frame of a track and its being heard.
    drained_at : int
        The output's frame count by which all tracks that ended have been heard.
    """

    def __init__(self, playout: AnyPlayout, reserve: int) -> None:
        self.tracks: list[Track] = []
        self.opens_at = self.drain = self.drained_at = 0
        self._playout = playout
        self._reserve = reserve
        self._fade_in = round(FADE_IN_SECONDS * playout.samplerate)
        self._taken_back: list[tuple[int, int]] = []
        self._requested: list[tuple[int, int]] = []  # what the callback was asked to skip
        self._last: Track | None = None  # whose frames were written last
        self._to_cut: list[Track] = []
        self._cutting = False

    @property
    def is_full(self) -> bool:
        """Whether nothing more should be put."""
        return sum(track.tape.waiting_bytes for track in self.tracks) >= QUEUE_BYTES

    def is_dry(self, track: Track) -> bool:
        """Whether the network was late: `track` ran dry since its last frames were put.

        That is silence which was rendered. An empty ring that no block has asked for is not dry.
        """
        if track.start is None or track.idle or track.waiting:
            return False
        empty = self._playout.position == self._playout.written
        return empty and self._playout.starved > track.starved

    # What comes in

    def insert(self, track: Track, following: Sequence[Track]) -> None:
        """Take on a track that is heard before those that follow it.

        Their frames that lie in the ring are taken back, unless they are heard too soon for that:
        then the track is heard after them. Where the track before it is idle once it has frames,
        it is heard in that gap.
        """
        track.first = True
        index = next((i for i, each in enumerate(self.tracks) if each in following), None)
        if index is None:
            self.tracks.append(track)
            return
        while index < len(self.tracks) and self._is_begun(self.tracks[index]):
            index += 1
        self._take_back(self.tracks[index:])
        self.tracks.insert(index, track)

    def _is_begun(self, track: Track) -> bool:
        margin = round(BEGUN_SECONDS * self._playout.samplerate)
        return track.start is not None and track.start <= self._playout.position + margin

    def _take_back(self, tracks: Sequence[Track]) -> None:
        """Take the frames of the last tracks out of the ring: they are skipped there."""
        starts = [track.start for track in tracks if track.start is not None]
        if not starts:
            return
        self._skip_written(min(starts))
        for track in tracks:
            track.parts.clear()
            track.stop = None
            if not track.cut:
                track.tape.move(0, 0)
        self._last = None

    def _skip_written(self, begin: int) -> None:
        """Have nothing heard of what was written, from the position `begin` on."""
        if begin < self._playout.written:
            self._taken_back.append((begin, self._playout.written))
            self._request_skips()

    def put_frames(self, track: Track, frames: Frames) -> None:
        """Take frames of `track`, behind all of the tracks before it; `step` writes them."""
        track.tape.put_frames(frames)
        track.starved = self._playout.starved
        if track.next_piece is not None:
            self.move(track, track.tape.end)
        self._forget()

    def move(self, track: Track, place: int) -> None:
        """Let `track` be heard from another place on, or from the nearest that is kept.

        What lies in the ring of it, and of tracks behind it, is skipped: with a fade out where it
        sounds, and a fade in at the new place. A track that was cut stays silent, and nothing
        happens where a track behind it is heard in one of its gaps.
        """
        later = self.tracks[self.tracks.index(track) + 1 :] if track in self.tracks else []
        if track not in self.tracks or track.cut or any(map(self._is_begun, later)):
            return
        self._take_back(later)
        if track.start is not None:
            # From its first frame on: the callback fades out what it has begun to play.
            self._skip_written(track.start)
        track.move(place, self._playout.written, self._fade_in)
        self._note_stop(track)

    def set_speed(self, track: Track, speed: float, make: Callable[[float], Stretcher]) -> None:
        """Have what is written of `track` from now on heard at another speed.

        Parameters
        ----------
        track : Track
            One that keeps what was heard.
        speed : float
            How many of its frames are heard in the time of one.
        make : callable
            Makes a stretcher for a speed.
        """
        if not track.cut:
            track.tape.set_speed(speed, make, self._fade_in)

    def take_back(self, track: Track, frames: int) -> int:
        """Drop the last `frames` frames of `track`: other ones follow those before them.

        Returns
        -------
        int
            How many were dropped: fewer where the others are heard too soon for that, or where
            another track's frames lie behind them in the ring.
        """
        if track.closed or track not in self.tracks:
            return 0
        tape = track.tape
        place, end = max(0, tape.end - frames), tape.end
        if place < tape.place:
            place = self._take_written(track, place)
        tape.cut_end(place)
        return end - place

    def _take_written(self, track: Track, place: int) -> int:
        """Take frames out of the ring from a place on, or from the next that is not too near."""
        playout, last = self._playout, track.parts[-1] if track.parts else None
        soon = playout.position + round(BEGUN_SECONDS * playout.samplerate)
        at_end = last is not None and self._last is track and last.stop == playout.written
        if last is None or not at_end or soon >= last.stop:
            return track.tape.place
        begin = max(last.begin, soon, last.position_of(max(place, last.place)))
        place = last.place_at(begin)
        self._skip_written(begin)
        last.stop, last.end = begin, place
        if last.begin == begin:
            del track.parts[-1]
        return place

    def close(self, track: Track) -> None:
        """Note that nothing more of `track` will come."""
        track.closed = True
        track.tape.finish()
        self._note_stop(track)

    def set_idle(self, track: Track) -> None:
        """Note that nothing of `track` is on its way until more is put."""
        track.idle = True
        track.tape.finish()

    def cut(self, tracks: Iterable[Track]) -> None:
        """Silence `tracks`: the callback fades out, and nothing of them is heard after that.

        A signal handler can call this in the middle of another call on the same thread (the
        pump's lock is an RLock): it only adds to the list then, and the call that it interrupted
        cuts for both.
        """
        self._to_cut.extend(tracks)
        self._cut_wanted()

    # What moves on

    def step(self) -> None:
        """Write to the ring what fits, and give the playout its level, end and skip."""
        self._cut_wanted()
        self._use_gaps()
        self._publish_level()  # before the frames: the callback must not start below the level
        self._fill()
        self._publish_level()
        self._mark_end()
        self._request_skips()

    def settle(self, position: int) -> list[Track]:
        """Remove the tracks whose last frame has been heard, and return them.

        Parameters
        ----------
        position : int
            The playout's position before its notes were read: a track that ended by then has all
            its notes.
        """
        settled = [track for track in self.tracks if self._is_done(track, position)]
        for track in settled:
            self.tracks.remove(track)
        return settled

    def give_up(self, position: int) -> list[Track]:
        """Remove all tracks and return them; what was not handed over by `position` is dropped."""
        for track in self.tracks:
            if track.stop is None or track.stop > position:
                self._drop_waiting(track)
                track.stop = None if track.start is None else max(track.start, position)
            track.closed = True
        given_up = self.tracks[:]
        self.tracks.clear()
        return given_up

    def due_in(self) -> int | None:
        """Return after how many frames of output `step` and `settle` are due again.

        That is when the ring has room for more, when the silence that wakes a device is over,
        and when a track may have been handed over or heard to its end. None: only a change (a
        call of this queue, or a resumed playout) makes anything due.
        """
        position = self._playout.position
        dues = [self._track_due_in(track, position) for track in self.tracks]
        if self._next_to_write() is not None:
            dues.append(self._fill_due_in())
        return min((due for due in dues if due is not None), default=None)

    def _fill_due_in(self) -> int | None:
        playout = self._playout
        if playout.rendered < self.opens_at:
            return self.opens_at - playout.rendered
        if playout.paused:
            return None
        kept = 0 if self._cut_stretches() else self._reserve
        return max(1, playout.capacity // REFILLS - (playout.space - kept))

    def _track_due_in(self, track: Track, position: int) -> int | None:
        playout = self._playout
        if not track.closed or track.waiting or track.start is None or track.stop is None:
            return None
        if position >= track.stop:
            return None if track.drained_at is None else max(1, track.drained_at - playout.rendered)
        if track.cut:  # passed at once when its start is reached, or after a fade
            return max(0, track.start - position) + playout.fade
        return None if playout.paused else track.stop - position

    # Cutting

    def _cut_wanted(self) -> None:
        if self._cutting or not self._to_cut:
            return
        self._cutting = True
        try:
            while self._to_cut:
                self._cut(self._to_cut[0])
                del self._to_cut[0]
            self._fill()  # what follows must be in the ring before the callback comes to it
            self._publish_level()
            self._request_skips()
        finally:
            self._cutting = False

    def _cut(self, track: Track) -> None:
        if track not in self.tracks or track.is_handed_over(self._playout.position):
            return
        self._drop_waiting(track)
        track.closed = True
        if track.parts and track.stop is None:
            track.stop = track.parts[-1].stop

    def _drop_waiting(self, track: Track) -> None:
        track.cut = True
        track.tape.drop_waiting()

    # Through the ring

    def _fill(self) -> None:
        """Write what fits into the ring; its reserve only while a stretch in it was cut."""
        if self._playout.rendered < self.opens_at:
            return
        kept = 0 if self._cut_stretches() else self._reserve
        while (track := self._next_to_write()) and (room := self._playout.space - kept) > 0:
            frames, begin, end = track.tape.read_frames(room)
            if len(frames):
                track.add_part(self._playout.written, len(frames), begin, end)
                self._playout.write_frames(frames)
                self._last = track
            self._note_stop(track)
        self._forget()

    def _use_gaps(self) -> None:
        """Put a track that is to be heard first before one that waits for its text."""
        for index in range(len(self.tracks) - 1):
            idle, first = self.tracks[index : index + 2]
            waits = idle.idle and not (idle.closed or idle.waiting)
            if waits and first.first and first.waiting:
                self.tracks[index : index + 2] = first, idle

    def _next_to_write(self) -> Track | None:
        """Return the track whose frames are written next; None where none are to be."""
        for track in self.tracks:
            if track.waiting:
                return track
            if not track.closed:
                return None
        return None

    def _forget(self) -> None:
        """Forget frames that were written and can neither be taken back nor heard again."""
        over = sum(track.tape.kept_bytes for track in self.tracks) - QUEUE_BYTES
        for track in self.tracks:
            tape, before = track.tape, track.tape.kept_bytes
            if not track.keeps and self._is_begun(track):
                tape.forget_behind(0)
            elif over > 0 and self._is_begun(track):
                tape.forget_behind(before - over)
            over -= before - tape.kept_bytes

    def _note_stop(self, track: Track) -> None:
        if track.closed and not track.waiting and track.parts and track.stop is None:
            track.stop = track.parts[-1].stop

    def _publish_level(self) -> None:
        """Set how many frames must be in the ring before the first track that is left is heard.

        Frames in the queue count as ahead. Where nothing more is to come, or no more can be held,
        there is nothing to wait for.
        """
        position = self._playout.position
        left = (each for each in self.tracks if not (each.cut or each.is_handed_over(position)))
        track = next(left, None)
        if track is None:
            return
        nothing_to_wait_for = track.closed or track.idle or self.is_full
        self._playout.start_level = (
            1 if nothing_to_wait_for else max(1, track.level - track.waiting)
        )

    def _mark_end(self) -> None:
        """Tell the playout where nothing is on its way: running dry there is no stall."""
        begun = [track for track in self.tracks if track.start is not None]
        last = self._last if self._last in begun else begun[-1] if begun else None
        waiting = any(track.waiting for track in self.tracks)
        if last is not None and not waiting and (last.closed or last.idle):
            self._playout.end()

    def _request_skips(self) -> None:
        """Ask the playout to skip what was cut and is still in the ring."""
        stretches = self._cut_stretches()
        if stretches and stretches != self._requested:
            # A callback that comes while they change sees none: nothing is asked for twice.
            self._requested = stretches
            self._playout.skip(stretches)

    def skipped_before(self, position: int) -> int:
        """Count the frames ahead that lie before `position` and are going to be skipped."""
        own = self._playout.position
        return sum(
            max(0, min(stop, position) - max(start, own)) for start, stop in self._cut_stretches()
        )

    def _cut_stretches(self) -> list[tuple[int, int]]:
        position = self._playout.position
        self._taken_back = [each for each in self._taken_back if each[1] > position]
        return list(joined([*_cut_stretches(self.tracks, position), *self._taken_back]))

    # To its end

    def _is_done(self, track: Track, position: int) -> bool:
        return track.closed and not track.waiting and self._is_heard(track, position)

    def _is_heard(self, track: Track, position: int) -> bool:
        playout = self._playout
        if track.start is None or track.stop is None:
            return True
        if position < track.stop:
            return False
        if track.drained_at is None:
            # Played frames are still in the device's buffer: wait `drain` frames. Only closing
            # the output waits for a cut track.
            self.drained_at = playout.rendered + self.drain
            track.drained_at = playout.rendered if track.cut else self.drained_at
        return playout.rendered >= track.drained_at


def _cut_stretches(tracks: Iterable[Track], position: int) -> Iterator[tuple[int, int]]:
    """Yield where stretches that were cut begin and end in the ring, beyond `position`."""
    for track in tracks:
        if track.cut and track.stop is not None:
            for part in track.parts:
                if part.stop > position:
                    yield part.begin, part.stop
