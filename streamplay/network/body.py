"""The body of one answer: bytes from the network → wire events, within their limits."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Final, Protocol

from streamplay.errors import NoAudio, StreamPlayError, TimedOut, TooLarge
from streamplay.stream.sniff import real_type
from streamplay.stream.wire import Audio, Done

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Mapping

    from streamplay.network.async_connection import Piece
    from streamplay.network.timeouts import Timeouts
    from streamplay.stream.wire import Reader, WireEvent

MAX_FILE_BYTES: Final = 256 << 20
"""Of a whole file: some four hours of mp3 at 128 kbit/s, and an hour and a half of wav."""

# Between the end mark and the body's end there may be the last chunk of the chunked coding and a
# few more events. They are read so that the connection can be kept; a server that keeps the body
# open instead is not waited for.
_TAIL_BYTES: Final = 1 << 16
_TAIL_SECONDS: Final = 0.25

# A turn of the loop costs as much as the decoding of two events.
_TURN_SECONDS: Final = 0.001

# To feed a piece costs as much as so many bytes in it: a peer may send a byte at a time.
_FEED_BYTES: Final = 256


@dataclass(slots=True)
class Moments:
    """When what happened to a request, in the client's clock.

    Parameters
    ----------
    begun : float
        When `SpeechClient.open` was called.
    dns, tcp, connected : float or None
        When the host's name was resolved, and when the connection was made, without and with
        TLS; None where one was kept, `dns` also where a proxy resolves the name.
    sent, headers, first_byte : float or None
        When the request had left, when the answer's headers were there, and
        the first byte of its body. Of the last attempt.
    resent : int
        How often a kept connection turned out to be closed, and the request was sent once more.
    left : asyncio.Event
        Set when the request has left; it stays set when another attempt follows.
    """

    begun: float
    dns: float | None = None
    tcp: float | None = None
    connected: float | None = None
    sent: float | None = None
    headers: float | None = None
    first_byte: float | None = None
    resent: int = 0
    left: asyncio.Event = field(default_factory=asyncio.Event, compare=False)

    def restart(self) -> None:
        """Forget what was of an attempt that failed."""
        self.dns = self.tcp = self.connected = None
        self.sent = self.headers = self.first_byte = None


class Exchange(Protocol):
    """One request that was sent, and its answer. It raises typed errors only."""

    @property
    def status(self) -> int:
        """The answer's status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The answer's headers, by name in lower case."""

    @property
    def arrived(self) -> float:
        """When the last bytes came, by the client's clock."""

    def gather(self, seconds: float) -> None:
        """Give out the body some pieces at a time, each up to so many seconds after it came."""

    def hurry(self) -> bool:
        """Give out now what has come and waits for more; tell whether there is anything."""

    def pieces(self) -> AsyncGenerator[list[Piece], None]:
        """Yield the body as it comes, with HTTP's framing removed: pieces, and when each came."""

    async def aclose(self) -> None:
        """Release the connection; close it where the body has not been read to its end."""


class Body:
    """Reads one answer's body.

    Parameters
    ----------
    exchange : Exchange
        Whose body it is.
    patience : Timeouts
        Limits the waits.
    chunk_limit : float
        Seconds to wait for each piece, and in `batches` from one audio to the next.
    bound : int, optional
        The most bytes to take.
    audio_limit : float, optional
        Seconds to wait for the first audio in `batches`, whatever else comes; without it:
        `chunk_limit`.

    Attributes
    ----------
    bytes : int
        How many have come.
    arrived : float
        When what `batches` has given last came.
    waited : float
        Seconds that `batches` has waited for the server.
    patience : Timeouts
        Limits the waits.
    late : int
        Events that came together with the end mark, behind it.
    """

    def __init__(
        self,
        exchange: Exchange,
        patience: Timeouts,
        chunk_limit: float,
        *,
        bound: int | None = None,
        audio_limit: float | None = None,
    ) -> None:
        self.exchange = exchange
        self.bytes = 0
        self.late = 0
        self.arrived = 0.0
        self.waited = 0.0
        self.patience = patience
        self._chunk_limit = chunk_limit
        self._audio_limit = chunk_limit if audio_limit is None else audio_limit
        self._unheard = 0.0  # seconds that went by without audio, the consumer's own left out
        self._since = 0.0
        self._bound = bound
        self._pieces = exchange.pieces()
        self._first: bytes | None = None
        self._complete = False
        self._ended = False

    @property
    def begun(self) -> bytes:
        """What `first` and `real_type` have read of it."""
        return self._first or b""

    async def first(self) -> bool:
        """Wait for the first bytes, and keep them; tell whether there are any."""
        self._first = await self._next()
        return self._first is not None

    async def real_type(self, content_type: str, *, mp3: bool) -> str:
        """Return what it is, by how it begins, where `content_type` does not say."""
        while (found := self._sniff(content_type, mp3=mp3)) is None:
            with self.patience.wait("chunk", self._chunk_limit):
                piece = await self._next()
            self._first = (self._first or b"") + (piece or b"")
        return found

    def _sniff(self, content_type: str, *, mp3: bool) -> str | None:
        return real_type(content_type, self._first or b"", mp3=mp3, whole=self._ended)

    async def start(self, limit: int) -> bytes:
        """Return the body's first `limit` bytes, or what comes of them in time.

        For an error's: that it is one is known already, however its body ends.
        """
        data = self._first or b""
        with suppress(StreamPlayError), self.patience.wait("chunk", self._chunk_limit):
            while len(data) < limit and (piece := await self._next()) is not None:
                data += piece
        return data[:limit]

    async def whole(self) -> bytes:
        """Return the whole body, within its bound and the limit of one piece."""
        pieces = [self._first or b""]
        with self.patience.wait("chunk", self._chunk_limit):
            while (piece := await self._next()) is not None:
                pieces.append(piece)
        return b"".join(pieces)

    async def batches(self, reader: Reader) -> AsyncGenerator[list[WireEvent], None]:
        """Yield what the body means, all that came together at a time; end after its end mark.

        The loop has a turn at the latest after `_TURN_SECONDS` and another `Reader.turn_bytes`, so
        that a peer that sends without a pause keeps neither deadlines nor signals from being seen.

        Raises
        ------
        StreamBroken, NetworkFailed
            Where it broke; what came before has been yielded.
        """
        pieces = None if self._first is None else [(self.exchange.arrived, self._first)]
        self._since = self.patience.clock()
        while pieces is not None:
            turn = perf_counter()
            for batch, fault in self._turns(pieces, reader):
                self.late = reader.late
                if batch:
                    yield batch
                    self._since = self.patience.clock()
                if fault is not None:
                    raise fault
                if self._complete:
                    return
                if perf_counter() - turn > _TURN_SECONDS:
                    await asyncio.sleep(0)
                    turn = perf_counter()
            pieces.clear()  # not kept while the next ones are awaited
            pieces = await self._await_next()
        if not self.bytes:
            raise NoAudio("the server answered with an empty body", remedy="Try again")
        batch = []
        fault = self._add_meaning(reader.finish(), batch, self.exchange.arrived)
        if batch:
            yield batch
        if fault is not None:
            raise fault

    async def aclose(self) -> None:
        """Release the connection, after a short wait for the body's end, so that it can be kept."""
        try:
            if self._complete and not self._ended:
                await self._read_tail()
            await self._pieces.aclose()
        finally:
            await self.exchange.aclose()

    def _turns(
        self, pieces: list[Piece], reader: Reader
    ) -> Iterator[tuple[list[WireEvent], StreamPlayError | None]]:
        """Yield what pieces mean, and what broke behind it: a turn of the loop's at a time."""
        batch: list[WireEvent] = []
        fed = 0
        for when, piece in pieces:
            at = 0
            while at < len(piece):
                part = piece[at : at + reader.turn_bytes]  # the reader changes how much it takes
                at += len(part)
                fault = self._add_meaning(reader.feed(part), batch, when)
                fed += len(part) + _FEED_BYTES
                if fed >= reader.turn_bytes or fault is not None or self._complete:
                    yield batch, fault
                    batch, fed = [], 0
        if fed:
            yield batch, None

    def _add_meaning(
        self, events: Iterator[WireEvent], batch: list[WireEvent], when: float
    ) -> StreamPlayError | None:
        """Add `events` to `batch`, with the time they came; return what broke behind them."""
        fault: StreamPlayError | None = None
        heard = False
        self.arrived = when
        try:
            for event in events:
                batch.append(event)
                if isinstance(event, Audio):
                    event.arrivals = ((when, len(event.data)),)
                    heard = heard or bool(event.data)
                elif isinstance(event, Done):
                    self._complete = True
                    break
        except StreamPlayError as error:
            fault = error
        if heard:
            # Its clock begins again where the consumer comes back.
            self._unheard, self._audio_limit = 0.0, self._chunk_limit
        else:
            now = self.patience.clock()
            self._unheard += now - self._since
            self._since = now
        return fault

    async def _await_next(self) -> list[Piece] | None:
        """Wait for the next pieces: no longer than for one piece, nor than for audio."""
        self.patience.check_deadline()
        if self._unheard >= self._audio_limit:
            raise TimedOut("audio", self._audio_limit)
        if self._audio_limit - self._unheard < self._chunk_limit:
            waiting = self.patience.wait(
                "audio", self._audio_limit, spent=self._unheard, hurry=self.exchange.hurry
            )
        else:
            waiting = self.patience.wait("chunk", self._chunk_limit, hurry=self.exchange.hurry)
        with waiting:
            pieces = await self._next_pieces()
        now = self.patience.clock()
        self.waited += now - self._since
        self._unheard += now - self._since
        self._since = now
        return pieces

    async def _next(self) -> bytes | None:
        pieces = await self._next_pieces()
        return None if pieces is None else b"".join([piece for _, piece in pieces])

    async def _next_pieces(self) -> list[Piece] | None:
        try:
            pieces = await self._pieces.__anext__()
        except StopAsyncIteration:
            self._ended = True
            return None
        for _, piece in pieces:
            self.bytes += len(piece)
        if self._bound is not None and self.bytes > self._bound:
            raise TooLarge(
                f"the body is larger than {self._bound >> 20} MiB",
                remedy="Ask for less text at a time, or stream it",
            )
        return pieces

    async def _read_tail(self) -> None:
        """Read what follows the end mark; whatever it is, the speech was complete."""
        until = self.bytes + _TAIL_BYTES
        with suppress(StreamPlayError, TimeoutError):
            async with asyncio.timeout(_TAIL_SECONDS):
                while self.bytes < until and await self._next() is not None:
                    pass
