"""The conveyor: tracks one behind the other, from the backlog through the ring to their ends.

It reads no clock and waits for nothing: `streamplay.playback.pump` moves it on, under its
lock, and knows when.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from streamplay.playback.track import Track, cut_stretch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamplay.audio import Frames
    from streamplay.playback.native import AnyPlayout

__all__ = ["PlaybackQueue"]


class PlaybackQueue:
    """Moves what can be moved, cuts what is not to be heard, and knows what is done.

    Parameters
    ----------
    playout : Playout
        Where frames are played.
    reserve : int
        Frames of its ring that are kept free for what follows a cut.

    Attributes
    ----------
    tracks : list of Track
        In the order in which they are heard.
    backlog : Backlog
        Their frames behind the ring.
    opens_at : int
        The output's frame count before which nothing is played.
    drain : int
        So many frames after the last one it has been heard.
    drained_at : int
        The output's frame count by which all that ended has been heard.
    """

    def __init__(self, playout: AnyPlayout, reserve: int) -> None:
        self.tracks: list[Track] = []
        self.backlog = Backlog()
        self.opens_at = self.drain = self.drained_at = 0
        self._playout = playout
        self._reserve = reserve
        self._to_cut: list[Track] = []
        self._cutting = False

    def step(self) -> None:
        """Move what can be moved."""
        self._cut_wanted()
        self._publish_level()
        self._fill()
        self._publish_level()
        self._mark_end()
        self._request_skip()

    def settle(self, position: int) -> list[Track]:
        """Let go of the tracks whose last frame has been heard, and return them.

        Parameters
        ----------
        position : int
            That of the playout, before its notes were read: what ended by then has all its notes.
        """
        settled = [track for track in self.tracks if self._is_done(track, position)]
        for track in settled:
            self.tracks.remove(track)
        return settled

    def close(self, track: Track) -> None:
        """Say that nothing more of `track` will come."""
        track.closed = True
        self._note_stop(track)

    def cut(self, tracks: Iterable[Track]) -> None:
        """Silence `tracks`: a fade in the callback, and nothing of them after it.

        A signal's handler may come upon its own thread in here, and the lock lets it
        in: whoever it came upon cuts for both.
        """
        self._to_cut.extend(tracks)
        self._cut_wanted()

    def give_up(self, position: int) -> list[Track]:
        """Let go of all tracks; what was not handed over by `position` is not going to be."""
        for track in self.tracks:
            span = track.span
            if span.stop is None or span.stop > position:
                self._drop_waiting(track)
                span.stop = None if span.start is None else max(span.start, position)
            track.closed = True
        given_up = self.tracks[:]
        self.tracks.clear()
        return given_up

    def is_dry(self, track: Track) -> bool:
        """Whether sound has run out in the middle of `track`: the network was late."""
        begun = track.span.start is not None and not track.idle
        return begun and not track.waiting and self._playout.position == self._playout.written

    def _cut_wanted(self) -> None:
        if self._cutting or not self._to_cut:
            return
        self._cutting = True
        try:
            while self._to_cut:
                self._cut(self._to_cut[0])
                del self._to_cut[0]
            self._fill()  # what follows is in the ring before the callback comes to it
            self._publish_level()
            self._request_skip()
        finally:
            self._cutting = False

    def _cut(self, track: Track) -> None:
        if track not in self.tracks or track.is_handed_over():
            return
        self._drop_waiting(track)
        track.closed = True
        if track.span.start is not None and track.span.stop is None:
            track.span.stop = self._playout.written

    def _fill(self) -> None:
        """Move what fits into the ring; its reserve is for what follows a cut."""
        if self._playout.rendered < self.opens_at:
            return
        kept = 0 if cut_stretch(self.tracks, self._playout.position) else self._reserve
        while self.backlog and (room := self._playout.space - kept) > 0:
            track = self.backlog.first
            if track.span.start is None:
                track.span.start = self._playout.written
            self._playout.write(self.backlog.take(room))
            self._note_stop(track)

    def _note_stop(self, track: Track) -> None:
        span = track.span
        if track.closed and not track.waiting and span.start is not None and span.stop is None:
            span.stop = self._playout.written

    def _publish_level(self) -> None:
        """Tell the playout what must be in the ring for the first utterance to be heard.

        What waits behind the ring is ahead all the same. Where nothing more is to
        come, or no more can be held, there is nothing to wait for.
        """
        coming = (track for track in self.tracks if not track.span.cut)
        track = next((track for track in coming if not track.is_handed_over()), None)
        if track is None:
            return
        nothing_to_wait_for = track.closed or track.idle or self.backlog.is_full
        self._playout.start_level = (
            1 if nothing_to_wait_for else max(1, track.level - track.waiting)
        )

    def _mark_end(self) -> None:
        """Nothing is on its way: running dry after what was written is no stall."""
        begun = [track for track in self.tracks if track.span.start is not None]
        if begun and not self.backlog and (begun[-1].closed or begun[-1].idle):
            self._playout.end()

    def _request_skip(self) -> None:
        """Ask the playout for the first stretch that was cut; one stands at a time."""
        stretch = cut_stretch(self.tracks, self._playout.position)
        if stretch is not None:
            self._playout.skip(*stretch)

    def _drop_waiting(self, track: Track) -> None:
        track.span.cut = True
        self.backlog.drop(track)

    def _is_done(self, track: Track, position: int) -> bool:
        return track.closed and not track.waiting and self._is_heard(track, position)

    def _is_heard(self, track: Track, position: int) -> bool:
        span, playout = track.span, self._playout
        if span.start is None or span.stop is None:
            return True
        if position < span.stop:
            return False
        if track.drained_at is None:
            # What was played is still on its way. For what was cut nobody waits, but who closes.
            self.drained_at = playout.rendered + self.drain
            track.drained_at = playout.rendered if span.cut else self.drained_at
        return playout.rendered >= track.drained_at


QUEUE_BYTES: Final = 64 * 1024 * 1024
"""Decoded frames that wait behind the ring: eleven minutes of 24 kHz mono."""

ENTRY_BYTES: Final = 256
"""What an array, its view and its place in the queue take besides the samples."""


class Backlog:
    """A queue of frames, each with its track; bounded by whoever asks whether it is full."""

    def __init__(self) -> None:
        self._queue: deque[tuple[Track, Frames]] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def is_full(self) -> bool:
        """Whether nothing more is to be put."""
        return self._bytes >= QUEUE_BYTES

    def put(self, track: Track, frames: Frames) -> None:
        """Take frames of `track`, behind all others."""
        self._queue.append((track, frames))
        self._bytes += _weight(frames)
        track.waiting += len(frames)

    @property
    def first(self) -> Track:
        """Whose frames are next."""
        return self._queue[0][0]

    def take(self, count: int) -> Frames:
        """Give the next frames, all of one track: `count` at most."""
        track, frames = self._queue.popleft()
        taken, rest = frames[:count], frames[count:]
        self._bytes -= _weight(frames)
        if len(rest):
            self._queue.appendleft((track, rest))
            self._bytes += _weight(rest)
        track.waiting -= len(taken)
        return taken

    def drop(self, track: Track) -> None:
        """Forget what waits of `track`."""
        self._queue = deque(entry for entry in self._queue if entry[0] is not track)
        self._bytes = sum(_weight(frames) for _, frames in self._queue)
        track.waiting = 0


def _weight(frames: Frames) -> int:
    """Bytes that frames occupy in the queue: small chunks weigh more than their samples."""
    return frames.nbytes + ENTRY_BYTES
