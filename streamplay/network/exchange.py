"""One request on one connection, and its answer: what both transports return."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from streamplay.network.failures import lost, misframed, no_http, unanswered
from streamplay.network.framing import AnswerReader, BodyCutError, FramingError, may_end

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from streamplay.network.async_connection import AsyncConnection, Piece
    from streamplay.network.body import Moments


class HttpExchange:
    """Sends one request and reads its answer.

    Parameters
    ----------
    connection : AsyncConnection
        The connection. It is closed at the end, or before it where the answer is left.
    where : str
        The server's base URL, for people.
    bodiless : bool
        Whether the answer has no body whatever it says.
    keep : callable, optional
        Takes the connection where another request can be sent on it.

    Attributes
    ----------
    status, headers
        The answer's, once it has begun.
    begun : bool
        Whether any byte of an answer has come.
    """

    def __init__(
        self,
        connection: AsyncConnection,
        where: str,
        *,
        bodiless: bool = False,
        keep: Callable[[AsyncConnection], None] | None = None,
    ) -> None:
        self.begun = False
        self._connection = connection
        self._where = where
        self._keep = keep
        self._answer = AnswerReader(bodiless=bodiless)
        self._start = b""  # of the body: what came together with the head
        self._closed = False

    @property
    def status(self) -> int:
        """The answer's status."""
        return self._answer.status

    @property
    def headers(self) -> Mapping[str, str]:
        """The answer's headers, by name in lower case."""
        return self._answer.headers

    @property
    def arrived(self) -> float:
        """When the last bytes of the answer came, by the connection's clock."""
        return self._connection.arrived

    async def send(self, data: bytes, moments: Moments, clock: Callable[[], float]) -> None:
        """Send the whole request.

        A server may answer, and close, before it has read all: so where sending fails, `begin`
        still reads what has come.
        """
        with suppress(OSError):
            await self._connection.write(data)
            moments.sent = clock()
            moments.left.set()

    async def begin(self) -> None:
        """Read the status and the headers.

        Raises
        ------
        ConnectionLost
            If the connection ended before them.
        UnexpectedContent
            If what comes is no HTTP.
        """
        try:
            while not self.status:
                data = await self._connection.read()
                if not data:
                    raise unanswered(self._where)
                self.begun = True
                self._start = self._answer.feed_bytes(data)
        except FramingError:
            raise no_http(self._where) from None
        except OSError as error:
            raise unanswered(self._where) from error

    def gather(self, seconds: float) -> None:
        """Give out the body some pieces at a time, each up to so many seconds after it came."""
        if not self._answer.length_is_told:
            self._connection.gather(seconds, may_end)

    def hurry(self) -> bool:
        """Give out now what has come and waits for more; tell whether there is anything."""
        return self._connection.hurry()

    async def pieces(self) -> AsyncGenerator[list[Piece], None]:
        """Yield the body as it comes: what waited in the connection, piece by piece.

        Raises
        ------
        Truncated
            If the connection was closed in order, but before the body's end by
            its own framing; or that framing is broken.
        ConnectionLost
            If the connection was reset.
        """
        try:
            pieces = [(self.arrived, self._start)] if self._start else []
            self._start = b""
            while True:
                if pieces:
                    yield pieces
                self._answer.check()
                if self._answer.complete:
                    return
                pieces = self._unframed(await self._connection.read_pieces())
        except FramingError as error:
            raise misframed(ended=isinstance(error, BodyCutError)) from None
        except OSError as error:
            raise lost() from error
        finally:
            self.close()

    def _unframed(self, pieces: list[Piece]) -> list[Piece]:
        """Return what of the body is in what was read; nothing: the connection's end."""
        if not pieces:
            self._answer.feed_end()
        feed = self._answer.feed_bytes
        return [(when, body) for when, data in pieces if (body := feed(data))]

    async def aclose(self) -> None:
        """Release the connection."""
        self.close()

    def close(self) -> None:
        """Release the connection: keep it where it can serve again, or close it. Idempotent."""
        if self._closed:
            return
        self._closed = True
        answer = self._answer
        if self._keep and answer.complete and answer.reusable and not answer.rest:
            self._keep(self._connection)
        else:
            self._connection.abort()
