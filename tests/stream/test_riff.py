from __future__ import annotations

import io
import itertools
import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from streamplay.audio import AudioFormat
from streamplay.errors import BadAudio
from streamplay.stream.riff import Walker

if TYPE_CHECKING:
    from collections.abc import Iterable

S16 = AudioFormat("pcm_s16le", 24000)
GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")


def chunk(name: bytes, body: bytes, size: int | None = None) -> bytes:
    told = len(body) if size is None else size
    return name + struct.pack("<I", told) + body + b"\0" * (len(body) % 2)


def fmt(tag: int = 1, channels: int = 1, rate: int = 24000, bits: int = 16) -> bytes:
    frame = channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, rate, rate * frame, frame, bits))


def wav(data: bytes, *, size: int | None = None, head: bytes = b"", tail: bytes = b"") -> bytes:
    body = b"WAVE" + (head or fmt()) + chunk(b"data", data, size) + tail
    return b"RIFF" + struct.pack("<I", len(body) if size is None else 0xFFFFFFFF) + body


def walk(pieces: Iterable[bytes]) -> tuple[bytes, list[AudioFormat]]:
    walker = Walker()
    out = [part for piece in pieces for part in walker.feed(piece)] + list(walker.finish())
    audio = b"".join(part for part in out if isinstance(part, bytes))
    return audio, [part for part in out if isinstance(part, AudioFormat)]


def each_cut(data: bytes) -> Iterable[list[bytes]]:
    for cut in range(len(data) + 1):
        yield [data[:cut], data[cut:]]
    yield [data[i : i + 1] for i in range(len(data))]


AUDIO = bytes(range(1, 41))
LIST = chunk(b"LIST", b"INFOISFT\x05\0\0\0Lavf\0\0")
ID3 = chunk(b"id3 ", b"ID3\x03\0\0\0\0\0\0x")


@pytest.mark.parametrize(
    "body",
    [
        wav(AUDIO),
        wav(AUDIO, size=0),
        wav(AUDIO, size=0xFFFFFFFF),
        wav(AUDIO, size=0x7FFFF000),
        wav(AUDIO, tail=LIST + ID3),
        wav(AUDIO) + LIST,
        wav(AUDIO) + b"ID3\x04 and what else is no chunk \x00\xff",
        wav(AUDIO, head=LIST + chunk(b"JUNK", b"odd") + chunk(b"fact", b"") + fmt()),
        wav(AUDIO[:17], tail=chunk(b"data", AUDIO[17:])),
        wav(AUDIO[:18]) + wav(AUDIO[18:]),
        wav(AUDIO[:17], tail=LIST) + wav(AUDIO[17:], tail=LIST),
        wav(AUDIO, tail=chunk(b"RIFF", b"no header")),
    ],
    ids=range(12),
)
def test_a_container_cut_anywhere_gives_its_audio_and_nothing_else(body: bytes) -> None:
    for pieces in each_cut(body):
        audio, formats = walk(pieces)
        assert audio == AUDIO
        assert set(formats) == {S16}


@pytest.mark.parametrize("size", [None, 0, 0xFFFFFFFF])
def test_a_header_in_every_delta_is_taken_out_of_every_delta(
    size: int | None,
) -> None:
    step = 5 if size is None else 4  # an odd size is padded, where it is told
    deltas = [wav(AUDIO[i : i + step], size=size) for i in range(0, 40, step)]
    assert walk(deltas) == (AUDIO, [S16] * len(deltas))


def test_a_header_in_a_later_delta_may_be_cut_too() -> None:
    later = wav(AUDIO[20:])
    for pieces in each_cut(later):
        assert walk([AUDIO[:20], *pieces]) == (AUDIO, [S16])


def test_a_container_promised_longer_than_its_delta_goes_on_in_the_next() -> None:
    assert walk([wav(AUDIO)[:60], wav(AUDIO)[60:]])[0] == AUDIO
    cut_short = wav(AUDIO)[:-10]
    assert walk([cut_short, wav(AUDIO[30:])])[0] == AUDIO


def test_bare_deltas_after_a_header_of_the_first_deltas_size_are_audio() -> None:
    deltas = [wav(AUDIO[:20]), b"\x01\x00" * 5, b"RI", AUDIO[20:]]
    assert walk(deltas)[0] == AUDIO[:20] + b"\x01\x00" * 5 + b"RI" + AUDIO[20:]


def test_chunks_after_the_audio_are_not_audio_even_in_deltas_of_their_own() -> None:
    assert walk([wav(AUDIO), LIST, LIST[:3], LIST[3:]])[0] == AUDIO


@pytest.mark.parametrize("start", [b"R", b"RIFF", b"RIFF1234WAV", b"RIFF1234WAVX", b"RIFX", b"RR"])
def test_audio_that_begins_almost_like_a_header_is_audio(start: bytes) -> None:
    for pieces in each_cut(start + AUDIO):
        assert walk(pieces) == (start + AUDIO, [])


def test_fewer_than_twelve_bytes_are_ever_held() -> None:
    walker = Walker()
    assert list(walker.feed(b"RIFF1234WAV")) == []
    assert list(walker.feed(b"\x01")) == [b"RIFF1234WAV\x01"]


def test_a_delta_that_begins_almost_like_a_header_does_not_hide_the_next_ones() -> None:
    assert walk([b"RI", wav(AUDIO)]) == (b"RI" + AUDIO, [S16])
    assert walk([b"RIFF", wav(AUDIO)]) == (b"RIFF" + AUDIO, [S16])


@given(
    st.lists(st.tuples(st.binary(max_size=30), st.booleans(), st.booleans()), max_size=6),
    st.lists(st.integers(0, 1000), max_size=10),
)
def test_sized_containers_one_after_another_may_be_cut_anywhere(
    parts: list[tuple[bytes, bool, bool]], cuts: list[int]
) -> None:
    # Not empty: a size of 0 means one that is not known.
    parts = [(data or b"x", before, after) for data, before, after in parts]
    body = b"".join(
        wav(data, head=(LIST if before else b"") + fmt(), tail=ID3 if after else b"")
        for data, before, after in parts
    )
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    audio, formats = walk(body[a:b] for a, b in itertools.pairwise(edges))
    assert audio == b"".join(data for data, _, _ in parts)
    assert formats == [S16] * len(parts)


@pytest.mark.parametrize(
    ("subtype", "encoding"),
    [
        ("PCM_16", "pcm_s16le"),
        ("FLOAT", "pcm_f32le"),
        ("ULAW", "pcm_mulaw"),
        ("ALAW", "pcm_alaw"),
        ("PCM_24", "pcm_s24le"),
        ("PCM_32", "pcm_s32le"),
        ("DOUBLE", "pcm_f64le"),
        ("PCM_U8", "pcm_u8"),
    ],
)
@pytest.mark.parametrize("container", ["WAV", "WAVEX"])
@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (22050, 2), (48000, 1)])
def test_libsndfiles_headers_name_their_format(
    subtype: str, encoding: str, container: str, rate: int, channels: int
) -> None:
    file = io.BytesIO()
    frames = np.linspace(-0.5, 0.5, 300, dtype=np.float32).repeat(channels).reshape(-1, channels)
    soundfile.write(file, frames, rate, format=container, subtype=subtype)
    told = AudioFormat(encoding, rate, channels)
    audio, formats = walk([file.getvalue()])
    assert formats == [told]
    assert len(audio) == 300 * told.frame_bytes


OTHERS = [
    ("RF64", "PCM_16", "pcm_s16le"),
    ("RF64", "PCM_24", "pcm_s24le"),
    ("W64", "PCM_16", "pcm_s16le"),
    ("W64", "FLOAT", "pcm_f32le"),
    ("AIFF", "PCM_16", "pcm_s16be"),
    ("AIFF", "PCM_24", "pcm_s24be"),
    ("AIFF", "FLOAT", "pcm_f32be"),
    ("AIFF", "DOUBLE", "pcm_f64be"),
    ("AIFF", "ULAW", "pcm_mulaw"),
    ("AIFF", "PCM_S8", "pcm_s8"),
    ("AU", "PCM_16", "pcm_s16be"),
    ("AU", "PCM_32", "pcm_s32be"),
    ("AU", "FLOAT", "pcm_f32be"),
    ("AU", "ULAW", "pcm_mulaw"),
    ("AU", "ALAW", "pcm_alaw"),
]


@pytest.mark.parametrize(("container", "subtype", "encoding"), OTHERS)
@pytest.mark.parametrize(("rate", "channels"), [(24000, 1), (44100, 2)])
def test_other_containers_cut_anywhere_give_what_libsndfile_put_in(
    container: str, subtype: str, encoding: str, rate: int, channels: int
) -> None:
    file = io.BytesIO()
    frames = np.linspace(-0.5, 0.5, 33, dtype=np.float32).repeat(channels).reshape(-1, channels)
    soundfile.write(file, frames, rate, format=container, subtype=subtype)
    body, told = file.getvalue(), AudioFormat(encoding, rate, channels)
    for pieces in each_cut(body):
        walker = Walker(container=True)
        parts = [part for piece in pieces for part in walker.feed(piece)] + list(walker.finish())
        assert parts[0] == told
        audio = b"".join(part for part in parts[1:] if isinstance(part, bytes))
        whole = len(audio) - len(audio) % told.frame_bytes  # libsndfile counts AIFF's padding
        expected, _ = soundfile.read(io.BytesIO(body), dtype="float32", always_2d=True)
        assert np.array_equal(told.decode(audio[:whole]), expected)


@pytest.mark.parametrize(
    ("tag", "bits", "encoding"),
    [(1, 16, "pcm_s16be"), (1, 8, "pcm_u8"), (3, 32, "pcm_f32be"), (7, 8, "pcm_mulaw")],
)
def test_a_wav_file_whose_numbers_are_big_endian_is_read(
    tag: int, bits: int, encoding: str
) -> None:
    form = struct.pack(">HHIIHH", tag, 1, 24000, 24000 * bits // 8, bits // 8, bits)
    body = (
        b"WAVEfmt " + struct.pack(">I", 16) + form + b"data" + struct.pack(">I", len(AUDIO)) + AUDIO
    )
    for pieces in each_cut(b"RIFX" + struct.pack(">I", len(body)) + body):
        walker = Walker(container=True)
        parts = [part for piece in pieces for part in walker.feed(piece)] + list(walker.finish())
        assert parts[0] == AudioFormat(encoding, 24000)
        assert b"".join(part for part in parts[1:] if isinstance(part, bytes)) == AUDIO


def test_bits_that_lie_in_longer_samples_are_read_as_those() -> None:
    head = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 2, 24000, 192000, 8, 24))
    assert walk([wav(AUDIO, head=head)])[1] == [AudioFormat("pcm_s32le", 24000, 2)]


def test_a_file_of_au_behind_another_is_taken_out() -> None:
    head = b".snd" + struct.pack(">IIIII", 24, len(AUDIO), 3, 24000, 1)
    walker = Walker(container=True)
    parts = [*walker.feed((head + AUDIO) * 3), *walker.finish()]
    assert b"".join(part for part in parts if isinstance(part, bytes)) == AUDIO * 3
    assert len([part for part in parts if isinstance(part, AudioFormat)]) == 3


MADE_UP = [0, 10, 39, 41, 80, 1000, 1 << 20, 1 << 30, 10**9, 2 * 10**9, 0x7FFFFFFF, 0xFFFFFFDB]


@pytest.mark.parametrize("size", MADE_UP)
def test_a_size_that_is_made_up_costs_nothing(size: int) -> None:
    for pieces in each_cut(wav(AUDIO, size=size)):
        assert walk(pieces) == (AUDIO, [S16])
    twice = wav(AUDIO, size=size) + wav(AUDIO, size=size)
    for pieces in each_cut(twice):
        assert walk(pieces) == (AUDIO + AUDIO, [S16, S16])


def test_a_size_that_no_speech_has_promises_nothing() -> None:
    for size in (10**9, 0xFFFFFFDB, 0x7FFFFFFF):
        walker = Walker()
        list(walker.feed(wav(AUDIO, size=size)))
        assert walker.missing == 0


@pytest.mark.parametrize(
    "head",
    [
        fmt(bits=40),
        fmt(tag=2, bits=4),
        fmt(tag=3, bits=16),
        fmt(channels=200),
        fmt(rate=0),
        fmt(rate=4_000_000_000, bits=0),
        chunk(b"fmt ", b"short"),
        chunk(b"fmt ", b"", size=1 << 30),
        chunk(b"fmt ", struct.pack("<HHIIHH", 0xFFFE, 1, 24000, 48000, 2, 16) + b"\7" * 24),
        chunk(b"data", b""),
    ],
    ids=range(10),
)
def test_a_header_that_cannot_be_read_is_bad_audio(head: bytes) -> None:
    with pytest.raises(BadAudio):
        walk([wav(AUDIO, head=head)])


def test_a_stream_that_ends_inside_its_header_is_told() -> None:
    body = wav(AUDIO)
    for cut in range(len(body) + 1):
        walker = Walker()
        list(walker.feed(body[:cut]))
        assert walker.inside_header == (12 <= cut < body.index(AUDIO))


def test_what_a_header_promised_and_did_not_come_is_told() -> None:
    walker = Walker()
    list(walker.feed(wav(AUDIO)[:-10]))
    assert walker.missing == 10
    list(walker.feed(wav(AUDIO)[-10:]))
    assert walker.missing == 0
    list(walker.feed(wav(AUDIO, size=0xFFFFFFFF)))
    assert walker.missing == 0


@given(st.lists(st.binary(max_size=50), max_size=8), st.booleans())
def test_any_bytes_give_audio_or_a_typed_error(deltas: list[bytes], headed: bool) -> None:
    deltas = [b"RIFF1234WAVE", *deltas] if headed else deltas
    try:
        audio, _ = walk(deltas)
    except BadAudio:
        return
    assert len(audio) <= sum(map(len, deltas))


def test_several_chunks_of_audio_are_heard() -> None:
    body = wav(
        b"abcd", tail=chunk(b"LIST", b"xy") + chunk(b"data", b"efgh") + chunk(b"id3 ", b"no")
    )
    for pieces in each_cut(body):
        assert walk(pieces) == (b"abcdefgh", [AudioFormat("pcm_s16le", 24000)])


def test_a_chunk_that_was_not_filled_up_costs_nothing() -> None:
    odd = b"LIST\5\0\0\0abcde"
    assert walk([wav(b"abcd", head=fmt() + odd)])[0] == b"abcd"
    assert walk([wav(b"abcd", head=fmt() + odd + b"\0")])[0] == b"abcd"


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ((1, 0, 24000, 48000, 2, 16), AudioFormat("pcm_s16le", 24000)),
        ((1, 1, 24000, 48000, 2, 0), AudioFormat("pcm_s16le", 24000)),
        ((1, 2, 0, 96000, 4, 16), AudioFormat("pcm_s16le", 24000, 2)),
        ((0, 1, 24000, 0, 0, 0), AudioFormat("pcm_s16le", 24000)),
    ],
)
def test_numbers_that_were_left_out_follow_from_the_others(
    numbers: tuple[int, ...], told: AudioFormat
) -> None:
    head = chunk(b"fmt ", struct.pack("<HHIIHH", *numbers))
    assert walk([wav(b"abcd", head=head)]) == (b"abcd", [told])


def test_an_extensible_header_without_its_sub_format_is_of_samples() -> None:
    body = struct.pack("<HHIIHH", 0xFFFE, 1, 24000, 48000, 2, 16) + struct.pack("<HHI", 22, 16, 4)
    head = chunk(b"fmt ", body + bytes(16))
    assert walk([wav(b"abcd", head=head)]) == (b"abcd", [AudioFormat("pcm_s16le", 24000)])
