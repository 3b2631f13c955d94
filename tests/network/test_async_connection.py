"""A connection in the event loop: what it holds is bounded, and its end is told."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

import pytest

from streamplay.network import async_connection as module
from streamplay.network.async_connection import AsyncConnection, read_buffer
from streamplay.network.dialing import adopt

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def connected(use: Callable[[AsyncConnection, socket.socket], Awaitable[None]]) -> None:
    """Run `use` with a connection and its other end."""

    async def main() -> None:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        connection = AsyncConnection(read_buffer())
        await adopt(ours, connection)
        try:
            async with asyncio.timeout(20):
                await use(connection, theirs)
        finally:
            connection.abort()
            theirs.close()
            await connection.closed

    asyncio.run(main())


def test_all_that_came_is_read_at_once_and_then_the_end() -> None:
    async def use(connection: AsyncConnection, theirs: socket.socket) -> None:
        theirs.send(b"one ")
        theirs.send(b"two")
        await asyncio.sleep(0.01)
        assert await connection.read() == b"one two"
        waiting = asyncio.create_task(connection.read())
        await asyncio.sleep(0)
        theirs.shutdown(socket.SHUT_WR)
        assert await waiting == b""
        assert await connection.read() == b""
        assert not connection.is_open

    connected(use)


def test_a_read_that_is_cancelled_loses_nothing() -> None:
    async def use(connection: AsyncConnection, theirs: socket.socket) -> None:
        waiting = asyncio.create_task(connection.read())
        await asyncio.sleep(0)
        theirs.send(b"one")
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await asyncio.sleep(0.01)
        assert await connection.read() == b"one"

    connected(use)


LONG = 60.0
LARGE = bytes(1000)


def ends(data: bytes) -> bool:
    return data.endswith(b"the end")


@pytest.mark.parametrize(
    "wakes",
    [b"small", LARGE + b"the end", bytes(1 << 15), b""],
    ids=["small", "last", "much", "end"],
)
def test_a_gathering_reader_sleeps_until_something_is_worth_its_turn(wakes: bytes) -> None:
    async def use(connection: AsyncConnection, theirs: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        connection.gather(LONG, ends)
        waiting = asyncio.create_task(connection.read_pieces())
        for _ in range(3):
            theirs.send(LARGE)
            await asyncio.sleep(0.01)
        assert not waiting.done()
        await loop.sock_sendall(theirs, wakes)
        if not wakes:
            theirs.shutdown(socket.SHUT_WR)
        pieces = await waiting
        assert b"".join(data for _, data in pieces)[: 3 * len(LARGE)] == 3 * LARGE
        times = [when for when, _ in pieces]
        assert times[0] < times[1] < times[2]  # as they came, and not as they were read
        assert times == sorted(times)

    connected(use)


def test_what_is_gathered_is_read_when_its_time_has_come() -> None:
    async def use(connection: AsyncConnection, theirs: socket.socket) -> None:
        connection.gather(0.05, ends)
        for _ in range(2):  # the second time nothing is left of the first
            begun = connection._clock()
            waiting = asyncio.create_task(connection.read_pieces())
            theirs.send(LARGE)
            pieces = await waiting
            assert [data for _, data in pieces] == [LARGE]
            assert connection._clock() - begun >= 0.04

    connected(use)


def test_a_reader_that_gathers_can_be_hurried() -> None:
    async def use(connection: AsyncConnection, theirs: socket.socket) -> None:
        connection.gather(LONG, ends)
        waiting = asyncio.create_task(connection.read())
        assert not connection.hurry()
        theirs.send(LARGE)
        await asyncio.sleep(0.01)
        assert not waiting.done()
        assert connection.hurry()
        assert await waiting == LARGE

    connected(use)


def test_a_kept_connection_no_longer_gathers() -> None:
    async def use(connection: AsyncConnection, theirs: socket.socket) -> None:
        connection.gather(LONG, ends)
        connection.rest(0.0)
        connection.wake()
        waiting = asyncio.create_task(connection.read())
        theirs.send(LARGE)
        assert await waiting == LARGE

    connected(use)


def test_a_peer_that_sends_more_than_is_read_has_to_wait() -> None:
    async def use(connection: AsyncConnection, theirs: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        total = 8 << 20
        sending = asyncio.create_task(loop.sock_sendall(theirs, bytes(total)))
        await asyncio.sleep(0.1)
        assert not sending.done()
        assert connection._held <= module._HELD_BYTES + module.READ_BYTES
        read = 0
        while read < total:
            read += len(await connection.read())
        await sending

    connected(use)


def test_what_is_written_has_left_when_it_returns() -> None:
    async def use(connection: AsyncConnection, theirs: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        total = 8 << 20
        writing = asyncio.create_task(connection.write(bytes(total)))
        await asyncio.sleep(0.05)
        assert not writing.done()
        read = 0
        while read < total:
            read += len(await loop.sock_recv(theirs, 1 << 20))
        await writing

    connected(use)


def test_writing_to_a_lost_connection_ends_and_reading_tells_it() -> None:
    async def use(connection: AsyncConnection, theirs: socket.socket) -> None:
        theirs.close()
        await asyncio.sleep(0.01)
        with contextlib.suppress(OSError):
            await connection.write(bytes(8 << 20))
        with contextlib.suppress(OSError):
            assert await connection.read() == b""
        assert not connection.is_open

    connected(use)


@pytest.mark.parametrize("unasked", [b"HTTP/1.1 408 X\r\n\r\n", b""])
def test_a_resting_connection_ends_with_anything_that_comes(unasked: bytes) -> None:
    async def use(connection: AsyncConnection, theirs: socket.socket) -> None:
        connection.rest(1.0)
        assert connection.is_open
        if unasked:
            theirs.send(unasked)
        else:
            theirs.shutdown(socket.SHUT_WR)
        await connection.closed
        assert not connection.is_open

    connected(use)
