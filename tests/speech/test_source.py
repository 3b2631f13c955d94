from __future__ import annotations

import io
import os
import threading
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np
import pytest

from streamplay.audio import AudioFormat
from streamplay.errors import FileFailed, NoAudio, Truncated
from streamplay.speech.source import file_source
from tests.support.encoded import KINDS, RATE, encoded, tone, with_wav_size

if TYPE_CHECKING:
    from pathlib import Path

S16 = AudioFormat("pcm_s16le", RATE)
SAMPLES = S16.encode(tone().reshape(-1, 1))


class Pipe(io.RawIOBase):
    """What cannot be looked for a place in."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return self._data.readinto(buffer[:1000])


def stream(data: bytes) -> BinaryIO:
    return cast("BinaryIO", io.BufferedReader(Pipe(data)))


@pytest.mark.parametrize("name", KINDS)
def test_a_file_and_a_pipe_are_read_as_an_answer_is(name: str, tmp_path: Path) -> None:
    file = tmp_path / "sound"
    file.write_bytes(encoded(name))
    for given in (file, stream(encoded(name))):
        source = file_source(given, "sound", None)
        heard = sum(len(frames) for frames in source.frames)
        assert 1 <= heard / source.samplerate <= 1 + KINDS[name].slack / 1000
        assert source.source == "header"


def test_a_pipe_is_heard_before_its_end_has_come() -> None:
    receive, send = os.pipe()
    data = encoded("mp3", 5.0)
    first = threading.Event()

    def write() -> None:
        with os.fdopen(send, "wb", buffering=0) as pipe:
            pipe.write(data[: len(data) // 2])
            assert first.wait(60)
            pipe.write(data[len(data) // 2 :])

    writer = threading.Thread(target=write)
    writer.start()
    source = file_source(os.fdopen(receive, "rb"), "pipe", None)
    frames = iter(source.frames)
    heard = len(next(frames))
    first.set()
    heard += sum(map(len, frames))
    writer.join()
    assert heard == 5 * RATE


def test_raw_bytes_are_what_the_user_says_and_a_header_among_them_is_left_out() -> None:
    for data in (SAMPLES, with_wav_size(SAMPLES, 0xFFFFFFFF)):
        source = file_source(stream(data), "raw", S16)
        frames = np.concatenate(list(source.frames))
        assert np.array_equal(frames, S16.decode(SAMPLES))
        assert (source.audio, source.source) == (S16, "user")


def test_encodings_that_are_only_read_can_be_named() -> None:
    told = AudioFormat("pcm_s16be", RATE)
    swapped = np.frombuffer(SAMPLES, "<i2").astype(">i2").tobytes()
    frames = np.concatenate(list(file_source(stream(swapped), "raw", told).frames))
    assert np.array_equal(frames, S16.decode(SAMPLES))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "there is no sound in it"),
        (with_wav_size(b"", 0), "there is no sound in it"),
        (SAMPLES, "it is no sound file"),
        (b"Hello there, this is a text.\n" * 20, "plain text"),
        (b'{"error": "x"}', "JSON"),
        (b"<html>" + b"x" * 500, "HTML"),
        (b"PK\3\4" + bytes(100), "ZIP"),
        (encoded("M4A, table last")[:3000], "MP4"),
    ],
    ids=["empty", "header", "raw", "text", "JSON", "HTML", "ZIP", "cut"],
)
def test_what_is_no_sound_is_named(data: bytes, why: str) -> None:
    given = stream(data)
    with pytest.raises(FileFailed, match=f"cannot read it: .*{why}") as raised:
        file_source(given, "it", None)
    is_text = data[:1] in {b"H", b"{", b"<"}
    assert ("To hear it: streamplay say -f it" if is_text else "--decode-as") in str(raised.value)
    assert given.closed


def test_a_short_text_is_no_raw_audio() -> None:
    for data in (b"hi", "Grüße".encode()[:-2]):
        with pytest.raises(FileFailed, match=r"it is text\. To hear it: pipe it into"):
            file_source(stream(data), "<stdin>", None)


def test_a_file_that_was_cut_short_is_heard_and_told() -> None:
    source = file_source(stream(with_wav_size(SAMPLES, len(SAMPLES))[:-5000]), "cut", None)
    heard: list[int] = []
    with pytest.raises(Truncated, match="5000 bytes before the end"):
        heard.extend(len(frames) for frames in source.frames)
    assert sum(heard) == RATE - 2500


def test_nothing_is_no_success() -> None:
    with pytest.raises(NoAudio):
        list(file_source(stream(b""), "raw", S16).frames)
