"""Lines that begin with a slash."""

from __future__ import annotations

import pytest

from streamplay.cli.slash import COMMANDS, KEYS, Command, help_text, parse


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("hello", "hello"),
        ("", ""),
        ("//etc is a folder", "/etc is a folder"),
        ("/quit", Command("/quit", "")),
        ("/now  Stop that. ", Command("/now", "Stop that.")),
    ],
)
def test_a_line_is_a_command_or_what_it_says(line: str, meant: Command | str) -> None:
    assert parse(line) == meant


def test_the_help_has_every_command_and_the_keys_that_come_through() -> None:
    told = help_text(lambda keys: keys == "Enter")
    rows = [row.split("  ")[0].strip() for row in told.splitlines()]
    assert rows == ["Enter", *COMMANDS]
    assert len(help_text(lambda _: True).splitlines()) == len(KEYS) + len(COMMANDS)
    narrow = help_text(lambda _: True, 30).splitlines()
    assert "Enter  speak the line after" in narrow
    assert max(map(len, narrow)) <= 30
