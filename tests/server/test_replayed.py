from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest

from streamplay.audio import AudioFormat
from streamplay.server.app import State
from streamplay.server.known_signals import count
from streamplay.server.scenario import Scenario
from tests.support.arrivals import RATE, trace
from tests.support.server import asking, running, serving
from tests.test_replay import write

if TYPE_CHECKING:
    from pathlib import Path

    from streamplay.trace import Trace

STALLED = trace([(0.05, 2400), (0.1, 1001), (0.4, 4800)])
COUNT = {"signal": "count"}


class Answer:
    """What came of one request: each piece's bytes, and when; and how it ended."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.times: list[float] = []
        self.lines: list[str] = []
        self.error: Exception | None = None

    async def receive(self, client: httpx.AsyncClient, body: dict[str, Any]) -> None:
        begun = time.perf_counter()
        async with client.stream("POST", "/audio/speech", json=body) as response:
            async for line in response.aiter_lines():
                self.lines.append(line)
                if line.startswith("data: {") and (audio := _audio(line)):
                    self.pieces.append(audio)
                    self.times.append(time.perf_counter() - begun)


def _audio(line: str) -> bytes:
    event = json.loads(line.removeprefix("data: "))
    return base64.b64decode(event.get("b64") or event.get("delta") or "")


def ask(traces: list[Trace], *bodies: dict[str, Any], scenario: Scenario | None = None) -> Any:
    async def everything() -> list[Answer]:
        state = State(scenario or Scenario(**COUNT), traces=traces)
        answers = [Answer() for _ in bodies]
        async with serving(state) as base, httpx.AsyncClient(base_url=base, timeout=10) as client:
            for answer, body in zip(answers, bodies, strict=True):
                try:
                    await answer.receive(client, body)
                except httpx.TransportError as error:
                    answer.error = error
        return answers

    return asyncio.run(everything())


def sizes(answer: Answer) -> list[int]:
    return [len(piece) // 2 for piece in answer.pieces]


def test_the_pieces_are_the_traces_and_none_comes_before_its_time() -> None:
    (answer,) = ask([STALLED], asking())
    assert sizes(answer) == [frames for _, frames in STALLED.arrivals]
    assert all(at >= due for at, (due, _) in zip(answer.times, STALLED.arrivals, strict=True))
    heard = np.frombuffer(b"".join(answer.pieces), dtype="<i2")
    np.testing.assert_array_equal(heard, count(0, 8201))
    assert "data: [DONE]" in answer.lines


def test_each_request_takes_the_next_trace_and_the_first_again() -> None:
    traces = [trace([(0.0, 10)]), trace([(0.0, 20), (0.01, 30)])]
    assert [sizes(answer) for answer in ask(traces, *[asking()] * 3)] == [[10], [20, 30], [10]]


def test_pieces_last_as_long_at_another_rate() -> None:
    wish = {"response_encoding": "pcm_s16le", "sample_rate": 8000}
    body = asking(model="cartesia/sonic", voice="newsman", **wish)
    (answer,) = ask([STALLED], body)
    assert sizes(answer) == [800, 333, 1600]


def test_where_the_voice_ends_before_the_trace_silence_follows() -> None:
    whole = trace([(0.0, 20 * RATE)])
    (answer,) = ask([whole], asking("Hi."), scenario=Scenario())
    frames = AudioFormat("pcm_s16le", RATE).decode(answer.pieces[0])
    assert len(frames) == 20 * RATE
    assert np.abs(frames[: 2 * RATE]).max() > 0.1
    assert not frames[-10 * RATE :].any()


@pytest.mark.parametrize(
    ("how", "line", "error"),
    [
        ("complete", "data: [DONE]", None),
        ("interrupted", "data: [DONE]", None),
        ("Truncated", None, None),
        ("ConnectionLost", None, httpx.ReadError),
        ("RemoteError", "error", None),
    ],
)
def test_it_ends_as_the_trace_ended(
    how: str, line: str | None, error: type[Exception] | None
) -> None:
    (answer,) = ask([trace([(0.0, 2400), (0.02, 2400)], how=how)], asking())
    assert sizes(answer)[:1] == [2400]
    assert (line is None) or any(line in told for told in answer.lines)
    assert ("data: [DONE]" in answer.lines) == (line == "data: [DONE]")
    assert type(answer.error) is (error or type(None))


def test_an_error_cannot_be_told_where_there_are_no_events() -> None:
    recorded = trace([(0.0, 2400)], how="RemoteError")
    (answer,) = ask([recorded], asking(), scenario=Scenario(dialect="D", **COUNT))
    assert answer.error is None


def test_a_server_of_its_own_takes_traces_by_flag(tmp_path: Path) -> None:
    name = write(tmp_path / "a", STALLED)
    with running("--replay", name, "--signal", "count") as server:
        response = httpx.post(f"{server.base_url}/audio/speech", json=asking())
    events = [line for line in response.text.splitlines() if line.startswith("data: {")]
    lengths = [len(_audio(line)) // 2 for line in events]
    assert [length for length in lengths if length] == [2400, 1001, 4800]


def test_a_trace_that_cannot_be_read_ends_the_server_with_a_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "streamplay.server", "--replay", str(tmp_path / "nothing")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 4
    assert "cannot read the trace" in ended.stderr
    assert "Traceback" not in ended.stderr
