"""Readers of foreign input raise typed errors only: a part of what `benchmarks.trust` tries."""

from __future__ import annotations

from itertools import islice

import pytest

from benchmarks.trust import foreign

SHORT = 4096
EVERY = 31  # a prime: the places of a seed and the tokens at them are met in turn


@pytest.mark.parametrize("name", foreign.READERS)
def test_a_reader_of_foreign_input_raises_typed_errors_only(name: str) -> None:
    tried = [data for data in islice(foreign.hostile(name), 0, None, EVERY) if len(data) <= SHORT]
    assert len(tried) > 20
    assert "" not in {foreign.outcome(name, data) for data in tried}


def test_what_once_raised_another_error_does_so_no_more() -> None:
    assert [name for name, data in foreign.found() if not foreign.outcome(name, data)] == []
