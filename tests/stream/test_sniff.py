from __future__ import annotations

import asyncio
import base64
import io
from typing import Any

import numpy as np
import pytest
import soundfile

from streamplay.audio import ENCODINGS, AudioFormat
from streamplay.errors import RemoteError, StreamBroken, UnexpectedContent
from streamplay.network.client import SpeechClient
from streamplay.request import SpeechRequest
from streamplay.stream.sniff import BASE64, RAW, identify, real_type
from tests.support.rawserver import DONE, chunked, delta, replies, running

BYTES = ("", "application/octet-stream", "Audio/WAV; x=1")
SOUND = (0.2 * np.sin(np.arange(1200) / 17)).astype(np.float32).reshape(-1, 1)
ERROR = b'{"error": {"message": "the GPU is on fire"}}'


def told(start: bytes, kind: str = "", *, mp3: bool = False, whole: bool = False) -> str | None:
    return real_type(kind, start, mp3=mp3, whole=whole)


def real(answer: str | None, kind: str) -> str | None:
    """What is told, a Content-Type that is right in itself by its media type."""
    return "audio/wav" if answer == kind == BYTES[2] else answer


def file(kind: str) -> bytes:
    made = io.BytesIO()
    soundfile.write(made, SOUND, 24000, format=kind)
    return made.getvalue()


@pytest.mark.parametrize("kind", BYTES)
@pytest.mark.parametrize(
    ("start", "media"),
    [
        (ERROR, "application/json"),
        (b' \n[{"loc": ["body"]}]', "application/json"),
        (b"<!DOCTYPE html><html>", "text/html"),
        (b"\n<HTML><head></head>", "text/html"),
        (b"data: [DONE]\n\n", "text/event-stream"),
        (b"\xef\xbb\xbfevent: audio\n", "text/event-stream"),
        (b": keep-alive\n\n", "text/event-stream"),
        (b":\n\ndata: {}\n\n", "text/event-stream"),
        (b": \r\n\r\ndata: {}", "text/event-stream"),
        (b":ok\n\ndata: {}\n", "text/event-stream"),
        (b'"data:audio/mpeg;base64,' + base64.b64encode(bytes(99)) + b'"', "application/json"),
        (b"error: no such voice\n- code: 7\n" * 9, "text/plain"),
        (file("FLAC"), "audio/flac"),
        (file("OGG"), "audio/ogg"),
        (file("MP3"), "audio/mpeg"),
        (b"ID3\x04\0\0\0\0\0\x05-----" + file("MP3"), "audio/mpeg"),
        (b"ID3\x02\0\0\x7f\x7f\x7f\x7f-----" + file("MP3"), "audio/mpeg"),
        (b"ID3\x04\0\0\0\0\0\x05-----" + file("FLAC"), "audio/flac"),
        (b"ID3\x04\0\0\0\0\0\x05-----" + file("WAV"), "audio/wav"),
        (file("RF64"), "audio/wav"),
        (file("W64"), "audio/x-w64"),
        (file("AIFF"), "audio/aiff"),
        (file("AU"), "audio/x-au"),
        (file("CAF"), "audio/x-caf"),
        (b"\0\0\0\x20ftypM4A ", "audio/mp4"),
        (b"\x1a\x45\xdf\xa3\x9f", "audio/webm"),
        (b"PK\3\4zip", "application/zip"),
        (b"Internal Server Error: the GPU is on fire, please try again", "text/plain"),
    ],
)
def test_what_is_said_to_be_bytes_is_known_by_how_it_begins(
    kind: str, start: bytes, media: str
) -> None:
    assert real(told(start, kind), kind) == media
    # However little comes at a time: nothing else is said before.
    said = {real(told(start[:size], kind), kind) for size in range(1, min(len(start), 2000))}
    assert said == {None, media}


@pytest.mark.parametrize("kind", BYTES)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_sound_is_what_it_is_said_to_be(kind: str, encoding: str) -> None:
    data = AudioFormat(encoding, 24000).encode(SOUND)
    for begin in range(0, len(data) - 64, 7):
        assert told(data[begin : begin + 64], kind) == kind
    assert told(bytes(64), kind) == told(bytes(8), kind) == kind


def test_text_that_is_no_such_text_is_sound() -> None:
    assert told(b"ABCDEFGHIJKL" * 5) == ""
    assert told(b"{ not JSON, and long enough" * 3) is None
    assert told(b"{ not JSON, and long enough" * 12) == "text/plain"


@pytest.mark.parametrize("kind", BYTES)
def test_base64_is_no_sound(kind: str) -> None:
    samples = AudioFormat("pcm_s16le", 24000).encode(SOUND)
    for data in (file("MP3"), samples, bytes(2000) + samples):
        text = base64.b64encode(data)
        assert real(told(text, kind), kind) == BASE64
        said = {real(told(text[:size], kind), kind) for size in range(1, 3200, 7)}
        assert said == {None, BASE64}
    address = b"data:audio/mpeg;base64," + base64.b64encode(file("MP3"))
    assert {real(told(address[:n], kind), kind) for n in range(1, 99)} == {None, BASE64}
    assert told(b"UTWVQPUUTTU" * 100) == ""  # a quiet half wave in A-law


def test_a_body_that_ends_early_is_judged_by_what_there_is() -> None:
    assert told(b"{}") is None
    assert told(b"{}", whole=True) == "application/json"
    assert told(b"", whole=True) == ""


def test_mp3_is_known_whatever_was_asked_for() -> None:
    made = file("MP3")
    assert told(made, mp3=True) == "audio/mpeg"
    assert told(made[:1], mp3=True) is None
    assert told(made) == "audio/mpeg"
    assert told(b"\xff\xff\xff\xff" * 9, mp3=True) is None
    assert told(b"\xff\xff\xff\xff" * 5000, mp3=True) == ""


def test_the_bytes_decide_over_a_type_that_is_wrong() -> None:
    assert told(ERROR, "text/event-stream") == "application/json"
    assert told(file("WAV"), "text/plain") == "audio/wav"
    assert told(SOUND.tobytes(), "text/plain") == "application/octet-stream"
    assert told(SOUND.tobytes(), "application/json") == "application/octet-stream"


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"", "text/html"),
        (b"Just some words, that are no HTML, and no sound either", "text/html"),
        (b"retry later, please: the server is busy for a few minutes", "text/event-stream"),
        (b"--boundary\r\nContent-Type: audio/wav\r\n\r\n" + file("WAV"), "multipart/form-data"),
    ],
)
def test_a_type_is_believed_where_the_bytes_say_no_more(start: bytes, kind: str) -> None:
    assert told(start, kind, whole=True) == kind


# Over a socket


def answered(body: bytes, step: int = 1 << 20, **fields: Any) -> int:
    """Return how many frames come of a body without a Content-Type of its own."""
    pieces = [body[at : at + step] for at in range(0, len(body), step)]
    answer = chunked(pieces, kind="application/octet-stream")

    async def main() -> int:
        request = SpeechRequest(model="m", voice="v", input="Hello", **fields)
        async with running(replies(answer)) as server, SpeechClient(base_url=server.base_url) as c:
            return sum([len(frames) async for frames in c.stream(request)])

    return asyncio.run(main())


@pytest.mark.parametrize("step", [1, 5, 1 << 20])
def test_an_error_is_never_heard(step: int) -> None:
    with pytest.raises(RemoteError, match="on fire"):
        answered(ERROR, step)
    with pytest.raises(UnexpectedContent, match="html"):
        answered(b"<!doctype html><title>Bad gateway</title>" + b"<p>no</p>" * 300, step)


@pytest.mark.parametrize("step", [1, 5, 1 << 20])
def test_events_and_files_are_read_as_what_they_are(step: int) -> None:
    data = AudioFormat("pcm_s16le", 24000).encode(SOUND)
    assert answered(delta(data) + DONE, step) == len(SOUND)
    assert answered(file("MP3"), step, response_format="mp3") == len(SOUND)
    assert answered(file("FLAC"), step) == len(SOUND)
    assert answered(data, step) == len(SOUND)


def test_the_little_that_comes_of_sound_is_heard() -> None:
    assert answered(b"AB") == 1
    with pytest.raises(StreamBroken):
        answered(b"")
    assert answered(b"ABCDEF") == 3


@pytest.mark.parametrize("tag", [b"ID3\4\0\0\0\0\0\0", b"APETAGEX" + bytes(24)])
def test_tags_without_end_are_no_recursion(tag: bytes) -> None:
    assert identify(tag * 26_000) == "audio/mpeg"
    assert identify(tag * 3 + b"fLaC" + bytes(100)) in ("audio/flac", None)


@pytest.mark.parametrize(
    "start",
    [b"RIFF\x10\0\0\0AVI LIST" + bytes(40), b"#!SILK_V3" + bytes(40), b"\x02#!SILK_V3" + bytes(40)],
)
def test_what_is_no_sound_that_is_known_is_no_samples_either(start: bytes) -> None:
    assert identify(start) not in (RAW, None)
