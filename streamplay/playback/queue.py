"""The playback queue: tracks one behind the other, from decoded frames through the ring to the end.

This is the wall between frames that are being made and frames that are being heard. It reads no
clock and waits for nothing: `streamplay.playback.pump` calls it under its lock, and is told how
many frames of output may pass before it has to be called again.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from streamplay.audio import Frames
    from streamplay.playback.native import AnyPlayout
    from streamplay.playback.track import Track

__all__ = ["PlaybackQueue"]

QUEUE_BYTES: Final = 64 * 1024 * 1024
"""Decoded frames that wait behind the ring: eleven minutes of 24 kHz mono."""

ENTRY_BYTES: Final = 256
"""What an array, its view and its place in the queue take besides the samples."""


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
        self._waiting: deque[tuple[Track, Frames]] = deque()  # in the order of their tracks
        self._in_ring: deque[tuple[Track, Frames]] = deque()  # of tracks that were not begun
        self._taken_back: list[tuple[int, int]] = []
        self._last: Track | None = None  # whose frames were written last
        self._bytes = 0
        self._to_cut: list[Track] = []
        self._cutting = False

    @property
    def is_full(self) -> bool:
        """Whether nothing more should be put."""
        return self._bytes >= QUEUE_BYTES

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
        stretch = min(starts), self._playout.written
        self._taken_back.append(stretch)
        self._playout.skip([*self._cut_stretches()])
        for track in tracks:
            track.start = track.stop = None
        while self._in_ring and self._in_ring[-1][0] in tracks:
            track, frames = self._in_ring.pop()
            if track.cut:
                continue
            self._waiting.appendleft((track, frames))
            self._bytes += _weight(frames)
            track.waiting += len(frames)
        self._last = None

    def put_frames(self, track: Track, frames: Frames) -> None:
        """Take frames of `track`, behind all of the tracks before it; `step` writes them."""
        later = self.tracks[self.tracks.index(track) + 1 :]
        held = []
        while self._waiting and self._waiting[-1][0] in later:
            held.append(self._waiting.pop())
        self._waiting.append((track, frames))
        self._waiting.extend(reversed(held))
        self._bytes += _weight(frames)
        track.waiting += len(frames)
        track.starved = self._playout.starved

    def close(self, track: Track) -> None:
        """Note that nothing more of `track` will come."""
        track.closed = True
        self._note_stop(track)

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
        if self._waiting and self._is_its_turn(self._waiting[0][0]):
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
        if track.start is not None and track.stop is None:
            *_, (_, track.stop) = track.own_stretches(self._playout.written)

    def _drop_waiting(self, track: Track) -> None:
        track.cut = True
        self._waiting = deque(entry for entry in self._waiting if entry[0] is not track)
        self._bytes = sum(_weight(frames) for _, frames in self._waiting)
        track.waiting = 0

    # Through the ring

    def _fill(self) -> None:
        """Write what fits into the ring; its reserve only while a stretch in it was cut."""
        if self._playout.rendered < self.opens_at:
            return
        kept = 0 if self._cut_stretches() else self._reserve
        self._forget_begun()
        while self._waiting and (room := self._playout.space - kept) > 0:
            track = self._waiting[0][0]
            if not self._is_its_turn(track):
                break
            begin = self._playout.written
            track.start = begin if track.start is None else track.start
            frames = self._pop_frames(room)
            self._in_ring.append((track, frames))
            self._playout.write_frames(frames)
            self._last = track
            self._note_others(track, begin)
            self._note_stop(track)

    def _use_gaps(self) -> None:
        """Put a track that is to be heard first before one that waits for its text."""
        for index in range(len(self.tracks) - 1):
            idle, first = self.tracks[index : index + 2]
            waits = idle.idle and not (idle.closed or idle.waiting)
            if waits and first.first and first.waiting:
                self.tracks[index : index + 2] = first, idle

    def _is_its_turn(self, track: Track) -> bool:
        """Whether nothing more comes of the tracks before it."""
        before = self.tracks[: self.tracks.index(track)]
        return all(each.closed and not each.waiting for each in before)

    def _note_others(self, track: Track, begin: int) -> None:
        """Note in a track that was begun that frames in its gap are another's."""
        for each in self.tracks[self.tracks.index(track) + 1 :]:
            if each.start is None or each.stop is not None:
                continue
            if each.others and each.others[-1][1] == begin:
                begin = each.others.pop()[0]
            each.others.append((begin, self._playout.written))

    def _forget_begun(self) -> None:
        """Keep frames only of tracks that could still be taken out of the ring."""
        while self._in_ring and self._is_begun(self._in_ring[0][0]):
            self._in_ring.popleft()

    def _pop_frames(self, count: int) -> Frames:
        """Return the next frames, all of one track: `count` at most."""
        track, frames = self._waiting.popleft()
        taken, rest = frames[:count], frames[count:]
        self._bytes -= _weight(frames)
        if len(rest):
            self._waiting.appendleft((track, rest))
            self._bytes += _weight(rest)
        track.waiting -= len(taken)
        return taken

    def _note_stop(self, track: Track) -> None:
        written = track.closed and not track.waiting and track.start is not None
        if written and track.stop is None:
            *_, (_, track.stop) = track.own_stretches(self._playout.written)

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
        if last is not None and not self._waiting and (last.closed or last.idle):
            self._playout.end()

    def _request_skips(self) -> None:
        """Ask the playout to skip what was cut and is still in the ring."""
        stretches = self._cut_stretches()
        if stretches:
            self._playout.skip(stretches)

    def _cut_stretches(self) -> list[tuple[int, int]]:
        position = self._playout.position
        self._taken_back = [each for each in self._taken_back if each[1] > position]
        return list(_joined([*_cut_stretches(self.tracks, position), *self._taken_back]))

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
            for start, stop in track.own_stretches(track.stop):
                if stop > position:
                    yield start, stop


def _joined(stretches: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield stretches in order; neighbours are one."""
    whole: tuple[int, int] | None = None
    for start, stop in sorted(stretches):
        if whole is not None and start <= whole[1]:
            whole = whole[0], max(whole[1], stop)
            continue
        if whole is not None:
            yield whole
        whole = start, stop
    if whole is not None:
        yield whole


def _weight(frames: Frames) -> int:
    """Bytes that frames occupy in the queue: small chunks weigh more than their samples."""
    return frames.nbytes + ENTRY_BYTES
