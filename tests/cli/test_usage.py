from __future__ import annotations

from streamplay.cli.usage import UsageError, closest


def test_a_wrong_command_line_says_where_help_is() -> None:
    assert UsageError("wrong", see="streamplay say").remedy == "See: streamplay say --help"
    assert UsageError("wrong").remedy == ""


def test_a_word_that_resembles_a_known_one_is_suggested() -> None:
    assert closest("voicse", ["voices", "models"]) == ". Closest: voices"
    assert closest("xyz", ["voices", "models"]) == ""
