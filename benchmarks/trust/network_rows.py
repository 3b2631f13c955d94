"""Rows of the network: faults over sockets, a bad network, vanished hosts, cancels, floods."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from unittest.mock import patch

from benchmarks.trust.row import ROOT, NotHere, Run, row
from streamplay.errors import StreamPlayError, TimedOut
from streamplay.network.api import SpeechApi
from streamplay.request import SpeechRequest
from streamplay.stream.wire import Words, reader_for
from tests.network.test_floods import CHUNKED, FLOODS, flooding
from tests.network.test_floods import EVENTS as EVENTS_HEAD
from tests.support.rawserver import DONE, chunked, delta, replies, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.support.rawserver import RawServer

CERTIFICATE: Final = ROOT / "tests" / "data" / "localhost.pem"
REQUEST: Final = SpeechRequest(input="Hello", model="someone/else", voice="v")
AUDIO: Final = random.Random(3).randbytes(48_000)
EVENTS: Final = [delta(AUDIO[at : at + 1500]) for at in range(0, len(AUDIO), 1500)]
ANSWER: Final = chunked([*EVENTS, DONE])
PATIENCE: Final = 20.0
"""Seconds within which a request has ended, whatever the network did: ten times its deadline."""


@contextmanager
def trusting() -> Iterator[ssl.SSLContext]:
    """Return the context of a TLS server, and have clients trust its certificate."""
    before = os.environ.get("SSL_CERT_FILE")
    os.environ["SSL_CERT_FILE"] = str(CERTIFICATE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    try:
        yield context
    finally:
        os.environ.pop("SSL_CERT_FILE")
        if before is not None:
            os.environ["SSL_CERT_FILE"] = before


class Heard(NamedTuple):
    """What came of one request."""

    audio: bytes
    error: Exception | None


async def hear(client: SpeechApi) -> Heard:
    """Make one request; return its audio, and how it ended."""
    got = bytearray()
    try:
        async with client.open(REQUEST) as response:
            async for chunk in response.chunks():
                got += b"" if isinstance(chunk, Words) else chunk.data
    except Exception as error:  # noqa: BLE001 - which one it is is what is asked
        return Heard(bytes(got), error)
    return Heard(bytes(got), None)


def judge(
    run: Run, what: str, heard: Heard, *, garbled: bool = False, harmless: bool = False
) -> None:
    """Note a fault unless it is complete, or a typed error after the beginning of the audio."""
    if heard.error is not None and not isinstance(heard.error, StreamPlayError):
        run.fault(f"{what}: {heard.error!r}")
    elif not garbled and not AUDIO.startswith(heard.audio):
        run.fault(f"{what}: audio that was not sent")
    elif harmless and heard.error is not None:
        run.fault(f"{what}: {heard.error!r}")
    elif not garbled and heard.error is None and heard.audio != AUDIO:
        run.fault(f"{what}: {len(heard.audio)} of {len(AUDIO)} bytes, and no error")


# A bad network


class Weather(NamedTuple):
    """What a proxy does to one connection."""

    kind: str
    at: int
    """Byte of the answer at which it strikes."""


KINDS: Final = ("cut", "reset", "freeze", "slice", "delay", "half-close", "garble")


@asynccontextmanager
async def proxy(port: int, weather: Weather, dice: random.Random) -> AsyncIterator[int]:
    """Pass connections on to `port`, in bad weather; yield the proxy's port."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        upward = asyncio.create_task(copy(reader, far_writer))
        try:
            with suppress(ConnectionError, asyncio.CancelledError):
                await pour(far_reader, writer, weather, dice)
        finally:
            upward.cancel()
            far_writer.close()
            writer.close()
            tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


async def pour(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    weather: Weather,
    dice: random.Random,
) -> None:
    """Pass an answer on until the weather strikes."""
    passed = 0
    while data := await reader.read(4096):
        if passed <= weather.at < passed + len(data) or weather.kind in ("slice", "delay"):
            data = await strike(writer, data, weather, passed, dice)
        passed += len(data)
        for at in range(0, len(data), 7 if weather.kind == "slice" and passed < 9000 else 4096):
            writer.write(
                data[at : at + 7 if weather.kind == "slice" and passed < 9000 else at + 4096]
            )
            await writer.drain()


async def strike(
    writer: asyncio.StreamWriter,
    data: bytes,
    weather: Weather,
    passed: int,
    dice: random.Random,
) -> bytes:
    """Do what the weather does; return what is still passed on, or end."""
    place = weather.at - passed
    if weather.kind == "garble":
        return data[:place] + bytes([data[place] ^ dice.randrange(1, 256)]) + data[place + 1 :]
    if weather.kind == "delay":
        await asyncio.sleep(0.002)
    if weather.kind in ("slice", "delay"):
        return data
    writer.write(data[:place])
    await writer.drain()
    if weather.kind == "freeze":
        await asyncio.sleep(3600)
    elif weather.kind == "half-close" and writer.can_write_eof():
        writer.write_eof()
        await asyncio.sleep(0.2)
    elif weather.kind == "reset":
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    raise ConnectionResetError


@row(planned=500, unit="requests")
def bad_network(run: Run) -> None:
    """Through a proxy that cuts, resets, freezes, slices, delays, half-closes and garbles, over
    TCP and TLS: complete, or a typed error within the deadline, and never audio that was not sent.
    """
    asyncio.run(_bad_network(run))


async def _bad_network(run: Run) -> None:
    turns = run.turns()
    with trusting() as tls:
        async with running(replies(ANSWER)) as plain, running(replies(ANSWER), tls=tls) as secure:
            ports = {"http": plain.port, "https": secure.port}

            async def work() -> None:
                for _ in turns:
                    await _in_bad_weather(run, run.dice, ports)

            # What freezes waits for its deadline: others go on meanwhile.
            await asyncio.gather(*(work() for _ in range(12)))


async def _in_bad_weather(run: Run, dice: random.Random, ports: dict[str, int]) -> None:
    scheme = dice.choice(["http", "https"])
    weather = Weather(dice.choice(KINDS), dice.randrange(len(ANSWER)))
    what = f"{scheme} {weather}"
    async with proxy(ports[scheme], weather, dice) as here:
        base_url = f"{scheme}://localhost:{here}/v1"
        async with SpeechApi(base_url=base_url, deadline=2, retries=False) as client:
            try:
                async with asyncio.timeout(PATIENCE):
                    heard = await hear(client)
            except TimeoutError:
                run.fault(f"{what}: no end after {PATIENCE:g} s")
                return
    garbled = weather.kind == "garble" and scheme == "http"
    judge(run, what, heard, garbled=garbled, harmless=weather.kind in ("slice", "delay"))
    run.count(weather.kind)


@row(planned=2100, unit="requests")
def faults_over_sockets(run: Run) -> None:
    """The twelve faults at 175 places each over real sockets (tests/system/test_faults)."""
    run.program(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", "--tb=line"),
        "tests/system/test_faults.py",
    )
    run.done = 0 if run.fault_count else run.planned


@row(planned=10, unit="vanished hosts")
def vanished_host(run: Run) -> None:
    """A host whose cable is pulled in mid-stream (network namespaces): TimedOut, at its limit."""
    if os.geteuid() != 0:
        raise NotHere("network namespaces need root")
    for number in run.turns():
        with _namespace(f"sp{os.getpid() % 10000}") as (name, outside, inside):
            asyncio.run(_vanish(run, name, outside, inside, early=number % 2 == 0))


@contextmanager
def _namespace(name: str) -> Iterator[tuple[str, str, str]]:
    outside, inside = "10.213.7.1", "10.213.7.2"
    steps = (
        f"ip netns add {name}",
        f"ip link add {name}a type veth peer name {name}b netns {name}",
        f"ip addr add {outside}/30 dev {name}a",
        f"ip link set {name}a up",
        f"ip netns exec {name} ip addr add {inside}/30 dev {name}b",
        f"ip netns exec {name} ip link set {name}b up",
    )
    try:
        for step in steps:
            made = subprocess.run(step.split(), capture_output=True, text=True, check=False)
            if made.returncode != 0:
                raise NotHere(f"{step}: {made.stderr.strip()}")
        yield name, outside, inside
    finally:
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
        subprocess.run(["ip", "link", "del", f"{name}a"], capture_output=True, check=False)


_PATIENT_SERVER: Final = """
import socket, sys, time
listener = socket.create_server((sys.argv[1], 8080))
print("ready", flush=True)
connection, _ = listener.accept()
connection.recv(65536)
connection.sendall(open(sys.argv[2], "rb").read()[: int(sys.argv[3])])
time.sleep(3600)
"""


async def _vanish(run: Run, name: str, _outside: str, inside: str, *, early: bool) -> None:
    with tempfile.NamedTemporaryFile() as answer:
        answer.write(ANSWER)
        answer.flush()
        size = "0" if early else str(len(ANSWER) // 2)
        words = ["ip", "netns", "exec", name, sys.executable, "-c", _PATIENT_SERVER]
        server = await asyncio.create_subprocess_exec(
            *words, inside, answer.name, size, stdout=asyncio.subprocess.PIPE
        )
        assert server.stdout is not None
        await server.stdout.readline()
        base_url = f"http://{inside}:8080/v1"
        async with SpeechApi(base_url=base_url, timeout=1.5, api_key="", retries=False) as client:
            asked = asyncio.create_task(hear(client))
            await asyncio.sleep(0.5)
            down = ["ip", "link", "set", f"{name}a", "down"]
            await asyncio.to_thread(subprocess.run, down, check=True)
            begun = time.monotonic()
            heard = await asked
        server.kill()
        await server.wait()
    waited = time.monotonic() - begun
    if not isinstance(heard.error, TimedOut) or waited > 5:
        run.fault(f"{'before' if early else 'in'} the body: {heard.error!r} after {waited:.1f} s")


# Cancels


STATES: Final = ("connecting", "sent", "headers", "in the body", "at its end")


@row(planned=10_000, unit="cancels", parallel=True)
def cancels(run: Run) -> None:
    """A request cancelled in every state, over TCP and TLS: the next one works, and descriptors
    are as many as before.
    """
    asyncio.run(_cancels(run))


async def _cancels(run: Run) -> None:
    with trusting() as tls:
        async with running(_slowly) as plain, running(_slowly, tls=tls) as secure:
            async with (
                SpeechApi(base_url=_named(plain), deadline=20) as one,
                SpeechApi(base_url=_named(secure), deadline=20) as other,
            ):
                before = 0
                for turn in run.turns():
                    dice = run.dice
                    client = dice.choice((one, other))
                    await _cancel_once(client, STATES[turn // 2 % len(STATES)], dice)
                    if run.done % 250 == 20:
                        held = _descriptors()
                        before = before or held
                        if held > before + 8:
                            run.fault(f"{held} descriptors, {before} at first")
                for client in (one, other):
                    judge(run, "after all cancels", await hear(client), harmless=True)
            run.facts["most descriptors at the end"] = _descriptors()


def _named(server: RawServer) -> str:
    return server.base_url.replace("127.0.0.1", "localhost")


async def _slowly(connection: Any) -> None:
    """Answer each request in steps, so that every state lasts a moment."""
    while True:
        await connection.request()
        cut = ANSWER.index(b"\r\n\r\n") + 4
        for part in (ANSWER[:20], ANSWER[20:cut], ANSWER[cut : cut + 9000], ANSWER[cut + 9000 :]):
            await asyncio.sleep(0.001)
            await connection.send(part)


async def _cancel_once(client: SpeechApi, state: str, dice: random.Random) -> None:
    task = asyncio.create_task(hear(client))
    turns = {"connecting": 2, "sent": 8, "headers": 15, "in the body": 40, "at its end": 90}
    for _ in range(dice.randrange(turns[state])):
        await asyncio.sleep(dice.choice([0, 0, 0.0003]))
    task.cancel()
    if dice.random() < 0.2:
        await asyncio.sleep(0)
        task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _descriptors() -> int:
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


# Floods


_MORE_FLOODS: Final = {
    "Early Hints": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n"),
    "chunk extensions": (CHUNKED, b"1;" + b"a=b;" * 250 + b"\r\n:\r\n1\r\n\n\r\n"),
    "events of other names": (EVENTS_HEAD, b"event: x\nid: 1\nretry: 1\ndata: {}\n\n"),
    "carriage returns": (EVENTS_HEAD, b"\r"),
}


@row(planned=2 * (len(FLOODS) + len(_MORE_FLOODS)), unit="kinds of flood")
def floods(run: Run) -> None:
    """A server that sends without a pause, over TCP and TLS: the deadline ends it, a timer beside
    it is served, and memory stays within 20 MB.
    """
    import resource

    with trusting() as context, patch.dict(FLOODS, _MORE_FLOODS):
        asyncio.run(_flood("comments", context))  # what is imported is not the flood's
        for kind, tls in run.turns(list(product(FLOODS, (None, context)))):
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            late, error = asyncio.run(_flood(kind, tls))
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1000
            if not isinstance(error, TimedOut) or late > 1 or grown > 20:
                over = "TLS" if tls else "TCP"
                told = f"{error!r}, a timer {late:.2f} s late, {grown:.0f} MB more"
                run.fault(f"{kind} over {over}: {told}")
            run.facts["latest timer, s"] = round(max(run.facts.get("latest timer, s", 0), late), 2)


async def _flood(kind: str, tls: ssl.SSLContext | None) -> tuple[float, Exception | None]:
    latest = 0.0

    async def watch() -> None:
        nonlocal latest
        while True:
            due = time.monotonic() + 0.01
            await asyncio.sleep(0.01)
            latest = max(latest, time.monotonic() - due)

    watching = asyncio.create_task(watch())
    with flooding(kind, tls) as (base_url, _):
        named = base_url.replace("127.0.0.1", "localhost")
        async with SpeechApi(base_url=named, deadline=1, retries=False) as client:
            heard = await hear(client)
    watching.cancel()
    return latest, heard.error


@row(planned=1_000_000, unit="events")
def tiny_events(run: Run) -> None:
    """A million tiny events of each kind cost less than 10 s and 20 MB, kind by kind."""
    kinds = [name for name in FLOODS if name not in ("100 Continue", "tiny chunks")]
    run.planned *= len(kinds)
    for kind in kinds:
        again = FLOODS[kind][1]
        reader = reader_for("text/event-stream")
        piece = again * (30_000 // len(again))
        each = len(piece) // len(again)
        events, taken = 0, float("inf")
        while events < 1_000_000 and run.left > 0:
            begun = time.process_time()
            for _ in range(8):
                for _ in reader.feed(piece):
                    pass
            events += 8 * each
            # The best slice: other programs make processor time longer, and never shorter.
            taken = min(taken, (time.process_time() - begun) * 1e6 / (8 * each))
        run.done += events
        if not events:
            break  # no time is left
        run.facts[kind] = f"{taken:.1f} s"
        if taken > 10:
            run.fault(f"{kind}: {taken:.1f} s of processor time a million")
