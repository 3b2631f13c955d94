from __future__ import annotations

import asyncio
import itertools
import os
import resource
import threading
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

from streamplay.audio import AudioFormat
from streamplay.errors import FileFailed
from streamplay.kept_files import RAW_SUFFIXES, SOUND_SUFFIXES
from streamplay.outputs.recording import (
    WRITTEN_AT_ONCE,
    FileOutput,
    open_file,
)

if TYPE_CHECKING:
    from pathlib import Path

S16 = AudioFormat("pcm_s16le", 24000)
F32 = AudioFormat("pcm_f32le", 24000)
SUFFIXES = (*SOUND_SUFFIXES, *RAW_SUFFIXES)


def every_s16() -> bytes:
    return np.arange(-32768, 32768).astype("<i2").tobytes()


def keep(path: Path, data: bytes, audio: AudioFormat, *, parts: int = 3, **how: Any) -> None:
    """Write `data` in some parts, as it would arrive."""
    file = open_file(path, **how)
    frames = audio.decode(data)
    edges = np.linspace(0, len(frames), parts + 1).astype(int)
    for begin, end in itertools.pairwise(edges):
        part = data[begin * audio.frame_bytes : end * audio.frame_bytes]
        file.write(frames[begin:end], part, audio)
    file.close()


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".WAV"])
def test_16_bits_are_kept_exactly(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"all{suffix}"
    keep(path, every_s16(), S16)
    samples, rate = soundfile.read(path, dtype="int16")
    assert rate == 24000
    assert samples.astype("<i2").tobytes() == every_s16()
    assert soundfile.info(path).subtype == "PCM_16"


@pytest.mark.parametrize("encoding", ["pcm_mulaw", "pcm_alaw"])
@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_the_levels_of_g711_are_kept_exactly(tmp_path: Path, suffix: str, encoding: str) -> None:
    path, audio = tmp_path / f"g711{suffix}", AudioFormat(encoding, 8000)
    keep(path, bytes(range(256)), audio)
    samples, _ = soundfile.read(path, dtype="float32", always_2d=True)
    assert np.array_equal(samples, audio.decode(bytes(range(256))))


def test_floats_are_kept_exactly_in_wav_and_to_24_bits_in_flac(tmp_path: Path) -> None:
    frames = np.random.default_rng(3).uniform(-1, 1, (5000, 2)).astype(np.float32)
    audio = AudioFormat("pcm_f32le", 44100, 2)
    for suffix, error in ((".wav", 0.0), (".flac", 2.0**-23)):
        path = tmp_path / f"floats{suffix}"
        keep(path, audio.encode(frames), audio)
        samples, rate = soundfile.read(path, dtype="float32")
        assert rate == 44100
        np.testing.assert_allclose(samples, frames, rtol=0, atol=error)


@pytest.mark.parametrize("encoding", ["pcm_s24le", "pcm_s24be"])
@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_24_bits_are_kept_exactly(tmp_path: Path, suffix: str, encoding: str) -> None:
    path, audio = tmp_path / f"all{suffix}", AudioFormat(encoding, 48000)
    data = np.random.default_rng(4).integers(0, 256, 6000).astype(np.uint8).tobytes()
    keep(path, data, audio)
    samples, _ = soundfile.read(path, dtype="float32", always_2d=True)
    assert np.array_equal(samples, audio.decode(data))


@pytest.mark.parametrize("suffix", [".ogg", ".mp3"])
def test_compressed_files_hold_the_sound(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"sine{suffix}"
    sine = np.sin(np.arange(48000) * 2 * np.pi * 440 / 24000).astype(np.float32) / 2
    keep(path, S16.encode(sine.reshape(-1, 1)), S16)
    samples, rate = soundfile.read(path, dtype="float32")
    assert rate == 24000
    assert abs(len(samples) - len(sine)) < 3000  # mp3 pads to its frames
    middle = samples[12000:36000]
    assert np.argmax(np.abs(np.fft.rfft(middle))) == 440
    assert np.abs(middle).max() == pytest.approx(0.5, abs=0.05)


def test_a_long_chunk_does_not_overflow_the_encoders_stack(tmp_path: Path) -> None:
    count = 24000 * 600
    path = tmp_path / "long.ogg"
    assert count > WRITTEN_AT_ONCE
    file = open_file(path)
    file.write(np.zeros((count, 1), np.float32), b"compressed", F32)
    file.close()
    assert soundfile.info(path).frames == count


@pytest.mark.parametrize("suffix", RAW_SUFFIXES)
def test_raw_files_hold_the_bytes_as_received(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"bytes{suffix}"
    file = open_file(path)
    for data in (b"one", b"", b"\0two\n"):
        file.write(np.zeros((0, 1), np.float32), data, S16)
    file.close()
    assert path.read_bytes() == b"one\0two\n"
    assert file.path == str(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_is_not_overwritten_unless_that_is_asked_for(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"there{suffix}"
    path.write_bytes(b"older" * 9999)
    with pytest.raises(FileFailed, match=r"exists.*--force"):
        open_file(path)
    assert path.read_bytes() == b"older" * 9999
    keep(path, every_s16(), S16, force=True)
    fresh = tmp_path / f"fresh{suffix}"
    keep(fresh, every_s16(), S16)
    assert path.stat().st_size == fresh.stat().st_size


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_part_does_not_take_the_place_of_an_older_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"there{suffix}"
    path.write_bytes(b"older")
    path.chmod(0o640)
    for _ in range(2):  # a part that an earlier run left does not disturb the next
        file = open_file(path, force=True)
        file.write(np.zeros((9000, 1), np.float32), b"a part", S16)
        assert path.read_bytes() == b"older"
        partial = path.with_stem("there.partial")
        assert file.close(whole=False) == f"{path} stays as it was; what came is in {partial}"
        assert file.close() == ""
        assert path.read_bytes() == b"older"
        assert partial.stat().st_size > 0
    keep(path, every_s16(), S16, force=True)
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.read_bytes() != b"older"
    assert not partial.exists()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_older_file_is_untouched_where_no_audio_came(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"there{suffix}"
    path.write_bytes(b"older")
    keep(path, b"", S16, force=True)
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_empty_file_is_left_behind(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"new{suffix}"
    file = open_file(path)
    file.write(np.zeros((0, 1), np.float32), b"", S16)
    file.close()
    file.close()
    assert not path.exists()


def test_what_a_format_cannot_hold_costs_nothing_that_is_there(tmp_path: Path) -> None:
    old, new = tmp_path / "old.mp3", tmp_path / "new.mp3"
    old.write_bytes(b"older")
    odd = AudioFormat("pcm_s16le", 24000, 5)
    for path in (old, new):
        file = open_file(path, force=True)
        with pytest.raises(FileFailed, match="MP3 cannot hold pcm_s16le at 24000 Hz, 5 channels"):
            file.write(np.zeros((9, 5), np.float32), b"x", odd)
        file.close()
    assert old.read_bytes() == b"older"
    assert not new.exists()


def test_another_channel_count_in_midstream_is_a_typed_error(tmp_path: Path) -> None:
    file = open_file(tmp_path / "mixed.wav")
    file.write(np.zeros((9, 1), np.float32), b"", F32)
    with pytest.raises(FileFailed, match="cannot write"):
        file.write(np.zeros((9, 2), np.float32), b"", F32)
    file.close()
    assert soundfile.info(tmp_path / "mixed.wav").frames == 9


@pytest.mark.parametrize("name", ["speech", "speech.aac", ".wav", "speech.wav.txt"])
def test_an_unknown_kind_of_file_is_refused_with_the_known_ones(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileFailed, match=r"unknown kind of file.*\.wav \.flac \.ogg \.mp3 \.pcm"):
        open_file(tmp_path / name)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("name", ["no folder/a.wav", "x" * 300 + ".wav", "zero\0byte.pcm"])
def test_a_place_that_cannot_be_written_is_a_typed_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileFailed, match="cannot write"):
        open_file(tmp_path / name)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(FileFailed, match="Is a directory"):
        open_file(tmp_path / "folder.wav", force=True)


@pytest.mark.parametrize("suffix", SOUND_SUFFIXES)
def test_a_device_takes_no_sound_file(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"full{suffix}"
    path.symlink_to("/dev/full")
    with pytest.raises(FileFailed, match=r"it is a pipe or a device.*\.pcm or \.raw"):
        open_file(path)


def test_a_full_device_is_a_typed_error(tmp_path: Path) -> None:
    path = tmp_path / "full.pcm"
    path.symlink_to("/dev/full")
    file = open_file(path)
    with pytest.raises(FileFailed, match=r"cannot write .*full.pcm: No space left"):
        file.write(np.zeros((1, 1), np.float32), b"data", S16)
    with pytest.raises(FileFailed, match="No space left"):
        file.close()
    assert file.close() == ""


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_full_disk_is_a_typed_error_and_no_traceback(
    tmp_path: Path, suffix: str, capfd: pytest.CaptureFixture[str]
) -> None:
    file = open_file(tmp_path / f"full{suffix}")
    noise = np.random.default_rng(5).uniform(-1, 1, (1 << 17, 1)).astype(np.float32)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (9000, before[1]))
    try:
        with pytest.raises(FileFailed, match=r"cannot (write|hold)"):
            file.write(noise, S16.encode(noise), S16)
        with suppress(FileFailed):
            file.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("suffix", SOUND_SUFFIXES)
def test_what_was_written_up_to_a_second_ago_can_be_opened_after_a_kill(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"killed{suffix}"
    file = open_file(path)
    noise = np.random.default_rng(5).uniform(-0.3, 0.3, (24000 * 5, 1)).astype(np.float32)
    for start in range(0, len(noise), 2400):
        part = noise[start : start + 2400]
        file.write(part, S16.encode(part), S16)
    killed = tmp_path / f"copy{suffix}"
    killed.write_bytes(path.read_bytes())  # as a killed process leaves it: nothing is closed
    file.close()
    samples, rate = soundfile.read(killed)
    assert rate == 24000
    assert len(noise) - rate <= len(samples) <= len(noise)


def test_the_header_of_a_wave_file_of_floats_tells_its_length_too(tmp_path: Path) -> None:
    path = tmp_path / "floats.wav"
    file = open_file(path)
    for _ in range(3):
        file.write(np.zeros((24000, 1), np.float32), b"", F32)
    data = path.read_bytes()
    length = int.from_bytes(data[data.index(b"data") + 4 :][:4], "little")
    assert length == 3 * 24000 * 4
    assert int.from_bytes(data[4:8], "little") == len(data) - 8
    file.close()
    assert soundfile.info(path).frames == 3 * 24000


async def written(file: FileOutput, data: bytes) -> None:
    file.write(np.zeros((1, 1), np.float32), data, S16)
    await file.drained()


def test_a_pipe_whose_reader_does_not_read_is_waited_for_and_let_go(tmp_path: Path) -> None:
    path = tmp_path / "named.pcm"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    file = open_file(path)

    async def say() -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await written(file, bytes(1 << 20))
        file.close()

    asyncio.run(say())
    got = 0
    while part := os.read(reader, 1 << 16):
        got += len(part)
    os.close(reader)
    assert 4096 <= got < 1 << 20


def test_a_slow_reader_of_a_pipe_gets_everything(tmp_path: Path) -> None:
    path = tmp_path / "named.pcm"
    os.mkfifo(path)
    got = bytearray()

    def read() -> None:
        with path.open("rb", 0) as pipe:
            while part := pipe.read(5000):
                got.extend(part)

    reading = threading.Thread(target=read)
    reading.start()
    while True:
        with suppress(FileFailed):  # it has not been opened for reading yet
            file = open_file(path)
            break
    data = np.random.default_rng(5).bytes(300_000)
    asyncio.run(written(file, data))
    file.close()
    reading.join()
    assert bytes(got) == data


class Standard:
    """Stands for sys.stdout: only its bytes are asked for."""

    def __init__(self, buffer: IO[bytes]) -> None:
        self.buffer = buffer


def test_standard_output_gets_each_chunk_at_once_and_stays_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb", 0) as near, os.fdopen(writer, "wb") as far:
        monkeypatch.setattr("sys.stdout", Standard(far))
        file = open_file("-")
        for data in (b"first", b"second"):
            file.write(np.zeros((1, 1), np.float32), data, S16)
            assert near.read(100) == data
        file.close()
        file.close()
        assert not far.closed
        assert file.path == "-"


def test_a_pipe_whose_reader_has_gone_is_a_typed_error(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb", 0) as far:
        monkeypatch.setattr("sys.stdout", Standard(far))
        file = open_file("-")
        with pytest.raises(FileFailed, match=r"cannot write standard output.*Broken pipe"):
            file.write(np.zeros((1, 1), np.float32), b"data", S16)


def test_a_reader_that_waits_hears_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    got: list[bytes] = []
    with os.fdopen(writer, "wb") as far:
        monkeypatch.setattr("sys.stdout", Standard(far))
        waiting = threading.Thread(target=lambda: got.append(os.read(reader, 100)))
        waiting.start()
        file = open_file("-")
        file.write(np.zeros((1, 1), np.float32), b"at once", S16)
        waiting.join()
        file.close()
    os.close(reader)
    assert got == [b"at once"]
