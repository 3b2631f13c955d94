"""A speech server that knows when it did what: ground truth for the benchmark.

Plain asyncio, in a process of its own (``python -m benchmarks.truth_server``): it prints its base
URL and ends when its standard input closes. Delays are drawn from known distributions; every write
is noted by ``time.perf_counter``, which on Linux is one clock for all processes. ``GET /v1/log``
returns the notes, by the text of the request. With ``tls`` it has the tests' own certificate: set
``SSL_CERT_FILE`` to trust it.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import random
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

RATE = 24000

CERTIFICATE = Path(__file__).parent.parent / "tests" / "data" / "localhost.pem"


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """What the server does; times in seconds, drawn anew for each request."""

    headers: float = 0.02
    first_byte: float = 0.05  # after the headers: so much at least ...
    spread: float = 0.03  # ... and an exponential more
    chunk: float = 0.1
    chunks: int = 10
    pace: float = 2.0  # times real time
    stall_share: float = 0.2  # of the chunks after the first
    stall: float = 0.15
    silence: float = 0.1
    error_share: float = 0.0
    freeze_at: float = 0.0  # after the first request
    freeze_for: float = 0.0
    tls: bool = False
    raw: bool = False  # plain bytes in place of events
    seed: int = 1


@dataclass
class Note:
    """What was done to one request, and when.

    `accepted` and `secured` are of the connection that it came by: the first one only.
    """

    received: float
    accepted: float | None = None
    secured: float | None = None
    read: float = 0.0
    headers: float = 0.0
    writes: list[tuple[float, int]] = field(default_factory=list)
    voice_frame: int = 0
    ended: float = 0.0
    status: int = 200


class _Listener(socket.socket):
    """Notes when each connection was accepted: with TLS asyncio tells only when it is agreed."""

    accepted: dict[Any, float]

    def accept(self) -> tuple[socket.socket, Any]:
        connection, address = super().accept()
        self.accepted[address] = time.perf_counter()
        return connection, address


class Server:
    """Answers requests as a `Behaviour` says, and notes when it did what."""

    def __init__(self, behaviour: Behaviour, accepted: dict[Any, float]) -> None:
        self.behaviour = behaviour
        self._accepted = accepted
        self.notes: dict[str, Note] = {}
        self._first: float | None = None
        frames = round(behaviour.chunk * RATE)
        tone = 8000 * np.sin(np.arange(frames) * (2 * np.pi * 440 / RATE))
        self._loud = tone.astype("<i2").tobytes()
        self._quiet = bytes(2 * frames)
        self._events: dict[int, bytes] = {}

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        secured: float | None = time.perf_counter()
        accepted = self._accepted.pop(writer.get_extra_info("peername"), None)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                note = Note(time.perf_counter(), accepted, secured)
                await self._answer(head, note, reader, writer)
                accepted = secured = None
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(
        self,
        head: bytes,
        note: Note,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        headers = dict(
            line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:] if ": " in line
        )
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        note.read = time.perf_counter()
        if head.startswith(b"GET"):
            data = json.dumps({text: asdict(note) for text, note in self.notes.items()}).encode()
            _whole(writer, 200, data)
            return
        await self._speak(json.loads(body)["input"], note, writer)

    async def _speak(self, text: str, note: Note, writer: asyncio.StreamWriter) -> None:
        wanted, dice = self.behaviour, random.Random(f"{self.behaviour.seed} {text}")
        self.notes[text] = note
        if dice.random() < wanted.error_share:
            note.status = 503
            _whole(writer, 503, b'{"error": {"message": "drawn"}}')
            note.ended = time.perf_counter()
            return
        await self._until(note.received + wanted.headers)
        kind = "audio/pcm" if wanted.raw else "text/event-stream"
        head = ["HTTP/1.1 200 OK", f"content-type: {kind}", "transfer-encoding: chunked"]
        # Noted before it is written: the client may run before `write` returns.
        note.headers = time.perf_counter()
        writer.write("\r\n".join([*head, "", ""]).encode())
        due = note.headers + wanted.first_byte + dice.expovariate(1 / wanted.spread)
        silent = round(wanted.silence * RATE)
        note.voice_frame = silent
        frames = round(wanted.chunk * RATE)
        for number in range(wanted.chunks):
            if number:
                stalls = dice.random() < wanted.stall_share
                due += wanted.chunk / wanted.pace + (wanted.stall if stalls else 0.0)
            await self._until(due)
            quiet = min(frames, max(0, silent - number * frames))
            event = self._event(quiet)
            note.writes.append((time.perf_counter(), frames))
            writer.write(event)
        note.ended = time.perf_counter()
        writer.write((b"" if wanted.raw else _chunk(b"data: [DONE]\n\n")) + b"0\r\n\r\n")

    def _event(self, quiet: int) -> bytes:
        """Return a piece of audio that begins with so many frames of silence."""
        if quiet not in self._events:
            audio = self._quiet[: 2 * quiet] + self._loud[2 * quiet :]
            delta = base64.b64encode(audio).decode()
            event = {"type": "conversation.item.audio_output.delta", "delta": delta}
            data = audio if self.behaviour.raw else f"data: {json.dumps(event)}\n\n".encode()
            self._events[quiet] = _chunk(data)
        return self._events[quiet]

    async def _until(self, due: float) -> None:
        """Wait for `due`, and for the end of the freeze that it falls into."""
        wanted = self.behaviour
        self._first = self._first or time.perf_counter()
        begin = self._first + wanted.freeze_at
        if wanted.freeze_for and begin <= due < begin + wanted.freeze_for:
            due = begin + wanted.freeze_for
        await asyncio.sleep(max(0.0, due - time.perf_counter()))


def waits_for_a_freeze(
    requests: int, rate: float, begun: float, notes: dict[str, Note], still: dict[str, float]
) -> list[float]:
    """How long each of so many requests waits, evenly spaced from `begun` on, by the schedule.

    The server stands still so long after the first of them has come.
    """
    freeze_at = min(note.read for note in notes.values()) - begun + still["freeze_at"]
    thawed = freeze_at + still["freeze_for"]
    due = [number / rate for number in range(requests)]
    return [max(0.0, thawed - at) if at >= freeze_at else 0.0 for at in due]


def _whole(writer: asyncio.StreamWriter, status: int, body: bytes) -> None:
    head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n"
    writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


class Truth:
    """The server as a child process, while this is entered."""

    def __init__(self, **behaviour: Any) -> None:
        self._wanted = asdict(Behaviour(**behaviour))

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "benchmarks.truth_server", json.dumps(self._wanted)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.base_url = self._process.stdout.readline().strip()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def notes(self) -> dict[str, Note]:
        """Return what the server did, by the text of the request."""
        trust = ssl.create_default_context(cafile=CERTIFICATE)
        with urllib.request.urlopen(f"{self.base_url}/log", context=trust) as answer:
            return {text: Note(**values) for text, values in json.load(answer).items()}


async def _serve(behaviour: Behaviour) -> None:
    # Told the protocol, asyncio sends at once, without waiting for the peer to acknowledge.
    listener = _Listener(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.accepted = {}
    listener.bind(("127.0.0.1", 0))
    trust = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if behaviour.tls else None
    if trust:
        trust.load_cert_chain(CERTIFICATE)
    serve = Server(behaviour, listener.accepted).connected
    # The server has to be kept: it closes with its last reference.
    server = await asyncio.start_server(serve, sock=listener, backlog=4096, ssl=trust)
    scheme = "https" if trust else "http"
    print(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/v1", flush=True)
    over, loop = asyncio.Event(), asyncio.get_running_loop()

    def watch() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(over.set)

    threading.Thread(target=watch, daemon=True).start()
    await over.wait()
    server.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("behaviour", nargs="?", default="{}")
    asyncio.run(_serve(Behaviour(**json.loads(parser.parse_args().behaviour))))
