"""Whatever a server, a connection or the environment gets wrong → the typed error that says so.

In this order: what a server says in the body of an error; the refusal made of it; content that
is no speech; connections that fail; answers that are no HTTP. A server's words are shown to
people, so they are made presentable here, and the key is in none of them.
"""

from __future__ import annotations

import json
import os
import re
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from streamplay.errors import (
    KEPT,
    BadRequest,
    ConnectFailed,
    ConnectionLost,
    ModelNotFound,
    NotAuthorized,
    QuotaExceeded,
    RateLimited,
    ServerFailed,
    ServerRefused,
    Truncated,
    UnexpectedContent,
    VoiceNotFound,
)
from streamplay.network.retry import read_advice
from streamplay.presentable import presentable

if TYPE_CHECKING:
    from streamplay.network.body import Body
    from streamplay.network.endpoint import Endpoint
    from streamplay.request import SpeechRequest

BODY_BYTES: Final = 1 << 16
"""As much of an error's body as is read."""

BODY_CHARACTERS: Final = 4096
"""As much of it as an error keeps."""

_LEAST_LIMIT: Final = 20

# What a server says


@dataclass(frozen=True, slots=True, repr=False)  # a server may repeat the key in it
class ErrorBody:
    """What a server says in the body of an error.

    Parameters
    ----------
    message : str
        In its own words; empty where there are none.
    code : str
        Its code or type, for programs.
    fields : frozenset of str
        The request's fields that it names as wrong.
    """

    message: str = ""
    code: str = ""
    fields: frozenset[str] = frozenset()

    def names(self, *fields: str) -> bool:
        """Tell whether one of `fields` is named, as a field or in the words."""
        words = set(re.findall(r"\w+", self.message.casefold()))
        return not self.fields.isdisjoint(fields) or not words.isdisjoint(fields)


def read_error(body: bytes, content_type: str = "") -> ErrorBody:
    """Read an error's body, in each of the shapes that are served.

    ``{"error": {"message", "type", "param", "code"}}`` (OpenAI, Together),
    ``{"error": "…"}``, ``{"message": "…"}``, ``{"detail": "…"}`` and
    ``{"detail": [{"loc", "msg"}]}`` (FastAPI), or text. A page of HTML says
    its title.
    """
    text = body.decode(errors="replace")
    try:
        return _said(json.loads(text))
    except (ValueError, RecursionError):
        return ErrorBody(_page_title(text) if _is_page(text, content_type) else text)


def _is_page(text: str, content_type: str) -> bool:
    return "html" in content_type.lower() or text.lstrip()[:15].lower().startswith(
        ("<!doctype", "<html")
    )


def _page_title(text: str) -> str:
    # Bounded: each "<title" of a page that never closes one would be searched to the end.
    title = re.search(r"<title[^>]{0,200}>([^<]{1,300})", text, re.IGNORECASE)
    return title[1] if title else ""


def _said(answer: Any) -> ErrorBody:
    """Read the first of the known keys that holds something."""
    if isinstance(answer, str):
        return ErrorBody(answer)
    if isinstance(answer, list):
        return _said_of_each(answer)
    if not isinstance(answer, Mapping):
        return ErrorBody()
    message = _string(answer, "message", "msg", "error_message", "status_msg")
    for key in ("error", "detail", "errors", "base_resp"):  # the last: MiniMax
        more = message or _string(answer, "details")
        if isinstance(answer.get(key), str) and more:
            # Beside a message it is a code: Kokoro-FastAPI. Beside details it is none.
            said, code = (message, answer[key]) if message else (f"{answer[key]}: {more}", "")
            return ErrorBody(said, code, _fields(answer))
        if isinstance(answer.get(key), str | list | Mapping) and answer[key]:
            inner = _said(answer[key])
            return ErrorBody(inner.message or message, inner.code, inner.fields)
    return ErrorBody(message, _string(answer, "code", "type", "error_type"), _fields(answer))


def _said_of_each(answers: Sequence[Any]) -> ErrorBody:
    """Join the several findings of a validation."""
    each = [_said(answer) for answer in answers[:8]]
    told = [f"{', '.join(sorted(one.fields))}: {one.message}".lstrip(": ") for one in each]
    fields = frozenset[str]().union(*(one.fields for one in each))
    return ErrorBody("; ".join(told), each[0].code if each else "", fields)


def _string(answer: Mapping[str, Any], *keys: str) -> str:
    values = (answer.get(key) for key in keys)
    return next((str(value) for value in values if isinstance(value, str | int) and value), "")


def _fields(answer: Mapping[str, Any]) -> frozenset[str]:
    names = {_string(answer, "param"), *_location(answer.get("loc"))}
    return frozenset(name for name in names if name)


def _location(loc: Any) -> list[str]:
    """Return the field's name from FastAPI's ``["body", "voice"]``."""
    names = [part for part in loc if isinstance(part, str)] if isinstance(loc, list) else []
    return names[1:2] if names[:1] == ["body"] else names[:1]


# A refusal


def refusal(
    status: int,
    headers: Mapping[str, str],
    said: ErrorBody,
    body: bytes,
    *,
    endpoint: Endpoint,
    now: float,
    request: SpeechRequest | None = None,
) -> ServerRefused:
    """Return the error of an answer whose status is not 2xx.

    Parameters
    ----------
    status, headers, body
        The answer.
    said : ErrorBody
        What `read_error` read from its body.
    endpoint : Endpoint
        Who answered; its key is shown nowhere.
    now : float
        Seconds since 1970, for a ``Retry-After`` that is a date.
    request : SpeechRequest, optional
        What had been asked for.
    """
    kind = _kind(status, said, request)
    what, remedy = _sentences(kind, said, headers, endpoint, request)
    words = presentable(said.message, endpoint.api_key)
    advice = read_advice(headers, now)
    if advice is not None and kind in (RateLimited, ServerFailed):
        remedy = f"Try again in {_duration(advice)}"
    return kind(
        f"{what} ({status})" + (f": {words.rstrip('.')}" if words else ""),
        status=status,
        body=presentable(body.decode(errors="replace"), endpoint.api_key, BODY_CHARACTERS),
        remedy=remedy,
        retry_after=advice,
    )


def _duration(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds < 120 else f"{seconds / 60:.0f} minutes"


def _kind(status: int, said: ErrorBody, request: SpeechRequest | None) -> type[ServerRefused]:
    """Choose the class: by what is named first, then by the status."""
    if request and status in (400, 404, 422) and _names_voice(said, request):
        return VoiceNotFound
    if status == 404 or (status == 400 and _names_model(said)):
        return ModelNotFound
    exact = {401: NotAuthorized, 402: QuotaExceeded, 403: NotAuthorized, 429: RateLimited}
    if status in exact:
        return exact[status]
    if status >= 500:
        return ServerFailed
    return BadRequest if status >= 400 else ServerRefused


def _names_voice(said: ErrorBody, request: SpeechRequest) -> bool:
    """Tell whether it is the voice that the server does not know.

    "voice" alone may stand in any sentence about speech.
    """
    if "voice" in said.fields or "voice" in said.code:
        return True
    words = said.message.casefold()
    unknown = re.search(r"not|unknown|unsupported|invalid|no such|available|supported", words)
    named = (request.voice or "").casefold() in words or unknown is not None
    return said.names("voice", "voices") and named


def _names_model(said: ErrorBody) -> bool:
    return "model" in said.fields or said.code.startswith(("model_not", "invalid_model"))


_SENTENCES: Final[Mapping[type[ServerRefused], tuple[str, str]]] = {
    QuotaExceeded: ("the account has run out", "Add credit to the account"),
    RateLimited: ("too many requests for now", "Try again later"),
    ServerFailed: ("the server failed", "Try again later"),
    BadRequest: ("the server does not accept the request", ""),
}


def _sentences(
    kind: type[ServerRefused],
    said: ErrorBody,
    headers: Mapping[str, str],
    endpoint: Endpoint,
    request: SpeechRequest | None,
) -> tuple[str, str]:
    """Return what was wrong, and what to do."""
    if kind is VoiceNotFound and request:
        what = f'voice "{_short(request.voice)}" is not offered for model "{_short(request.model)}"'
        return what, _listed_by(f"voices --model {_short(request.model)}", endpoint)
    if kind is ModelNotFound and request and (_names_model(said) or said.names("model", "models")):
        what = f'model "{_short(request.model)}" is not served at {endpoint.base_url}'
        return what, _listed_by("models", endpoint)
    if kind is ModelNotFound:
        # Perhaps no speech API at all.
        remedy = "Check the base URL: it should end where /audio/speech begins"
        return f"{endpoint.base_url} does not serve what was asked for", remedy
    if kind is NotAuthorized:
        return _unauthorized(endpoint)
    if kind is ServerRefused:
        target = presentable(headers.get("location", "another URL"), endpoint.api_key)
        remedy = "Redirects are not followed, so that the key stays with its host: use that URL"
        return f"the server redirects to {target}", remedy
    return _SENTENCES[kind]


def _listed_by(command: str, endpoint: Endpoint) -> str:
    return f"List them: streamplay {command} {endpoint.flags}".rstrip()


def _unauthorized(endpoint: Endpoint) -> tuple[str, str]:
    if endpoint.api_key is None:
        remedy = "Name the variable that holds it with api_key_env (--api-key-env)"
        return f"{endpoint.host} asks for an API key, and none was sent", remedy
    return f"{endpoint.host} refuses the API key", "Check the key, and what it may do"


def told_limit(said: ErrorBody, length: int) -> int | None:
    """Return the most characters that a server says it takes, fewer than `length`; or None."""
    words = said.message.casefold()
    if not re.search(r"character|length|long|limit|max|exceed|at most|too large", words):
        return None
    told = (int(number.replace(",", "")) for number in re.findall(r"\d[\d,]{1,8}", words))
    # A status or a version is smaller than any server's limit.
    return max((number for number in told if _LEAST_LIMIT <= number < length), default=None)


async def read_refusal(
    body: Body, endpoint: Endpoint, request: SpeechRequest | None = None
) -> tuple[ServerRefused, ErrorBody]:
    """Return the error of an answer whose status is not 2xx, and what the server says."""
    exchange = body.exchange
    data = await body.start(BODY_BYTES)
    if _is_compressed(exchange.headers.get("content-encoding", "")):
        data = b""
    said = read_error(data, exchange.headers.get("content-type", ""))
    error = refusal(
        exchange.status,
        exchange.headers,
        said,
        data,
        endpoint=endpoint,
        now=time.time(),
        request=request,
    )
    return error, said


def _short(name: str | None) -> str:
    return presentable(name or "", limit=80)


# Content that is no speech

_GZIP: Final = b"\x1f\x8b"
_UNCHANGED: Final = frozenset(
    ("", "identity", "none", "binary", "utf-8", "utf8", "7bit", "8bit", "base64", "aws-chunked")
)
"""What servers write into Content-Encoding that compresses nothing."""


def check_coding(coding: str, secret: str | None, start: bytes = _GZIP) -> None:
    """Raise `UnexpectedContent` where the body is compressed.

    ``identity`` was asked for, and RFC 9110, 12.5.3 lets a server send nothing else. It is not
    decompressed here, since a few kilobytes of gzip can become a gigabyte. A label that names no
    compression, or that the first bytes contradict, is wrong.
    """
    gzip = coding.strip().lower() in ("gzip", "x-gzip")
    if gzip and not start.startswith(_GZIP[: max(1, len(start))]):
        return
    if _is_compressed(coding):
        raise UnexpectedContent(
            f"the body is compressed ({presentable(coding, secret, 80)}), against the request",
            remedy="Look for a proxy in between that compresses",
        )


def _is_compressed(coding: str) -> bool:
    """Tell whether a Content-Encoding is any that changes the bytes."""
    return not {part.strip().lower() for part in coding.split(",")} <= _UNCHANGED


# Connections


def not_connected(error: OSError, endpoint: Endpoint) -> ConnectFailed:
    """Return the error of a connection that could not be made."""
    where = endpoint.base_url
    if isinstance(error, ConnectionRefusedError):
        return ConnectFailed(f"{where} refuses the connection", remedy="Is the server running?")
    if isinstance(error, ssl.SSLError):
        reason = (
            getattr(error, "verify_message", "") or getattr(error, "reason", "") or "TLS failed"
        )
        remedy = "For a certificate of your own, name it in SSL_CERT_FILE"
        return ConnectFailed(f"no secure connection to {where}: {reason}", remedy=remedy)
    reason = error.strerror or str(error) or "the connection was closed"
    return ConnectFailed(
        f"cannot connect to {where}: {presentable(reason, endpoint.api_key)}",
        remedy="Check the base URL and the network",
    )


def broken_proxy(setting: str) -> ConnectFailed:
    """Return the error of a setting that names no proxy; its value may hold a password."""
    name = setting if setting in os.environ else setting.upper()
    return ConnectFailed(
        "the environment names a proxy that is no URL of one",
        remedy=f"Check {name}: http://, https:// or socks5://, a host, a port",
    )


def broken_trust(error: OSError) -> ConnectFailed:
    """Return the error of certificates that cannot be read."""
    names = [name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)]
    return ConnectFailed(
        f"the list of trusted certificates cannot be read ({type(error).__name__})",
        remedy=f"Check the environment: {', '.join(names)}" if names else "Install certifi again",
    )


def unanswered(where: str) -> ConnectionLost:
    """Return the error of a connection that ended before the answer's headers."""
    return ConnectionLost(f"{where} closed the connection without an answer", remedy="Try again")


def lost() -> ConnectionLost:
    """Return the error of a connection that was lost inside the body."""
    return ConnectionLost("the connection was lost while the answer came", remedy=KEPT)


# Answers that are no HTTP


def no_http(where: str) -> UnexpectedContent:
    """Return the error of an answer that is no HTTP."""
    return UnexpectedContent(
        f"what answers at {where} does not speak HTTP", remedy="Check the base URL"
    )


def misframed(*, ended: bool) -> Truncated:
    """Return the error of a body that `ended` before its end, or that is not framed."""
    what = "ended before its end" if ended else "is not framed as HTTP asks"
    return Truncated(f"the body {what}", remedy=KEPT)


def tells_end(headers: Mapping[str, str]) -> bool:
    """Tell whether an answer's framing tells where its body ends, not only the connection's end."""
    coding = headers.get("transfer-encoding", "").lower()
    return "chunked" in coding or "content-length" in headers
