"""Servers that repeat the key that they were sent, and everything in which it could be seen."""

from __future__ import annotations

import gc
import json
import pickle
import traceback
from typing import TYPE_CHECKING, Any, Final

from tests.support.rawserver import DONE, answer, delta, event, refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY: Final = "canary-Zx8Qw3Rt5Yu7-Io9Pa1Sd2Fg4"
SHORTEST: Final = 8
"""Characters of a part of the key that would help to guess the rest."""


def parts_of_key(text: str) -> str:
    """Return the longest part of the key that stands in a text, from 8 characters on."""
    for length in range(len(KEY), SHORTEST - 1, -1):
        for at in range(len(KEY) - length + 1):
            if KEY[at : at + length] in text:
                return KEY[at : at + length]
    return ""


def _said(words: str, status: int = 401) -> bytes:
    return refuse(status, {"error": {"message": words, "code": "invalid_api_key"}})


def _voices(name: str) -> bytes:
    return answer(json.dumps({"voices": [{"id": name, "name": name}]}).encode(), kind="text/json")


_AUDIO: Final = delta(bytes(4800))

ECHOES: Final[dict[str, bytes]] = {
    "the message": _said(f"Incorrect API key provided: {KEY}."),
    "half of it masked": _said(f"Incorrect API key provided: {KEY[:10]}****{KEY[-10:]}."),
    "the message without its end": _said(f"Incorrect: {KEY[:-3]}"),
    "the message without its beginning": _said(f"Incorrect: {KEY[3:]}"),
    **{
        f"cut {left} characters before the bound": _said("x" * (300 - left) + KEY + "y" * 40)
        for left in range(0, len(KEY) + 4, 3)
    },
    **{
        f"cut {left} characters before the body's bound": refuse(
            500, {"error": {"message": "z", "more": "x" * (4096 - left - 40) + KEY}}
        )
        for left in range(0, 60, 7)
    },
    "a code": refuse(400, {"error": {"message": "no", "code": KEY, "param": KEY, "type": KEY}}),
    "a voice that is not there": refuse(404, {"error": {"message": f"voice {KEY} unknown"}}),
    "a page": answer(f"<html><title>{KEY}</title>".encode(), status=502, kind="text/html"),
    "text": answer(f"Bad: {KEY}".encode(), status=503, kind="text/plain"),
    "a redirect": answer(status=307, Location=f"http://a.example/?key={KEY}"),
    "the type of the content": answer(b"x", kind=f"text/{KEY}"),
    "the coding": answer(b"x", Content_Encoding=KEY),
    "the name of an encoding": answer(bytes(100), kind="audio/pcm", X_Audio_Encoding=KEY),
    "the voice that speaks": answer(_AUDIO + DONE, X_Voice=KEY, X_Model=KEY),
    "an error in the stream": answer(_AUDIO + event({"error": {"message": f"no: {KEY}"}})),
    "an error's whole event": answer(_AUDIO + event({"error": {KEY: KEY}})),
    "rubbish in the stream": answer(_AUDIO + f"data: {KEY}\n\n".encode()),
    "an event's kind": answer(_AUDIO + event({"type": KEY, "audio": "*" * 300}) + DONE),
    "an event with perhaps audio": answer(event({"type": KEY, KEY: "AAAA" * 200}) + DONE),
    "the words": answer(
        _AUDIO
        + event(
            {
                "type": "conversation.item.word_timestamps",
                "words": [KEY],
                "start_seconds": [0],
                "end_seconds": [1],
            }
        )
        + DONE
    ),
    "JSON that is no speech": answer(json.dumps({"message": KEY}).encode(), kind="text/json"),
    "lines of JSON": answer(f'{{"error": "{KEY}"}}\n'.encode(), kind="application/x-ndjson"),
    "no HTTP": f"{KEY}\r\n\r\n".encode(),
    "the reason": f"HTTP/1.1 401 {KEY}\r\nContent-Length: 0\r\n\r\n".encode(),
    "voices": _voices(KEY),
    "voices with it inside": _voices(f"voice-{KEY[2:]}"),
}


def seen_in(error: BaseException) -> Iterator[tuple[str, str]]:
    """Yield everything of an exception that a program may log: its name and its text."""
    yield "str", str(error)
    yield "repr", repr(error)
    yield "pickle", pickle.dumps(error).decode("latin-1")
    yield "fields", repr(vars(error))
    yield "traceback", "".join(traceback.format_exception(error))
    seen, one = set[int](), error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        for frame, _ in traceback.walk_tb(one.__traceback__):
            module = frame.f_globals.get("__name__", "")
            if module.startswith("streamplay"):
                for name, value in frame.f_locals.items():
                    yield f"local {name} in {module}.{frame.f_code.co_name}", _shown(value)
        one = one.__cause__ or one.__context__  # type: ignore[assignment]


def _shown(value: Any) -> str:
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - another object's fault
        return ""


def reprs(known: Callable[[object], bool] = lambda _: True) -> Iterator[tuple[str, str]]:
    """Yield the `repr` of every object of ours in this process."""
    for each in gc.get_objects():
        kind = type(each)
        # Of some classes it is no text, but what gives their instances one.
        if str(getattr(kind, "__module__", "")).startswith("streamplay") and known(each):
            yield f"repr of {kind.__module__}.{kind.__name__}", _shown(each)
