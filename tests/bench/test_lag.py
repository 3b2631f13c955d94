from __future__ import annotations

import pytest

from streamplay.bench.lag import Lag


def test_a_loop_that_hangs_is_late_for_every_beat_that_it_missed() -> None:
    lag = Lag()
    assert lag.beat(10.0, 10.023) == pytest.approx(10.025)
    assert lag.ms == pytest.approx([23, 18, 13, 8, 3])
    assert lag.facts()["max"] == pytest.approx(23)
    assert Lag().facts()["p50"] is None
