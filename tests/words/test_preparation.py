"""What a text passes through before it is cut: nothing, unless cleaning is asked for."""

from __future__ import annotations

from streamplay.words.cleaning import Cleaned
from streamplay.words.preparation import AsGiven, preparation


def test_nothing_is_done_unless_asked_for() -> None:
    as_given = preparation(wanted=False)
    assert isinstance(as_given, AsGiven)
    assert [*as_given.feed("**a**"), *as_given.feed("b")] == [("**a**", 0, 5), ("b", 5, 6)]
    assert not as_given.is_holding
    assert [*as_given.release(), *as_given.finish()] == []
    assert isinstance(preparation("de", wanted=True), Cleaned)
