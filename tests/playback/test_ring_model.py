"""A small ring, model-checked: every interleaving of a writer's and a reader's steps.

The model is the proof of `streamplay.playback.ring` taken apart into its memory accesses: each
step below is one load or one store, and any step of one thread may fall between any two
of the other. Slots hold frame numbers; a reader must never copy a slot that does not hold
the frame it is after, whatever the order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CAPACITY = 2
FRAMES = 5


class State(NamedTuple):
    """Shared memory, and each thread's place and registers."""

    slots: tuple[int, ...] = (-1,) * CAPACITY
    written: int = 0
    read: int = 0
    writer: tuple[str, int] = ("look", 0)  # what it does next, and its idea of `read`
    reader: tuple[str, int] = ("look", 0)  # what it does next, and its idea of `written`


class Broken(Exception):
    """The reader took what was not there."""


def write_step(state: State, *, publish_first: bool = False) -> State | None:
    """One step of the writer, or None where it has nothing to do."""
    step, seen = state.writer
    if step == "look":
        return state._replace(writer=("space", state.read)) if state.written < FRAMES else None
    if step == "space":
        full = state.written - seen >= CAPACITY
        return state._replace(writer=("look", 0) if full else ("first", seen))
    copy_now = (step == "first") != publish_first
    following = ("second", seen) if step == "first" else ("look", 0)
    if copy_now:
        # Which frame is copied is fixed before anything is published.
        frame = state.written - (1 if publish_first else 0)
        slots = list(state.slots)
        slots[frame % CAPACITY] = frame
        return state._replace(slots=tuple(slots), writer=following)
    return state._replace(written=state.written + 1, writer=following)


def read_step(state: State) -> State | None:
    """One step of the reader."""
    step, seen = state.reader
    if step == "look":
        return state._replace(reader=("take", state.written)) if state.read < FRAMES else None
    if step == "take":
        if seen == state.read:
            return state._replace(reader=("look", 0))
        if state.slots[state.read % CAPACITY] != state.read:
            raise Broken(state)
        return state._replace(reader=("advance", seen))
    return state._replace(read=state.read + 1, reader=("look", 0))


def explore(write: Callable[[State], State | None]) -> Iterator[State]:
    """Visit every state that any interleaving reaches."""
    seen, waiting = {State()}, [State()]
    while waiting:
        state = waiting.pop()
        yield state
        for following in (write(state), read_step(state)):
            if following is not None and following not in seen:
                seen.add(following)
                waiting.append(following)


def test_no_interleaving_hands_out_a_frame_that_is_not_whole() -> None:
    states = list(explore(write_step))
    assert all(0 <= state.written - state.read <= CAPACITY for state in states)
    assert any(state.read == FRAMES for state in states)  # and it gets there
    assert len(states) > 100


def test_the_model_notices_a_writer_that_publishes_before_it_copies() -> None:
    with pytest.raises(Broken):
        list(explore(lambda state: write_step(state, publish_first=True)))
