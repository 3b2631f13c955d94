from __future__ import annotations

import os
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from streamplay.errors import FileFailed
from streamplay.files import NewFile

if TYPE_CHECKING:
    from pathlib import Path


def test_a_new_file_bears_its_own_name_at_once(tmp_path: Path) -> None:
    file = NewFile(tmp_path / "new")
    file.write(b"first")
    assert (tmp_path / "new").read_bytes() == b"first"
    assert file.finish(whole=False) is None
    assert (tmp_path / "new").read_bytes() == b"first"


def test_nothing_is_left_where_nothing_was_written(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"old")
    for name in ("new", "old"):
        assert NewFile(tmp_path / name, force=True).finish() is None
    assert [each.name for each in tmp_path.iterdir()] == ["old"]
    assert (tmp_path / "old").read_bytes() == b"old"


def test_a_dangling_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("there")
    file = NewFile(tmp_path / "link")
    file.write(b"data")
    file.finish()
    assert (tmp_path / "there").read_bytes() == b"data"
    assert (tmp_path / "link").is_symlink()


def test_a_link_to_an_older_file_stays_one(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"old")
    (tmp_path / "link").symlink_to("there")
    file = NewFile(tmp_path / "link", force=True)
    file.write(b"data")
    file.finish()
    assert (tmp_path / "there").read_bytes() == b"data"
    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("how", ["the same name", "a link", "a hard link", "a dangling link"])
def test_two_outputs_into_one_file_are_refused(tmp_path: Path, how: str) -> None:
    path, other = tmp_path / "file", tmp_path / "other"
    if how != "a dangling link":
        path.write_bytes(b"old")
    if how == "a hard link":
        other.hardlink_to(path)
    elif how != "the same name":
        other.symlink_to(path)
    first = NewFile(path, force=True)
    named = path if how == "the same name" else other
    with pytest.raises(FileFailed, match=r"it is being written already. Name another file"):
        NewFile(named, force=True)
    with pytest.raises(FileFailed, match=r"it is being written already. Name another file"):
        NewFile(named)
    first.finish()
    NewFile(named, force=True).finish()


def test_the_file_of_standard_output_is_no_other_output(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "file"
    before = os.dup(1)
    with path.open("wb") as file:
        os.dup2(file.fileno(), 1)
    try:
        with pytest.raises(FileFailed, match="it is being written already"):
            NewFile(path, force=True)
    finally:
        os.dup2(before, 1)
        os.close(before)


def test_a_part_that_another_program_is_writing_is_left_alone(tmp_path: Path) -> None:
    import fcntl

    path = tmp_path / "a.wav"
    path.write_bytes(b"old")
    with (tmp_path / "a.partial.wav").open("wb") as other:
        other.write(b"theirs")
        other.flush()
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(FileFailed, match="another program is writing it"):
            NewFile(path, force=True)
    assert (tmp_path / "a.partial.wav").read_bytes() == b"theirs"


@pytest.mark.parametrize("hard", [False, True])
def test_a_link_in_place_of_the_part_is_not_followed(tmp_path: Path, hard: bool) -> None:
    (tmp_path / "a.wav").write_bytes(b"old")
    (tmp_path / "precious").write_bytes(b"precious")
    if hard:
        (tmp_path / "a.partial.wav").hardlink_to(tmp_path / "precious")
    else:
        (tmp_path / "a.partial.wav").symlink_to("precious")
    with pytest.raises(FileFailed, match="cannot write"):
        NewFile(tmp_path / "a.wav", force=True)
    assert (tmp_path / "precious").read_bytes() == b"precious"


def test_a_pipe_without_a_reader_is_an_error_and_no_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileFailed, match=r"a pipe that no program reads\. Start its reader first"):
        NewFile(tmp_path / "pipe")


def test_a_pipe_that_is_full_is_an_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    file = NewFile(tmp_path / "pipe")
    with pytest.raises(BlockingIOError, match="its reader does not read"):
        file.write(bytes(1 << 20))
    file.finish()
    os.close(reader)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("folder", "Is a directory"),
        ("no folder/file", "No such file or directory"),
        ("loop", "Too many levels of symbolic links"),
        ("x" * 300, "File name too long"),
        ("a\0b", "null byte"),
        ("file/file", "Not a directory"),
        ("nowhere", ", a link to .*/no folder/file: No such file or directory"),
    ],
)
def test_what_is_no_place_for_a_file_is_told(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "nowhere").symlink_to("no folder/file")
    with pytest.raises(FileFailed, match=f"cannot write the trace .*{why}"):
        NewFile(tmp_path / name, force=True, what="the trace")


def test_what_is_there_is_kept_without_force(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(FileFailed, match=r"exists. Overwrite it with force \(--force\)"):
        NewFile(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"old"


def test_the_number_of_a_file_that_is_gone_is_free_for_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = NewFile(tmp_path / "one.wav")
    facts = os.fstat(first.fileno())
    (tmp_path / "one.wav").unlink()
    close, fstat = first._file.close, os.fstat

    def closing() -> None:
        """Free the inode, which another thread's new file is given at once."""
        close()
        with monkeypatch.context() as patch:
            patch.setattr(os, "fstat", lambda each: facts if each > 2 else fstat(each))
            NewFile(tmp_path / "two.wav").finish()

    monkeypatch.setattr(first, "_file", SimpleNamespace(close=closing))
    first.finish()
