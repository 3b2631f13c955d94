from __future__ import annotations

from streamplay.bench.curves import share_below, thin


def test_a_distribution_rises_from_none_to_all() -> None:
    assert share_below([]) == []
    assert share_below([3, 1, 3, 2]) == [(1, 0.0), (1, 0.25), (2, 0.5), (3, 1.0)]
    many = share_below(range(10_000))
    assert len(many) < 1000
    assert many[-1] == (9999, 1.0)


def test_thinning_keeps_both_ends() -> None:
    points = [(float(n), 0.0) for n in range(1001)]
    kept = thin(points, 10)
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    assert len(kept) <= 12
