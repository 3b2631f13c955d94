"""What an event says of the stream's course: that it is the last one, or that something failed.

Servers spell both in many ways. A last event is only a hint: more audio may follow (of the next
sentence, say), so that together with it the body's own end is the end, and alone it is not.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

ENDS: Final = frozenset(("[DONE]", '"[DONE]"', "[done]", "done", "DONE", "[END]", "[end]"))
"""What an event holds that is an end mark and nothing else."""

_LAST_KIND: Final = re.compile(
    r"(?:.*[._-])?(?:done|end|ended|eos|final|finish|finished|complete|completed|stop|close|closed)"
    r"|end_of_.*",
    re.IGNORECASE,
)
_LAST_FIELDS: Final = ("done", "is_final", "isFinal", "final", "finished", "is_last", "last", "end")
_LAST_STATES: Final = (2, "completed", "complete", "finished", "done", "ended")  # 2: MiniMax's

_LAST_NAMES: Final = frozenset((*_LAST_FIELDS, "finish_reason", "status"))

_FAILURE_NAMES: Final = frozenset(("status", "errors", "base_resp", "success"))
_FAILED_STATES: Final = ("error", "failed", "failure")
_MESSAGE_KEYS: Final = ("message", "msg", "detail", "status_msg", "error_message", "reason")
_NESTED_KEYS: Final = ("error", "errors", "response", "base_resp", "data")
_DEPTH: Final = 4


def may_be_last(fields: Mapping[str, Any], kind: str = "") -> bool:
    """Tell whether an event says that it is the last one, of whatever."""
    if kind and _LAST_KIND.fullmatch(kind[:80]):
        return True
    if _LAST_NAMES.isdisjoint(fields):
        return False  # of most deltas
    reason, state = fields.get("finish_reason"), fields.get("status")
    return (
        any(fields.get(name) is True for name in _LAST_FIELDS)
        or (isinstance(state, str | int) and state in _LAST_STATES)
        or (isinstance(reason, str) and reason not in ("", "null"))
    )


def tells_failure(fields: Mapping[str, Any], kind: str) -> bool:
    """Tell whether an event says that something went wrong."""
    if kind == "error" or kind.endswith((".error", ".failed")):
        return True
    if _FAILURE_NAMES.isdisjoint(fields):
        return False  # as for most events
    state, errors, base = (fields.get(name) for name in ("status", "errors", "base_resp"))
    return (
        (isinstance(state, str) and state in _FAILED_STATES)
        or fields.get("success") is False
        or (isinstance(errors, list) and bool(errors))
        or (isinstance(base, dict) and base.get("status_code") not in (0, None))  # MiniMax's
    )


def error_words(said: object, depth: int = _DEPTH) -> str:
    """Find the words in which a server tells of an error; nothing where there are none."""
    if isinstance(said, str):
        return said.strip()
    if isinstance(said, list):
        return error_words(said[0], depth - 1) if said and depth else ""
    if not isinstance(said, dict) or not depth:
        return ""
    message = _first_text(said, _MESSAGE_KEYS)
    if not message:
        nested = (error_words(said.get(key), depth - 1) for key in _NESTED_KEYS)
        message = next(filter(None, nested), "") or _first_text(said, ("code", "type"))
    return message


def _first_text(fields: Mapping[str, Any], names: tuple[str, ...]) -> str:
    values = (fields.get(name) for name in names)
    return next((text for text in values if isinstance(text, str) and text.strip()), "")


# What a server's handler writes behind the audio that it had begun to send.
LONGEST_ERROR: Final = 4096
"""The most bytes of an error that is no event of its own."""
_ERROR_BEGINS: Final = (b'{"error"', b'{"detail"', b'{"message"', b'{"status"', b'{"success"')
_ERROR_BEGIN: Final = re.compile(b"|".join(_ERROR_BEGINS))


class ErrorBehind:
    """Keeps an error in JSON at the end of a body from being taken for audio, however it is cut."""

    def __init__(self) -> None:
        self._held = b""

    def feed_bytes(self, data: bytes) -> bytes:
        """Return what is certainly no part of such an error."""
        data = self._held + data if self._held else data
        window = max(0, len(data) - LONGEST_ERROR)
        found = _ERROR_BEGIN.search(data, window)
        at = found.start() if found else _begun(data)
        self._held = data[at:]
        return data[:at] if self._held else data

    def finish(self) -> tuple[bytes, str]:
        """Return the rest of the audio, and the words of the error."""
        held, self._held = self._held, b""
        at, words = _error_in(held)
        return held[:at], words


def _begun(data: bytes) -> int:
    """Return where the last bytes may be the begin of an error, or the length of all."""
    at = data.rfind(b"{", max(0, len(data) - 9))
    begun = at >= 0 and any(begin.startswith(data[at:]) for begin in _ERROR_BEGINS)
    return at if begun else len(data)


def error_at_the_end(text: bytes) -> str:
    """Return the words of an error in JSON that a text ends with; nothing where there is none."""
    return _error_in(text.rstrip())[1]


def _error_in(text: bytes) -> tuple[int, str]:
    """Return where an error in JSON begins that `text` ends with, and its words.

    Audio before it may by chance look like the begin of one.
    """
    for found in _ERROR_BEGIN.finditer(text):
        words = _words_of_json(text[found.start() :])
        if words:
            return found.start(), words
    return len(text), ""


def first_value(text: bytes) -> tuple[object, int]:
    """Read the first value of some JSON, and where it ends; None and the end where it is none."""
    try:
        decoded = text.decode()
        value, end = json.JSONDecoder().raw_decode(decoded.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return None, len(text)
    skipped = decoded.startswith("\ufeff")
    return value, len(decoded[: end + skipped].encode())


def _words_of_json(text: bytes) -> str:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    return error_words(value) if isinstance(value, dict) else ""
