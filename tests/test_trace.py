from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from streamplay.audio import AudioFormat
from streamplay.errors import FileFailed
from streamplay.trace import TraceWriter

S16 = AudioFormat("pcm_s16le", 24000)


def begin(writer: TraceWriter, base_url: str = "https://key@api.example:443/v1") -> None:
    writer.begin(base_url=base_url, model="a/model", voice="tära", chars=12, audio=S16)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_a_trace_is_a_header_the_arrivals_and_how_it_ended(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    writer = TraceWriter(path)
    begin(writer)
    writer.arrival(0.2130004, 2400)
    begin(writer, "http://another")
    writer.arrival(0.5, 100)
    writer.end(2.114, "complete")
    assert lines(path) == [
        {
            "streamplay_trace": 1,
            "host": "api.example",
            "model": "a/model",
            "voice": "tära",
            "chars": 12,
            "encoding": "pcm_s16le",
            "samplerate": 24000,
            "channels": 1,
        },
        {"t": 0.213, "frames": 2400},
        {"t": 0.5, "frames": 100},
        {"t": 2.114, "end": "complete"},
    ]


def test_neither_a_key_nor_a_path_of_the_server_is_in_it(tmp_path: Path) -> None:
    writer = TraceWriter(tmp_path / "trace.jsonl")
    begin(writer, "https://user:secret@api.example/private/v1?token=secret")
    writer.end(1.0, "complete")
    text = (tmp_path / "trace.jsonl").read_text("utf-8")
    assert "secret" not in text
    assert "private" not in text


def test_the_built_in_voice_is_its_own_host(tmp_path: Path) -> None:
    writer = TraceWriter(tmp_path / "trace.jsonl")
    begin(writer, "local")
    writer.end(1.0, "Truncated")
    assert [line.get("host", line.get("end")) for line in lines(tmp_path / "trace.jsonl")] == [
        "local",
        "Truncated",
    ]


def test_ending_twice_ends_once(tmp_path: Path) -> None:
    writer = TraceWriter(tmp_path / "trace.jsonl")
    writer.end(1.0, "TimedOut")
    writer.end(2.0, "complete")
    assert lines(tmp_path / "trace.jsonl")[-1] == {"t": 1.0, "end": "TimedOut"}


def test_a_trace_that_cannot_be_created_is_a_typed_error_before_anything_is_sent(
    tmp_path: Path,
) -> None:
    with pytest.raises(FileFailed, match=r"cannot write the trace .*No such file"):
        TraceWriter(tmp_path / "nowhere" / "trace.jsonl")


def test_a_full_disk_is_a_typed_error_and_the_file_is_closed() -> None:
    writer = TraceWriter(Path("/dev/full"))
    with pytest.raises(FileFailed, match="cannot write the trace /dev/full: No space left"):
        begin(writer)
    with pytest.raises(FileFailed, match="cannot write the trace /dev/full: No space left"):
        writer.end(1.0, "complete")
    writer.end(1.0, "complete")


def test_what_was_recorded_is_on_the_disk_at_once(tmp_path: Path) -> None:
    writer = TraceWriter(tmp_path / "trace.jsonl")
    begin(writer)
    writer.arrival(0.5, 2400)
    assert lines(tmp_path / "trace.jsonl")[-1] == {"t": 0.5, "frames": 2400}
    writer.close()


def test_an_older_trace_is_kept_unless_another_is_asked_for_and_something_arrives(
    tmp_path: Path,
) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text("older")
    with pytest.raises(FileFailed, match=r"exists.*--force"):
        TraceWriter(path)
    writer = TraceWriter(path, force=True)
    begin(writer)
    writer.end(1.0, "ConnectFailed")
    assert path.read_text() == "older"
    writer = TraceWriter(path, force=True)
    begin(writer)
    writer.arrival(0.5, 2400)
    assert path.read_text() == "older"
    writer.end(1.0, "Truncated")
    assert lines(path)[-1] == {"t": 1.0, "end": "Truncated"}
    assert list(tmp_path.iterdir()) == [path]
