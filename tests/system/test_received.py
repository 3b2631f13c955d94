"""From body to frames: what was sent is what is received, in every dialect, encoding and cut.

Without sockets, so that a fault can strike at every byte. The same over real ones: test_faults.
"""

from __future__ import annotations

import base64
import json
import random
from bisect import bisect
from functools import cache
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pytest

from streamplay.audio import ENCODINGS, AudioFormat
from streamplay.errors import MalformedEvent, RemoteError, StreamBroken, Truncated
from streamplay.stream.decoder import Decoder
from streamplay.stream.wire import Audio, Done, reader_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

pytestmark = pytest.mark.no_cover

EVENTS: Final = "text/event-stream"

# Each cell of the table is cut in two at every byte, and at random so often.
CUTS_A_CELL: Final = 150

DIALECTS: Final[dict[str, Callable[[str], dict[str, Any]]]] = {
    "A": lambda text: {"object": "audio.tts.chunk", "model": "m", "b64": text},
    "A nested": lambda text: {"data": {"object": "audio.tts.chunk", "model": "m", "b64": text}},
    "B": lambda text: {"type": "delta", "audio": text},
    "C": lambda text: {"type": "conversation.item.audio_output.delta", "delta": text},
    "E": lambda text: {"type": "speech.audio.delta", "audio": text},
}
ENDS: Final = {"B": {"type": "done"}, "E": {"type": "speech.audio.done", "usage": {}}}


def event(fields: object) -> bytes:
    return f"data: {fields if fields == '[DONE]' else json.dumps(fields)}\n\n".encode()


def deltas_of(dialect: str, data: bytes, step: int) -> list[bytes]:
    # E with the lines that some of its servers send.
    name = b"event: speech.audio.delta\nid: 1\n" if dialect == "E" else b""
    texts = [base64.b64encode(data[at : at + step]).decode() for at in range(0, len(data), step)]
    return [name + event(DIALECTS[dialect](text)) for text in texts]


def stream(dialect: str, data: bytes, step: int) -> bytes:
    if dialect == "D":
        return data
    end = event(ENDS.get(dialect, "[DONE]"))
    return b": ping\n\n" + b"".join(deltas_of(dialect, data, step)) + end


def received(content_type: str, expected: AudioFormat, pieces: Iterable[bytes]) -> bytes:
    reader, decoder = reader_for(content_type), Decoder(expected, "model")
    out = bytearray()
    done = False

    def take(events: Iterator[Any]) -> None:
        nonlocal done
        for one in events:
            done |= isinstance(one, Done)
            if isinstance(one, Audio):
                for chunk in decoder.feed(one.data):
                    out.extend(chunk.data)
                    assert chunk.frames.nbytes == 4 * len(chunk.frames)

    for piece in pieces:
        take(reader.feed(piece))
    take(reader.finish())
    assert done
    for chunk in decoder.finish():
        out.extend(chunk.data)
    return bytes(out)


def cut(data: bytes, roll: random.Random) -> list[bytes]:
    places = sorted(roll.randrange(len(data) + 1) for _ in range(roll.randrange(1, 5)))
    return [data[a:b] for a, b in pairwise([0, *places, len(data)])]


@pytest.mark.parametrize("dialect", [*DIALECTS, "D"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_received_bytes_equal_sent_bytes(dialect: str, encoding: str) -> None:
    expected = AudioFormat(encoding, 24000)
    wave = 0.1 * np.sin(np.arange(96 // expected.frame_bytes) / 5)
    data = expected.encode(wave.astype(np.float32).reshape(-1, 1))
    content_type = "application/octet-stream" if dialect == "D" else EVENTS
    roll = random.Random(f"{dialect} {encoding}")
    bodies = [stream(dialect, data, step) for step in (17, 48, 1000)]  # 17: frames split by events
    for body in bodies:
        assert received(content_type, expected, [body]) == data
        assert received(content_type, expected, (bytes([byte]) for byte in body)) == data
        for at in range(len(body)):
            assert received(content_type, expected, (body[:at], body[at:])) == data
    for _ in range(CUTS_A_CELL):
        assert received(content_type, expected, cut(roll.choice(bodies), roll)) == data


# Faults at every byte of a stream of 50 kB


SPEECH: Final = random.Random(1).randbytes(37_500)
STEP: Final = 1500


@cache
def fifty() -> bytes:
    body = stream("A", SPEECH, STEP)
    assert len(body) > 50_000
    return body


@cache
def starts() -> list[int]:
    """Return where each event begins."""
    body = fifty()
    return [0, *(at + 2 for at in range(len(body)) if body.startswith(b"\n\n", at))][:-1]


def heard(at: int, then: bytes) -> tuple[bytes, bool, StreamBroken | None]:
    """Let the stream go on otherwise from a byte; return audio, whether its mark came, and fault.

    It is read from the beginning of the event that the byte is in: nothing of those before it
    is left in a reader. And in pieces: most faults are told in the first, and the rest is spared.
    """
    event = bisect(starts(), at) - 1
    reader = reader_for(EVENTS)
    body = fifty()[starts()[event] : at] + then
    pieces = (body[start : start + 2 * STEP] for start in range(0, len(body), 2 * STEP))
    read = (one for piece in pieces for one in reader.feed(piece))
    out = [SPEECH[: STEP * max(0, event - 1)]]  # the first event is a comment
    done = False
    try:
        for one in chain(read, reader.finish()):
            done |= isinstance(one, Done)
            if isinstance(one, Audio):
                out.append(one.data)
    except StreamBroken as error:
        return b"".join(out), done, error
    return b"".join(out), done, None


def test_an_end_at_any_byte_is_told_and_what_came_before_it_is_kept() -> None:
    mark = len(fifty()) - 2  # all but its blank line
    for at in range(len(fifty()) + 1):
        audio, done, fault = heard(at, b"")
        # An event is whole without the two line ends behind it.
        assert len(audio) == min(len(SPEECH), STEP * max(0, bisect(starts(), at + 2) - 2))
        assert SPEECH.startswith(audio)
        assert done == (at >= mark)
        assert isinstance(fault, Truncated) != done


@pytest.mark.parametrize(
    ("strange", "kind"),
    [
        (event({"error": {"message": "down"}}), RemoteError),
        (b'data: {"b64": "AAAA"\n\n', MalformedEvent),
        (event({"b64": "A*=="}), MalformedEvent),
    ],
)
def test_a_strange_event_between_any_two_is_told_and_what_came_before_it_is_kept(
    strange: bytes, kind: type[StreamBroken]
) -> None:
    for at in starts():
        audio, done, fault = heard(at, strange + fifty()[at:])
        assert len(audio) == STEP * max(0, bisect(starts(), at) - 2)
        assert SPEECH.startswith(audio)
        assert not done
        assert isinstance(fault, kind)


@pytest.mark.parametrize("part", range(4))
def test_rubbish_at_any_byte_is_told_or_does_no_harm(part: int) -> None:
    for at in range(part, len(fifty()), 4):
        audio, done, fault = heard(at, b"\xff\x00*" + fifty()[at:])
        assert SPEECH.startswith(audio)
        assert done != (fault is not None)
        assert audio == SPEECH or not done


def test_data_after_the_mark_does_no_harm() -> None:
    end = len(fifty())
    for at in range(0, end, 50):
        audio, done, fault = heard(end - 20, fifty()[-20:] + fifty()[at : at + 2000])
        assert (audio, done, fault) == (SPEECH, True, None)
