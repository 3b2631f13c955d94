from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from streamplay.audio import ENCODINGS
from streamplay.server import app, catalog
from streamplay.server import order as orders
from streamplay.server.access import Access
from streamplay.server.containers import CONTAINERS, CONTENT_TYPES
from tests.support.server import serving

DOCUMENT: dict[str, Any] = json.loads(Path(app.__file__).with_name("openapi.json").read_text())
FIELDS = DOCUMENT["components"]["schemas"]["AudioSpeechRequest"]["properties"]
SPEECH = DOCUMENT["paths"]["/audio/speech"]["post"]


def published(state: app.State, path: str) -> dict[str, Any]:
    async def fetch() -> dict[str, Any]:
        async with serving(state) as base_url, httpx.AsyncClient() as client:
            return (await client.get(base_url.removesuffix("/v1") + path)).json()

    return asyncio.run(fetch())


@pytest.mark.parametrize("path", ["/openapi.json", "/v1/openapi.json"])
def test_the_document_is_published_and_needs_no_key(path: str) -> None:
    assert published(app.State(access=Access(require_key=True)), path) == DOCUMENT


def test_without_a_required_key_the_document_says_that_none_is_needed() -> None:
    assert published(app.State(), "/openapi.json")["security"] == [{}, {"bearerAuth": []}]


def test_the_fields_and_their_values_are_those_that_are_checked() -> None:
    assert FIELDS["response_encoding"]["enum"] == [*ENCODINGS, None]
    assert set(FIELDS["response_format"]["enum"]) == {*CONTAINERS, None}
    assert tuple(FIELDS["bit_rate"]["enum"]) == (*orders.BIT_RATES, None)
    assert (FIELDS["sample_rate"]["minimum"], FIELDS["sample_rate"]["maximum"]) == (
        orders.SAMPLERATES
    )
    assert (FIELDS["speed"]["minimum"], FIELDS["speed"]["maximum"]) == orders.SPEEDS
    assert tuple(FIELDS["segment"]["enum"]) == (*orders.SEGMENTS, None)
    assert FIELDS["input"]["maxLength"] == orders.MAX_CHARACTERS


def test_the_defaults_are_those_that_are_taken() -> None:
    order = orders.read({"model": "espeak-ng", "voice": "de", "input": "a"})
    assert FIELDS["response_format"]["default"] == order.container
    assert FIELDS["bit_rate"]["default"] == order.bit_rate
    assert FIELDS["sample_rate"]["default"] == order.format.samplerate
    assert FIELDS["stream"]["default"] is (order.body != "whole")


def test_every_content_type_is_told() -> None:
    told = set(SPEECH["responses"]["200"]["content"])
    assert told == {*CONTENT_TYPES.values(), "text/event-stream"}


def test_the_language_codes_are_those_that_are_known() -> None:
    pattern = re.compile(FIELDS["language"]["pattern"])
    for code in ("en", "fr", "zh-hk", "pt-br", "de-at"):
        assert pattern.search(code)
        assert catalog.language(code)
    for code in ("EN", "xx", "english", "en_us"):
        assert not pattern.search(code)
        assert not catalog.language(code)
