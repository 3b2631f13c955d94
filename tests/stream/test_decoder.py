from __future__ import annotations

import gc
import io
import itertools
import weakref
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile
from hypothesis import assume, example, given
from hypothesis import strategies as st

import streamplay.codecs.whole
import streamplay.stream.decoder
from streamplay.audio import ENCODINGS, AudioFormat
from streamplay.errors import (
    BadAudio,
    StreamBroken,
    TooLarge,
    Truncated,
    UnexpectedContent,
    WrongEncoding,
)
from streamplay.stream.declared import Told
from streamplay.stream.decoder import Chunk, Decoder
from streamplay.stream.sniff import RAW, identify
from tests.stream.test_riff import chunk, fmt, wav
from tests.support.encoded import KINDS, in_container

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamplay.audio import Frames

S16 = AudioFormat("pcm_s16le", 24000)
EVENTS = "text/event-stream"


def tone(samplerate: int = 24000, channels: int = 1, seconds: float = 0.05) -> Frames:
    """A quiet tone with an overtone: no reading of it can be mistaken for noise."""
    time = np.arange(round(samplerate * seconds)) / samplerate
    mono = 0.1 * np.sin(2 * np.pi * 200 * time) + 0.02 * np.sin(2 * np.pi * 613 * time)
    return mono.astype(np.float32).repeat(channels).reshape(-1, channels)


def sine(hertz: int, samplerate: int) -> Frames:
    """A second of one pitch."""
    wave = 0.3 * np.sin(2 * np.pi * hertz * np.arange(samplerate) / samplerate)
    return wave.astype(np.float32)[:, None]


def pitch(frames: Frames, samplerate: int) -> float:
    spectrum = np.abs(np.fft.rfft(frames[:, 0] * np.hanning(len(frames))))
    return float(spectrum.argmax()) * samplerate / len(frames)


def decode(decoder: Decoder, pieces: Iterable[bytes]) -> list[Chunk]:
    chunks = [chunk for piece in pieces for chunk in decoder.feed(piece)]
    return chunks + list(decoder.finish())


def until_fault(chunks: Iterable[Chunk]) -> tuple[list[Chunk], StreamBroken | None]:
    before: list[Chunk] = []
    try:
        before.extend(chunks)
    except StreamBroken as error:
        return before, error
    return before, None


def heard(chunks: list[Chunk]) -> Frames:
    return np.concatenate([chunk.frames for chunk in chunks])


def kept(chunks: list[Chunk]) -> bytes:
    return b"".join(chunk.data for chunk in chunks)


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(at % (len(data) + 1) for at in cuts), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("samplerate", [8000, 22050, 48000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("source", ["model", "request", "user"])
def test_bytes_cut_anywhere_give_the_same_frames_and_bytes(
    encoding: str, samplerate: int, channels: int, source: streamplay.stream.decoder.FormatSource
) -> None:
    expected = AudioFormat(encoding, samplerate, channels)
    data = expected.encode(tone(samplerate, channels, 0.01))
    frames = expected.decode(data)
    pieces = [[data[:at], data[at:]] for at in range(0, len(data) + 1, 3)]
    pieces.append([data[i : i + 1] for i in range(len(data))])
    for way in pieces:
        chunks = decode(Decoder(expected, source), way)
        assert np.array_equal(heard(chunks), frames)
        assert kept(chunks) == data


@given(
    st.sampled_from(ENCODINGS),
    st.sampled_from([1, 2]),
    st.binary(max_size=100),
    st.lists(st.integers(0, 500), max_size=8),
    st.booleans(),
)
# Like the header of an mp3 frame that has not come whole.
@example("pcm_f32le", 1, b"\x00\x00\x00\x00\xff\xf2\x10\x00", [], False)
def test_every_whole_frame_of_any_bytes_comes_out_once(
    encoding: str, channels: int, data: bytes, cuts: list[int], guessed: bool
) -> None:
    assume(identify(data, whole=True) == RAW)
    expected = AudioFormat(encoding, 24000, channels)
    decoder = Decoder(expected, "request" if guessed else "model")
    whole = len(data) - len(data) % expected.frame_bytes
    chunks, error = until_fault(chunk for piece in cut(data, cuts) for chunk in decoder.feed(piece))
    assert error is None
    last, error = until_fault(decoder.finish())
    chunks += last
    assert isinstance(error, Truncated) == (len(data) > whole)
    assert kept(chunks) == data[:whole]
    for one in chunks:
        assert len(one.frames) * expected.frame_bytes == len(one.data)
        assert one.frames.dtype == np.float32
        assert one.frames.flags.c_contiguous
        assert np.isfinite(one.frames).all()
        assert np.abs(one.frames).max(initial=0) <= 1


def test_a_sample_split_between_two_deltas_is_heard_once() -> None:
    decoder = Decoder(S16, "model")
    first, second = list(decoder.feed(b"\x01\x00\x02")), list(decoder.feed(b"\x00\x03\x00"))
    assert kept(first) == b"\x01\x00"
    assert kept(second) == b"\x02\x00\x03\x00"
    assert list(decoder.finish()) == []


def test_empty_deltas_give_nothing_and_change_nothing() -> None:
    decoder = Decoder(S16, "model")
    assert kept(decode(decoder, [b"", b"\x01", b"", b"\x00", b""])) == b"\x01\x00"


def test_a_remainder_at_the_end_is_told_and_never_played() -> None:
    decoder = Decoder(AudioFormat("pcm_f32le", 24000, 2), "model")
    assert kept(list(decoder.feed(bytes(8 + 5)))) == bytes(8)
    with pytest.raises(Truncated, match="5 of 8 bytes"):
        list(decoder.finish())


def test_nan_and_infinity_are_silent_and_the_rest_is_limited() -> None:
    raw = np.array([0.5, np.nan, np.inf, -np.inf, 1.5, -1.25, -1.0, 1e-3], dtype="<f4").tobytes()
    frames = heard(decode(Decoder(AudioFormat("pcm_f32le", 24000), "model"), [raw]))
    assert frames[:, 0].tolist() == [0.5, 0, 0, 0, 1, -1, -1, np.float32(1e-3)]


def test_frames_are_the_receivers_own() -> None:
    for encoding in ENCODINGS:
        expected = AudioFormat(encoding, 24000)
        (one,) = Decoder(expected, "model").feed(bytes(16))
        one.frames[:] = 0.5  # must not raise: the playout's gain may work in place
        (other,) = Decoder(expected, "model").feed(bytes(16))
        assert not np.array_equal(one.frames, other.frames)


# Headers


@pytest.mark.parametrize("content_type", ["audio/wav", EVENTS, "application/octet-stream"])
def test_a_header_decides_the_format_and_is_not_played(content_type: str) -> None:
    told = AudioFormat("pcm_s16le", 16000, 2)
    data = told.encode(tone(16000, 2))
    decoder = Decoder(AudioFormat("pcm_f32le", 44100), "request", content_type=content_type)
    chunks = decode(decoder, [wav(data, head=fmt(rate=16000, channels=2))])
    assert (decoder.format, decoder.source) == (told, "header")
    assert kept(chunks) == data


def test_the_user_is_believed_over_a_header_that_is_taken_out_all_the_same() -> None:
    told = AudioFormat("pcm_mulaw", 8000)
    data = told.encode(tone(8000))
    decoder = Decoder(told, "user", content_type="audio/wav")
    chunks = decode(decoder, [wav(data), wav(data, head=fmt(rate=16000))])
    assert (decoder.format, decoder.source) == (told, "user")
    assert kept(chunks) == data + data


@pytest.mark.parametrize("step", [1, 2, 5, 44, 50])
def test_headers_in_every_delta_leave_the_audio_whole(step: int) -> None:
    data = S16.encode(tone(seconds=0.01))
    decoder = Decoder(S16, "model", content_type=EVENTS)
    deltas = [wav(data[i : i + step]) for i in range(0, len(data), step)]
    assert kept(decode(decoder, deltas)) == data


def test_a_header_cut_anywhere_is_still_a_header() -> None:
    data = S16.encode(tone(seconds=0.002))
    body = wav(data, tail=chunk(b"LIST", b"INFO"))
    for at in range(len(body) + 1):
        decoder = Decoder(AudioFormat("pcm_f32le", 44100), "request", content_type="audio/wav")
        assert kept(decode(decoder, [body[:at], body[at:]])) == data
        assert decoder.format == S16


@pytest.mark.parametrize("kind", ["WAV 24", "AU", "AIFF", "mp3", "ADTS AAC", "FLAC", "Ogg Vorbis"])
@pytest.mark.parametrize("rates", [(24000, 16000), (24000, 48000)])
def test_a_file_of_another_rate_behind_the_first_is_heard_whole_and_at_its_pitch(
    kind: str, rates: tuple[int, int]
) -> None:
    files = [in_container(KINDS[kind], sine(440, rate), rate) for rate in rates]
    decoder = Decoder(S16, "request", content_type=RAW)
    frames = heard(decode(decoder, cut(b"".join(files), [700, 4001])))
    slack = 0.2 if "mp3" in kind or "AAC" in kind else 0.01
    assert abs(len(frames) / rates[0] - 2) < slack
    for part in (frames[:20000], frames[-20000:]):
        assert abs(pitch(part, rates[0]) - 440) < 3
    assert (decoder.format.samplerate, decoder.source) == (rates[0], "header")
    assert f"converted to {rates[0]} Hz" in decoder.warning


def test_files_of_other_channels_and_encodings_behind_the_first_are_heard() -> None:
    data = S16.encode(tone())
    stereo = AudioFormat("pcm_f32le", 24000, 2)
    second = wav(stereo.encode(tone(channels=2)), head=fmt(tag=3, channels=2, bits=32))
    decoder = Decoder(S16, "request", content_type=EVENTS)
    chunks = decode(decoder, [wav(data), second, wav(data)])
    assert np.allclose(heard(chunks), np.tile(tone(), (3, 1)), atol=1e-4)
    assert decoder.format == S16


def test_what_the_server_tells_in_mid_stream_holds_from_there_on() -> None:
    half, whole = AudioFormat("pcm_s16le", 12000), AudioFormat("pcm_s16le", 24000)
    decoder = Decoder(whole, "server", content_type=EVENTS)
    chunks = list(decoder.feed(whole.encode(sine(440, 24000))))
    chunks += decoder.tell(Told(samplerate=12000))
    chunks += decode(decoder, [half.encode(sine(440, 12000))])
    assert abs(len(heard(chunks)) - 48000) < 10
    assert abs(pitch(heard(chunks)[24000:], 24000) - 440) < 3


@pytest.mark.parametrize("source", ["user", "header"])
def test_the_user_and_a_header_are_believed_over_what_a_server_tells(source: str) -> None:
    data = S16.encode(tone())
    decoder = Decoder(S16, "user" if source == "user" else "server", content_type=EVENTS)
    chunks = list(decoder.feed(wav(data)))
    chunks += decoder.tell(Told(samplerate=12000))
    assert np.allclose(heard(chunks + decode(decoder, [data])), np.tile(tone(), (2, 1)), atol=1e-4)


def test_a_wav_file_that_ends_before_its_size_is_truncated() -> None:
    body = wav(S16.encode(tone()))
    decoder = Decoder(S16, "model", content_type="audio/wav")
    list(decoder.feed(body[:-100]))
    with pytest.raises(Truncated, match="100 bytes before"):
        list(decoder.finish())


def test_a_size_that_events_did_not_fill_is_no_fault_where_they_have_an_end_mark() -> None:
    body = wav(S16.encode(tone()))
    decoder = Decoder(S16, "model", content_type=EVENTS)
    assert kept(decode(decoder, [body[:-100]])) == body[44:-100]


def test_a_stream_that_ends_inside_its_header_is_truncated() -> None:
    decoder = Decoder(S16, "model", content_type="audio/wav")
    list(decoder.feed(wav(b"")[:30]))
    with pytest.raises(Truncated, match="inside its header"):
        list(decoder.finish())


def test_a_few_bytes_that_might_have_been_a_header_are_played_in_the_end() -> None:
    assert kept(decode(Decoder(S16, "model"), [b"RIFF"])) == b"RIFF"


# Whole compressed files


SLOW_WAV = wav(AudioFormat("pcm_s16le", 16000).encode(tone(16000)), head=fmt(rate=16000))


@pytest.mark.parametrize(
    ("before", "first"),
    [([bytes(8)], 0), ([bytes(100), bytes(3)], 50), ([b"ID3\4\0\0\0\0\0\5.....", b""], 0)],
)
def test_a_file_is_found_behind_silence_and_behind_a_tag(before: list[bytes], first: int) -> None:
    decoder = Decoder(S16, "request")
    *ahead, last = before
    chunks = decode(decoder, [*ahead, last + SLOW_WAV])
    assert (decoder.source, decoder.reading.samplerate) == ("header", 16000)
    assert len(heard(chunks)) >= first + 800


def test_a_format_that_changes_twice_is_converted_to_the_first_and_told_once() -> None:
    decoder = Decoder(S16, "request")
    frames = sum(len(each.frames) for each in decoder.feed(S16.encode(tone(seconds=0.5))))
    for rate, channels in ((16000, 2), (12000, 1)):
        told = AudioFormat("pcm_s16le", rate, channels)
        chunks = [*decoder.read_as(told, "server")]
        chunks += decoder.feed(told.encode(tone(rate, channels, seconds=0.5)))
        frames += sum(len(each.frames) for each in chunks)
    decoder.found("pcm_f32le")
    frames += sum(len(each.frames) for each in decoder.finish())
    assert frames == pytest.approx(36000, abs=4)
    assert (decoder.format, decoder.reading.encoding) == (S16, "pcm_f32le")
    assert decoder.warning == (
        "The audio changes from 24000 Hz mono to 16000 Hz stereo: "
        "converted to 24000 Hz mono from there on"
    )


@pytest.mark.parametrize(
    ("data", "kind", "outcome"),
    [
        (wav(bytes(400), size=500), "audio/wav", "The audio ended 100 bytes before the end"),
        (wav(bytes(400), size=500), EVENTS, ""),
        (wav(bytes(400))[:30], "audio/wav", Truncated),
        (bytes(range(101)), "", Truncated),
    ],
)
def test_where_the_end_is_told_a_wrong_size_is_a_warning_and_half_a_frame_is_none(
    data: bytes, kind: str, outcome: str | type[Truncated]
) -> None:
    decoder = Decoder(S16, "request", content_type=kind, end_is_told=True)
    if isinstance(outcome, str):
        decode(decoder, [data])
        assert decoder.warning.startswith(outcome)
        assert bool(decoder.warning) == bool(outcome)
    else:
        with pytest.raises(outcome):
            decode(decoder, [data])


def file_of(kind: str, samplerate: int = 24000) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, tone(samplerate, seconds=1.0), samplerate, format=kind)
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [
        ("MP3", "audio/mpeg"),
        ("FLAC", "audio/flac"),
        ("OGG", "audio/ogg"),
        ("FLAC", "application/octet-stream"),
        ("OGG", ""),
    ],
)
def test_a_compressed_file_is_decoded_whole(kind: str, content_type: str) -> None:
    data = file_of(kind)
    decoder = Decoder(AudioFormat("pcm_f32le", 44100), "request", content_type=content_type)
    chunks = decode(decoder, cut(data, [100, 1000, 1001]))
    assert heard(chunks).shape == (24000, 1)
    assert np.abs(heard(chunks) - tone(seconds=1.0)).max() < 0.05
    assert kept(chunks) == data
    assert (decoder.format.samplerate, decoder.source) == (24000, "header")


@pytest.mark.parametrize("kind", ["MP3", "OGG", "FLAC"])
def test_a_compressed_file_cut_at_any_place_is_never_called_whole(kind: str) -> None:
    data = file_of(kind)
    for at in [*range(1, len(data), len(data) // 60), len(data) - 1]:
        decoder = Decoder(S16, "request", content_type="audio/" + kind.lower())
        list(decoder.feed(data[:at]))
        chunks, error = until_fault(decoder.finish())
        assert isinstance(error, Truncated | BadAudio), at
        assert sum(len(chunk.frames) for chunk in chunks) <= 24000


def test_an_ogg_file_that_lacks_its_last_page_is_cut_short_and_what_there_is_is_kept() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 240_000)
    file = io.BytesIO()
    soundfile.write(file, noise, 24000, format="OGG")
    data = file.getvalue()
    decoder = Decoder(S16, "request", content_type="audio/ogg")
    chunks = list(decoder.feed(data[: data.rindex(b"OggS")]))
    last, error = until_fault(decoder.finish())
    assert isinstance(error, Truncated)
    assert len(heard(chunks + last)) > 24000


def test_what_is_said_to_be_compressed_and_is_noise_is_bad_audio() -> None:
    decoder = Decoder(S16, "request", content_type="audio/mpeg")
    noise = np.random.default_rng(1).bytes(30_000)
    with pytest.raises(BadAudio, match="the server says audio/mpeg"):
        list(decoder.feed(noise))


def test_samples_that_are_said_to_be_compressed_are_heard() -> None:
    data = S16.encode(tone(seconds=1.0))
    for kind in ("audio/mpeg", "audio/ogg", "audio/flac", "audio/aac"):
        decoder = Decoder(S16, "request", content_type=kind)
        assert kept(decode(decoder, cut(data, [3000, 20000]))) == data


def test_a_text_in_place_of_sound_is_named() -> None:
    decoder = Decoder(S16, "request", content_type=EVENTS)
    with pytest.raises(UnexpectedContent, match="JSON"):
        list(decoder.feed(b'{"error": "the GPU is on fire"}'))
    decoder = Decoder(S16, "request")
    with pytest.raises(UnexpectedContent, match=r"plain text.*Internal Server Error"):
        decode(decoder, [b"Internal Server Error"])


@pytest.mark.parametrize("size", [1000, 1 << 20])
def test_what_came_before_the_fault_in_a_file_is_kept(size: int) -> None:
    decoder = Decoder(S16, "request", content_type="audio/flac")
    data = file_of("FLAC")[:-4000]
    chunks = [chunk for at in range(0, len(data), size) for chunk in decoder.feed(data[at:][:size])]
    last, error = until_fault(decoder.finish())
    assert isinstance(error, Truncated)
    assert len(heard(chunks + last)) > 4000


def test_a_file_that_is_held_whole_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamplay.codecs.whole, "MAX_FILE_BYTES", 1000)
    decoder = Decoder(S16, "request")
    list(decoder.feed(b"caff\0\1\0\0" + bytes(992)))
    with pytest.raises(TooLarge):
        list(decoder.feed(b"1"))


def test_the_user_who_says_raw_is_believed_over_a_compressed_content_type() -> None:
    data = S16.encode(tone())
    decoder = Decoder(S16, "user", content_type="audio/mpeg")
    assert kept(decode(decoder, [data])) == data


@pytest.mark.parametrize("begin", [b"fLaC", b"OggS\0\2", b"\x1aE\xdf\xa3"])
def test_the_user_who_says_raw_is_believed_over_the_mark_of_a_container(begin: bytes) -> None:
    data = begin + S16.encode(tone())
    data = data[: len(data) // 2 * 2]
    decoder = Decoder(S16, "user")
    assert kept(decode(decoder, [data])) == data
    assert decoder.format == S16


# The noise guard


def speech(seconds: float = 1.0, samplerate: int = 24000) -> Frames:
    """Something like a vowel: a falling series of overtones, swelling."""
    time = np.arange(round(seconds * samplerate)) / samplerate
    mono = sum(np.sin(2 * np.pi * 130 * k * time + k * k) / k**2 for k in range(1, 20))
    return (0.2 * mono * np.sin(2 * np.pi * 3 * time) ** 2).astype(np.float32).reshape(-1, 1)


WRONG = [
    ("pcm_s16le", "pcm_f32le", 0),
    ("pcm_f32le", "pcm_s16le", 0),
    ("pcm_s16le", "pcm_s16le", 1),
    ("pcm_f32le", "pcm_f32le", 1),
    ("pcm_mulaw", "pcm_s16le", 0),
    ("pcm_alaw", "pcm_s16le", 0),
    ("pcm_s16le", "pcm_mulaw", 0),
    ("pcm_s16be", "pcm_s16le", 0),
    ("pcm_s16be", "pcm_f32le", 0),
]


def encoded(encoding: str, frames: Frames, rate: int = 24000) -> bytes:
    if encoding != "pcm_s16be":
        return AudioFormat(encoding, rate).encode(frames)
    samples = np.frombuffer(AudioFormat("pcm_s16le", rate).encode(frames), "<i2")
    return samples.astype(">i2").tobytes()


def aligned(data: bytes, lost: int, true: AudioFormat) -> bytes:
    data = data[-lost % true.frame_bytes :]
    return data[: len(data) - len(data) % true.frame_bytes]


@pytest.mark.parametrize(("true", "told", "lost"), WRONG)
@pytest.mark.parametrize("source", ["model", "request", "server"])
@pytest.mark.parametrize("size", [7, 480, 4096, 1 << 20])
def test_bytes_that_are_plainly_something_else_are_decoded_as_what_they_are(
    true: str, told: str, lost: int, source: streamplay.stream.decoder.FormatSource, size: int
) -> None:
    data = encoded(true, speech())[lost:]
    decoder = Decoder(AudioFormat(told, 24000), source)
    chunks = decode(decoder, [data[at : at + size] for at in range(0, len(data), size)])
    assert decoder.format == AudioFormat(true, 24000)
    assert decoder.source == (source if lost else "bytes")
    assert decoder.muted == 0
    # From where that was certain on: all of the rest, and every byte of it.
    right = AudioFormat(true, 24000).decode(aligned(data, lost, AudioFormat(true, 24000)))
    assert np.array_equal(heard(chunks)[-9000:], right[-9000:])
    if source == "request":  # nothing of the noise has come out
        assert np.abs(heard(chunks)).max() <= np.abs(right).max() + 0.05
    assert bool(decoder.warning) == (lost > 0)


@pytest.mark.parametrize(("true", "told"), [wrong[:2] for wrong in WRONG if not wrong[2]])
@pytest.mark.parametrize("source", ["user", "header"])
def test_what_is_certain_and_noise_all_the_same_is_muted_and_named(
    true: str, told: str, source: streamplay.stream.decoder.FormatSource
) -> None:
    data = encoded(true, speech())
    decoder = Decoder(AudioFormat(told, 24000), source)
    chunks, error = until_fault(decoder.feed(data))
    assert isinstance(error, WrongEncoding)
    assert f"--decode-as {true}" in str(error)
    frames = len(data) // decoder.format.frame_bytes
    assert decoder.muted + sum(len(one.frames) for one in chunks) == frames
    assert decoder.muted > 0


def test_after_a_wrong_encoding_everything_is_muted_and_counted() -> None:
    data = AudioFormat("pcm_s16le", 24000).encode(speech())
    decoder = Decoder(AudioFormat("pcm_f32le", 24000), "user")
    with pytest.raises(WrongEncoding):
        list(decoder.feed(data))
    assert decode(decoder, [data]) == []
    assert decoder.muted == 2 * len(data) // 4


def test_bytes_that_change_once_more_are_muted() -> None:
    floats = AudioFormat("pcm_f32le", 24000).encode(speech())
    decoder = Decoder(S16, "request")
    list(decoder.feed(floats))
    assert decoder.format.encoding == "pcm_f32le"
    with pytest.raises(WrongEncoding):
        list(decoder.feed(S16.encode(speech())))


def test_a_guess_is_held_until_a_tenth_of_a_second_was_seen_and_no_longer() -> None:
    data = S16.encode(speech()[2000:])  # where its swelling is loud
    decoder = Decoder(S16, "request")
    pieces = [data[at : at + 96] for at in range(0, len(data), 96)]
    held = next(at for at, piece in enumerate(pieces) if list(decoder.feed(piece)))
    assert held == 49  # of 2 ms each: the fiftieth completes the tenth of a second
    assert kept(list(decoder.feed(pieces[50]))) == pieces[50]


def test_silence_ahead_of_a_guess_passes_at_once() -> None:
    decoder = Decoder(S16, "request")
    for _ in range(50):
        assert kept(list(decoder.feed(bytes(960)))) == bytes(960)


def test_a_known_format_passes_at_once() -> None:
    decoder = Decoder(S16, "model")
    data = S16.encode(speech())[4800:]
    assert kept(list(decoder.feed(data[:2]))) == data[:2]


def test_a_guess_too_short_to_judge_comes_out_in_the_end() -> None:
    data = S16.encode(speech()[4000:4500])
    decoder = Decoder(S16, "request")
    assert list(decoder.feed(data)) == []
    assert kept(list(decoder.finish())) == data


@pytest.mark.parametrize("true", ["pcm_mulaw", "pcm_alaw"])
@pytest.mark.parametrize("told", ["pcm_mulaw", "pcm_alaw"])
def test_one_law_read_as_the_other_is_played_and_warned_of(true: str, told: str) -> None:
    data = AudioFormat(true, 8000).encode(speech(4.0, 8000))
    decoder = Decoder(AudioFormat(told, 8000), "model")
    assert kept(decode(decoder, cut(data, [1000, 9000]))) == data
    assert (f"--decode-as {true}" in decoder.warning) == (true != told)


@given(st.lists(st.binary(max_size=80), max_size=6), st.sampled_from(["audio/wav", EVENTS]))
def test_any_bytes_give_frames_or_a_typed_error(deltas: list[bytes], content_type: str) -> None:
    decoder = Decoder(S16, "request", content_type=content_type)
    try:
        decode(decoder, deltas)
    except StreamBroken:
        return


@pytest.mark.parametrize("ends", [True, False])
def test_a_decoder_is_freed_at_once_and_not_by_the_garbage_collector(ends: bool) -> None:
    """A thousand streams would otherwise stop the loop for long, again and again."""
    decoder = Decoder(AudioFormat("pcm_s16le", 24000), "model")
    list(decoder.feed(bytes(4800)))
    if ends:
        list(decoder.finish())
    gone = weakref.ref(decoder)
    gc.disable()
    try:
        del decoder
        assert gone() is None
    finally:
        gc.enable()
