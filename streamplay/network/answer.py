"""Is this answer speech? Where it is not: the typed error that says what it is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from streamplay.errors import RemoteError, ServerRefused, StreamPlayError, UnexpectedContent
from streamplay.network.presentable import presentable
from streamplay.network.refusals import BODY_BYTES, Said, read_error, refusal

if TYPE_CHECKING:
    from streamplay.network.body import Body
    from streamplay.network.endpoint import Endpoint
    from streamplay.request import SpeechRequest


async def read_refusal(
    body: Body, endpoint: Endpoint, request: SpeechRequest | None = None
) -> tuple[ServerRefused, Said]:
    """Return the error of an answer whose status is not 2xx, and what the server says."""
    exchange = body.exchange
    data = await body.start(BODY_BYTES)
    if is_compressed(exchange.headers.get("content-encoding", "")):
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


async def check_speech(body: Body, content_type: str, secret: str | None) -> None:
    """Raise where an answer of status 2xx cannot be speech; `content_type` is its real one.

    Raises
    ------
    UnexpectedContent
        If it is compressed, or JSON that says nothing.
    RemoteError
        If it is JSON that says what went wrong: an error with the wrong status.
    """
    check_coding(body.exchange.headers.get("content-encoding", ""), secret)
    if is_json(content_type):
        raise await _told_in_json(body, secret)


def check_coding(coding: str, secret: str | None) -> None:
    """Raise `UnexpectedContent` where the body is compressed.

    A few kilobytes of gzip become a gigabyte. ``identity`` was asked for, and
    RFC 9110, 12.5.3 lets a server send nothing else.
    """
    if is_compressed(coding):
        raise UnexpectedContent(
            f"the body is compressed ({presentable(coding, secret, 80)}), which nobody asked for",
            remedy="Look for a proxy in between that compresses",
        )


def is_compressed(coding: str) -> bool:
    """Tell whether a Content-Encoding is any other than none."""
    return coding.strip().lower() not in ("", "identity")


def is_json(content_type: str) -> bool:
    """Tell whether a media type is JSON."""
    return content_type.partition(";")[0].strip().lower().endswith(("/json", "+json"))


async def _told_in_json(body: Body, secret: str | None) -> StreamPlayError:
    words = presentable(read_error(await body.start(BODY_BYTES)).message, secret)
    if words:
        return RemoteError(f"the server reported an error: {words.rstrip('.')}", remedy="Try again")
    return UnexpectedContent(
        "the server answered with JSON, which is no speech",
        remedy="Look at the base URL: it should end where /audio/speech begins",
    )
