"""What is kept for the user between runs: privately, whole, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from streamplay.cli.user_files import UserFiles, state_folder


@pytest.mark.parametrize(
    ("platform", "environment", "folder"),
    [
        ("linux", {"XDG_STATE_HOME": "/x", "HOME": "/h"}, "/x/streamplay"),
        ("linux", {"XDG_STATE_HOME": "x", "HOME": "/h"}, "/h/.local/state/streamplay"),
        ("darwin", {"HOME": "/h"}, "/h/Library/Application Support/streamplay"),
        ("win32", {"LOCALAPPDATA": "/l"}, "/l/streamplay"),
        ("win32", {"HOME": "/h"}, None),
        ("linux", {}, None),
    ],
)
def test_the_folder_is_that_of_the_system(
    platform: str, environment: dict[str, str], folder: str | None
) -> None:
    assert state_folder(platform, environment) == (None if folder is None else Path(folder))


def test_files_are_the_users_alone_and_the_folder_is_told_once(tmp_path: Path) -> None:
    told: list[str] = []
    files = UserFiles(tmp_path / "state", told.append)
    files.append("history", "one\n")
    files.append("history", "two\n")
    assert files.write("sounds/a", b"sound") == tmp_path / "state" / "sounds" / "a"
    assert files.read("history", 100) == "one\ntwo\n"
    assert files.read("history", 5) == "\ntwo\n"
    assert files.names("sounds") == ["a"]
    modes = [(tmp_path / "state" / name).stat().st_mode & 0o777 for name in ("", "history")]
    assert modes == [0o700, 0o600]
    assert len(told) == 1
    files.remove("history")
    assert files.read("history", 100) == ""


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    files = UserFiles(tmp_path, told.append)
    files.write("a", b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert files.write("a", b"new") is None
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("a", b"old")]
    assert "No space left on device" in told[0]
    assert not files.keeps  # it is told once, and then let be
    files.append("a", "more")
    assert len(told) == 1
    told.clear()
    UserFiles(tmp_path / "new", told.append).write("a", b"new")
    assert [sentence.partition(":")[0] for sentence in told] == [
        "nothing is kept for the next time"
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_made_keeps_nothing_and_says_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    told: list[str] = []
    UserFiles(tmp_path / "state", told.append).append("history", "one\n")
    assert "nothing is kept for the next time" in told[0]


def test_where_nothing_may_be_kept_nothing_is() -> None:
    files = UserFiles(None, print)
    files.append("a", "b")
    files.remove("a")
    assert (files.keeps, files.path("a"), files.write("a", b""), files.names("a")) == (
        False,
        None,
        None,
        [],
    )
    assert files.read("a", 1) == ""
