"""The exceptions, grouped by the cause of the failure.

::

    StreamPlayError
    ├── InvalidRequest (also ValueError)  a field is wrong; nothing was sent
    ├── ServerRefused                     an answer that is no audio
    │   ├── BadRequest                    400, 422 and other 4xx
    │   ├── NotAuthorized                 401, 403
    │   ├── QuotaExceeded                 402
    │   ├── ModelNotFound                 404
    │   ├── VoiceNotFound                 400 or 404 that names the voice
    │   ├── RateLimited                   429
    │   └── ServerFailed                  5xx
    ├── NetworkFailed
    │   ├── ConnectFailed                 no connection could be made
    │   ├── ConnectionLost                it broke before or while answering
    │   └── TimedOut                      connect, first byte, chunk, audio, deadline
    ├── StreamBroken                      the body is not what it should be
    │   ├── Truncated                     it ended before its end
    │   ├── MalformedEvent                an event that cannot be read
    │   ├── BadAudio                      audio bytes that cannot be decoded
    │   ├── RemoteError                   the server reported an error in the stream
    │   ├── UnexpectedContent             a content type or encoding of no speech
    │   ├── TooLarge                      an event or body beyond its bound
    │   ├── WrongEncoding                 the bytes are not in the stated encoding
    │   └── NoAudio                       it ended well, and held no audio
    ├── OutputFailed
    │   ├── NoDevice                      the device asked for is missing or busy
    │   ├── DeviceLost                    it went away while playing
    │   └── FileFailed                    the file cannot be written or read
    ├── TextFailed (also RuntimeError)    the given text or sound could not be read
    └── PlayerClosed                      the player was used after it was closed

The class names are part of the contract: they are ``error.type`` in receipts.
An exception stores facts; its ``str()`` composes the sentence: what was wrong
and where, then what to do.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as in families
if TYPE_CHECKING:
    from typing import Any, Literal

    from streamplay.receipt import Receipt

    WaitingFor = Literal["connect", "first byte", "chunk", "audio", "deadline"]

KEPT = "What had arrived is kept. Try again"
"""The remedy where a stream broke."""

LONGEST_MESSAGE = 2000
"""Characters of a message: a screen. The longest list of voices in one is shorter."""


class StreamPlayError(Exception):
    """The base class of all errors that streamplay raises on purpose.

    Parameters
    ----------
    message : str
        What was wrong, and where. Without a final full stop.
    remedy : str, optional
        What the user can do about it, as a sentence.

    Attributes
    ----------
    receipt : Receipt or None
        What had been received and heard. `wait()` sets it when it raises the error of an
        utterance.
    """

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(printable(message))
        self.message: str = self.args[0]
        self.remedy = printable(remedy)
        self.receipt: Receipt | None = None

    def __str__(self) -> str:
        return f"{self.message}. {self.remedy}" if self.remedy else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        # An exception is copied and pickled by calling its class with its args again. These
        # constructors compose their facts from other arguments, so the facts travel instead.
        return _rebuild, (type(self), self.args), self.__dict__


# Marks that combine with the character before them.
_MARKS = (
    "[\\u0300-\\u036f\\u0483-\\u0489\\u1ab0-\\u1aff\\u1dc0-\\u1dff\\u20d0-\\u20ff\\ufe20-\\ufe2f]"
)


def _without_piles(text: str) -> str:
    """Leave four marks over a character at most: more of them cover the lines around."""
    import re  # only for what is not plain text

    return re.sub(f"({_MARKS}{{4}}){_MARKS}+", r"\1", text)


def printable(text: str, limit: int = LONGEST_MESSAGE) -> str:
    """Return `text` as one line without any character that could control a terminal.

    Messages name files, voices, variables and words that came from anywhere, and a traceback
    prints them. Of a text longer than `limit` the middle is left out.
    """
    if len(text) > limit:
        text = f"{text[: limit * 2 // 3]} … {text[-(limit // 3) :]}"
    if not text.isascii():
        text = _without_piles(text)
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else " " if char.isspace() else "\N{REPLACEMENT CHARACTER}"
        for char in text
    )


def _rebuild(cls: type[StreamPlayError], args: tuple[Any, ...]) -> StreamPlayError:
    return cls.__new__(cls, *args)


class InvalidRequest(StreamPlayError, ValueError):
    """A field is wrong; nothing was sent.

    Remedy: correct the argument that `field` names; the message lists the values allowed.

    Parameters
    ----------
    field : str
        The name of the argument.
    problem : str
        What is wrong with its value.
    allowed : str
        Which values are right.
    """

    def __init__(self, field: str, problem: str, *, allowed: str = "") -> None:
        remedy = f"Allowed: {allowed}" if allowed else ""
        super().__init__(f"{field}: {problem}", remedy=remedy)
        self.field = field


class ServerRefused(StreamPlayError):
    """The server answered, and the answer is not audio.

    Attributes
    ----------
    status : int
        The HTTP status.
    body : str
        What the server sent, made safe to print, at most some kilobytes of it.
    retry_after : float or None
        Seconds that the server asked to wait before another attempt.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        body: str = "",
        remedy: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.status = status
        self.body = body
        self.retry_after = retry_after


class BadRequest(ServerRefused):
    """400, 422 and every other 4xx without a class of its own.

    Remedy: read the server's own words in the message; leave out the field it does not take.
    """


class NotAuthorized(ServerRefused):
    """401 or 403: the key is missing, wrong, or not allowed to do this.

    Remedy: set ``TOGETHER_API_KEY``, or name another variable with `api_key_env`.
    """


class QuotaExceeded(ServerRefused):
    """402: the account has no credit left.

    Remedy: add credit at the server, or speak with `local` or `fallback`.
    """


class ModelNotFound(ServerRefused):
    """404: the model is not served here.

    Remedy: choose a model that ``streamplay models`` lists.
    """


class VoiceNotFound(ServerRefused):
    """The model has no such voice.

    Remedy: choose a voice that ``streamplay voices`` lists.
    """


class RateLimited(ServerRefused):
    """429: too many requests for now.

    Remedy: wait for `retry_after` seconds, or send fewer requests at a time (`prefetch`).
    """


class ServerFailed(ServerRefused):
    """5xx: the server is at fault, or overloaded.

    Remedy: try again later; `fallback` speaks meanwhile.
    """


class NetworkFailed(StreamPlayError):
    """The network failed: the server gave no whole answer."""


class ConnectFailed(NetworkFailed):
    """No connection could be made: unknown host, refused, no route, bad certificate.

    Remedy: check the base URL and the network: ``streamplay doctor``.
    """


class ConnectionLost(NetworkFailed):
    """The connection broke before the answer was whole.

    Remedy: say the rest again: `Heard.rest` is what was not heard.
    """


class TimedOut(NetworkFailed):
    """The server took longer than allowed.

    Remedy: try again, or allow more with `timeout` or `deadline`.

    Attributes
    ----------
    waiting_for : {'connect', 'first byte', 'chunk', 'audio', 'deadline'}
        What the client was waiting for.
    seconds : float
        The limit that passed.
    """

    def __init__(self, waiting_for: WaitingFor, seconds: float, *, remedy: str = "") -> None:
        super().__init__(
            f"timed out after {seconds:g} s waiting for: {waiting_for}",
            remedy=remedy or "Try again, or allow more with timeout (--timeout)",
        )
        self.waiting_for = waiting_for
        self.seconds = seconds


class StreamBroken(StreamPlayError):
    """The body of the answer is wrong; the audio before the fault is kept."""


class Truncated(StreamBroken):
    """The stream ended before its end mark, or inside a sample.

    Remedy: say the rest again; what arrived was played and kept.
    """


class MalformedEvent(StreamBroken):
    """An event that cannot be read: not JSON, not base64, not an object.

    Remedy: report it to the server; ``say --record`` keeps the arrival times.
    """


class BadAudio(StreamBroken):
    """Audio bytes, or a header among them, that cannot be decoded.

    Remedy: name the format of the bytes with `decode_as`; it may be a damaged file.
    """


class RemoteError(StreamBroken):
    """The server reported an error inside a stream, after it had begun.

    Remedy: read the server's own words in the message.
    """


class UnexpectedContent(StreamBroken):
    """A content type or content encoding that cannot be speech.

    Remedy: check the base URL and what a proxy in between does.
    """


class TooLarge(StreamBroken):
    """An event or a body larger than its bound.

    Remedy: split the text, or report it to the server: no speech needs an event of this size.
    """


class WrongEncoding(StreamBroken):
    """The bytes are not in the encoding that was named; they were muted.

    Remedy: name the format of the bytes with `decode_as`, such as ``pcm_s16le@24000``.
    """


class NoAudio(StreamBroken):
    """The answer ended well, and there was no audio in it.

    Remedy: try another voice or model: this one said nothing for the text.
    """


class OutputFailed(StreamPlayError):
    """The output device or the file cannot be used."""


class NoDevice(OutputFailed):
    """The output device asked for is unknown, busy, or refuses the format.

    Remedy: choose one that ``streamplay devices`` lists; another program may hold it.
    """


class DeviceLost(OutputFailed):
    """The output device went away while it was playing.

    Remedy: connect it again, or set `follow_default` to go on at the default device.

    Attributes
    ----------
    heard, remaining : float or None
        Seconds of the received audio that were played, and that were not.
    """

    heard: float | None = None
    remaining: float | None = None

    def __str__(self) -> str:
        text = super().__str__()
        if self.heard is None or self.remaining is None:
            return text
        return f"{text}. Heard: {self.heard:.1f} s, and {self.remaining:.1f} s more had come"


class FileFailed(OutputFailed):
    """A file could not be opened, written or read.

    Remedy: choose a place that can be written to; `force` overwrites.
    """


class TextFailed(StreamPlayError, RuntimeError):
    """The text or sound that was given could not be read to its end; what came is heard.

    Remedy: look at the iterable that was given: the message holds its exception.
    """


class PlayerClosed(StreamPlayError):
    """The player was used after it was closed.

    Remedy: make a new `Player`.
    """

    def __init__(self) -> None:
        super().__init__("the player is closed", remedy="Make a new Player")
