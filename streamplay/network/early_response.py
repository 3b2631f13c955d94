"""The answer to a request that was sent early: taken over by the loop, and read as any other.

What is told apart here is HTTP's framing alone, by h11, on which httpx stands too: but httpx need
not be imported for it (60 ms), while the first byte may come at any moment. Time limits, attempts,
refusals and what the body means are those of every `Exchange`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import h11

from streamplay.network.connection import READ_BYTES
from streamplay.network.failures import lost, misframed, no_http, unanswered

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Mapping

    from streamplay.network.body import Moments
    from streamplay.network.connection import Connection
    from streamplay.network.early import EarlyRequest

LOOK_SECONDS: Final = 0.002
"""How often it is looked whether it has left: with a server nearby it has, long ago."""

HEAD_BYTES: Final = 100 * 1024
"""Of headers: httpcore's own bound."""


async def answer_to(
    early: EarlyRequest,
    where: str,
    moments: Moments,
    clock: Callable[[], float],
    connected: Callable[[], None],
) -> EarlyResponse | None:
    """Return the answer, when its headers are there; None: nothing of the request was sent.

    Parameters
    ----------
    early : EarlyRequest
        What was sent, or still is.
    where : str
        The server's base URL, for people.
    moments, connected
        As `streamplay.network.transport.Transport.send` has them.
    clock : callable
        What the moments are counted in.

    Raises
    ------
    ConnectionLost
        If the connection broke before the answer.
    UnexpectedContent
        If the answer is no HTTP.
    """
    try:
        while not early.ended:  # noqa: ASYNC110 - it is a thread's, which knows no loop
            await asyncio.sleep(LOOK_SECONDS)
        if not early.leaving or early.line is None:
            return None
        moments.tcp, moments.connected, moments.sent = early.tcp, early.connected, early.sent
        connected()
        if early.sent is not None:
            moments.on_sent()
        answer = EarlyResponse(early.line)
        await answer.begin(where)
    except BaseException:
        early.close()
        raise
    moments.headers = clock()
    return answer


class EarlyResponse:
    """One answer, read from a connection that serves for nothing else."""

    def __init__(self, line: Connection) -> None:
        line.socket.setblocking(False)
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self._line = line
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_BYTES)
        # What was sent: any request will do, to have it wait for an answer.
        self._http.send(h11.Request(method="POST", target="/", headers=[("Host", "any")]))
        self._http.send(h11.EndOfMessage())

    async def begin(self, where: str) -> None:
        """Read the status and the headers."""
        try:
            event = await self._event()
            while isinstance(event, h11.InformationalResponse):
                event = await self._event()
        except h11.RemoteProtocolError:
            raise no_http(where) from None
        except OSError as error:
            raise unanswered(where) from error
        if not isinstance(event, h11.Response):
            raise unanswered(where)
        self.status = event.status_code
        self.headers = _joined(event.headers)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the body as it comes, raw.

        Raises
        ------
        Truncated
            If the connection was closed in order, but before the body's end by
            its own framing; or that framing is broken.
        ConnectionLost
            If the connection was reset.
        """
        try:
            while isinstance(event := await self._event(), h11.Data):
                yield bytes(event.data)
        except h11.RemoteProtocolError as error:
            raise misframed(ended="peer closed" in str(error)) from None
        except OSError as error:
            raise lost() from error
        finally:
            self._line.close()

    async def aclose(self) -> None:
        """Let go of the connection."""
        self._line.close()

    async def _event(self) -> Any:
        """Return HTTP's next event; None where the connection ended before the answer."""
        while (event := self._http.next_event()) is h11.NEED_DATA:
            data = await self._read()
            if not data and self._http.their_state is h11.SEND_RESPONSE:
                return None
            self._http.receive_data(data)
        return event

    async def _read(self) -> bytes:
        """Return what came; ``b""``: its end."""
        loop, line = asyncio.get_running_loop(), self._line
        if not line.is_secure:
            return await loop.sock_recv(line.socket, READ_BYTES)
        while (data := line.read()) is None:
            if reply := line.reply():
                await loop.sock_sendall(line.socket, reply)
            line.take(await loop.sock_recv(line.socket, READ_BYTES))
        return data


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers by name, in lower case; those that came twice as one."""
    joined: dict[str, str] = {}
    for name, value in headers:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        joined[key] = f"{joined[key]}, {text}" if key in joined else text
    return joined
