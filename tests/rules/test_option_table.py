"""The table of options: every kind has its check, no option and no flag stands twice."""

from __future__ import annotations

from streamplay.rules import checks, option_table
from streamplay.rules.option_table import (
    OPTIONS,
)


def test_every_kind_has_its_check_and_takes_its_default() -> None:
    assert {option.kind for option in OPTIONS.values()} == checks._CHECKS.keys()
    checks.check_options({name: option.default for name, option in OPTIONS.items()})


def test_no_option_and_no_flag_stands_twice() -> None:
    rows = [row[0] for rows in option_table._TABLE.values() for row in rows]
    flags = [flag for option in OPTIONS.values() for flag in option.flags]
    assert len(rows) == len(OPTIONS)
    assert len(flags) == len(set(flags))
