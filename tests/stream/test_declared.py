from __future__ import annotations

import pytest

from streamplay.audio import READABLE, AudioFormat
from streamplay.stream.declared import Told, told_by_fields, told_by_headers

S16 = AudioFormat("pcm_s16le", 24000)


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"content-type": "audio/pcm;rate=22050"}, Told(22050)),
        ({"content-type": "audio/pcm; rate=44100; channels=2"}, Told(44100, 2)),
        ({"content-type": 'audio/L16; rate="16000"'}, Told(16000)),
        ({"content-type": "audio/pcm;encoding=float32;rate=48000"}, Told(48000, 0, "pcm_f32le")),
        ({"content-type": "audio/basic"}, Told(8000, 0, "pcm_mulaw")),
        ({"content-type": "audio/PCMA"}, Told(8000, 0, "pcm_alaw")),
        ({"content-type": "audio/L24;rate=48000"}, Told(48000, 0, "pcm_s24be")),
        ({"content-type": "audio/pcm", "x-sample-rate": "16000"}, Told(16000)),
        ({"x-audio-sample-rate": "44100", "x-audio-channels": "2"}, Told(44100, 2)),
        ({"sample-rate": "22050", "x-audio-format": "pcm_s16le"}, Told(22050, 0, "pcm_s16le")),
        ({"x-samplerate": "8000"}, Told(8000)),
        ({"x-sample-rate": "44100 Hz"}, Told(44100)),
        ({"sample-rate": "44100.0"}, Told(44100)),
        ({"x-audio-format": "pcm_44100"}, Told(44100)),
        ({"content-type": "audio/x-raw, format=S16LE, rate=16000"}, Told(16000, 0, "pcm_s16le")),
        ({"x-sample-rate": "44.1kHz"}, Told(44100)),
        ({"x-kokoro-sample-rate-hz": "48000"}, Told(48000)),
        ({"x-input-sample-rate": "48000", "x-max-sample-rate": "48000"}, Told()),
        ({"x-audio-format": "s16le, 44100 Hz, mono"}, Told(44100, 1, "pcm_s16le")),
        ({"x-audio-format": "pcm_s24le;rate=96000"}, Told(96000, 0, "pcm_s24le")),
        ({"x-audio-info": '{"sample_rate": 8000, "channels": 2}'}, Told(8000, 2)),
        ({"x-audio-info": '{"sample_rate": '}, Told()),
        ({"x-content-type": "audio/L16;rate=16000"}, Told(16000)),
        ({"x-bits-per-sample": "24", "x-channels": "stereo"}, Told(0, 2, "pcm_s24le")),
        ({"x-frame-rate": "25", "x-encoding": "mu-law"}, Told(0, 0, "pcm_mulaw")),
        ({"content-type": "audio/pcm;bits=16;endian=big"}, Told(0, 0, "pcm_s16be")),
        ({"content-type": "audio/pcm;bits=32"}, Told(0, 0, "pcm_f32le")),
        ({"content-type": "audio/pcm;encoding=signed-int;bits=32"}, Told(0, 0, "pcm_s32le")),
        ({"content-type": "audio/pcm_44100"}, Told(44100)),
        (
            {"content-type": "audio/x-raw, format=(string)S16LE, rate=(int)16000"},
            Told(16000, 0, "pcm_s16le"),
        ),
        ({"content-type": "audio/wav;codec=1;rate=24000"}, Told(24000)),
        ({"content-type": "audio/pcm;rate=0"}, Told()),
        ({"content-type": "audio/pcm;rate=4000000000"}, Told()),
        ({"content-type": "audio/pcm;rate=abc;channels=99"}, Told()),
        ({"content-encoding": "identity", "content-length": "24000"}, Told()),
        ({"x-ratelimit-limit": "8000", "x-rate-limit": "16000"}, Told()),
    ],
    ids=str,
)
def test_headers_tell(headers: dict[str, str], told: Told) -> None:
    assert told_by_headers(headers) == told


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"sample_rate": 44100}, Told(44100)),
        ({"sampleRate": "22050", "numChannels": 2}, Told(22050, 2)),
        ({"format": "wav", "sample_rate": True}, Told()),
        ({"encoding": "base64", "rate": 1.5}, Told()),
        ({"format": "f32le"}, Told(0, 0, "pcm_f32le")),
        ({"sampleRateHertz": 16000, "sample_width": 2}, Told(16000, 0, "pcm_s16le")),
        ({"fs": 44100, "frequency": 440}, Told(44100)),
        ({"frequency": 440}, Told()),
        ({"extra_info": {"audio_sample_rate": 32000}}, Told(32000)),
        ({"audio_info": {"sample_rate": "44.1 kHz", "channels": "mono"}}, Told(44100, 1)),
        ({"format": "x" * 100_000, "codec": "opus"}, Told()),
        ({"sample_rate": 44100.0, "channels": 1.5}, Told(44100)),
        ({"format": "ulaw_8000"}, Told(8000, 0, "pcm_mulaw")),
        ({"format": "pcm_16"}, Told()),
        ({"mimeType": "audio/pcm;rate=16000"}, Told(16000)),
        (
            {"audio_format": {"sample_rate": 44100, "encoding": "pcm_f32le"}},
            Told(44100, 0, "pcm_f32le"),
        ),
        (
            {
                "session": {
                    "audio": {"input": {"rate": 16000}, "output": {"format": {"rate": 44100}}}
                }
            },
            Told(44100),
        ),
        *(({"encoding": name}, Told(0, 0, name)) for name in READABLE),
        ({"audio_format": "pcm_mulaw", "sr": 8000}, Told(8000, 0, "pcm_mulaw")),
    ],
    ids=str,
)
def test_fields_tell(fields: dict[str, object], told: Told) -> None:
    assert told_by_fields(fields) == told


def test_the_server_is_believed_over_all_but_the_user() -> None:
    told = Told(44100, 0, "")
    assert told.settle(S16, "request") == (AudioFormat("pcm_s16le", 44100), "server")
    assert told.settle(S16, "model") == (AudioFormat("pcm_s16le", 44100), "server")
    assert told.settle(S16, "user") == (S16, "user")
    assert Told(24000).settle(S16, "model") == (S16, "model")
    assert Told().settle(S16, "request") == (S16, "request")
