"""A server of scripted bytes: what no well-kept HTTP server can be brought to send.

It lives in the test's own event loop. A script is given the connection and does
with it what it likes; a reply is one answer, whole or broken.
"""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import struct
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    Script = Callable[["Connection"], Awaitable[None]]


@dataclass
class Received:
    """One request, as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    raw: bytes = b""
    """All of it, as it came over the socket."""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Connection:
    """One connection of a client."""

    def __init__(
        self, server: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.server = server
        self._reader = reader
        self._writer = writer

    async def request(self) -> Received:
        """Read one request and keep it; raise IncompleteReadError at the connection's end."""
        top = await self._reader.readuntil(b"\r\n\r\n")
        head = top.decode("latin-1")
        first, *lines = head.split("\r\n")[:-2]
        method, target, _ = first.split(" ")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        body = await self._reader.readexactly(int(headers.get("content-length", 0)))
        received = Received(method, target, headers, body, top + body)
        self.server.requests.append(received)
        return received

    async def send(self, *data: bytes) -> None:
        for piece in data:
            self._writer.write(piece)
            await self._writer.drain()

    def close(self) -> None:
        """End in order: what was sent arrives, and then the end."""
        self._writer.close()

    def reset(self) -> None:
        """End with a reset: nobody says goodbye."""
        raw = self._writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def gone(self) -> None:
        """Wait until the client has closed its side."""
        with suppress(ConnectionError):
            while await self._reader.read(65536):
                pass


@dataclass
class RawServer:
    """What a running server has seen."""

    base_url: str
    requests: list[Received] = field(default_factory=list)
    connections: int = 0
    open: int = 0

    @property
    def port(self) -> int:
        return int(self.base_url.split(":")[2].split("/")[0])


@asynccontextmanager
async def running(script: Script, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[RawServer]:
    """Serve every connection with `script`, on a port of its own."""
    state = RawServer("")
    tasks: set[asyncio.Task[None]] = set()
    transports: set[asyncio.BaseTransport] = set()

    class Protocol(asyncio.StreamReaderProtocol):
        """Keeps its transport: a connection may have come that is never served."""

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            transports.add(transport)
            self._own = transport
            super().connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            transports.discard(self._own)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        state.connections += 1
        state.open += 1
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                await script(Connection(state, reader, writer))
        finally:
            state.open -= 1
            tasks.discard(task)
            writer.close()

    server = await asyncio.get_running_loop().create_server(
        lambda: Protocol(asyncio.StreamReader(), serve), "127.0.0.1", 0, ssl=tls
    )
    port = server.sockets[0].getsockname()[1]
    state.base_url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/v1"
    try:
        yield state
    finally:
        # Python 3.11 forgets a connection, open, whose task begins after the server was closed.
        for listening in server.sockets:
            asyncio.get_running_loop().remove_reader(listening.fileno())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for transport in list(transports):
            assert isinstance(transport, asyncio.WriteTransport)
            transport.abort()
        with suppress(TimeoutError):
            async with asyncio.timeout(10):
                await _all_closed(server)


async def _all_closed(server: asyncio.Server) -> None:
    """Wait for the sockets of a closed server, those in the middle of a TLS handshake too."""
    # Server.wait_closed() does so from Python 3.12 on.
    while getattr(server, "_active_count", 0) or getattr(server, "_clients", ()):  # noqa: ASYNC110 - 3.11 tells it by no event
        await asyncio.sleep(0.001)


def replies(*answers: bytes | Script) -> Script:
    """Answer the first request with the first of `answers` and so on; the last is repeated.

    Bytes are sent, and the connection is kept for the next request.
    """
    left = list(answers)

    async def script(connection: Connection) -> None:
        while True:
            await connection.request()
            answer = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(answer, bytes):
                await connection.send(answer)
            else:
                await answer(connection)

    return script


def head(
    status: int = 200, headers: Mapping[str, str] | None = None, *, reason: str = "Reason"
) -> bytes:
    """Return an answer's status line and headers."""
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{k}: {v}" for k, v in (headers or {}).items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def answer(
    body: bytes = b"", *, status: int = 200, kind: str = "text/event-stream", **headers: str
) -> bytes:
    """Return a whole answer, its length told. Header names: `_` for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    told = {"Content-Type": kind, "Content-Length": str(len(body))}
    return head(status, told | named) + body


def refuse(status: int, error: Any, **headers: str) -> bytes:
    """Return an answer that refuses, with `error` as its JSON."""
    return answer(json.dumps(error).encode(), status=status, kind="application/json", **headers)


def chunk(data: bytes) -> bytes:
    """Return one chunk of the chunked coding; empty `data` is the last one."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def chunked(pieces: Sequence[bytes], *, kind: str = "text/event-stream", end: bool = True) -> bytes:
    """Return an answer in the chunked coding, with its end or without."""
    top = head(200, {"Content-Type": kind, "Transfer-Encoding": "chunked"})
    return top + b"".join(chunk(piece) for piece in pieces) + (chunk(b"") if end else b"")


def delta(data: bytes) -> bytes:
    """Return one event of audio, as the speech API's schema has it."""
    text = base64.b64encode(data).decode()
    return event({"object": "audio.tts.chunk", "model": "m", "b64": text})


def event(fields: Any) -> bytes:
    """Return one server-sent event."""
    return f"data: {json.dumps(fields)}\n\n".encode()


DONE = b"data: [DONE]\n\n"


def speech(*pieces: bytes) -> bytes:
    """Return a whole answer of streamed speech."""
    return answer(b"".join(delta(piece) for piece in pieces) + DONE)


def unused_port() -> int:
    """Return a port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
