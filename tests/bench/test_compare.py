from __future__ import annotations

from streamplay.bench import compare


def test_a_difference_that_is_sure_is_told_in_a_plain_sentence() -> None:
    both = [(200.0 + n, 250.0 + n + n % 5) for n in range(40)]
    found = compare.pair("A", "B", "first_voice", both)
    assert found.says == "A is 51–53 ms sooner to first voice than B; 95 %"
    assert compare.pair("B", "A", "first_voice", [(b, a) for a, b in both]).says.startswith(
        "B is 51–53 ms later to first voice than A"
    )


def test_a_difference_that_may_be_none_cannot_be_told() -> None:
    both = [(200.0 + n % 7, 203.0) for n in range(40)]
    assert compare.pair("A", "B", "total", both).says.startswith("cannot tell A from B")


def test_five_pairs_are_too_few() -> None:
    found = compare.pair("A", "B", "total", [(1.0, 2.0)] * 5)
    assert found.ci95 is None
    assert "too few" in found.says
