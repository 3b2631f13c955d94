"""One server's speech API, as the player and the benchmark use it: `SpeechClient` is its face."""

from __future__ import annotations

import copy
import json
import os
import re
import time
from contextlib import aclosing, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from streamplay.errors import (
    ServerRefused,
    StreamPlayError,
    UnexpectedContent,
    VoiceNotFound,
)
from streamplay.models import Voice, read_models, read_voices
from streamplay.network import request_shapes
from streamplay.network.answer_audio import without_key
from streamplay.network.body import Body, Moments
from streamplay.network.endpoint import find_endpoint
from streamplay.network.failures import check_coding, read_refusal
from streamplay.network.message import PATH, authorization, content_of, headers_of, host_of
from streamplay.network.request_shapes import ShapeChoice
from streamplay.network.response import SpeechResponse
from streamplay.network.timeouts import Timeouts, limits_of
from streamplay.network.transport import HttpTransport
from streamplay.notices import Notices
from streamplay.presentable import conceal, presentable
from streamplay.rules.checks import check_option

T = TypeVar("T")

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from types import TracebackType
    from typing import Self

    from streamplay.network.body import Exchange
    from streamplay.network.endpoint import Endpoint
    from streamplay.network.timeouts import Limits
    from streamplay.network.transport import Transport
    from streamplay.request import Api, SpeechRequest

# A list of voices: some hundred kilobytes at most.
_LIST_BYTES: Final = 4 << 20

# Where servers list their voices: Together's place first, then that of OpenAI's imitators.
_VOICES: Final = ("/voices", "/audio/voices")
_MODELS: Final = ("/models", "/audio/models")

_SAME_PLACE: Final = re.compile(
    r"(?:https?://(?P<host>\[[^\]]*\]|[^/?#:@\[]*)(?::\d+)?)?(?P<path>/[^?#]*)", re.IGNORECASE
)

_MEANT: Final = (401, 402, 403, 429)
"""Refusals that another path would not change."""


class SpeechApi:
    """A server's speech API. To be used in one event loop.

    Parameters
    ----------
    base_url, api_key, api_key_env, insecure_http, api, timeout, deadline, notify
        As `streamplay.SpeechClient` has them.
    retries : bool
        Whether a request that failed is made again; a kept connection that turns out to be
        closed is replaced in any case, and so is a shape that the server refuses.
    clock : callable
        Seconds, monotonic: what the responses' `moments` are counted in.
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
        if api is not None:
            check_option("api", api)
        self.endpoint = find_endpoint(
            os.environ,
            base_url=base_url,
            api_key=api_key,
            api_key_env=api_key_env,
            insecure_http=insecure_http,
        )
        self.limits = limits_of(timeout, deadline)
        self.clock = clock
        self.retries = retries
        self.learned = request_shapes.PROCESS.of(self.endpoint.base_url)
        self._api = api
        self._notify = Notices(notify)
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

    def beside(self) -> SpeechApi:
        """Return one of the same server with connections of its own.

        It knows what this one has learned, and reads no certificates again where this one has.
        """
        other = copy.copy(self)
        vars(other).update(_transport=self._transport.beside())
        return other

    def open(
        self,
        request: SpeechRequest,
        limits: Limits | None = None,
        others: Callable[[], Awaitable[bool]] | None = None,
    ) -> SpeechResponse:
        """Return the response to `request`, to be entered with ``async with``.

        Parameters
        ----------
        request : SpeechRequest
            What is asked for.
        limits : Limits, optional
            The time limits of this one, in place of the client's.
        others : callable, optional
            Waits until another request of ours has ended, and tells whether there was one: where
            the server is too busy for this one, it is made again then.

        Raises
        ------
        InvalidRequest
            If there is no key for a host that asks for one.
        """
        self.endpoint.require_key()
        return SpeechResponse(self, request, self._transport.begin(), limits, others)

    def choice(self, request: SpeechRequest) -> ShapeChoice:
        """Return the shapes that `request` may have."""
        apis: tuple[Api, ...] = ("together", "openai")
        if self._api is not None:
            apis = (self._api,)
        elif self.endpoint.api is not None:
            apis = (self.endpoint.api,)
        return ShapeChoice(
            self.learned, apis, request, official=self.endpoint.api in apis and len(apis) == 1
        )

    async def warm(self) -> bool:
        """Open a connection ahead of the first request; return whether there is one. Never raises.

        Nothing is sent on it, so that no answer to a warm-up can be in a request's way.
        """
        with suppress(StreamPlayError):
            with Timeouts().wait("connect", self.limits.connect):
                await self._transport.connect()
            return True
        return False

    def tell(self, notice: str) -> None:
        """Pass a notice of one line on to the user."""
        self._notify(presentable(notice, self.endpoint.api_key))

    async def send_speech(
        self, choice: ShapeChoice, moments: Moments, connected: Callable[[], None], *, stream: bool
    ) -> Exchange:
        """Send a request for speech in its present shape; return with the answer's headers."""
        send = partial(
            self._transport.send,
            "POST",
            moments=moments,
            headers=headers_of(self.endpoint.api_key, stream=stream),
            content=content_of(choice.body()),
            connected=connected,
        )
        exchange = await send(PATH + self.learned.slash)
        if not self.learned.slash and self._wants_slash(exchange):
            await exchange.aclose()
            self.learned.slash = "/"
            moments.resent += 1
            return await send(PATH + self.learned.slash)
        return exchange

    def _wants_slash(self, exchange: Exchange) -> bool:
        """Tell whether a redirect only adds a slash, as FastAPI's do. No other one is followed."""
        found = _SAME_PLACE.fullmatch(exchange.headers.get("location", ""))
        if exchange.status not in (307, 308) or found is None:
            return False
        host = found["host"]
        ours = host is None or host.lower() == host_of(self.endpoint.host, None)
        return ours and found["path"] == f"{self.endpoint.path}{PATH}/"

    # Lists

    async def voices(self, model: str | None = None) -> list[Voice]:
        """Return the voices that the server offers, for one model or for all.

        Raises
        ------
        StreamPlayError
            What the first place said, where no place lists voices.
        """
        query = {"model": model} if model else {}
        return await self._listed(_VOICES, query, lambda answer: read_voices(answer, model))

    async def models(self) -> list[str]:
        """Return the names of the models that the server offers.

        Raises
        ------
        StreamPlayError
            What the first place said, where no place lists models.
        """
        return await self._listed(_MODELS, {}, read_models)

    async def _listed(
        self, paths: Sequence[str], query: Mapping[str, str], read: Callable[[Any], list[T]]
    ) -> list[T]:
        """Return the first list that has anything in it."""
        first: StreamPlayError | None = None
        empty = False
        for path in paths:
            try:
                listed = read(self._without_key(await self._get(path, query)))
            except (ServerRefused, UnexpectedContent) as error:
                if isinstance(error, ServerRefused) and error.status in _MEANT:
                    raise
                first = first or error
            else:
                if listed:
                    return listed
                empty = True
        if first is None or empty:
            return []
        raise first

    def _without_key(self, answer: Any) -> Any:
        """Return a list without the key: some servers echo it as a name."""
        if isinstance(answer, str):
            return conceal(answer, self.endpoint.api_key)
        if isinstance(answer, list):
            return [self._without_key(each) for each in answer]
        if isinstance(answer, dict):
            return {name: self._without_key(each) for name, each in answer.items()}
        return answer

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

    async def _get(self, path: str, query: Mapping[str, str]) -> Any:
        """Return the JSON that is served under `path`."""
        self.endpoint.require_key()
        try:
            return await self._get_json(path, query)
        except StreamPlayError as error:
            raise without_key(error, self.endpoint.api_key) from error.__cause__

    async def _get_json(self, path: str, query: Mapping[str, str]) -> Any:
        patience = Timeouts(self.limits.deadline)
        patience.start()
        with patience.wait("connect", self.limits.connect):
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
        with body.patience.wait("first byte", self.limits.first_byte):
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
