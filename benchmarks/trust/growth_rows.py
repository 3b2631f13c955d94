"""Bodies and texts without an end of their own, in tiny pieces: each piece costs the same.

A peer, or a model that loops, decides how much it sends and how it is cut. What is held until more
has come may be looked at again with each piece, and the work then grows with the square of it.
"""

from __future__ import annotations

import base64
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benchmarks.trust.row import Run, row
from streamplay.audio import AudioFormat
from streamplay.errors import StreamPlayError
from streamplay.network.framing import AnswerReader
from streamplay.stream.decoder import Decoder
from streamplay.stream.wire import reader_for
from streamplay.words.preparation import preparation
from streamplay.words.reasoning import WithoutReasoning
from streamplay.words.text import SentenceCutter
from tests.support.rawserver import delta

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Feed = Callable[[Any], Iterable[object] | None]

_BYTES: Final = 2_000_000
_PIECE_BYTES: Final = 20
_CHARACTERS: Final = 60_000
_TOKEN: Final = 5

_TIMES: Final = 3
"""So many times as much as the cheapest of the first pieces may the last ones cost; a piece whose
cost grows with all before it comes to 6 and more."""
_NOISE_MICROSECONDS: Final = 5

_SOUND: Final = (8000 * np.sin(np.arange(_BYTES // 2) / 20)).astype("<i2").tobytes()
_BASE64: Final = base64.b64encode(_SOUND)
_OK: Final = b"HTTP/1.1 200 OK\r\n"
_CHUNKED: Final = _OK + b"Transfer-Encoding: chunked\r\n\r\n"
_MP4: Final = b"\0\0\0\x18ftypmp42" + bytes(12)
_EBML: Final = bytes.fromhex(
    "1a45dfa39f4286810142f7810142f2810442f381084282847765626d42878104428581021853806701ffffffffffffff"
)


def _filled(unit: bytes) -> bytes:
    return unit * (_BYTES // len(unit))


BODIES: Final[dict[str, tuple[str, bytes]]] = {
    "one event": ("text/event-stream", delta(_SOUND)),
    "an event like others": ("text/event-stream", delta(_SOUND[:4000]) * 2 + delta(_SOUND)),
    "an event of many lines": ("text/event-stream", b"data: {\n" + _filled(b"data: 1,\n")),
    "a name without end": ("text/event-stream", b"event: " + _filled(b"x")),
    "JSON": ("application/json", b'{"audio":"' + _BASE64),
    "JSON of spaces": ("application/json", b'{"a":1,' + _filled(b" ")),
    "JSON of numbers": ("application/json", b'{"a":[' + _filled(b"1,")),
    "JSON of escapes": ("application/json", b'{"a":"' + _filled(b'\\"')),
    "lines of JSON": ("application/x-ndjson", b'{"audio":"' + _BASE64),
    "raw": ("audio/pcm", _SOUND),
}

HEADS: Final = {
    "one chunk": _CHUNKED + b"%x\r\n" % _BYTES + _filled(b"x"),
    "a head": _OK + b"A: b\r\n" * 16_000,
    "one line of a head": _OK + b"A: " + b"b" * 95_000,
    "a trailer": _CHUNKED + b"0\r\n" + b"A: b\r\n" * 16_000,
    "interim heads": b"HTTP/1.1 103 x\r\nA: b\r\n\r\n" * 20_000,
    "one interim head": b"HTTP/1.1 103 x\r\n" + b"A: b\r\n" * 16_000,
}

AUDIO: Final = {
    "samples": _SOUND,
    "zeros": bytes(_BYTES),
    "WAV, a long list": b"RIFF\xff\xff\xff\xffWAVELIST\xf0\xff\xff\x7f" + _filled(b"x"),
    "WAV, many chunks": b"RIFF\xff\xff\xff\xffWAVE" + _filled(b"abcd\x02\0\0\0xx"),
    "a tag": b"ID3\x04\0\0\x01\x30\0\0" + _filled(b"x"),
    "a tag of zeros": b"ID3\x04\0\0\x01\x30\0\0" + bytes(_BYTES),
    "FLAC, a long block": b"fLaC\x04\xff\xff\xff" + _filled(b"x"),
    "Ogg, no page": b"OggS" + _filled(b"x"),
    "MP4, the audio first": _MP4 + b"\x7f\xff\xff\xffmdat" + _filled(b"x"),
    "MP4, many boxes": _MP4 + _filled(b"\0\0\0\x08free"),
    "WebM, a long void": _EBML + b"\xec\x10\x7f\xff\xff" + _filled(b"x"),
    "WebM, many voids": _EBML + _filled(b"\xec\x81x"),
}

TEXTS: Final = (
    *("word ", "x", "a. ", ".", "a\n", "*", "a = 1\n", "[", "| a | b |\n", "<", "<b>", "- a\n"),
    *("> a\n", "a/", "a@", "1", "。", "你好", "\N{THAI CHARACTER SO SUA}", '"', "(", "e.g. "),
    *("\N{COMBINING ACUTE ACCENT}", "\N{MAN}\u200d", "\N{THUMBS UP SIGN}", "$x", "&amp;", "\\"),
    *("# a\n", "_", "~", "a\n===\n", "…", "-", "A."),
)


def _reader(media: str) -> Feed:
    return reader_for(media).feed


def _decoder() -> Feed:
    return Decoder(AudioFormat("pcm_s16le", 24000), "model").feed


def _kinds() -> dict[str, tuple[Callable[[], Feed], Sequence[Any]]]:
    """Return how each kind is read, and its pieces."""
    kinds: dict[str, tuple[Callable[[], Feed], Sequence[Any]]] = {}
    for name, (media, body) in BODIES.items():
        kinds[name] = partial(_reader, media), _cut(body, _PIECE_BYTES)
    for name, head in HEADS.items():
        kinds[name] = (lambda: AnswerReader().feed_bytes), _cut(head, _PIECE_BYTES)
    for name, audio in AUDIO.items():
        kinds[name] = _decoder, _cut(audio, _PIECE_BYTES)
    for unit in TEXTS:
        tokens = _cut(unit * (_CHARACTERS // len(unit)), _TOKEN)
        kinds[f"cut {unit!r}"] = (lambda: SentenceCutter().feed), tokens
        kinds[f"clean {unit!r}"] = (lambda: preparation(wanted=True).feed), tokens
        kinds[f"think {unit!r}"] = (lambda: WithoutReasoning().feed), tokens
    return kinds


def _cut(whole: Any, size: int) -> Sequence[Any]:
    return [whole[at : at + size] for at in range(0, len(whole), size)]


@row(planned=len(BODIES) + len(HEADS) + len(AUDIO) + 3 * len(TEXTS), unit="kinds")
def tiny_pieces(run: Run) -> None:
    """A body of 2 MB in pieces of 20 bytes, and a text of 60,000 characters in tokens, neither of
    which ends: the last pieces cost at most three times as much as the first ones.
    """
    for name, (make, pieces) in run.turns(list(_kinds().items())):
        costs = _costs(make(), pieces)
        if costs and costs[-1] > _TIMES * min(costs[:3]) + _NOISE_MICROSECONDS:
            run.fault(f"{name}: {', '.join(f'{cost:.1f}' for cost in costs)} µs a piece")
        run.facts["dearest, µs a piece"] = round(
            max(run.facts.get("dearest, µs a piece", 0.0), *costs, 0.0), 1
        )


def _costs(feed: Feed, pieces: Sequence[Any]) -> list[float]:
    """Return what a piece costs in each eighth of them: microseconds of processor time."""
    each = max(1, len(pieces) // 8)
    costs = []
    for at in range(0, len(pieces) - each + 1, each):
        begun = time.process_time()
        try:
            for piece in pieces[at : at + each]:
                for _ in feed(piece) or ():
                    pass
        except StreamPlayError:
            break  # it is refused: nothing more is held
        costs.append((time.process_time() - begun) / each * 1e6)
    return costs
