"""The HTTP face of the local speech server."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from streamplay.server import catalog
from streamplay.server import order as orders
from streamplay.server.answer import ServedAnswer
from streamplay.server.error_shapes import by_scenario
from streamplay.server.espeak import SynthesisFailed
from streamplay.server.json_fields import Refusal
from streamplay.server.replayed import ReplayedDelivery
from streamplay.server.scenario import Scenario, ScenarioError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from streamplay.trace import Trace

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_OPENAPI: Final = Path(__file__).with_name("openapi.json")

# The SDK of openai adds its paths to a base URL that ends in /v1, that of together
# (3.1) adds /v1 itself: both find their way with either.
_PREFIXES: Final = ("", "/v1", "/v1/v1")

_MAX_BODY_BYTES: Final = 1 << 20


@dataclass(slots=True)
class State:
    """What a server is told when it starts, and what it counts.

    Parameters
    ----------
    scenario : Scenario
        How requests are answered that bring no scenario of their own.
    require_key : bool
        Whether a bearer token is needed: `key`, or any where that is None.
    traces : sequence of Trace
        The n-th request is answered at the times of the n-th, and so on round.
    any_name : bool
        Whether others stand in for models and voices that are unknown.
    """

    scenario: Scenario = field(default_factory=Scenario)
    require_key: bool = False
    key: str | None = None
    traces: Sequence[Trace] = ()
    any_name: bool = False
    requests: int = 0
    active: int = 0
    failed: Counter[Scenario] = field(default_factory=Counter)


_STATE: Final = web.AppKey("state", State)


def make_app(state: State) -> web.Application:
    """Return the application; nothing is listening yet."""
    app = web.Application(middlewares=[_answer_errors, _check_key], client_max_size=_MAX_BODY_BYTES)
    app[_STATE] = state
    for prefix in _PREFIXES:
        app.router.add_post(f"{prefix}/audio/speech", _speech)
        app.router.add_get(f"{prefix}/voices", _voices)
        app.router.add_get(f"{prefix}/models", _models)
        app.router.add_get(f"{prefix}/openapi.json", _openapi)
    return app


@web.middleware
async def _answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refusal as refusal:
        return web.json_response(refusal.body(), status=refusal.status)
    except SynthesisFailed as error:
        failure = Refusal(500, str(error), kind="server_error")
        return web.json_response(failure.body(), status=500)
    except web.HTTPException as error:
        told = Refusal(error.status, f"{error.reason}: {request.method} {request.path}")
        allow = {key: value for key, value in error.headers.items() if key == "Allow"}
        return web.json_response(told.body(), status=error.status, headers=allow)


@web.middleware
async def _check_key(request: web.Request, handler: Handler) -> web.StreamResponse:
    state = request.app[_STATE]
    if state.require_key and not request.path.endswith(_OPENAPI.name):
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        right = hmac.compare_digest(key.encode(), (state.key or key).encode())
        if scheme.lower() != "bearer" or not key or not right:
            raise Refusal(
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


def _voices_of(model: catalog.ServedModel) -> dict[str, Any]:
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


async def _openapi(request: web.Request) -> web.Response:
    text = await asyncio.to_thread(_OPENAPI.read_text, "utf-8")
    document = json.loads(text)
    if not request.app[_STATE].require_key:
        document["security"].insert(0, {})
    return web.json_response(document)


async def _speech(request: web.Request) -> web.StreamResponse:
    state = request.app[_STATE]
    state.requests += 1
    number = state.requests
    try:
        document = await request.json()
    except ValueError as error:
        raise Refusal(400, f"the body is not JSON: {error}") from error
    order = await asyncio.to_thread(orders.read, document, any_name=state.any_name)
    scenario = _scenario(state, order)
    if scenario.status:
        return await by_scenario(scenario)
    if scenario.fault == "no-answer":
        return _no_answer(request)
    return await _counted(state, _delivery(state, order, scenario, number), request)


def _delivery(state: State, order: orders.Order, scenario: Scenario, number: int) -> ServedAnswer:
    if not state.traces:
        return ServedAnswer(order, scenario, number)
    trace = state.traces[(number - 1) % len(state.traces)]
    return ReplayedDelivery(order, scenario, number, trace)


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
        if state.failed[scenario] > scenario.times:
            return scenario.over({"status": 0, "fault": ""})
    return scenario


async def _counted(
    state: State, delivery: ServedAnswer, request: web.Request
) -> web.StreamResponse:
    state.active += 1
    try:
        return await delivery.answer(request)
    finally:
        state.active -= 1


def _no_answer(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.close()
    return web.Response()
