from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamplay.stream.uniform import Uniform

PARTS = st.lists(
    st.tuples(st.sampled_from([8000, 24000, 48000]), st.sampled_from([1, 2]), st.integers(0, 3000)),
    max_size=6,
)


@given(PARTS)
def test_every_part_comes_out_as_long_as_it_is_at_the_first_rate(
    parts: list[tuple[int, int, int]],
) -> None:
    uniform = Uniform((24000, 1))
    came, wanted = [np.empty((0, 1), np.float32)], 0
    for rate, channels, count in parts:
        came.append(uniform.finish())
        uniform.change((rate, channels))
        wanted += uniform.length(count)
        came.append(uniform.convert(np.full((count, channels), 0.5, np.float32)))
    came.append(uniform.finish())
    frames = np.concatenate(came)
    assert abs(len(frames) - wanted) <= len(parts)
    assert len(uniform.finish()) == 0


def test_what_has_the_first_format_passes_untouched() -> None:
    uniform = Uniform((24000, 2))
    frames = np.ones((10, 2), np.float32)
    assert uniform.convert(frames) is frames
    uniform.change((24000, 2))
    assert uniform.convert(frames) is frames
