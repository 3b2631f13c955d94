"""What users write: a type checker blames none of it, and knows every type."""

# pyright: strict, reportMissingModuleSource=false
from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_type

import numpy as np
from numpy.typing import NDArray

import streamplay
from streamplay import AsyncPlayer, AudioFormat, Player, Receipt, SpeechClient, Utterance
from streamplay.aio import AsyncUtterance

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator
    from typing import Unpack

    from streamplay.events import Event
    from streamplay.options import PlayerOptions


def tones() -> Iterator[NDArray[np.float32]]:
    yield np.zeros((480, 2), np.float32)


async def later() -> AsyncIterator[NDArray[np.int16]]:
    yield np.zeros(480, np.int16)


async def tokens() -> AsyncIterator[str]:
    yield "word "


def on_event(event: Event) -> None:
    print(event)


def my_player(**options: Unpack[PlayerOptions]) -> Player:
    return Player(**options)


def blocking(blocks: Iterable[NDArray[np.float32]], any_kind: NDArray[Any]) -> None:
    receipt = streamplay.say("Hello", voice="leo", output="a.wav", force=True, local=True)
    assert_type(receipt, Receipt)
    streamplay.say(word for word in ["a", "b"])
    with my_player(volume=-6, latency="low", prebuffer=120, on_event=on_event) as player:
        said = player.say("x", voice=None, prebuffer="auto", pronounce=["omg/oh"], extra={"a": [1]})
        assert_type(said, Utterance)
        player.say(["One. ", "Two."], on_error="continue", record=Path("a.jsonl"), timeout=3)
        player.play(np.zeros(10, dtype=np.float32), 24000)
        player.play(0.5 * np.zeros((10, 2), dtype=np.float32), 24000)
        player.play(np.frombuffer(b"", dtype=np.int16), 24000)
        for sound in (blocks, tones(), [np.zeros(3, np.int16)]):
            player.play(sound, 24000)
        player.play(any_kind, 24000)
        player.play((block * np.float32(0.5) for block in blocks), 24000)
        player.play_file("a.wav")
        player.play_file(io.BytesIO(), decode_as="pcm_s16le@8000")
        player.play_file(Path("a.raw"), decode_as=AudioFormat("pcm_s16le", 8000))


async def awaited() -> None:
    async with AsyncPlayer(fallback="local", device=3, notify=print, on_event=on_event) as player:
        said = await player.say(tokens(), voice="leo", sample_rate=16000, encoding="pcm_f32le")
        assert_type(said, AsyncUtterance)
        assert_type(await said.wait(), Receipt)
        await player.play(later(), 24000)
        await player.play(np.zeros(10, dtype=np.float32), 24000)
        await player.play_file("a.wav", decode_as=None)
    async with SpeechClient(api="openai", timeout=3, insecure_http=True) as client:
        request = streamplay.SpeechRequest(input="x", response_format="mp3", speed=1.5)
        async for frames in client.stream(request):
            assert_type(frames, NDArray[np.float32])
