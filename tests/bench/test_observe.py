"""What is seen of a request: its moments, in order, and only its own."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import TYPE_CHECKING, Any

from benchmarks.truth_server import CERTIFICATE, Truth
from streamplay.bench import runner, target
from streamplay.bench.observe import observe
from streamplay.bench.plan import Job, Load
from streamplay.network.api import SpeechApi
from streamplay.request import SpeechRequest
from streamplay.stream.decoder import Decoder
from tests.support.rawserver import refuse, replies, speech
from tests.support.rawserver import running as running_raw
from tests.support.server import running

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

    from streamplay.bench.result import Result
    from streamplay.bench.sample import Sample
    from streamplay.server.child import LocalServer
    from streamplay.stream.decoder import Chunk


TEXTS = ("One two.", "Three.")


ORDER = ("dns", "connect", "tls", "sent", "headers", "first_byte", "first_audio", "total")


def measured(base_url: str, *words: str, **load: Any) -> Result:
    targets = target.read(words, {"base_url": base_url})
    given = {"texts": TEXTS, "requests": 6, **load}
    return runner.run(targets, Load(**given), command="bench")


def values(result: Result, name: str, index: int = 0) -> list[float]:
    return result.outcomes[index].values(name)


def test_every_request_is_measured_in_the_order_of_its_life(speech_server: LocalServer) -> None:
    result = measured(speech_server.base_url, requests=6, warmup=1)
    (outcome,) = result.outcomes
    assert outcome.complete == 6
    for row in outcome.rows:
        order = ("sent", "headers", "first_byte", "first_audio", "first_voice")
        moments = [row.values[name] or -1.0 for name in order]
        assert moments[0] >= 0
        assert moments == sorted(moments)
        assert (row.values["total"] or -1.0) >= moments[3]
        assert row.sample.voice.startswith("eSpeak NG")
    assert len(result.run.warmups) == 1
    assert result.to_dict()["targets"][0]["measures"]["connect"] is None


def test_what_decoding_takes_is_not_the_servers_time(
    speech_server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    spent = [0.0]
    feed = Decoder.feed

    def slow(decoder: Decoder, data: bytes) -> Iterable[Chunk]:
        spent[0] += 1000.0
        return feed(decoder, data)

    monkeypatch.setattr(Decoder, "feed", slow)

    def clock() -> float:
        return time.perf_counter() + spent[0]

    async def one() -> Sample:
        async with SpeechApi(base_url=speech_server.base_url, clock=clock) as client:
            request = SpeechRequest(input="One two.")
            return await observe(client, request, Job(0, 0, "One two."), clock(), keep=False)

    sample = asyncio.run(one())
    assert sample.complete
    assert spent[0] >= 1000
    assert sample.arrivals[0][0] - sample.begun < 1000


def test_a_cold_request_makes_a_connection_and_a_warm_one_does_not(
    speech_server: LocalServer,
) -> None:
    for cold, found in ((True, 6), (False, 0)):
        result = measured(speech_server.base_url, cold=cold)
        assert len(values(result, "connect")) == found
        assert values(result, "tls") == values(result, "dns") == []


def test_a_name_that_is_resolved_is_seen(speech_server: LocalServer) -> None:
    result = measured(speech_server.base_url.replace("127.0.0.1", "localhost"), cold=True)
    for row in result.outcomes[0].rows:
        assert 0 < (row.values["dns"] or 0) <= (row.values["connect"] or 0)


def test_tls_is_noted_as_the_server_saw_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    texts = tuple(f"Request {number}." for number in range(6))
    with Truth(tls=True, chunks=2) as server:
        base_url = server.base_url.replace("127.0.0.1", "localhost")
        result = measured(base_url, texts=texts, cold=True, requests=6)
        warm = measured(base_url, texts=("Warm.",), requests=2)
        notes = server.notes()
    for row in result.outcomes[0].rows:
        note, start = notes[row.sample.job.text], row.sample.intended
        assert note.secured is not None
        seen = [start + (row.values[name] or 0) / 1000 for name in ORDER]
        assert seen == sorted(seen)
        dns, connect, tls, _, headers, *_ = seen
        # What has to lie before what, whichever side has noted it.
        assert start < dns < connect < note.secured < note.read
        assert tls < note.read < headers
    assert values(warm, "dns") == values(warm, "connect") == values(warm, "tls") == []


def test_only_the_servers_own_name_counts_as_resolved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Through a proxy it is the proxy's name that is resolved here."""
    resolve = socket.getaddrinfo

    def elsewhere(host: Any, *args: Any, **kwargs: Any) -> Any:
        return resolve("127.0.0.1" if host == "proxy.invalid" else host, *args, **kwargs)

    with running("--allow-host", "speech.invalid") as server:
        port = server.base_url.split(":")[2].split("/")[0]
        monkeypatch.setattr(socket, "getaddrinfo", elsewhere)
        monkeypatch.setenv("HTTP_PROXY", f"http://proxy.invalid:{port}")
        monkeypatch.setenv("NO_PROXY", "")
        result = measured("http://speech.invalid/v1", cold=True, requests=2)
    assert len(values(result, "connect")) == 2
    assert values(result, "dns") == []


def test_a_request_that_had_to_change_its_shape_is_measured_anew() -> None:
    """Its refusals are part of no measurement."""
    only_wav = refuse(400, {"error": {"message": "response_format must be one of [wav]"}})
    job = Job(0, 0, "Hello")
    request = SpeechRequest(input="Hello", model="m", voice="v")

    async def main() -> None:
        answers = (only_wav, only_wav, speech(b"\x01\x02" * 999))
        async with running_raw(replies(*answers)) as server:
            async with SpeechApi(base_url=server.base_url, retries=False) as client:
                first = await observe(client, request, job, client.clock())
                second = await observe(client, request, job, client.clock())
            formats = [asked.json["response_format"] for asked in server.requests]
            assert formats == ["raw", "pcm", "wav", "wav", "wav"]
        assert first.error is second.error is None
        # The connection was there already: that of the refused request.
        assert first.moments["connect"] is second.moments["connect"] is None

    asyncio.run(main())
