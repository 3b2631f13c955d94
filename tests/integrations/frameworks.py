"""Stand-ins for the parts of other frameworks that the adapters build on.

The real packages are tried by `scripts/try-integrations`, in environments of their own. What is
here has the names, the signatures and the counting of `livekit.agents.voice.io` 1.8 and
`pipecat.transports.base_output` 1.14, and nothing else.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


@dataclass
class AudioOutputCapabilities:
    pause: bool


class AudioOutput:
    """Counts segments as livekit's does: a segment begins with its first frame."""

    def __init__(
        self,
        *,
        label: str,
        capabilities: AudioOutputCapabilities,
        next_in_chain: AudioOutput | None = None,
        sample_rate: int | None = None,
    ) -> None:
        self.sample_rate = sample_rate
        self.can_pause = capabilities.pause
        self.told: list[tuple[str, Any]] = []
        self.captured = self.finished = 0
        self._capturing = False

    async def capture_frame(self, frame: AudioFrame) -> None:
        if not self._capturing:
            self._capturing = True
            self.captured += 1

    def flush(self) -> None:
        self._capturing = False

    def clear_buffer(self) -> None:
        raise NotImplementedError

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def on_playback_started(self, *, created_at: float) -> None:
        self.told.append(("started", created_at))

    def on_playback_finished(
        self,
        *,
        playback_position: float,
        interrupted: bool,
        synchronized_transcript: str | None = None,
    ) -> None:
        assert self.finished < self.captured, "finished more often than captured"
        self.finished += 1
        self.told.append(("finished", (playback_position, interrupted)))


@dataclass
class AudioFrame:
    data: memoryview
    sample_rate: int
    num_channels: int
    samples_per_channel: int


class InterruptionFrame: ...


class BotStoppedSpeakingFrame: ...


@dataclass
class OutputAudioRawFrame:
    audio: bytes
    sample_rate: int
    num_channels: int


@dataclass
class TransportParams:
    audio_out_enabled: bool = False


class BaseOutputTransport:
    def __init__(self, params: TransportParams, **_: Any) -> None:
        self.params = params
        self.is_ready = False
        self.passed: list[object] = []

    async def start(self, frame: object) -> None: ...

    async def set_transport_ready(self, frame: object) -> None:
        self.is_ready = True

    async def process_frame(self, frame: object, direction: object) -> None:
        self.passed.append(frame)

    async def push_frame(self, frame: object, direction: object = None) -> None:
        self.passed.append(frame)

    async def cleanup(self) -> None:
        self.is_ready = False


async def until(true: Callable[[], object]) -> None:
    """Wait until something is true that a framework tells nobody of."""
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have them imported in place of the real packages."""
    modules = {
        "livekit.agents.voice.io": {
            "AudioOutput": AudioOutput,
            "AudioOutputCapabilities": AudioOutputCapabilities,
        },
        "pipecat.frames.frames": {
            "BotStoppedSpeakingFrame": BotStoppedSpeakingFrame,
            "InterruptionFrame": InterruptionFrame,
            "OutputAudioRawFrame": OutputAudioRawFrame,
        },
        "pipecat.transports.base_output": {"BaseOutputTransport": BaseOutputTransport},
        "pipecat.transports.base_transport": {"TransportParams": TransportParams},
    }
    for name, things in modules.items():
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            path = ".".join(parts[:end])
            if path not in sys.modules:
                package = ModuleType(path)
                package.__path__ = []
                monkeypatch.setitem(sys.modules, path, package)
        for key, value in things.items():
            monkeypatch.setattr(sys.modules[name], key, value, raising=False)
    for ours in ("livekit", "pipecat"):
        monkeypatch.delitem(sys.modules, f"streamplay.integrations.{ours}", raising=False)
