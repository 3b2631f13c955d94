"""The body of a streamed response, and the faults that can befall it.

Bytes pass through here last, so that a fault can strike after exactly so many
of them, also in the middle of an event or of a chunk of the transfer coding.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from streamplay.server.scenario import Scenario

RUBBISH: Final = bytes(range(0x80, 0x100)) + b"\n\xff\xfe\n\n\x00\xc0\xc1\r\n\r\n"
"""No UTF-8, with the line ends that would end an event."""

_DEFAULT_EVENT: Final = 3
_DEFAULT_BYTE: Final = 8192

# How long bytes on loopback may need to reach the other side's buffer: a reset
# throws away what is still on this side.
_TRAVEL_SECONDS: Final = 0.02


class BodyEnded(Exception):
    """A fault ended the body; nothing more can be sent."""


class ChunkedBody:
    """Writes a response's body, as the scenario wants it.

    Parameters
    ----------
    response : aiohttp.web.StreamResponse
        Not prepared yet: the framing is decided here.
    scenario : Scenario
        Its fault, where it strikes, and the size of writes.
    insertion : callable
        Returns what the fault inserts into the body (an error event, say).
    patience : float
        Seconds until a client that reads nothing has left.
    """

    def __init__(
        self,
        response: web.StreamResponse,
        scenario: Scenario,
        insertion: Callable[[str], bytes],
        patience: float,
    ) -> None:
        self._response = response
        self._patience = patience
        self._scenario = scenario
        self._insertion = insertion
        self._fault = scenario.fault
        self._bytes = 0
        self._events = 0
        self._at_byte = scenario.at_byte
        self._at_event = scenario.at_event
        if self._fault in {"short-body", "short-length"} and self._at_byte is None:
            self._at_byte = _DEFAULT_BYTE
        if self._at_byte is None and self._at_event is None:
            self._at_event = _DEFAULT_EVENT

    async def begin(self, request: web.Request, length: int | None = None) -> None:
        """Send the head of the response; `length` is the body's, where it is known."""
        response, at_byte = self._response, self._at_byte or 0
        if self._fault == "short-body":
            response.content_length = max(length or 0, at_byte + _DEFAULT_BYTE)
        elif self._fault == "short-length":
            response.content_length = at_byte
        elif length is not None and not self._fault:
            response.content_length = length
        else:
            response.enable_chunked_encoding()
        await response.prepare(request)
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client has left")
        self._transport = transport

    async def send(self, data: bytes, *, event: bool = True) -> None:
        """Send some of the body; returns when the client keeps up.

        Raises
        ------
        BodyEnded
            If a fault has ended it.
        """
        cut = self._strikes_within(len(data))
        if cut is not None:
            await self._write(data[:cut])
            await self._strike(data[cut:])
            data = data[cut:]
        await self._write(data)
        self._events += event

    async def finish(self) -> None:
        """End the body properly, unless a fault was due after its last byte.

        Raises
        ------
        BodyEnded
            If a fault has ended it.
        """
        if self._fault and self._at_byte == self._bytes:
            await self._strike(b"")
        if self._fault in {"short-body", "short-length"}:
            self._transport.close()
            raise BodyEnded
        await self._response.write_eof()

    async def before_mark(self) -> None:
        """Tell that all audio has been sent: a fault due after more events strikes."""
        if self._fault and self._at_byte is None:
            await self._strike(b"")

    def _strikes_within(self, length: int) -> int | None:
        """Return where in the next `length` bytes the fault strikes."""
        if not self._fault:
            return None
        if self._at_byte is not None:
            ahead = self._at_byte - self._bytes
            return ahead if 0 <= ahead < length else None
        return 0 if self._events == self._at_event else None

    async def _write(self, data: bytes) -> None:
        self._bytes += len(data)
        step = self._scenario.write_bytes or len(data)
        for start in range(0, len(data), step or 1):
            await self._write_once(data[start : start + step])

    async def _write_once(self, data: bytes) -> None:
        try:
            async with asyncio.timeout(self._patience):
                await self._response.write(data)
        except TimeoutError:
            self.break_off()

    def break_off(self) -> None:
        """End the connection in the middle of the body.

        Raises
        ------
        BodyEnded
            Always.
        """
        self._transport.abort()
        raise BodyEnded

    async def _strike(self, rest: bytes) -> None:
        fault, self._fault = self._fault, ""
        match fault:
            case "end-between-chunks" | "short-body":
                self._transport.close()
            case "end-inside-chunk":
                self._transport.write(b"%x\r\n%s" % (len(rest) + 100, rest[:100]))
                self._transport.close()
            case "reset":
                await self._reset()
            case "no-mark":
                await self._response.write_eof()
            case "freeze":
                await asyncio.Event().wait()
            case "bad-framing":
                self._transport.write(b"zz\r\n" + rest)
                self._transport.close()
            case "short-length":
                # aiohttp would not send more than it announced.
                self._transport.write(rest + RUBBISH)
                self._transport.close()
            case "error-event":
                await self._response.write(self._insertion(fault))
                await self._response.write_eof()
            case _:
                await self._response.write(self._insertion(fault))
                return
        raise BodyEnded

    async def _reset(self) -> None:
        """Close with a TCP reset, after what was written has left."""
        await asyncio.sleep(_TRAVEL_SECONDS)
        own = self._transport.get_extra_info("socket")
        # Linger for no time: the system sends RST in place of FIN.
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()
