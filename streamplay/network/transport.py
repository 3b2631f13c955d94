"""HTTP: one request → its answer, every failure a typed error. The only room that knows httpx.

httpx is imported where it is first used, so that ``import streamplay`` stays
quick. Its errors are mapped where they enter, and none leaves this room.
"""

from __future__ import annotations

import os
import socket
import ssl
import sys
from contextlib import aclosing
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, cast

from streamplay.errors import ConnectFailed
from streamplay.network.connection import whom_to_trust
from streamplay.network.failures import lost, misframed, no_http, unanswered
from streamplay.network.message import ALWAYS
from streamplay.presentable import presentable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping
    from types import ModuleType

    import httpx

    from streamplay.errors import NetworkFailed, UnexpectedContent
    from streamplay.network.body import Exchange, Moments
    from streamplay.network.early import EarlyRequest
    from streamplay.network.endpoint import Endpoint

# A conversation pauses for minutes; httpx would drop the connection after 5 s.
# What the server closes sooner is noticed, and asked for again at once.
_KEEP_ALIVE_SECONDS: Final = 300.0

# What httpx reads from the environment and raises on when it is broken.
_ENVIRONMENT: Final = (
    *("ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"),
    *("NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"),
)


class Transport:
    """Connections to one server, in one event loop.

    Parameters
    ----------
    endpoint : Endpoint
        The server.
    clock : callable
        What the moments are counted in.
    trust : ssl.SSLContext, optional
        Whom to trust, where that was read before.
    early : EarlyRequest, optional
        A request that has left already: the first one that is to be sent.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        clock: Callable[[], float],
        trust: ssl.SSLContext | None = None,
        *,
        early: EarlyRequest | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._trusted = trust
        self._early = early
        self._http: httpx.AsyncClient | None = None

    def beside(self) -> Transport:
        """Return one to the same server, with connections of its own and the same trust."""
        return Transport(self._endpoint, self._clock, self._trusted)

    async def aclose(self) -> None:
        """Close every connection. A later request opens new ones."""
        http, self._http = self._http, None
        if http is not None:
            await http.aclose()

    async def send(
        self,
        method: str,
        path: str,
        moments: Moments,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        query: Mapping[str, str] | None = None,
        connected: Callable[[], None] = lambda: None,
    ) -> Exchange:
        """Send one request; return with the answer's headers.

        Parameters
        ----------
        method, path, headers, content, query
            The request; `path` follows the base URL.
        moments : Moments
            Where to note what happened when.
        connected : callable
            Called when there is a connection and the request begins to leave.

        Raises
        ------
        ConnectFailed
            If there is no connection, or the environment's settings are broken.
        ConnectionLost
            If it broke before the answer.
        UnexpectedContent
            If the answer is no HTTP.
        """
        early, self._early = self._early, None
        if early is not None and early.content == content:
            from streamplay.network.early_response import answer_to

            where = self._endpoint.base_url
            answer = await answer_to(early, where, moments, self._clock, connected)
            if answer is not None:
                return answer
        http = self.ready()
        import httpx

        async def trace(name: str, info: Mapping[str, Any]) -> None:
            _note(name, moments, self._clock, connected)
            if name.endswith(".connect_tcp.complete"):
                _keep_alive(info["return_value"].get_extra_info("socket"))

        request = http.build_request(
            method,
            self._endpoint.base_url + path,
            headers=headers,
            content=content,
            params=query or None,
            extensions={"trace": trace},
        )
        try:
            return Answer(await http.send(request, stream=True))
        except (httpx.HTTPError, OSError) as error:
            raise self._unanswered(error) from _root(error)

    def ready(self) -> httpx.AsyncClient:
        """Import and make what sends; done by the first request where not before."""
        if self._http is None:
            _leave_out_command_line()
            import httpx

            try:
                self._http = self._make()
            except (httpx.InvalidURL, ValueError, ImportError, OSError) as error:
                raise _broken_environment(error) from None
        return self._http

    def _make(self) -> httpx.AsyncClient:
        import httpx

        return httpx.AsyncClient(
            headers=ALWAYS,
            # Time limits are Timeouts's.
            timeout=httpx.Timeout(None),
            # The key stays with its host.
            follow_redirects=False,
            # A pool that queues would hide the queueing from whoever measures.
            limits=httpx.Limits(max_connections=None, keepalive_expiry=_KEEP_ALIVE_SECONDS),
            # This machine is reached directly, past any proxy.
            trust_env=not self._endpoint.loopback,
            verify=self._trust(),
        )

    def _trust(self) -> ssl.SSLContext:
        """Return whom to trust."""
        if self._trusted is None:
            self._trusted = (
                whom_to_trust()
                if self._endpoint.secure
                # Without TLS no certificates are loaded (30 ms): this context trusts none.
                else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            )
        return self._trusted

    def _unanswered(self, error: Exception) -> NetworkFailed | UnexpectedContent:
        """Map what httpx raises before there is an answer."""
        import httpx

        where = self._endpoint.base_url
        if isinstance(error, httpx.ConnectError | httpx.ProxyError):
            return _not_connected(error, where, self._endpoint.api_key)
        if isinstance(error, httpx.RemoteProtocolError) and "disconnected" not in str(error):
            return no_http(where)
        return unanswered(where)


def _leave_out_command_line() -> None:
    """Let `import httpx` do without httpx's own command line.

    Where click and rich are installed it is imported too, and takes half as long
    again as all the rest (measured: 35 to 80 ms of 115 to 210). httpx does without
    it where its import fails, and so it fails, once.
    """
    if "httpx" in sys.modules:
        return
    modules = cast("dict[str, ModuleType | None]", sys.modules)
    modules["httpx._main"] = None
    try:
        import_module("httpx")
    finally:
        modules.pop("httpx._main", None)


class Answer:
    """One request that was sent, and its answer."""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self._response = response

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
        import httpx

        try:
            async with aclosing(
                cast("AsyncGenerator[bytes, None]", self._response.aiter_raw())
            ) as raw:
                async for piece in raw:
                    yield piece
        except httpx.RemoteProtocolError as error:
            raise misframed(ended="peer closed" in str(error)) from None
        except (httpx.HTTPError, OSError) as error:
            raise lost() from _root(error)

    async def aclose(self) -> None:
        """Let go of the connection."""
        await self._response.aclose()


def _note(
    name: str, moments: Moments, clock: Callable[[], float], connected: Callable[[], None]
) -> None:
    """Note a moment that httpcore's trace extension tells.

    The names begin with the layer's: ``connection.``, ``proxy.``, ``http11.``.
    Through a proxy there are two of some; the last is the request's own.
    """
    event = name.partition(".")[2]
    if event == "connect_tcp.complete":
        moments.tcp = moments.connected = clock()
    elif event == "start_tls.complete":
        moments.connected = clock()
    elif event == "send_request_headers.started":
        connected()
    elif event == "send_request_body.complete":
        moments.sent = clock()
        moments.on_sent()
    elif event == "receive_response_headers.complete":
        moments.headers = clock()


def _keep_alive(connection: socket.socket) -> None:
    """Let the kernel ask, after half a minute of silence, whether the other side is there.

    A conversation pauses for minutes, and boxes in between forget connections
    meanwhile, some without a word: the next request would wait in vain for its
    first byte. So they see traffic, or the connection is known to be lost.
    """
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):  # macOS calls them otherwise
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _not_connected(error: Exception, where: str, secret: str | None) -> ConnectFailed:
    root = _root(error)
    if isinstance(root, ConnectionRefusedError):
        return ConnectFailed(f"{where} refuses the connection", remedy="Is the server running?")
    if isinstance(root, ssl.SSLError):
        reason = getattr(root, "verify_message", "") or root.reason or "TLS failed"
        remedy = "For a certificate of your own, name it in SSL_CERT_FILE"
        return ConnectFailed(f"no secure connection to {where}: {reason}", remedy=remedy)
    reason = (root.strerror if isinstance(root, OSError) else "") or str(error) or "no connection"
    return ConnectFailed(
        f"cannot connect to {where}: {presentable(reason, secret)}",
        remedy="Check the base URL and the network",
    )


def _root(error: BaseException) -> BaseException | None:
    """Return the operating system's error that `error` came from.

    Only that is kept as the cause: httpx's own words may repeat the server's.
    """
    if isinstance(error, BaseExceptionGroup):
        # One for each address of the host. That one refused says most: there
        # is a machine, and it could have answered.
        roots = [_root(each) for each in error.exceptions]
        return next((root for root in roots if isinstance(root, ConnectionError)), roots[0])
    deeper = error.__cause__ or error.__context__
    found = _root(deeper) if deeper is not None else None
    if found is None and isinstance(error, OSError):
        return error
    return found


def _broken_environment(error: Exception) -> ConnectFailed:
    """Name the variables that may be at fault; their values may hold passwords."""
    names = [name for name in _ENVIRONMENT if os.environ.get(name)]
    socks = (
        "; for a SOCKS proxy: pip install 'httpx[socks]'" if isinstance(error, ImportError) else ""
    )
    return ConnectFailed(
        f"the HTTP client cannot be set up ({type(error).__name__})",
        remedy=f"Check the environment: {', '.join(names) or 'the proxy settings'}{socks}",
    )
