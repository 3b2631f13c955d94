"""The first request of a command, sent before the modules that read its answer are imported.

asyncio, numpy and the audio modules take some 150 ms to import; a server that needs 300 ms for its
first byte can start meanwhile. So ``say`` sends its one request from here, over a plain socket, on
its own thread; `early_response` then has the event loop read the answer from that socket.

Where a proxy stands between, or anything is wrong with a field, nothing is sent from here:
`HttpTransport` sends the request, or says why it cannot. The same holds where no connection could
be made. A request that *was* sent early counts as the first attempt, and is never sent a second
time from here.
"""

from __future__ import annotations

import os
import sys
import threading
import time

from streamplay.errors import StreamPlayError
from streamplay.network.connection import Connection, trust_context
from streamplay.network.endpoint import find_endpoint
from streamplay.network.message import PATH, content_of, headers_of, host_of, target_of, whole
from streamplay.rules.checks import check_options
from streamplay.rules.fields import LONGEST, body_of, may_be_events, request_fields, settled

TYPE_CHECKING = False  # as in streamplay.rules.families
if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping
    from typing import Any, Final

    from streamplay.network.endpoint import Endpoint

HEAD_START_SECONDS: Final = 0.03
"""How long `send_early` waits for the request to leave: enough for a server nearby. For a server
that is farther away, the imports go on meanwhile."""


class EarlyRequest:
    """A request that its own thread sends.

    Parameters
    ----------
    address : str and int
        The server.
    data : bytes
        The whole request.
    content : bytes
        Its body.
    secure : bool
        Whether to speak TLS.
    clock : callable
        Seconds: what the moments are counted in, the player's own.

    Attributes
    ----------
    begun, tcp, connected, sent : float or None
        Times, as in `streamplay.network.body.Moments`. It begins with `leave`.
    leaving : bool
        Whether any of it may have arrived. Then no other code may send it.
    line : Connection or None
        The connection.
    """

    def __init__(
        self,
        address: tuple[str, int],
        data: bytes,
        content: bytes,
        *,
        secure: bool,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.content = content
        self.begun = clock()
        self.tcp: float | None = None
        self.connected: float | None = None
        self.sent: float | None = None
        self.leaving = False
        self.line: Connection | None = None
        self._address = address
        self._data = data
        self._secure = secure
        self._clock = clock
        self._closed = False
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._trusted = threading.Event()
        self._context: ssl.SSLContext | None = None
        self._tell: Callable[[], None] | None = None

    @property
    def ended(self) -> bool:
        """Whether it has been sent, or will not be."""
        return self._ended.is_set()

    def leave(self, patience: float) -> None:
        """Begin to send it; return when it has been sent, or after `patience` seconds."""
        self.begun = self._clock()
        threading.Thread(target=self._run, name="streamplay early", daemon=True).start()
        if self._secure:
            self._trust()  # on this thread: certificates take 30 ms to load
        self._ended.wait(patience)

    def when_ended(self, tell: Callable[[], None]) -> None:
        """Call `tell` once it has been sent or given up: at once, or later on its thread."""
        with self._lock:
            if not self.ended:
                self._tell = tell
                return
        tell()

    def hand_over(self) -> Connection | None:
        """Return the connection, which is the caller's to close from now on.

        None: nothing of the request was sent.
        """
        with self._lock:
            line, self.line = self.line, None
            return line if self.leaving else None

    def close(self) -> None:
        """Give up sending, and close the connection; idempotent."""
        with self._lock:
            self._closed = True
            if self.line is not None:
                self.line.close()

    def _run(self) -> None:
        try:
            self._connect()
            self._send()
        except (OSError, ValueError):  # TLS's errors are OSErrors; no host has such a name
            if not self.leaving:
                self.close()
        finally:
            with self._lock:
                self._ended.set()
                tell = self._tell
            if tell is not None:
                tell()

    def _connect(self) -> None:
        line = Connection(self._address)
        with self._lock:
            self.line = line
        self.tcp = self.connected = self._clock()
        if self._secure:
            self._trusted.wait()
            if self._context is None:
                raise OSError("no certificates can be read")
            line.secure(self._context, self._address[0])
            self.connected = self._clock()

    def _send(self) -> None:
        with self._lock:
            if self._closed or self.line is None:
                raise OSError("it was given up")
            self.leaving = True
        self.line.socket.settimeout(None)
        self.line.send(self._data)
        self.sent = self._clock()

    def _trust(self) -> None:
        try:
            self._context = trust_context()
            self._context.set_alpn_protocols(["http/1.1"])
        except (OSError, ImportError):
            self._context = None
        finally:
            self._trusted.set()


def leave_early(asked: Mapping[str, Any], text: str) -> EarlyRequest | None:
    """Send the request for `text`, where that can be done early.

    Parameters
    ----------
    asked, text
        See `early_request`.

    Returns
    -------
    EarlyRequest or None
        What is on its way; None: nothing is, and nothing was begun.
    """
    request = early_request(asked, text)
    if request is not None:
        send_early(request)
    return request


def send_early(request: EarlyRequest) -> None:
    """Begin to send a request; wait a moment for it to leave, so that imports do not delay it."""
    request.leave(HEAD_START_SECONDS)


def early_request(asked: Mapping[str, Any], text: str) -> EarlyRequest | None:
    """Return the request for `text`, to be sent by `send_early`; None where it cannot be early.

    Parameters
    ----------
    asked : mapping
        Options of a `streamplay.Player`, those that were given.
    text : str
        What to say.
    """
    if asked.get("clean") or not any(map(str.isalnum, text)):
        return None  # another text is asked for, or none
    try:
        return _request(asked, text.strip())
    except StreamPlayError:
        return None  # the ordinary way tells what is wrong


def _request(asked: Mapping[str, Any], text: str) -> EarlyRequest | None:
    check_options(asked)
    names = ("base_url", "api_key", "api_key_env", "insecure_http")
    given = {name: asked[name] for name in names if name in asked}
    endpoint = find_endpoint(os.environ, **given)
    endpoint.require_key()
    fields = settled({**request_fields(asked, text), "strict": endpoint.together})
    if endpoint.together:
        fields["speed"] = None  # as in `streamplay.speech_servers`
    if asked.get("local") or len(text) > LONGEST or not _is_direct(endpoint):
        return None
    api = asked.get("api") or endpoint.api or "together"
    if asked.get("remember") and endpoint.api is None:
        return None  # the file may know another shape
    content = content_of(body_of(fields, api, official=endpoint.api == api))
    # As in `HttpTransport.send`, byte for byte.
    host = host_of(endpoint.host, endpoint.named_port)
    headers = headers_of(endpoint.api_key, stream=may_be_events(fields))
    data = whole("POST", target_of(endpoint.path + PATH), host, headers, content)
    return EarlyRequest((endpoint.host, endpoint.port), data, content, secure=endpoint.secure)


def _is_direct(endpoint: Endpoint) -> bool:
    """Whether it is reached past any proxy. Elsewhere than on Linux the system may name one."""
    if endpoint.loopback:
        return True
    if sys.platform != "linux":
        return False
    if not any(value and name.lower().endswith("_proxy") for name, value in os.environ.items()):
        return True
    from streamplay.network.proxies import BrokenProxyError, proxy_for, proxy_settings  # 10 ms

    try:
        return proxy_for(endpoint, proxy_settings(os.environ)) is None
    except BrokenProxyError:
        return False
