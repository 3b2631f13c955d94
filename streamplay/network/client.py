"""The library's client of one server's speech API: a request → frames, without any sound."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from streamplay.network.api import SpeechApi
from streamplay.stream.wire import Words

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from types import TracebackType
    from typing import Self

    from streamplay.audio import Frames
    from streamplay.models import Voice
    from streamplay.network.response import SpeechResponse
    from streamplay.request import Api, SpeechRequest


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
        Whether a request that failed is made again.

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
    ) -> None:
        self._api = SpeechApi(
            base_url=base_url,
            api_key=api_key,
            api_key_env=api_key_env,
            insecure_http=insecure_http,
            api=api,
            timeout=timeout,
            deadline=deadline,
            notify=notify,
            retries=retries,
        )

    @property
    def base_url(self) -> str:
        """The server's base URL."""
        return self._api.endpoint.base_url

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.base_url!r})"

    async def __aenter__(self) -> Self:
        await self._api.__aenter__()
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
        await self._api.aclose()

    def open(self, request: SpeechRequest) -> SpeechResponse:
        """Return the response to `request`, to be entered with ``async with``.

        It tells more than `stream`: word times, moments, attempts.

        Raises
        ------
        InvalidRequest
            If there is no key for a host that asks for one.
        """
        return self._api.open(request)

    async def stream(self, request: SpeechRequest) -> AsyncGenerator[Frames, None]:
        """Yield the speech as frames, ``float32 (n, channels)``, as they arrive.

        A caller that leaves the loop early closes the generator, best through
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
        """Return the voices that the server offers, for one model or for all.

        Asked for at ``/voices``, then at ``/audio/voices``.
        """
        return await self._api.voices(model)

    async def models(self) -> list[str]:
        """Return the names of the models that the server offers."""
        return await self._api.models()
