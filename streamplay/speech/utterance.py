"""One utterance as the user sees it: wait for it, cancel it, read its receipt."""

from __future__ import annotations

from queue import SimpleQueue
from typing import TYPE_CHECKING

from streamplay.events import End

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable, Iterator

    from streamplay.events import Event, Heard
    from streamplay.receipt import Receipt
    from streamplay.speech.state import UtteranceState


class Utterance:
    """Something that is being said, or is going to be.

    Made by `Player.say` and `Player.play`; it may be used from any thread.
    """

    def __init__(self, state: UtteranceState) -> None:
        self._state = state
        state.attach(self)

    def __del__(self) -> None:
        self._state.handle_dropped()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {describe(self._state)}>"

    @property
    def text(self) -> str | Iterable[str] | AsyncIterable[str]:
        """What `Player.say` was given; empty for `Player.play`."""
        return self._state.given_text

    @property
    def done(self) -> bool:
        """Whether it has been heard, was cut short, or failed."""
        return self._state.done

    @property
    def receipt(self) -> Receipt:
        """What was received and heard so far; never raises."""
        return self._state.receipt

    @property
    def position(self) -> int:
        """Frames heard by now, at the source's rate: what has left the loudspeaker.

        By the output's DAC time, so that it lags what was handed over by the
        output's latency; monotone, and without drift.
        """
        return self._state.position

    @property
    def handed_over(self) -> bool:
        """Whether all of it is in the output already, and cannot be cut any more."""
        return self._state.handed_over

    def wait(self, timeout: float | None = None) -> Receipt:
        """Wait until it has been heard.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most.

        Returns
        -------
        Receipt
            Also where it was interrupted: that is no error.

        Raises
        ------
        TimeoutError
            If it took longer than `timeout`; it goes on all the same.
        StreamPlayError
            What ended it; ``error.receipt`` tells what was received and heard. Also where it is
            called by `notify` or an `on_done` callback, on whose thread the player plays.
        """
        self._state.check_may_wait()
        if not self._state.wait_done(timeout):
            raise TimeoutError(f"not heard within {timeout:g} s")
        return self._state.result()

    def cancel(self) -> Heard:
        """Silence it now, whatever the network does; nothing, where it is done already."""
        return self._state.cancel()

    def heard(self) -> Heard:
        """Tell what has been heard of it by now."""
        return self._state.heard()

    def events(self) -> Iterator[Event]:
        """Yield what happens to it, from its beginning to its end: see docs/events.md.

        Any number of threads may iterate; one that begins late is told all the same.
        """
        self._state.check_may_wait()
        queue: SimpleQueue[Event] = SimpleQueue()
        self._state.subscribe(queue.put)
        try:
            event: Event | None = None
            while not isinstance(event, End):
                event = queue.get()
                yield event
        finally:
            self._state.history.unsubscribe(queue.put)

    def on_done(self, callback: Callable[[], object]) -> None:
        """Have `callback` called when it is done, on the player's thread; at once if it is."""
        self._state.on_done(callback)


def describe(state: UtteranceState) -> str:
    """Return what a handle shows of itself: its text, where that is a str, and its state."""
    what = repr(state.text[:40]) if isinstance(state.text, str) else type(state.text).__name__
    how = "done" if state.done else "not done"
    return f"{what} {how}"
