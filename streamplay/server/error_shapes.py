"""Answers that are no audio, in the shapes that servers give them."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from streamplay.server.json_fields import Refusal

if TYPE_CHECKING:
    from streamplay.server.scenario import Scenario


async def by_scenario(scenario: Scenario) -> web.Response:
    """Return the refusal that a scenario asks for, at its time."""
    await asyncio.sleep(scenario.headers_ms / 1000)
    headers = dict(scenario.header_pairs)
    if scenario.retry_after:
        headers["Retry-After"] = scenario.retry_after
    if scenario.retry_after_ms:
        headers["retry-after-ms"] = scenario.retry_after_ms
    text, kind = _body(scenario)
    return web.Response(
        status=scenario.status, text=text, content_type=kind, charset="utf-8", headers=headers
    )


def _body(scenario: Scenario) -> tuple[str, str]:
    try:
        phrase = HTTPStatus(scenario.status).phrase
    except ValueError:
        phrase = "Refused"
    message = f"{phrase} (this was asked for)"
    match scenario.error_body:
        case "text":
            return message, "text/plain"
        case "html":
            return f"<html><body><h1>{scenario.status} {phrase}</h1></body></html>", "text/html"
        case "empty":
            return "", "text/plain"
        case "detail":
            document: object = {"detail": message}
        case "message":
            document = {"message": message}
        case _:
            code = "dynamic_request_limited" if scenario.status == 429 else None
            kind = "server_error" if scenario.status >= 500 else "invalid_request_error"
            document = Refusal(scenario.status, message, kind=kind, code=code).body()
    return json.dumps(document), "application/json"
