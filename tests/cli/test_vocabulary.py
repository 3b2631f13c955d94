"""History and completion, from the user's own lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from streamplay.cli import vocabulary
from streamplay.cli.user_files import UserFiles
from streamplay.cli.vocabulary import UserHistory, WordCompleter

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def completed(completer: WordCompleter, typed: str) -> list[str]:
    found = completer.get_completions(Document(typed), CompleteEvent())
    return [typed[: len(typed) + each.start_position] + each.text for each in found]


def test_words_are_completed_from_what_was_said_the_most_used_first() -> None:
    completer = WordCompleter(["Please wait.", "Pleasant day, please"], {})
    completer.learn("please")
    assert completed(completer, "Oh, pl") == ["Oh, please", "Oh, Pleasant", "Oh, Please"]
    assert completed(completer, "please") == ["Please"]  # itself is there already
    assert completed(completer, "Oh, ") == []


def test_commands_and_what_follows_them_are_completed() -> None:
    completer = WordCompleter(
        ["/quit is no word"], {"/voice": lambda: ["tara", "leo"], "/volume": tuple}
    )
    assert completed(completer, "/vo") == ["/voice", "/volume"]
    assert completed(completer, "/voice t") == ["/voice tara"]
    assert completed(completer, "/volume t") == []
    assert completed(completer, "qu") == []
    assert completed(completer, "//vo") == []  # an ordinary line


def test_the_history_is_kept_and_the_newest_comes_first(tmp_path: Path) -> None:
    files = UserFiles(tmp_path, lambda _: None)
    for line in ("one", "two\nlines", "«drei»"):
        UserHistory(files).store_string(line)
    assert list(UserHistory(files).load_history_strings()) == ["«drei»", "two\nlines", "one"]


def test_damaged_rows_are_passed_over_and_a_long_file_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vocabulary, "KEPT_LINES", 2)
    files = UserFiles(tmp_path, lambda _: None)
    history = UserHistory(files)
    files.append("history", 'no json\n5\n["a"]\n')
    for line in ("one", "two", "three"):
        history.store_string(line)
    assert history.read() == ["two", "three"]
    assert (tmp_path / "history").read_text() == '"two"\n"three"\n'


def test_where_nothing_may_be_kept_there_is_no_history() -> None:
    history = UserHistory(UserFiles(None, lambda _: None))
    history.store_string("one")
    assert history.read() == []
