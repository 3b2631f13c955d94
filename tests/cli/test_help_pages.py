from __future__ import annotations

import shlex

import pytest

from streamplay.cli import help_pages, main, parser

COMMANDS = sorted(parser.COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_each_command_begins_with_three_examples(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main([command, "-h"]) == 0
    summary, _, *rows = capsys.readouterr().out.splitlines()
    assert summary.casefold() == f"{parser.COMMANDS[command]}.".casefold()
    assert [row.partition("  # ")[0].strip() for row in rows[:3]] == [
        line for line, _ in help_pages.PAGES[command].examples
    ]
    assert max(map(len, rows)) <= 80


@pytest.mark.parametrize("command", COMMANDS)
def test_every_example_is_a_command_line_that_is_understood(command: str) -> None:
    for line, _ in help_pages.PAGES[command].examples:
        words = shlex.split(line.removeprefix('eval "$(').removesuffix(')"'))
        words = words[words.index("streamplay") + 1 :]
        words = words[: words.index("|")] if "|" in words else words
        parser.build(words[0]).parse_words(words[1:])


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_shown_first_is_there_and_the_rest_is_counted(command: str) -> None:
    built = parser.build(command)
    names = {action.dest for action in built.actions}
    page = help_pages.PAGES[command]
    assert set(page.first) - names <= {"subtitles"}  # which is being built
    whole = built.format_help()
    assert all(flag in whole for action in built.actions for flag in action.option_strings)
    hidden = [
        action for action in built.actions if action.dest not in {*page.first, "==SUPPRESS=="}
    ]
    if page.first:
        assert f"{len(hidden)} more flags: streamplay {command} --help-all" in (
            built.format_short_help()
        )


def test_examples_stand_below_their_comment_on_a_narrow_terminal() -> None:
    rows = help_pages.examples_text("say", 40).splitlines()
    assert rows[:2] == ["  # speak one text", '  streamplay say "Good morning."']
    assert max(map(len, rows)) <= 40
