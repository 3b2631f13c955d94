"""The HTTP face of the local speech server; the only import of aiohttp."""

from __future__ import annotations

import asyncio
import hmac
import tempfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final

from aiohttp import web

from streamplay.server import catalog, dialects, speech
from streamplay.server import order as orders
from streamplay.server.containers import CONTENT_TYPES, Encoder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from streamplay.server.order import Order

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# A file of a few minutes stays in memory, a longer one goes to the disk.
_SPOOL_BYTES: Final = 16 << 20
_READ_BYTES: Final = 1 << 16
_MAX_BODY_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Settings:
    """How this server answers, unless a request's own scenario says otherwise."""

    require_key: bool = False
    key: str | None = None
    dialect: str = "A"
    chunk_ms: float = 50.0


_SETTINGS: Final = web.AppKey("settings", Settings)


def make_app(settings: Settings) -> web.Application:
    """Return the application; nothing is listening yet."""
    app = web.Application(middlewares=[_answer_errors, _check_key], client_max_size=_MAX_BODY_BYTES)
    app[_SETTINGS] = settings
    app.router.add_post("/v1/audio/speech", _speech)
    app.router.add_get("/v1/voices", _voices)
    app.router.add_get("/v1/models", _models)
    return app


@web.middleware
async def _answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except orders.Refusal as refusal:
        return web.json_response(refusal.body(), status=refusal.status)
    except web.HTTPException as error:
        told = orders.Refusal(error.status, f"{error.reason}: {request.method} {request.path}")
        allow = {key: value for key, value in error.headers.items() if key == "Allow"}
        return web.json_response(told.body(), status=error.status, headers=allow)


@web.middleware
async def _check_key(request: web.Request, handler: Handler) -> web.StreamResponse:
    settings = request.app[_SETTINGS]
    if settings.require_key:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        right = hmac.compare_digest(key.encode(), (settings.key or key).encode())
        if scheme.lower() != "bearer" or not key or not right:
            raise orders.Refusal(
                401,
                "Missing or invalid API key: send it as Authorization: Bearer",
                kind="authentication_error",
                code="invalid_api_key",
            )
    return await handler(request)


async def _voices(request: web.Request) -> web.Response:
    """List every model's voices; of one model also flat, as some clients read it."""
    wanted = request.query.get("model")
    if wanted is None:
        return web.json_response({"data": [_voices_of(m) for m in catalog.models().values()]})
    model = orders.find_model(wanted)
    listed = _voices_of(model)
    return web.json_response({"data": [listed], "voices": listed["voices"]})


def _voices_of(model: catalog.Model) -> dict[str, Any]:
    voices = [
        {"id": voice.id, "name": voice.name, "language": voice.language}
        for voice in model.voices.values()
    ]
    return {"model": model.id, "voices": voices}


async def _models(_: web.Request) -> web.Response:
    listed = [
        {"id": name, "object": "model", "type": "audio", "created": 0, "owned_by": "streamplay"}
        for name in catalog.models()
    ]
    return web.json_response({"object": "list", "data": listed})


async def _speech(request: web.Request) -> web.StreamResponse:
    try:
        document = await request.json()
    except ValueError as error:
        raise orders.Refusal(400, f"the body is not JSON: {error}") from error
    order = await asyncio.to_thread(orders.read, document)
    headers = {"x-streamplay-voice": str(order.spoken)}
    if order.body == "whole":
        return await _whole(request, order, headers)
    return await _stream(request, order, headers)


async def _whole(request: web.Request, order: Order, headers: dict[str, str]) -> web.StreamResponse:
    """Answer with a whole file, of a known length."""
    with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as file:
        await _write_file(order, file)
        headers["Content-Type"] = CONTENT_TYPES[order.container]
        response = web.StreamResponse(headers=headers)
        response.content_length = file.seek(0, 2)
        await response.prepare(request)
        file.seek(0)
        while data := file.read(_READ_BYTES):
            await response.write(data)
        await response.write_eof()
        return response


async def _write_file(order: Order, file: IO[bytes]) -> None:
    if order.container in {"raw", "pcm"}:
        async for piece in _pieces(order):
            file.write(order.format.encode(piece.frames))
        return
    encoder = Encoder(file, order.container, order.format.samplerate, order.bit_rate)
    async for piece in _pieces(order):
        await asyncio.to_thread(encoder.write, piece.frames)
    await asyncio.to_thread(encoder.close)


async def _pieces(order: Order) -> AsyncIterator[speech.Piece]:
    """Run the synthesis in a thread, one piece a step: nobody waits for more."""
    source = speech.pieces(order)
    while (piece := await asyncio.to_thread(next, source, None)) is not None:
        yield piece


async def _stream(
    request: web.Request, order: Order, headers: dict[str, str]
) -> web.StreamResponse:
    settings = request.app[_SETTINGS]
    dialect = "E" if order.openai else settings.dialect
    events = order.body == "events" and dialect != "D"
    headers["Content-Type"] = "text/event-stream" if events else CONTENT_TYPES[order.container]
    headers["Cache-Control"] = "no-cache"
    response = web.StreamResponse(headers=headers)
    response.enable_chunked_encoding()
    await response.prepare(request)
    async for piece in _pieces(order):
        if events and order.words and piece.words:
            await response.write(dialects.encode(dialects.words(piece.words)))
        for data in _chunks(order, piece, settings.chunk_ms):
            event = dialects.encode(dialects.audio(dialect, order.model.id, data))
            await response.write(event if events else data)
    for mark in dialects.end(dialect, len(order.text)) if events else ():
        await response.write(dialects.encode(mark))
    await response.write_eof()
    return response


def _chunks(order: Order, piece: speech.Piece, chunk_ms: float) -> Iterator[bytes]:
    data = order.format.encode(piece.frames)
    size = max(1, order.format.frames(chunk_ms / 1000)) * order.format.frame_bytes
    for start in range(0, len(data), size):
        yield data[start : start + size]
