"""The HTTP face of the local speech server."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from aiohttp import hdrs, http_exceptions, web

from streamplay.server import catalog, memory
from streamplay.server import order as orders
from streamplay.server.access import Access
from streamplay.server.answer import ServedAnswer
from streamplay.server.containers import can_hold
from streamplay.server.error_shapes import by_scenario
from streamplay.server.json_fields import Refusal, parse, shown
from streamplay.server.listening import GuardedConnection, Patience
from streamplay.server.replayed import ReplayedDelivery
from streamplay.server.scenario import Scenario, ScenarioError
from streamplay.server.synthesis import SynthesisFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from streamplay.trace import Trace

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_OPENAPI: Final = Path(__file__).with_name("openapi.json")

# The SDK of openai adds its paths to a base URL that ends in /v1, that of together
# (3.1) adds /v1 itself: both find their way with either.
_PREFIXES: Final = ("", "/v1", "/v1/v1")

# A target that is a whole URL, of whatever scheme, and its host.
_WHOLE_URL: Final = re.compile(r"[a-z][a-z0-9+.-]*://([^/?#]*)", re.IGNORECASE)

_MAX_BODY_BYTES: Final = 1 << 20

# Kinds of request that fail "so many times first" are counted; the oldest kind is forgotten first.
_MAX_COUNTED: Final = 1000

# After so many answers at once, freed memory is worth giving back.
_MANY: Final = 16

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class State:
    """What a server is told when it starts, and what it counts.

    Parameters
    ----------
    scenario : Scenario
        How requests are answered that bring no scenario of their own.
    access : Access
        Which requests are answered at all.
    patience : Patience
        How long a client may keep the server waiting.
    traces : sequence of Trace
        The n-th request is answered at the times of the n-th, and so on round.
    any_name : bool
        Whether others stand in for models and voices that are unknown.
    """

    scenario: Scenario = field(default_factory=Scenario)
    access: Access = field(default_factory=Access)
    patience: Patience = field(default_factory=Patience)
    traces: Sequence[Trace] = ()
    any_name: bool = False
    requests: int = 0
    active: int = 0
    peak: int = 0
    failed: Counter[Scenario] = field(default_factory=Counter)


_STATE: Final = web.AppKey("state", State)


def make_app(state: State) -> web.Application:
    """Return the application; nothing is listening yet."""
    app = web.Application(
        middlewares=[_rest_the_timer, _answer_errors, _check_access],
        client_max_size=_MAX_BODY_BYTES,
    )
    app[_STATE] = state
    app.on_response_prepare.append(_let_pages_read)
    for prefix in _PREFIXES:
        app.router.add_post(f"{prefix}/audio/speech", _speech)
        app.router.add_get(f"{prefix}/voices", _voices)
        app.router.add_get(f"{prefix}/audio/voices", _audio_voices)
        app.router.add_get(f"{prefix}/models", _models)
        app.router.add_get(f"{prefix}/models/{{name:.+}}", _model)
        app.router.add_get(f"{prefix}/audio/models", _audio_models)
        app.router.add_get(f"{prefix}/openapi.json", _openapi)
    return app


@web.middleware
async def _rest_the_timer(request: web.Request, handler: Handler) -> web.StreamResponse:
    transport = request.transport
    connection = transport.get_protocol() if transport is not None else None
    guarded = isinstance(connection, GuardedConnection)
    with connection.answering() if guarded else nullcontext():  # type: ignore[union-attr]
        return await handler(request)


@web.middleware
async def _answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refusal as refusal:
        return web.json_response(refusal.body(), status=refusal.status)
    except SynthesisFailed as error:
        return _failed(str(error))
    except web.HTTPException as error:
        told = Refusal(error.status, f"{error.reason}: {request.method} {request.path}")
        allow = {key: value for key, value in error.headers.items() if key == "Allow"}
        return web.json_response(told.body(), status=error.status, headers=allow)
    except (ConnectionError, asyncio.CancelledError):
        raise
    except Exception:  # noqa: BLE001 - whatever fails, the client gets an error of the API's shape
        # A bug: the server's log names its place, the answer to the client does not.
        _log.exception("%s %s failed", request.method, request.path)
        return _failed("the server failed; its log tells where")


def _failed(message: str) -> web.Response:
    return web.json_response(Refusal(500, message, kind="server_error").body(), status=500)


@web.middleware
async def _check_access(request: web.Request, handler: Handler) -> web.StreamResponse:
    access, headers = request.app[_STATE].access, request.headers
    access.check_host(_hosts(request))
    for origin in headers.getall(hdrs.ORIGIN, []):
        access.check_origin(origin, headers.get(hdrs.HOST, ""))
    if request.method == hdrs.METH_OPTIONS and hdrs.ACCESS_CONTROL_REQUEST_METHOD in headers:
        return web.Response(status=204)  # a browser's question, which carries no key
    if not request.path.endswith(_OPENAPI.name):
        access.check_key(headers.get(hdrs.AUTHORIZATION, ""))
    return await handler(request)


def _hosts(request: web.Request) -> list[str]:
    """Return every name by which a request calls the server; HTTP/1.0 needs none.

    A target that is a whole URL names one as well, and goes before Host (RFC 9112, 3.2.2).
    """
    named = request.headers.getall(hdrs.HOST, [])
    if not named and request.version >= (1, 1):
        raise Refusal(400, "the request has no Host (RFC 9112, 3.2)")
    if whole := _WHOLE_URL.match(request.raw_path):
        named = [*named, whole[1]]
    return named


async def _let_pages_read(request: web.Request, response: web.StreamResponse) -> None:
    access = request.app[_STATE].access
    response.headers.update(access.leave(request.headers.get(hdrs.ORIGIN), request.headers))


async def _voices(request: web.Request) -> web.Response:
    """List every model's voices; of one model also flat, as some clients read it."""
    wanted = request.query.get("model")
    if wanted is None:
        return web.json_response({"data": [_voices_of(m) for m in catalog.models().values()]})
    model = orders.find_model(wanted)
    listed = _voices_of(model)
    return web.json_response({"data": [listed], "voices": listed["voices"]})


def _voices_of(model: catalog.ServedModel) -> dict[str, Any]:
    """Return the voices of a model, each with the name of the one that really speaks."""
    voices = [
        {"id": voice.id, "name": orders.heard(voice), "language": voice.language}
        for voice in model.voices.values()
    ]
    return {"model": model.id, "voices": voices}


async def _audio_voices(request: web.Request) -> web.Response:
    """List voices as OpenAI's programs look for them: of a model, or of OpenAI's models."""
    model = orders.find_model(request.query.get("model") or catalog.OPENAI_MODELS[0])
    return web.json_response({"voices": _voices_of(model)["voices"]})


async def _models(_: web.Request) -> web.Response:
    return web.json_response({"object": "list", "data": [_told(n) for n in catalog.models()]})


async def _audio_models(_: web.Request) -> web.Response:
    listed = [{"id": name, "name": name} for name in catalog.models()]
    return web.json_response({"models": listed})


async def _model(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    orders.find_model(name)
    return web.json_response(_told(name))


def _told(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "type": "audio", "created": 0, "owned_by": "streamplay"}


async def _openapi(request: web.Request) -> web.Response:
    text = await asyncio.to_thread(_OPENAPI.read_text, "utf-8")
    document = json.loads(text)
    if not request.app[_STATE].access.require_key:
        document["security"].insert(0, {})
    return web.json_response(document)


async def _speech(request: web.Request) -> web.StreamResponse:
    state = request.app[_STATE]
    state.requests += 1
    number = state.requests
    document = parse(await _body(request, state.patience.request))
    order = await asyncio.to_thread(orders.read, document, any_name=state.any_name)
    scenario = _scenario(state, order)
    if scenario.status:
        return await by_scenario(scenario)
    _check_sound(order, scenario)
    if scenario.fault == "no-answer":
        return _no_answer(request)
    return await _counted(state, _delivery(state, order, scenario, number), request)


async def _body(request: web.Request, seconds: float) -> bytes:
    try:
        async with asyncio.timeout(seconds):
            return await request.read()
    except (web.RequestPayloadError, http_exceptions.HttpProcessingError) as error:
        # Among others a Content-Encoding that the body does not have.
        raise Refusal(400, f"the body cannot be read: {shown(str(error))}") from error
    except TimeoutError:
        raise Refusal(408, f"the request's body did not come within {seconds:g} s") from None


def _delivery(state: State, order: orders.Order, scenario: Scenario, number: int) -> ServedAnswer:
    patience = state.patience.reading
    if not state.traces:
        return ServedAnswer(order, scenario, number, patience)
    trace = state.traces[(number - 1) % len(state.traces)]
    return ReplayedDelivery(order, scenario, number, trace, patience)


def _check_sound(order: orders.Order, scenario: Scenario) -> None:
    """Refuse a rate that the container cannot hold, and a file that would fill the disk."""
    longest, sent = orders.MAX_FILE_SECONDS, scenario.sent(order.format)
    if not can_hold(order.container, sent.samplerate):
        param = "extra_params.scenario"
        problem = f"send_as: {order.container} cannot hold {sent.samplerate} Hz"
        raise Refusal(400, f"{param}: {problem}", param=param)
    if order.body == "whole" and scenario.signal != "speech" and scenario.seconds > longest:
        raise Refusal(
            400,
            f"extra_params.scenario: seconds: {scenario.seconds:g} in one file are more than "
            f"{longest}; longer ones can be streamed",
            param="extra_params.scenario",
        )


def _scenario(state: State, order: orders.Order) -> Scenario:
    """Return how this request is answered; what happens some times only is counted."""
    try:
        scenario = state.scenario.over(order.scenario or {})
    except ScenarioError as error:
        param = "extra_params.scenario"
        raise Refusal(400, f"{param}: {error}", param=param) from error
    if scenario.capacity and state.active >= scenario.capacity:
        raise Refusal(
            429,
            f"More than {scenario.capacity} streams at once",
            kind="rate_limit_exceeded",
            code="dynamic_request_limited",
        )
    if scenario.times:
        state.failed[scenario] += 1
        if len(state.failed) > _MAX_COUNTED:
            del state.failed[next(iter(state.failed))]
        if state.failed[scenario] > scenario.times:
            return scenario.over({"status": 0, "fault": ""})
    return scenario


async def _counted(
    state: State, delivery: ServedAnswer, request: web.Request
) -> web.StreamResponse:
    state.active += 1
    state.peak = max(state.peak, state.active)
    try:
        return await delivery.answer(request)
    finally:
        state.active -= 1
        if not state.active and state.peak >= _MANY:
            state.peak = 0
            memory.give_back()


def _no_answer(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.close()
    return web.Response()
