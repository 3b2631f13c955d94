"""What the readers of foreign input read when all is well."""

from __future__ import annotations

import io
import zipfile
from typing import Final


def events_with(line: bytes) -> bytes:
    """Return a body in which one line of JSON is an event."""
    return b'data: {"type":"delta","audio":"AAAA"}\n\ndata: ' + line + b"\n\ndata: [DONE]\n\n"


def book_with(page: str = "<html><body><h1>A</h1><p>One. Two.</p></body></html>") -> bytes:
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf"><metadata '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>T</dc:title></metadata><manifest>'
        '<item id="a" href="a.html" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="a"/></spine></package>'
    )
    container = '<container><rootfiles><rootfile full-path="p.opf"/></rootfiles></container>'
    entries = {"META-INF/container.xml": container, "p.opf": package, "a.html": page}
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as book:
        book.writestr("mimetype", "application/epub+zip")
        for name, text in entries.items():
            book.writestr(name, text)
    return data.getvalue()


SAID: Final = b'{"error": {"message": "no such voice", "type": "t", "param": "voice", "code": 3}}'
EVENT: Final = (
    b'{"type": "delta", "audio": "AAAA", "sample_rate": 24000, "channels": 1, "encoding": "pcm"}'
)


CONFIG: Final = b"""voice = "tara"
volume = -6.0
pronounce = ["a/b"]
prebuffer = "auto"
timeout = 5
extra = "a=1"
latency = "low"
[say]
prefetch = 3
[live]
device = "x"
[phrases]
a = "b"
[privacy]
store = true
[profile.work]
voice = "leo"
"""
RESULT: Final = (
    b'{"schema": 1, "targets": [{"name": "a", "requests": 2, "errors": {"x": 1}, "measures": '
    b'{"first_sound": {"unit": "ms", "n": 2, "mean": 1.0, "sd": 1.0, "p50": 1.0, "p90": 1.0, '
    b'"p95": 1.0, "p99": 1.0, "max": 1.0, "ci95": {"p50": [1.0, 2.0]}}}}]}'
)
TRACE: Final = (
    b'{"streamplay_trace": 1, "host": "h", "model": "m", "voice": "v", "chars": 5, '
    b'"encoding": "pcm_s16le", "samplerate": 24000, "channels": 1}\n'
    b'{"t": 0.2, "frames": 2400}\n{"t": 0.4, "frames": 2400}\n{"t": 0.5, "end": "complete"}\n'
)
LEARNED: Final = (
    b'{"streamplay_learned": 1, "sources": [{"host": "h", "model": "m", "voice": "v", "margins": '
    b'[0.1, null], "characters": 1.0, "seconds": 1.0, "level": 1.0}], "servers": {"https://a/v1": '
    b'{"api": "openai", "audio": "pcm", "without": ["stream"]}}}'
)
ORDER: Final = (
    b'{"model": "canopylabs/orpheus-3b-0.1-ft", "voice": "tara", "input": "Hi", "stream": true, '
    b'"response_format": "raw", "response_encoding": "pcm_s16le", "sample_rate": 24000, '
    b'"language": "en", "speed": 1.0, "instructions": "x", "alignment": "word", '
    b'"segment": "never", "bit_rate": 128000, "stream_format": "sse", '
    b'"extra_params": {"pronunciation_dict": ["a/b"], '
    b'"scenario": {"first_byte_ms": 1, "fault": "reset", "headers": ["a: b"]}}}'
)
ANSWER: Final = (
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
)
SIZED: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
WAV: Final = (
    b"RIFF\x2c\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\xc0\x5d\0\0\x80\xbb\0\0\2\0\x10\0"
    b"data\x08\0\0\0abcdefgh"
)
MP3: Final = b"ID3\x04\x00\x00\x00\x00\x02\x01" + bytes(20) + b"\xff\xfb\x90\xc4" + bytes(413)
MARKDOWN: Final = (
    b"# A\n\n1. one *two* [three](http://x)\n\n> four\n\n```\ncode\n```\n| a | b |\n|--|--|\n"
)
HTML: Final = (
    b'<!doctype html><html lang="en"><meta charset="utf-8"><title>T</title><h1>A</h1>'
    b'<ol start="3"><li>x</ol><p>One. Two.</p><pre>y</pre>'
)
FLAGS: Final = (
    *("--model", "--voice", "--language", "--encoding", "--sample-rate", "--format", "--bit-rate"),
    *("--pronounce", "--extra", "--speed", "--instructions", "--prefetch", "--on-error"),
    *("--decode-as", "--base-url", "--api", "--api-key-env", "--fallback", "--timeout"),
    *("--deadline", "--device", "--latency", "--volume", "--prebuffer"),
)
SAMPLES: Final = (b"1", b"tara", b"a/b", b"a=1", b"pcm_s16le@24000", b"http://localhost/v1")

WORDS: Final = (
    b'{"type": "conversation.item.word_timestamps", "words": ["a"], "start_seconds": [0], '
    b'"end_seconds": [1]}'
)
CHAT: Final = (
    b'{"object": "chat.completion.chunk", "choices": [{"delta": {"audio": {"data": "AAAA"}}}]}'
)
