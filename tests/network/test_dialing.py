"""A host with several addresses, and a connection that is given up at any moment."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest

from streamplay.network import dialing
from streamplay.network.body import Moments
from streamplay.network.dialing import Dialer
from streamplay.network.endpoint import find_endpoint
from tests.support.rawserver import answer, replies, running, unused_port

if TYPE_CHECKING:
    from streamplay.network.async_connection import AsyncConnection


async def dial(host: str, port: int, moments: Moments | None = None) -> AsyncConnection:
    endpoint = find_endpoint({}, base_url=f"http://{host}:{port}")
    return await Dialer(endpoint, None, lambda: pytest.fail("no TLS")).dial(
        moments or Moments(0.0), lambda: 1.0
    )


def resolving_to(*addresses: tuple[str, int]) -> Any:
    entries = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", address) for address in addresses]

    async def getaddrinfo(*_: Any, **__: Any) -> Any:
        return entries

    return getaddrinfo


def test_an_address_needs_no_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", None, raising=False)
        async with running(replies(answer(b"x"))) as server:
            moments = Moments(0.0)
            connection = await dial("127.0.0.1", server.port, moments)
            assert (moments.dns, moments.tcp) == (None, 1.0)
            connection.abort()
            await connection.closed

    asyncio.run(main())


def test_the_first_address_that_answers_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with running(replies(answer(b"x"))) as server:
            refusing, swallowing = ("127.0.0.1", unused_port()), ("127.0.0.2", 9)
            resolve = resolving_to(refusing, swallowing, ("127.0.0.1", server.port))
            monkeypatch.setattr(loop, "getaddrinfo", resolve, raising=False)
            connect = loop.sock_connect

            async def sock_connect(connection: Any, address: Any) -> None:
                if address == swallowing:
                    await asyncio.sleep(3600)
                await connect(connection, address)

            monkeypatch.setattr(loop, "sock_connect", sock_connect, raising=False)
            monkeypatch.setattr(dialing, "NEXT_ADDRESS_SECONDS", 0.01)
            moments = Moments(0.0)
            connection = await dial("speech.invalid", 1, moments)
            assert moments.dns == 1.0
            connection.abort()
            await connection.closed

    asyncio.run(main())


def test_of_several_addresses_the_one_that_refused_says_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        refusing, unreachable = ("127.0.0.1", unused_port()), ("255.255.255.255", 9)
        for addresses in ((refusing, unreachable), (unreachable, refusing)):
            monkeypatch.setattr(loop, "getaddrinfo", resolving_to(*addresses), raising=False)
            with pytest.raises(ConnectionRefusedError):
                await dial("speech.invalid", 1)
        monkeypatch.setattr(loop, "getaddrinfo", resolving_to(unreachable), raising=False)
        with pytest.raises(OSError):  # noqa: PT011 - which one, the system decides
            await dial("speech.invalid", 1)

    asyncio.run(main())


def test_a_name_that_none_can_have_is_an_error_of_the_system() -> None:
    async def main() -> None:
        with pytest.raises(OSError, match="no host has such a name"):
            await dialing._resolved("a" * 64 + ".invalid", 1)

    asyncio.run(main())
