from __future__ import annotations

import itertools
import random
import struct
import subprocess
import sys
import tracemalloc
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamplay.audio import AudioFormat
from streamplay.codecs import adts, mp3
from streamplay.errors import BadAudio, StreamBroken, Truncated
from streamplay.stream.decoder import Decoder
from tests.support.encoded import KINDS, RATE, encoded, tone, untagged

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamplay.audio import Frames

S16 = AudioFormat("pcm_s16le", RATE)
COMPRESSED = [name for name, kind in KINDS.items() if not kind.media.endswith(("wav", "basic"))]
STREAMED = [
    "mp3",
    "mp3 untagged",
    "ADTS AAC",
    "Ogg Opus",
    "Ogg Vorbis",
    "FLAC",
    "M4A",
    "MP4 fragments",
    "WebM Opus",
    "WebM Opus, live",
    "Matroska AAC",
]


def decode(pieces: Iterable[bytes], media: str = "") -> tuple[Frames, Decoder]:
    decoder = Decoder(S16, "request", content_type=media)
    chunks = [chunk for piece in pieces for chunk in decoder.feed(piece)]
    chunks += list(decoder.finish())
    return np.concatenate([chunk.frames for chunk in chunks]), decoder


def seconds(frames: Frames, decoder: Decoder) -> float:
    return len(frames) / decoder.format.samplerate


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("media", ["right", "", "application/octet-stream", "audio/pcm"])
def test_every_container_is_heard_whatever_the_server_says(name: str, media: str) -> None:
    data = encoded(name)
    frames, decoder = decode(cut(data, 1500), KINDS[name].media if media == "right" else media)
    slack = KINDS[name].slack / 1000
    assert 1 <= seconds(frames, decoder) <= 1 + slack
    assert decoder.warning == ""
    # The tone itself: where it lies may be off by what the encoder put in front.
    rate = decoder.format.samplerate
    spectrum = np.abs(np.fft.rfft(frames[: rate // 2, 0]))
    assert abs(int(spectrum.argmax()) * 2 - 220) <= 2
    assert 0.15 < np.abs(frames[rate // 4 : -rate // 4]).max() < 0.3


@pytest.mark.parametrize("name", KINDS)
def test_what_is_heard_does_not_depend_on_how_it_was_cut(name: str) -> None:
    data = encoded(name, 0.2)
    frames, _ = decode([data])
    for size in (1, 3, 64, 1000):
        assert np.array_equal(decode(cut(data, size))[0], frames)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(KINDS)), st.lists(st.integers(0, 1 << 20), max_size=12))
def test_any_split_gives_the_same(name: str, places: list[int]) -> None:
    data = encoded(name, 0.2)
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    pieces = [data[a:b] for a, b in itertools.pairwise(edges)]
    assert np.array_equal(decode(pieces)[0], decode([data])[0])


@pytest.mark.parametrize("name", STREAMED)
def test_the_first_frame_is_heard_after_a_few_kilobytes(name: str) -> None:
    data = encoded(name, 5.0)
    decoder = Decoder(S16, "request")
    fed = next(at for at in range(len(data)) if list(decoder.feed(data[at : at + 1])))
    assert fed < 6000
    assert fed < len(data) / 2


@pytest.mark.parametrize("name", STREAMED)
@pytest.mark.parametrize("size", [700, 1 << 20])
def test_a_chain_is_heard_to_its_last_link(name: str, size: int) -> None:
    one, two = encoded(name), encoded(name, 0.5)
    alone = sum(seconds(*decode([data])) for data in (one, two, one))
    frames, decoder = decode(cut(one + two + one, size))
    assert seconds(frames, decoder) == pytest.approx(alone, abs=0.03)
    assert decoder.warning == ""


@pytest.mark.parametrize("name", STREAMED)
def test_what_is_cut_short_is_heard_and_never_called_whole(name: str) -> None:
    data = encoded(name)
    for at in range(len(data) // 9, len(data) - 40, len(data) // 9):
        decoder = Decoder(S16, "request")
        heard = sum(len(chunk.frames) for chunk in decoder.feed(data[:at]))
        with pytest.raises((Truncated, BadAudio)):
            list(decoder.finish())
        assert heard <= 1.13 * decoder.format.samplerate


def test_an_end_that_the_server_has_told_makes_a_number_in_a_header_a_hint() -> None:
    data = encoded("FLAC")
    # 2 of 6 blocks, whole, and a total of all: a number that was not reached.
    part = data[: data.index(b"\xff\xf8", data.index(b"\xff\xf8") + 2000)]
    part = part[: part.rindex(b"\xff\xf8")] if part.count(b"\xff\xf8") > 1 else part
    decoder = Decoder(S16, "request", end_is_told=True)
    list(decoder.feed(part))
    list(decoder.finish())
    assert "ended" in decoder.warning


# Tags, and numbers that lie


def id3(size: int, told: int | None = None, version: int = 3) -> bytes:
    told = size if told is None else told
    digits = bytes(told >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3" + bytes((version, 0, 0)) + digits + bytes(size)


MP3 = untagged(encoded("mp3"))
LENGTH = len(decode([MP3])[0])


@pytest.mark.parametrize(
    "data",
    [
        MP3,
        id3(1000) + MP3,
        id3(10, version=2) + MP3,
        id3(90_000) + MP3,
        id3(500, told=20) + MP3,
        id3(500, told=5000) + MP3,
        id3(500, told=200_000_000) + MP3,
        MP3 + b"TAG" + b"x" * 125,
        MP3 + b"APETAGEX" + bytes(200),
        MP3 + bytes(300),
        MP3[: 192 * 20] + id3(300) + MP3[192 * 20 :],
    ],
    ids=range(11),
)
@pytest.mark.parametrize("size", [100, 1 << 20])
def test_a_tag_may_stand_anywhere_and_end_anywhere(data: bytes, size: int) -> None:
    frames, decoder = decode(cut(data, size))
    assert abs(len(frames) - LENGTH) <= 2 * 576  # a frame whose reservoir was cut off
    assert decoder.format.samplerate == RATE


@pytest.mark.parametrize("size", [50, 1 << 20])
def test_zeros_and_rubbish_before_mp3_that_is_called_so_are_passed_over(size: int) -> None:
    for junk in (bytes(512), b"\xff\xfb\x90" * 30, b"\0\xff\xf3" * 20):
        frames, _ = decode(cut(junk + MP3, size), "audio/mpeg")
        assert abs(len(frames) - LENGTH) <= 576


@pytest.mark.parametrize("front", [b"", b"ID3\4\0\0\0\0\0\x20" + bytes(32)], ids=["bare", "tag"])
@pytest.mark.parametrize(("name", "media"), [("mp3", "audio/mpeg"), ("ADTS AAC", "audio/aac")])
def test_a_first_frame_that_is_expected_is_heard_with_its_last_byte(
    front: bytes, name: str, media: str
) -> None:
    data = MP3 if name == "mp3" else encoded(name)
    read = mp3.read_header if name == "mp3" else adts.read_header
    header = read(data, 0)
    assert header is not None
    decoder = Decoder(S16, "request", content_type=media)
    assert not list(decoder.feed(front + data[: header.size - 1]))
    (chunk,) = decoder.feed(data[header.size - 1 : header.size])
    assert len(chunk.frames) in (576, 1024)


@pytest.mark.parametrize(
    "front",
    [
        b"\1\2\3",
        b"APETAGEX" + struct.pack("<IIII", 2000, 72, 1, 0xA0000000) + bytes(8) + b"k" * 72,
    ],
    ids=["rubbish", "APE"],
)
@pytest.mark.parametrize("size", [100, 1500])
def test_mp3_behind_a_few_bytes_is_no_samples_whatever_it_is_called(
    front: bytes, size: int
) -> None:
    frames, decoder = decode(cut(front + MP3, size))
    assert (decoder.source, decoder.format.samplerate) == ("header", RATE)
    assert 1 <= seconds(frames, decoder) <= 1.12


@pytest.mark.parametrize("tail", [bytes(100), b"\1" * 240])
def test_what_stands_behind_the_elements_of_webm_costs_nothing(tail: bytes) -> None:
    one = encoded("WebM Opus")
    frames, decoder = decode([one + tail])
    assert seconds(frames, decoder) == 1
    assert ("left out" in decoder.warning) is any(tail)
    frames, _ = decode([one + tail + one])
    assert seconds(frames, decoder) == 2


@pytest.mark.parametrize("size", [1, 100, 1 << 20])
@pytest.mark.parametrize("name", ["mp3", "Ogg Vorbis", "FLAC", "WAV 24"])
def test_zeros_before_a_file_are_silence_whatever_it_is(name: str, size: int) -> None:
    zeros = bytes(512)
    frames, decoder = decode(cut(zeros + encoded(name, 0.2), size), "application/octet-stream")
    assert 0.2 * RATE <= len(frames) <= 256 + 0.2 * RATE
    assert decoder.source == "header"


def test_samples_that_begin_with_silence_are_heard_at_once_and_whole() -> None:
    data = bytes(961) + b"\1" + S16.encode(tone(0.2).reshape(-1, 1))
    for size in (1, 7, 960, 1 << 20):
        decoder = Decoder(S16, "model", content_type="application/octet-stream")
        chunks = [chunk for piece in cut(data, size) for chunk in decoder.feed(piece)]
        chunks += list(decoder.finish())
        assert b"".join(chunk.data for chunk in chunks) == data
    decoder = Decoder(S16, "request")
    assert sum(len(chunk.frames) for chunk in decoder.feed(bytes(960))) == 480


def test_a_file_that_was_encoded_from_n_samples_gives_n_frames() -> None:
    for length in (0.1, 0.5, 1.0, 2.37):
        frames, _ = decode([encoded("mp3", length)])
        assert len(frames) == round(length * RATE)


def test_a_file_without_a_tag_is_heard_behind_one_with_a_tag() -> None:
    for second in (MP3, untagged(encoded("mp3", 0.1))):
        alone = len(decode([second])[0])
        frames, _ = decode([encoded("mp3") + second])
        assert RATE + alone <= len(frames) <= RATE + alone + 1152


def with_tag(flags: int, frames: int, size: int) -> bytes:
    data = bytearray(encoded("mp3"))
    at = max(data.find(b"Xing"), data.find(b"Info"))
    data[at + 4 : at + 16] = b"".join(one.to_bytes(4, "big") for one in (flags, frames, size))
    return bytes(data)


@pytest.mark.parametrize("flags", [0, 1, 3, 15])
@pytest.mark.parametrize("frames", [0, 1, 10, 1 << 31, (1 << 32) - 1])
@pytest.mark.parametrize("size", [0, 1000, (1 << 32) - 1])
def test_a_tag_of_mp3_that_lies_costs_nothing(flags: int, frames: int, size: int) -> None:
    heard, decoder = decode([with_tag(flags, frames, size)])
    assert RATE <= len(heard) <= LENGTH
    assert decoder.warning == ""


def with_position(position: int) -> bytes:
    data = bytearray(encoded("Ogg Opus"))
    at = -1
    while (at := data.find(b"OggS", at + 1)) >= 0:
        if at:
            data[at + 6 : at + 14] = position.to_bytes(8, "little")
    return bytes(data)


@pytest.mark.parametrize("position", [0, 1, 1000, 24000, 1 << 40, (1 << 63) - 1, (1 << 64) - 1])
def test_positions_of_ogg_that_lie_lose_nothing(position: int) -> None:
    frames, decoder = decode([with_position(position)])
    assert len(frames) >= 48000
    assert decoder.warning == ""


@pytest.mark.parametrize("total", [0, 1, 1000, 1 << 35, (1 << 36) - 1])
@pytest.mark.parametrize("block", [(16, 16), (4096, 4096), (65535, 65535)])
def test_totals_of_flac_that_lie_lose_nothing(total: int, block: tuple[int, int]) -> None:
    data = bytearray(encoded("FLAC"))
    packed = int.from_bytes(data[18:26], "big") & ~0xFFFFFFFFF | total
    data[18:26] = packed.to_bytes(8, "big")
    data[8:12] = b"".join(one.to_bytes(2, "big") for one in block)
    frames, decoder = decode([bytes(data)])
    assert len(frames) == RATE
    assert decoder.warning == ""


@pytest.mark.parametrize(
    ("name", "mark", "at"),
    [
        ("mp3", b"Xing", 8),
        ("FLAC", b"fLaC", 18),
        ("Ogg Opus", b"OpusHead", 10),
        ("M4A", b"stsz", 12),
        ("M4A", b"stco", 8),
        ("M4A", b"stsc", 8),
        ("M4A", b"mdhd", 20),
        ("MP4 fragments", b"trun", 8),
        ("WebM Opus", b"OpusHead", 10),
        ("CAF ALAC", b"pakt", 4),
    ],
)
@pytest.mark.parametrize("number", [b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\xff\xff\xff"])
def test_no_number_of_a_header_is_allocated(name: str, mark: bytes, at: int, number: bytes) -> None:
    data = bytearray(encoded(name))
    place = data.index(mark) + at
    data[place : place + 4] = number
    decode([encoded(name)])  # what is loaded once is not counted
    tracemalloc.start()
    try:
        decode([bytes(data)])
    except StreamBroken:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 20_000_000


# Rubbish


@pytest.mark.parametrize("name", STREAMED)
def test_damage_gives_frames_or_a_typed_error(name: str) -> None:
    roll = random.Random(name)
    whole = encoded(name, 0.3)
    for _ in range(25):
        data = bytearray(whole)
        for _ in range(roll.choice((1, 3, 30))):
            data[roll.randrange(len(data))] = roll.choice((0, 0xFF, 0x7F, roll.randrange(256)))
        try:
            frames, _ = decode(cut(bytes(data), roll.choice((7, 500, 1 << 20))))
        except StreamBroken:
            continue
        assert np.isfinite(frames).all()
        assert np.abs(frames).max(initial=0) <= 1


@pytest.mark.parametrize(
    ("name", "mark", "at"), [("Ogg Vorbis", b"\x01vorbis", 11), ("Ogg Opus", b"OpusHead", 9)]
)
@pytest.mark.parametrize("channels", [9, 255])
def test_more_channels_than_can_be_played_are_refused(
    name: str, mark: bytes, at: int, channels: int
) -> None:
    data = bytearray(encoded(name))
    data[data.index(mark) + at] = channels
    with pytest.raises(StreamBroken):
        decode([bytes(data)])


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (b"\xff\xf1\x58\x40\x10\x1f\xfc" + bytes(121), "AAC"),
        (b"OggS\0\2" + bytes(20) + b"\1\x0cSpeex   \0\0\0\0", "Ogg"),
        (b"\0\0\0\x20ftypM4A \0\0\0\0M4A mp42isom\0\0\0\0" + b"\0\0\4\0mdat" + bytes(1016), "MP4"),
        (bytes.fromhex("1a45dfa39f4286810142f7810142f2810442f381084282847765626d"), "WebM"),
        (b"fLaC" + bytes(60), "FLAC"),
        (b"caff\0\1\0\0" + bytes(80), "CAF"),
        (b"#!AMR\n" + bytes(80), "AMR"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_decoded_is_named(start: bytes, name: str) -> None:
    with pytest.raises(StreamBroken, match=name):
        decode([start * 24 if name == "AAC" else start])


def test_without_the_extra_an_error_names_it_and_what_came() -> None:
    program = (
        "import sys; sys.modules['av'] = None\n"
        "from streamplay.audio import AudioFormat\n"
        "from streamplay.stream.decoder import Decoder\n"
        "decoder = Decoder(AudioFormat('pcm_s16le', 24000), 'request')\n"
        "list(decoder.feed(sys.stdin.buffer.read()))"
    )
    for name, what in (("mp3", "mp3"), ("Ogg Opus", "Ogg"), ("M4A", "MP4")):
        ran = subprocess.run(
            [sys.executable, "-c", program], input=encoded(name), capture_output=True, check=False
        )
        assert f"BadAudio: the audio is {what}, and the decoder" in ran.stderr.decode()
        assert "streamplay[codecs]" in ran.stderr.decode()
    ran = subprocess.run(
        [sys.executable, "-c", program], input=encoded("WAV 24"), capture_output=True, check=False
    )
    assert ran.returncode == 0


def test_frames_of_another_number_of_channels_are_fitted_to_the_first() -> None:
    import io

    import soundfile

    stereo = io.BytesIO()
    soundfile.write(stereo, np.stack([tone(0.5)] * 2, 1), RATE, format="FLAC")
    frames, decoder = decode([encoded("FLAC", 0.5) + stereo.getvalue()])
    assert frames.shape == (RATE, 1)
    assert decoder.format.channels == 1
