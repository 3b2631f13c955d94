from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import httpx
import pytest

from streamplay.server.app import State
from streamplay.server.listening import Patience
from tests.support.server import asking, serving
from tests.support.speaking import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

HEAD = b"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\n"


def connected(
    act: Callable[[asyncio.StreamReader, asyncio.StreamWriter, State], Awaitable[bytes]],
    **patience: float,
) -> bytes:
    """Open a connection to a server of that patience, and return what `act` has read."""

    async def run() -> bytes:
        state = State(patience=Patience(**patience))
        async with serving(state) as base_url:
            where = httpx.URL(base_url)
            reader, writer = await asyncio.open_connection(where.host, where.port)
            try:
                return await act(reader, writer, state)
            finally:
                writer.close()
                with suppress(ConnectionError):
                    await writer.wait_closed()

    return asyncio.run(run())


async def until_closed(reader: asyncio.StreamReader) -> bytes:
    got = b""
    with suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            got += data
    return got


@pytest.mark.parametrize("begun", [b"", b"P", HEAD, HEAD + b"X-Slow: "])
def test_a_request_that_does_not_go_on_is_not_waited_for(begun: bytes) -> None:
    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: State) -> bytes:
        writer.write(begun)
        return await until_closed(reader)

    assert connected(act, request=0.1, idle=0.2) == b""


def test_a_byte_now_and_then_does_not_prolong_it() -> None:
    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: State) -> bytes:
        async def drip() -> None:
            writer.write(HEAD + b"X-Slow: ")
            with suppress(ConnectionError):
                while True:
                    writer.write(b"X")
                    await writer.drain()
                    await asyncio.sleep(0.02)

        dripping = asyncio.create_task(drip())
        try:
            return await until_closed(reader)
        finally:
            dripping.cancel()

    assert connected(act, request=0.3) == b""


def test_a_body_that_does_not_come_is_told() -> None:
    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: State) -> bytes:
        writer.write(HEAD + b"Content-Length: 50\r\n\r\n{")
        return await reader.readline()

    assert connected(act, request=0.1).split()[1] == b"408"


def test_a_client_that_does_not_read_is_not_waited_for() -> None:
    async def act(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, state: State
    ) -> bytes:
        async with httpx.AsyncClient() as client:
            body = client.build_request(
                "POST",
                "http://localhost/",
                json=asking(scenario={"signal": "silence", "seconds": 3600, "dialect": "D"}),
            ).content
        writer.write(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert b"200" in await reader.readline()
        async with asyncio.timeout(PATIENCE):
            while state.active:  # noqa: ASYNC110 - the server tells it by no event
                await asyncio.sleep(0.02)
        return await until_closed(reader)

    got = connected(act, reading=0.2)
    assert not got.endswith(b"0\r\n\r\n")  # cut off, and it shows


def test_a_warm_connection_outlives_the_limit_of_a_request() -> None:
    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: State) -> bytes:
        for _ in range(2):
            await asyncio.sleep(0.3)
            writer.write(b"GET /nothing HTTP/1.1\r\nHost: localhost\r\nX-Long: ")
            writer.write(b"y\r\n\r\n")
            line = await reader.readline()
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].split()[0])
            await reader.readexactly(length)
        return line

    assert b"404" in connected(act, request=0.2, idle=5)
