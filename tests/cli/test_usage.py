from __future__ import annotations

from streamplay.cli.usage import UsageError, closest


def test_a_wrong_command_line_says_where_help_is() -> None:
    assert UsageError("wrong", see="streamplay say").remedy == "See: streamplay say --help"
    assert UsageError("wrong").remedy == ""


def test_a_word_that_resembles_a_known_one_is_suggested() -> None:
    assert closest("voicse", ["voices", "models"]) == ". Closest: voices"
    assert closest("xyz", ["voices", "models"]) == ""


def test_a_word_that_a_known_one_begins_with_is_nearer_than_one_with_the_same_letters() -> None:
    assert closest("--volu", ["--voice", "--volume"]) == ". Closest: --volume"


def test_a_flag_of_another_program_leads_to_ours_where_the_command_has_it() -> None:
    assert closest("--rate", ["--speed", "--range"]) == ". Closest: --speed"
    assert closest("--rate", ["--rates"]) == ". Closest: --rates"
