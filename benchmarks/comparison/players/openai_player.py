"""openai's LocalAudioPlayer.play_stream, on plain bytes, which spares it the events."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import common
import numpy as np
from openai import AsyncOpenAI
from openai.helpers import LocalAudioPlayer


async def main() -> None:
    client = AsyncOpenAI(base_url=common.url, api_key="none", max_retries=0)
    if common.warm:
        await client.models.list()
        # What they import when they are first used.
        LocalAudioPlayer()
        import sounddevice

        sounddevice.query_devices()
    common.ready()
    playing = asyncio.create_task(play(client))
    loop = asyncio.get_running_loop()
    # `should_stop` is not looked at by play_stream; leaving it closes its stream.
    common.on_stop(lambda: loop.call_soon_threadsafe(playing.cancel))
    with contextlib.suppress(asyncio.CancelledError):
        await playing
    common.leave()


async def play(client: AsyncOpenAI) -> None:
    async with client.audio.speech.with_streaming_response.create(
        model=common.body["model"], voice="tara", input="x", response_format="pcm",
        extra_body={
            "stream": True, "response_format": "raw", "extra_params": common.body["extra_params"],
        },
    ) as response:  # fmt: skip

        async def buffers() -> AsyncIterator[np.ndarray]:
            carry = b""
            async for piece in response.iter_bytes():
                data = carry + piece
                carry = data[len(data) - len(data) % 2 :]
                yield np.frombuffer(data[: len(data) - len(carry)], np.int16)
                common.put_under_load()

        await LocalAudioPlayer().play_stream(buffers())


asyncio.run(main())
