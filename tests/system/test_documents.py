"""docs/bench.md says what the code means."""

from __future__ import annotations

from pathlib import Path

from streamplay.bench import capacity, lag, plan, statistics

PAGE = (Path(__file__).parent.parent.parent / "docs" / "bench.md").read_text(encoding="utf-8")


def test_the_numbers_on_the_page_are_those_of_the_code() -> None:
    flat = " ".join(PAGE.split())
    least = [statistics.needed(p) for p in statistics.PERCENTILES.values()]
    stated = "from {} requests for p50, {} for p90, {} for p95, {} for p99"
    assert stated.format(*least) in flat
    assert f"`--requests` is {plan.DEFAULT_REQUESTS} unless you say otherwise" in flat
    assert f"event loop was more than {lag.LAG_LIMIT_MS:g} ms late at p99" in flat
    assert f"begins more than {lag.LATE_START_MS:g} ms late" in flat
    assert f"`--duration` seconds ({capacity.STEP_SECONDS:g})" in flat
    assert f"to {capacity.SHARPNESS - 1:.0%}".replace("%", " %") in flat
