from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from streamplay.cli.saved_sound import save_sound
from streamplay.errors import FileFailed

if TYPE_CHECKING:
    from pathlib import Path

RATE = 24000
SAMPLES = (np.sin(np.arange(RATE) / 20) * 20000).astype(np.int16)


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "1.wav"
    soundfile.write(path, SAMPLES, RATE, subtype="PCM_16")
    return path


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_nothing_is_lost_in_a_file_that_keeps_everything(
    suffix: str, sound: Path, tmp_path: Path
) -> None:
    path = tmp_path / f"saved{suffix}"
    save_sound(sound, path)
    frames, rate = soundfile.read(path, dtype="int16")
    assert rate == RATE
    assert np.array_equal(frames, SAMPLES)


@pytest.mark.parametrize("suffix", [".ogg", ".mp3"])
def test_compressed_files_last_as_long(suffix: str, sound: Path, tmp_path: Path) -> None:
    path = tmp_path / f"saved{suffix}"
    save_sound(sound, path)
    assert soundfile.info(path).frames == pytest.approx(RATE, abs=2500)


@pytest.mark.parametrize("suffix", [".pcm", ".raw"])
def test_bare_samples_are_told_what_they_are(suffix: str, sound: Path, tmp_path: Path) -> None:
    path = tmp_path / f"saved{suffix}"
    audio = save_sound(sound, path)
    assert (audio.encoding, audio.samplerate, audio.channels) == ("pcm_s16le", RATE, 1)
    assert path.read_bytes() == SAMPLES.tobytes()


def test_float_samples_stay_float(tmp_path: Path) -> None:
    samples = np.linspace(-1, 1, RATE, dtype=np.float32)
    soundfile.write(tmp_path / "1.wav", samples, RATE, subtype="FLOAT")
    assert save_sound(tmp_path / "1.wav", tmp_path / "saved.raw").encoding == "pcm_f32le"
    assert (tmp_path / "saved.raw").read_bytes() == samples.tobytes()


def test_a_file_that_is_there_and_a_kind_that_is_unknown_are_refused(
    sound: Path, tmp_path: Path
) -> None:
    with pytest.raises(FileFailed, match="exists"):
        save_sound(sound, sound)
    with pytest.raises(FileFailed, match="unknown kind of file"):
        save_sound(sound, tmp_path / "saved.xyz")
