"""The client of one server's speech API: a request → frames, or the events of its answer."""

from __future__ import annotations

import copy
import json
import os
import time
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any, Final

from streamplay.errors import (
    StreamPlayError,
    UnexpectedContent,
    VoiceNotFound,
)
from streamplay.models import Voice, read_models, read_voices
from streamplay.network.api import Shape
from streamplay.network.body import Body, Moments
from streamplay.network.endpoint import find_endpoint
from streamplay.network.failures import check_coding, read_refusal
from streamplay.network.message import PATH, authorization, content_of, headers_of
from streamplay.network.response import SpeechResponse
from streamplay.network.timeouts import Timeouts, limits_of
from streamplay.network.transport import HttpTransport
from streamplay.presentable import presentable
from streamplay.rules.checks import check_option
from streamplay.stream.wire import Words

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
    from types import TracebackType
    from typing import Self

    from streamplay.audio import Frames
    from streamplay.errors import ServerRefused
    from streamplay.network.body import Exchange
    from streamplay.network.endpoint import Endpoint
    from streamplay.network.timeouts import Limits
    from streamplay.network.transport import Transport
    from streamplay.request import Api, SpeechRequest

# A list of voices: some hundred kilobytes at most.
_LIST_BYTES: Final = 4 << 20


class SpeechClient:
    """A server's speech API. To be used in one event loop.

    Parameters
    ----------
    base_url : str, optional
        Over ``TOGETHER_BASE_URL``, over ``https://api.together.ai/v1``.
    api_key : str, optional
        A key meant for this server; ``""``: none. Without it and without
        `api_key_env`, ``TOGETHER_API_KEY`` goes to Together's hosts, to this
        machine and to the host in ``TOGETHER_BASE_URL``, and to no other.
    api_key_env : str, optional
        The environment variable that holds the key meant for this server.
    insecure_http : bool
        Whether the key is sent over ``http://`` to another machine too, where everyone on the
        way can read it. Otherwise `api_key` and `api_key_env` are an error there, and
        ``TOGETHER_API_KEY`` is left out.
    api : {'together', 'openai'}, optional
        Whose shape of request to send. Without it: known from the host, or
        learned from the server's refusal.
    timeout : float, optional
        The longest wait for the server at any one point, in seconds. Without
        it: 5 to connect, 15 for the first byte (longer for a long text that is
        not streamed), 10 from then on.
    deadline : float, optional
        Seconds for the whole of one request, all its attempts included.
    notify : callable, optional
        Takes notices of one line, such as the wait for another attempt.
    retries : bool
        Whether a request that failed is made again; a warm connection that turns out to be
        gone is replaced in any case.
    clock : callable
        Seconds, monotonic: what the response's `moments` are counted in.
    transport : callable
        Makes what sends the requests, of an `Endpoint` and a clock: see
        `streamplay.network.transport.Transport`.

    Raises
    ------
    InvalidRequest
        If one of these is wrong.
    """

    def __init__(
        self,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        api_key_env: str | None = None,
        insecure_http: bool = False,
        api: Api | None = None,
        timeout: float | None = None,
        deadline: float | None = None,
        notify: Callable[[str], None] | None = None,
        retries: bool = True,
        clock: Callable[[], float] = time.perf_counter,
        transport: Callable[[Endpoint, Callable[[], float]], Transport] = HttpTransport,
    ) -> None:
        self.endpoint = find_endpoint(
            os.environ,
            base_url=base_url,
            api_key=api_key,
            api_key_env=api_key_env,
            insecure_http=insecure_http,
        )
        self.limits = limits_of(timeout, deadline)
        self.shape = _shape(api, self.endpoint.api)
        self.clock = clock
        self.retries = retries
        self._notify = notify
        self._transport = transport(self.endpoint, clock)
        if self.endpoint.notice:
            self.tell(self.endpoint.notice)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.endpoint.base_url!r})"

    async def __aenter__(self) -> Self:
        self._transport.ready()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection. A later request opens new ones."""
        await self._transport.aclose()

    def beside(self) -> SpeechClient:
        """Return a client of the same server with connections of its own.

        It knows what this one has learned, and reads no certificates again where this one has.
        """
        other = copy.copy(self)
        vars(other).update(_transport=self._transport.beside())
        return other

    def open(self, request: SpeechRequest, limits: Limits | None = None) -> SpeechResponse:
        """Return the response to `request`, to be entered with ``async with``.

        Parameters
        ----------
        request : SpeechRequest
            What is asked for.
        limits : Limits, optional
            The time limits of this one, in place of the client's.

        Raises
        ------
        InvalidRequest
            If there is no key for a host that asks for one.
        """
        self.endpoint.require_key()
        return SpeechResponse(self, request, self._transport.begin(), limits)

    async def stream(self, request: SpeechRequest) -> AsyncGenerator[Frames, None]:
        """Yield the speech as frames, ``float32 (n, channels)``, as they arrive.

        Whoever leaves the loop early closes the generator, best through
        `contextlib.aclosing`, so that the connection is freed at once.

        Raises
        ------
        StreamPlayError
            Where it breaks; what came before has been yielded.
        """
        async with self.open(request) as response, aclosing(response.chunks()) as chunks:
            async for chunk in chunks:
                if not isinstance(chunk, Words):
                    yield chunk.frames

    async def voices(self, model: str | None = None) -> list[Voice]:
        """Return the voices that the server offers, for one model or for all."""
        query = {"model": model} if model else {}
        return read_voices(await self._get("/voices", query), model)

    async def models(self) -> list[str]:
        """Return the names of the models that the server offers."""
        return read_models(await self._get("/models", {}))

    async def warm(self) -> None:
        """Open a connection ahead of the first request. Never raises.

        Nothing is sent on it, so that no answer to a warm-up can be in a request's way.
        """
        with suppress(StreamPlayError):
            async with Timeouts().wait("connect", self.limits.connect):
                await self._transport.connect()

    # What a response asks of its client

    def tell(self, notice: str) -> None:
        """Pass a notice of one line on to the user."""
        if self._notify is not None:
            self._notify(presentable(notice, self.endpoint.api_key))

    async def offered(self, error: ServerRefused, request: SpeechRequest) -> Sequence[str]:
        """Return the names that would have been right instead of the one refused."""
        if isinstance(error, VoiceNotFound):
            return [voice.id for voice in await self.voices(request.model)]
        # The list of voices names the models that speak; not every server has
        # it, and its list of models may hold a hundred that do not.
        with suppress(StreamPlayError):
            names = [voice.model for voice in await self.voices() if voice.model]
            if names:
                return names
        return await self.models()

    async def send_speech(
        self, request: SpeechRequest, shape: Shape, moments: Moments, connected: Callable[[], None]
    ) -> Exchange:
        """Send a request for speech; return with the answer's headers."""
        return await self._transport.send(
            "POST",
            PATH,
            moments,
            headers=headers_of(self.endpoint.api_key, stream=bool(request.stream)),
            content=content_of(shape.body(request)),
            connected=connected,
        )

    async def _get(self, path: str, query: Mapping[str, str]) -> Any:
        """Return the JSON that is served under `path`."""
        self.endpoint.require_key()
        patience = Timeouts(self.limits.deadline)
        patience.start()
        async with patience.wait("connect", self.limits.connect):
            exchange = await self._transport.send(
                "GET",
                path,
                Moments(0.0),
                headers={"Accept": "application/json"} | authorization(self.endpoint.api_key),
                query=query,
                connected=lambda: patience.expect("first byte", self.limits.first_byte),
            )
        async with aclosing(
            Body(exchange, patience, self.limits.first_byte, bound=_LIST_BYTES)
        ) as body:
            return await self._read_list(body)

    async def _read_list(self, body: Body) -> Any:
        await body.first()
        if not 200 <= body.exchange.status < 300:
            error, _ = await read_refusal(body, self.endpoint)
            raise error
        check_coding(body.exchange.headers.get("content-encoding", ""), self.endpoint.api_key)
        try:
            return json.loads(await body.whole())
        except (ValueError, RecursionError):
            raise UnexpectedContent(
                "the server's list is no JSON", remedy="Look at the base URL"
            ) from None


def _shape(told: Api | None, known: Api | None) -> Shape:
    if told is None:
        return Shape(known or "together", settled=known is not None)
    check_option("api", told)
    return Shape(told, settled=True)
