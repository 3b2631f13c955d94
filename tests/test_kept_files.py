from __future__ import annotations

from pathlib import Path

import pytest

from streamplay.errors import FileFailed
from streamplay.kept_files import KeptFiles


def test_what_was_opened_and_not_written_leaves_no_trace(tmp_path: Path) -> None:
    old = tmp_path / "old.jsonl"
    old.write_text("kept")
    files = KeptFiles(
        output=tmp_path / "a.wav", record=old, subtitles=str(tmp_path / "a.srt"), force=True
    )
    assert None not in (files.sound, files.trace, files.subtitles)
    files.close()
    files.close()
    assert list(tmp_path.iterdir()) == [old]
    assert old.read_text() == "kept"


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ({"output": "a.txt"}, "unknown kind of file"),
        ({"output": "a.wav", "record": "nowhere/a.jsonl"}, "the trace"),
        ({"output": "a.wav", "subtitles": "a.txt"}, "unknown kind of subtitles"),
        ({"output": "a.pcm", "record": "a.pcm"}, "being written already"),
    ],
)
def test_where_one_cannot_be_written_none_is_left(
    names: dict[str, str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileFailed, match=told):
        KeptFiles(**names)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_standard_output_is_not_opened_here() -> None:
    assert KeptFiles(output="-").sound is None
    assert KeptFiles(output=Path("-")).sound is None
