"""Refusals in every shape that servers give them."""

from __future__ import annotations

import asyncio
import json

import pytest

from streamplay.server.error_shapes import by_scenario
from streamplay.server.scenario import Scenario


def refusal(**fields: object) -> tuple[int, str, str, dict[str, str]]:
    answer = asyncio.run(by_scenario(Scenario(**fields)))
    assert answer.text is not None
    return answer.status, answer.content_type, answer.text, dict(answer.headers)


@pytest.mark.parametrize(
    ("shape", "kind", "begins"),
    [
        ("text", "text/plain", "Not Found"),
        ("html", "text/html", "<html>"),
        ("empty", "text/plain", ""),
    ],
)
def test_a_refusal_may_be_no_json(shape: str, kind: str, begins: str) -> None:
    status, told, text, _ = refusal(status=404, error_body=shape)
    assert (status, told) == (404, kind)
    assert text.startswith(begins)
    assert bool(text) == bool(begins)


def test_each_json_shape_has_the_message_in_its_own_place() -> None:
    found = {
        shape: json.loads(refusal(status=503, error_body=shape)[2])
        for shape in ("detail", "message", "together")
    }
    message = "Service Unavailable (this was asked for)"
    assert found["detail"] == {"detail": message}
    assert found["message"] == {"message": message}
    assert found["together"]["error"]["message"] == message
    assert found["together"]["error"]["type"] == "server_error"


def test_a_limit_says_when_to_come_back() -> None:
    status, _, text, headers = refusal(status=429, retry_after="3", retry_after_ms="3000")
    assert status == 429
    assert (headers["Retry-After"], headers["retry-after-ms"]) == ("3", "3000")
    assert json.loads(text)["error"]["code"] == "dynamic_request_limited"


def test_a_status_without_a_name_is_a_refusal_too() -> None:
    assert refusal(status=599, error_body="text")[2].startswith("Refused")
