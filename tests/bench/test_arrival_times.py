from __future__ import annotations

import pickle

from hypothesis import given
from hypothesis import strategies as st

from streamplay.bench.arrival_times import ArrivalTimes

_PAIRS = st.lists(st.tuples(st.floats(0, 1e9), st.integers(0, 2**31)), max_size=8)


@given(_PAIRS)
def test_what_was_added_is_read_again_by_another_process(
    pairs: list[tuple[float, int]],
) -> None:
    times = ArrivalTimes()
    for when, frames in pairs:
        times.append(when, frames)
    moved = pickle.loads(pickle.dumps(times))
    assert list(times) == list(moved) == pairs
    assert (len(times), bool(times)) == (len(pairs), bool(pairs))
    if pairs:
        assert (times[0], times[-1]) == (pairs[0], pairs[-1])


def test_an_arrival_takes_twelve_bytes() -> None:
    times = ArrivalTimes()
    for number in range(1000):
        times.append(number / 7, 2400)
    assert len(pickle.dumps(times)) < 1000 * 12.5
