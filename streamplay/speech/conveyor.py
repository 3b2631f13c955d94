"""The conveyor: lanes one behind the other, from the backlog through the ring to their ends.

It reads no clock and waits for nothing: `streamplay.speech.pump` moves it on, under its
lock, and knows when.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamplay.speech.backlog import Backlog
from streamplay.speech.lane import Lane, cut_stretch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamplay.sound.native import AnyPlayout

__all__ = ["Conveyor"]


class Conveyor:
    """Moves what can be moved, cuts what is not to be heard, and knows what is done.

    Parameters
    ----------
    playout : Playout
        Where frames are played.
    reserve : int
        Frames of its ring that are kept free for what follows a cut.

    Attributes
    ----------
    lanes : list of Lane
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
        self.lanes: list[Lane] = []
        self.backlog = Backlog()
        self.opens_at = self.drain = self.drained_at = 0
        self._playout = playout
        self._reserve = reserve
        self._to_cut: list[Lane] = []
        self._cutting = False

    def step(self) -> None:
        """Move what can be moved."""
        self._cut_wanted()
        self._publish_level()
        self._fill()
        self._publish_level()
        self._mark_end()
        self._request_skip()

    def settle(self, position: int) -> list[Lane]:
        """Let go of the lanes whose last frame has been heard, and return them.

        Parameters
        ----------
        position : int
            That of the playout, before its notes were read: what ended by then has all its notes.
        """
        settled = [lane for lane in self.lanes if self._is_done(lane, position)]
        for lane in settled:
            self.lanes.remove(lane)
        return settled

    def close(self, lane: Lane) -> None:
        """Say that nothing more of `lane` will come."""
        lane.closed = True
        self._note_stop(lane)

    def cut(self, lanes: Iterable[Lane]) -> None:
        """Silence `lanes`: a fade in the callback, and nothing of them after it.

        A signal's handler may come upon its own thread in here, and the lock lets it
        in: whoever it came upon cuts for both.
        """
        self._to_cut.extend(lanes)
        self._cut_wanted()

    def give_up(self, position: int) -> list[Lane]:
        """Let go of all lanes; what was not handed over by `position` is not going to be."""
        for lane in self.lanes:
            span = lane.span
            if span.stop is None or span.stop > position:
                self._drop_waiting(lane)
                span.stop = None if span.start is None else max(span.start, position)
            lane.closed = True
        given_up = self.lanes[:]
        self.lanes.clear()
        return given_up

    def is_dry(self, lane: Lane) -> bool:
        """Whether sound has run out in the middle of `lane`: the network was late."""
        begun = lane.span.start is not None and not lane.idle
        return begun and not lane.waiting and self._playout.position == self._playout.written

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

    def _cut(self, lane: Lane) -> None:
        if lane not in self.lanes or lane.is_handed_over():
            return
        self._drop_waiting(lane)
        lane.closed = True
        if lane.span.start is not None and lane.span.stop is None:
            lane.span.stop = self._playout.written

    def _fill(self) -> None:
        """Move what fits into the ring; its reserve is for what follows a cut."""
        if self._playout.rendered < self.opens_at:
            return
        kept = 0 if cut_stretch(self.lanes, self._playout.position) else self._reserve
        while self.backlog and (room := self._playout.space - kept) > 0:
            lane = self.backlog.first
            if lane.span.start is None:
                lane.span.start = self._playout.written
            self._playout.write(self.backlog.take(room))
            self._note_stop(lane)

    def _note_stop(self, lane: Lane) -> None:
        span = lane.span
        if lane.closed and not lane.waiting and span.start is not None and span.stop is None:
            span.stop = self._playout.written

    def _publish_level(self) -> None:
        """Tell the playout what must be in the ring for the first utterance to be heard.

        What waits behind the ring is ahead all the same. Where nothing more is to
        come, or no more can be held, there is nothing to wait for.
        """
        coming = (lane for lane in self.lanes if not lane.span.cut)
        lane = next((lane for lane in coming if not lane.is_handed_over()), None)
        if lane is None:
            return
        nothing_to_wait_for = lane.closed or lane.idle or self.backlog.is_full
        self._playout.start_level = 1 if nothing_to_wait_for else max(1, lane.level - lane.waiting)

    def _mark_end(self) -> None:
        """Nothing is on its way: running dry after what was written is no stall."""
        begun = [lane for lane in self.lanes if lane.span.start is not None]
        if begun and not self.backlog and (begun[-1].closed or begun[-1].idle):
            self._playout.end()

    def _request_skip(self) -> None:
        """Ask the playout for the first stretch that was cut; one stands at a time."""
        stretch = cut_stretch(self.lanes, self._playout.position)
        if stretch is not None:
            self._playout.skip(*stretch)

    def _drop_waiting(self, lane: Lane) -> None:
        lane.span.cut = True
        self.backlog.drop(lane)

    def _is_done(self, lane: Lane, position: int) -> bool:
        return lane.closed and not lane.waiting and self._is_heard(lane, position)

    def _is_heard(self, lane: Lane, position: int) -> bool:
        span, playout = lane.span, self._playout
        if span.start is None or span.stop is None:
            return True
        if position < span.stop:
            return False
        if lane.drained_at is None:
            # What was played is still on its way. For what was cut nobody waits, but who closes.
            self.drained_at = playout.rendered + self.drain
            lane.drained_at = playout.rendered if span.cut else self.drained_at
        return playout.rendered >= lane.drained_at
