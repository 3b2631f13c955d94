"""How a server wants to be asked: shapes of request, tried in an order that learns. Pure.

Servers that imitate OpenAI's speech API know neither ``raw`` nor ``response_encoding``; some have
no ``pcm``, some take no ``stream_format`` (OpenAI's own ``tts-1`` does not:
https://platform.openai.com/docs/api-reference/audio/createSpeech), and strict ones refuse every
field that they do not know.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from streamplay.rules.fields import OPTIONAL, body_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamplay.network.failures import ErrorBody
    from streamplay.request import Api, SpeechRequest

AT_ONCE_SECONDS: Final = 1.0
"""A 500 that comes sooner is taken for a field that the server stumbles over. One that comes
later may be a moment's failure: the shape changes where the repeated request fails with 500 too."""

# For raw audio: the first needs no header, all know the last.
_FORMATS: Final = ("pcm", "wav", "mp3")
_FORMAT_FIELDS: Final = ("response_format", "response_encoding", "format", "encoding")
# A refusal that names one of these is not about the shape. "input" is not among them: it stands in
# pydantic's sentences about any field.
_CONTENT_WORDS: Final = ("model", "models", "voice", "voices", "text", "prompt", "language")


_GROUNDS: Final = (400, 406, 415, 422, 501)
"""Refusals after which another shape may be taken."""

_SPELLED: Final = {"stream": ("streaming", "streamed")}

_WORD_TIMES: Final = frozenset({"alignment"})
"""The field that asks for the times of words. It depends on the model whether a server takes it,
and it is left out after any refusal that may be about it: speech without them is speech."""

_STREAM_FIELDS: Final = frozenset({"stream", "stream_format"})

_SENTENCE_END: Final = re.compile(r"""[.!?…]['")\]»”’]*\s+|[。！？]""")


@dataclass(frozen=True, slots=True)
class Shape:
    """The shape of a request.

    Parameters
    ----------
    api : {'together', 'openai'}
        Whose fields to send.
    audio : str
        What OpenAI's ``response_format`` says where raw audio is asked for.
    without : frozenset of str
        Optional fields that the server does not take.
    whole : bool
        Whether files are asked for as a whole: some servers stream samples only.
    """

    api: Api = "together"
    audio: str = "pcm"
    without: frozenset[str] = frozenset()
    whole: bool = False

    def body(self, request: SpeechRequest, *, official: bool = False) -> dict[str, Any]:
        """Return the JSON body of `request`; `official`: for the API's own host."""
        without = self.without | (_STREAM_FIELDS if self.whole and _is_file(request) else set())
        return body_of(
            vars(request), self.api, audio=self.audio, without=without, official=official
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        facts = {"api": self.api, "audio": self.audio, "without": sorted(self.without)}
        return facts | ({"whole": True} if self.whole else {})


def read_shape(values: Mapping[str, Any]) -> Shape:
    """Return the shape that `Shape.to_dict` gave.

    Raises
    ------
    ValueError, KeyError, TypeError
        If `values` are not those of a shape.
    """
    api, audio = values["api"], values["audio"]
    if api not in ("together", "openai") or audio not in _FORMATS:
        raise ValueError(api)
    without = frozenset(values["without"]) & OPTIONAL
    return Shape(api, audio, without, whole=bool(values.get("whole")))


@dataclass(slots=True)
class Server:
    """What this process has learned of one server.

    Parameters
    ----------
    shape : Shape or None
        The one that it answered last with audio.
    stumbled : bool
        Whether a 500 has changed the shape already: that is tried once.
    news : bool
        Whether the shape was learned since `news` was last set to False.
    streams : int or None
        How many requests it answers at a time, where it has refused one more.
    longest : int or None
        How many characters it takes at a time, where it has said so.
    slash : str
        What the path of speech ends with there: ``/`` where it has redirected to that.
    unaligned : set of str
        Models for which it has refused to tell the times of words.
    """

    shape: Shape | None = None
    stumbled: bool = False
    news: bool = False
    streams: int | None = None
    longest: int | None = None
    slash: str = ""
    unaligned: set[str] = field(default_factory=set)

    def recall(self, facts: Any) -> None:
        """Take the shape that `facts` gave; nothing where they are damaged, or it is known."""
        if self.shape is None and facts is not None:
            with suppress(KeyError, TypeError, ValueError):
                self.shape = read_shape(facts)

    def facts(self) -> dict[str, Any] | None:
        """Return the shape as JSON where it is news, once; None where there is nothing new."""
        news, self.news = self.news, False
        return self.shape.to_dict() if news and self.shape else None


@dataclass(slots=True)
class Servers:
    """What was learned of servers, by their base URLs: shared by all clients of a process."""

    known: dict[str, Server] = field(default_factory=dict)

    def of(self, base_url: str) -> Server:
        """Return what is known of a server, to be added to."""
        return self.known.setdefault(base_url, Server())


PROCESS: Final = Servers()
"""What this process has learned."""


class ShapeChoice:
    """The shape of one response's requests: the one that worked before, then the others.

    Parameters
    ----------
    server : Server
        What is known; the choice adds to it.
    apis : sequence of {'together', 'openai'}
        Those that may be tried: one where it was told, or is known from the host.
    official : bool
        Whether this is the API's own host: nothing is tried there.
    request : SpeechRequest
        What is asked for.

    Attributes
    ----------
    shape : Shape
        The present one.
    changes : int
        How often it was changed.
    """

    def __init__(
        self, server: Server, apis: Sequence[Api], request: SpeechRequest, *, official: bool
    ) -> None:
        self.changes = 0
        self.official = official
        self._server = server
        self._request = request
        candidates = _candidates(apis, request)
        known = server.shape
        usable = known is not None and known.api in apis and not official
        self.shape = known if known is not None and usable else candidates[0]
        file = _is_file(request)
        self._others = [
            one for one in candidates if not official and not _alike(one, self.shape, file=file)
        ]
        if request.model in server.unaligned:
            self.shape = replace(self.shape, without=self.shape.without | _WORD_TIMES)
        self._before_500: Shape | None = None
        self._guessed = False
        self._failed = False  # with a 500, after a while

    def ask_for(self, request: SpeechRequest) -> None:
        """Ask for another text in the present shape."""
        self._request = request

    def body(self) -> dict[str, Any]:
        """Return the body of the request in the present shape."""
        return self.shape.body(self._request, official=self.official)

    def after_refusal(self, status: int, said: ErrorBody, seconds: float) -> bool:
        """Change the shape where that may help; tell whether it was changed.

        Parameters
        ----------
        status, said
            How the server refused.
        seconds : float
            How long it took to do so.
        """
        changed = self._after(status, said, seconds)
        self.changes += changed
        return changed

    def _after(self, status: int, said: ErrorBody, seconds: float) -> bool:
        if status == 500:
            # openai-edge-tts: "FFmpeg error during audio conversion: Command '['ffmpeg', … 'raw'".
            of_format = said.names(*_FORMAT_FIELDS, str(self.body().get("response_format")))
            return self._next() if of_format else self._after_500(seconds)
        if status not in _GROUNDS:
            return False
        if self._guessed:  # it was not about them
            self.shape = replace(self.shape, without=self.shape.without - _WORD_TIMES)
        if extra := self._unknown(said):
            self._leave_out(extra)
            return True
        of_format = said.names(*_FORMAT_FIELDS)
        if (said.names(*_CONTENT_WORDS) or "input" in said.fields) and not of_format:
            return False
        return (not of_format and self._guess()) or self._next()

    def _guess(self) -> bool:
        """Leave the times of words out, once, after a refusal that names no field."""
        if self._guessed or not self._may_leave_out & _WORD_TIMES:
            return False
        self._guessed = True
        self._leave_out(_WORD_TIMES)
        return True

    def _leave_out(self, fields: frozenset[str]) -> None:
        if fields <= _STREAM_FIELDS and _is_file(self._request) and not self.shape.whole:
            self.shape = replace(self.shape, whole=True)  # of samples nothing is learned
        else:
            self.shape = replace(self.shape, without=self.shape.without | fields)

    @property
    def _may_leave_out(self) -> frozenset[str]:
        """The fields of the present request that the server can do without."""
        sent = self.body().keys() & OPTIONAL - self._request.extra.keys()
        if self.official:
            sent &= {"stream_format", *_WORD_TIMES}
        elif self.shape.api == "together":
            sent &= {"stream_format", "speed", *_WORD_TIMES}
        return frozenset(sent)

    def _unknown(self, said: ErrorBody) -> frozenset[str]:
        """Return the optional fields that were sent, and that the server names as wrong."""
        if said.names("response_format", "response_encoding"):
            return frozenset()
        sent = self._may_leave_out
        named = frozenset(name for name in sent if said.names(name, *_SPELLED.get(name, ())))
        # A server that does not stream has no use for the form of a stream either.
        return named | (sent & _STREAM_FIELDS if "stream" in named else frozenset())

    def _after_500(self, seconds: float) -> bool:
        known = self._server.shape is not None
        if known or self._server.stumbled or not self._others:
            return False
        if seconds > AT_ONCE_SECONDS and not self._failed:
            self._failed = True
            return False
        self._server.stumbled = True
        self._before_500 = self.shape
        return self._next()

    def _next(self) -> bool:
        if not self._others:
            return False
        other = self._others.pop(0)
        whole = other.whole or self.shape.whole
        self.shape = replace(other, without=self.shape.without, whole=whole)
        return True

    def undo_500(self) -> bool:
        """Return to the shape before a 500, where the other one was refused; tell whether so."""
        before, self._before_500 = self._before_500, None
        if before is None:
            return False
        self.shape = before
        return True

    def worked(self) -> list[str]:
        """Keep the shape: audio has come. Return what is news of the server, as sentences."""
        news = []
        model, without = self._request.model, self.shape.without
        if without >= _WORD_TIMES and model not in self._server.unaligned:
            self._server.unaligned.add(model)
            news.append(f"the server tells no times of words with {model}")
        shape = replace(self.shape, without=without - _WORD_TIMES)
        if shape != self._server.shape and not self.official:
            self._server.shape, self._server.news = shape, True
            news += self._wants(shape) if self.changes else []
        return news

    def _wants(self, shape: Shape) -> list[str]:
        wants = ["OpenAI's shape of request (--api openai)"] if shape.api == "openai" else []
        if shape.api == "openai" and shape.audio != "pcm" and not _is_file(self._request):
            wants.append(f"as {shape.audio}")
        wants += [f"without {name}" for name in sorted(shape.without)]
        return [f"the server wants {', '.join(wants)}"] if wants else []


def divided(text: str, longest: int | None) -> list[str]:
    """Cut a text into parts that a server takes: at sentences' ends, or else between words."""
    parts, text = [], text.strip()
    while longest and len(text) > longest:
        window = text[: longest + 1]
        ends = [found.end() for found in _SENTENCE_END.finditer(window)]
        spaces = [found.end() for found in re.finditer(r"\s+", window)]
        fitting = (at for at in (*ends[::-1], *spaces[::-1]) if len(text[:at].rstrip()) <= longest)
        cut = next(fitting, longest)
        parts.append(text[:cut].strip())
        text = text[cut:].strip()
    return [*parts, text]


def _candidates(apis: Sequence[Api], request: SpeechRequest) -> list[Shape]:
    """Return the shapes that may be tried, in their order."""
    shapes = [Shape("together")] if "together" in apis else []
    if "openai" in apis:
        # The user who says what the bytes are means samples; mp3 has none.
        formats = _FORMATS[:2] if request.decode_as else _FORMATS
        only = request.response_format != "raw"
        shapes += [Shape("openai", audio) for audio in (formats[:1] if only else formats)]
        if only and request.stream:
            shapes.append(Shape("openai", whole=True))
    return shapes


def _alike(one: Shape, other: Shape, *, file: bool) -> bool:
    same_stream = one.whole == other.whole or not file
    return (one.api, one.audio) == (other.api, other.audio) and same_stream


def _is_file(request: SpeechRequest) -> bool:
    return request.response_format != "raw"
