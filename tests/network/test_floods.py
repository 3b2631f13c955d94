"""A peer that sends without a pause keeps neither deadlines nor Ctrl-C from being seen."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from streamplay.errors import StreamPlayError, TimedOut
from streamplay.network.api import SpeechApi
from streamplay.request import SpeechRequest
from tests.support.rawserver import chunk, delta, event, head

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

NO_WORDS: dict[str, list[str]] = {"words": [], "start_seconds": [], "end_seconds": []}
EVENTS = head(200, {"Content-Type": "text/event-stream"})
CHUNKED = head(200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"})

# What begins the answer, and what then comes for ever.
FLOODS = {
    "100 Continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "comments": (EVENTS, b":\n"),
    "blank lines": (EVENTS, b"\n"),
    "tiny chunks": (CHUNKED, chunk(b":") + chunk(b"\n")),
    "ignored events": (EVENTS, event({"type": "other"})),
    "empty deltas": (EVENTS, delta(b"")),
    "words": (EVENTS, event({"type": "conversation.item.word_timestamps", **NO_WORDS})),
    "one-frame events": (EVENTS, delta(b"\x01\x02")),
    "comments after audio": (EVENTS + delta(b"\x01\x02" * 999), b":\n"),
}


@contextlib.contextmanager
def flooding(kind: str, tls: ssl.SSLContext | None = None) -> Iterator[tuple[str, threading.Event]]:
    """Serve a flood; yield the base URL, and what is set once it is on its way."""
    start, again = FLOODS[kind]
    flowing = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        data = again * (100_000 // len(again))
        with contextlib.suppress(OSError):
            while True:
                plain, _ = listener.accept()
                with contextlib.suppress(OSError), plain:
                    served = tls.wrap_socket(plain, server_side=True) if tls else plain
                    with served as connection:
                        connection.recv(65536)
                        connection.sendall(start)
                        for _ in range(100_000):
                            connection.sendall(data)
                            flowing.set()

    threading.Thread(target=serve, daemon=True).start()
    try:
        scheme = "https" if tls else "http"
        yield f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/v1", flowing
    finally:
        listener.close()


@pytest.mark.parametrize("kind", FLOODS)
def test_the_deadline_ends_a_flood(kind: str) -> None:
    async def hear(base_url: str) -> StreamPlayError | None:
        request = SpeechRequest(input="Hello", model="someone/else", voice="v")
        async with SpeechApi(base_url=base_url, deadline=0.3, retries=False) as client:
            try:
                async with client.open(request) as response:
                    async for _ in response.chunks():
                        pass
            except StreamPlayError as error:
                return error
        return None

    with flooding(kind) as (base_url, _):
        error = asyncio.run(hear(base_url))
    assert isinstance(error, TimedOut)
    assert error.waiting_for == "deadline"


@pytest.mark.parametrize("kind", ["100 Continue", "comments", "one-frame events"])
def test_control_c_ends_a_flood_at_once(kind: str) -> None:
    """Of a request that was sent early, whose answer is read from the same socket."""
    with flooding(kind) as (base_url, flowing):
        words = ["say", "--no-play", "-m", "m", "-v", "v", "Hello.", "--base-url", base_url]
        run = subprocess.Popen(
            [sys.executable, "-m", "streamplay", *words], stderr=subprocess.PIPE, text=True
        )
        flowing.wait()
        run.send_signal(signal.SIGINT)
        _, told = run.communicate()
    assert run.returncode in (130, -signal.SIGINT), told
