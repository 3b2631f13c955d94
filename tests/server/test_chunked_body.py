"""Every fault, over a real socket: what a client sees of it, and where it strikes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from streamplay.server.chunked_body import RUBBISH
from streamplay.server.event_shapes import Writer
from streamplay.server.scenario import FAULTS, Scenario
from tests.support.server import asking, serving

COUNT = {"signal": "count", "seconds": 1.0, "chunk_ms": 50}


@dataclass
class Seen:
    body: bytes
    error: httpx.TransportError | None


def ask(*scenarios: dict[str, Any], **fields: Any) -> list[Seen]:
    """Return what each scenario's answer looks like to a client."""

    async def one(client: httpx.AsyncClient, scenario: dict[str, Any]) -> Seen:
        body, error = b"", None
        request = asking(scenario=COUNT | scenario, **fields)
        try:
            async with client.stream("POST", "/audio/speech", json=request) as response:
                async for data in response.aiter_raw():
                    body += data
        except httpx.TransportError as caught:
            error = caught
        return Seen(body, error)

    async def everything() -> list[Seen]:
        # Long enough for a busy machine, and only a freeze waits for it.
        limits = httpx.Timeout(5, read=1)
        async with (
            serving() as base_url,
            httpx.AsyncClient(base_url=base_url, timeout=limits) as client,
        ):
            return [await one(client, scenario) for scenario in scenarios]

    return asyncio.run(everything())


ENDINGS = {
    "end-between-chunks": httpx.RemoteProtocolError,
    "end-inside-chunk": httpx.RemoteProtocolError,
    "reset": httpx.ReadError,
    "no-mark": None,
    "error-event": None,
    "freeze": httpx.ReadTimeout,
    "bad-framing": httpx.RemoteProtocolError,
    "short-body": httpx.RemoteProtocolError,
    "short-length": None,
}


@pytest.mark.parametrize(
    ("fault", "dialect"),
    [
        (fault, dialect)
        for fault in ENDINGS
        for dialect in ("A", "D")
        if (fault, dialect) != ("error-event", "D")
    ],
)
def test_a_fault_that_ends_the_body_keeps_what_came_before(fault: str, dialect: str) -> None:
    plain, broken = ask({"dialect": dialect}, {"dialect": dialect, "fault": fault, "at_byte": 5000})
    assert broken.body[:5000] == plain.body[:5000]
    assert len(broken.body) < len(plain.body)
    expected = ENDINGS[fault]
    assert isinstance(broken.error, expected) if expected else broken.error is None


@pytest.mark.parametrize("fault", ["bad-json", "bad-base64", "rubbish", "data-after-mark"])
def test_a_fault_inside_the_body_is_inserted_and_the_body_goes_on(fault: str) -> None:
    plain, broken = ask({}, {"fault": fault, "at_event": 2})
    inserted = Writer(Scenario(), "A", "canopylabs/orpheus-3b-0.1-ft").insertion(fault)
    at = broken.body.index(inserted)
    assert broken.body[:at].count(b"data: ") == 2
    assert broken.body[:at] + broken.body[at + len(inserted) :] == plain.body


def test_every_fault_is_tried_here() -> None:
    inside = {"bad-json", "bad-base64", "rubbish", "data-after-mark"}
    assert {*ENDINGS, *inside, "no-answer"} == set(FAULTS)


@pytest.mark.parametrize("place", [0, 1, 7999, 8000, 8001])
def test_a_cut_falls_after_exactly_so_many_bytes(place: int) -> None:
    (seen,) = ask({"dialect": "D", "fault": "end-between-chunks", "at_byte": place})
    assert len(seen.body) == place


def test_a_cut_after_the_last_byte_lacks_only_the_end_of_the_framing() -> None:
    plain, cut = ask({}, {"fault": "end-between-chunks", "at_byte": len(ask({})[0].body)})
    assert cut.body == plain.body
    assert cut.error is not None


def test_a_place_beyond_the_body_is_no_fault() -> None:
    plain, late = ask({}, {"fault": "reset", "at_byte": 10**9})
    assert late == plain


def test_a_fault_after_more_events_than_there_are_strikes_before_the_mark() -> None:
    plain, late = ask({}, {"fault": "no-mark", "at_event": 10**9})
    assert late == Seen(plain.body.removesuffix(b"data: [DONE]\n\n"), None)


def test_by_default_a_fault_strikes_after_three_events() -> None:
    plain, cut = ask({}, {"fault": "no-mark"})
    assert cut.body == b"\n\n".join(plain.body.split(b"\n\n")[:3]) + b"\n\n"


@pytest.mark.parametrize("fault", ["short-body", "short-length"])
def test_a_body_shorter_than_its_length_ends_the_connection(fault: str) -> None:
    (seen,) = ask({"fault": fault, "at_byte": 10**6})
    assert seen.body.endswith(b"data: [DONE]\n\n")
    assert isinstance(seen.error, httpx.RemoteProtocolError)


def test_what_follows_a_short_length_is_on_the_wire() -> None:
    async def raw() -> bytes:
        async with serving() as base_url:
            url = httpx.URL(base_url)
            reader, writer = await asyncio.open_connection(url.host, url.port)
            scenario = COUNT | {"fault": "short-length", "at_byte": 100}
            request = httpx.Request("POST", f"{url}/audio/speech", json=asking(scenario=scenario))
            head = [f"POST {url.path}/audio/speech HTTP/1.1"]
            head += [f"{name}: {value}" for name, value in request.headers.items()]
            writer.write("\r\n".join([*head, "", ""]).encode() + request.read())
            data = await reader.read()
            writer.close()
            return data

    head, _, body = asyncio.run(raw()).partition(b"\r\n\r\n")
    assert b"content-length: 100" in head.lower()
    assert len(body) > 100
    assert body.endswith(RUBBISH)


def test_the_body_is_written_in_pieces_of_the_size_asked_for() -> None:
    plain, pieces = ask({"dialect": "E"}, {"dialect": "E", "write_bytes": 7})
    assert pieces == plain


def test_a_whole_file_can_break_too() -> None:
    whole = {"stream": False, "response_format": "wav"}
    plain, cut, short = ask(
        {}, {"fault": "reset", "at_byte": 999}, {"fault": "short-body", "at_byte": 999}, **whole
    )
    assert plain.error is None
    for broken in (cut, short):
        assert broken.body == plain.body[:999]
        assert broken.error is not None
