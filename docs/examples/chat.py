"""Talk to any chat endpoint that speaks OpenAI's protocol, and hear its answers as they come.

``OPENAI_BASE_URL`` and ``OPENAI_API_KEY`` say where, as for OpenAI's own client; the
voice is streamplay's default server, or the local one with ``--local``. Type while it
speaks, and it falls silent; what the model believes to have said is what was heard::

    OPENAI_BASE_URL=http://localhost:11434/v1 python docs/examples/chat.py llama3.2 --local

It needs httpx (``pip install httpx``), which streamplay does not bring.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from typing import TYPE_CHECKING, Any

import httpx

from streamplay import AsyncPlayer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamplay import AsyncUtterance

Message = dict[str, str]
DATA = "data:"


async def ask(client: httpx.AsyncClient, model: str, history: list[Message]) -> AsyncIterator[str]:
    """Yield the answer to `history` token by token."""
    body = {"model": model, "messages": history, "stream": True}
    async with client.stream("POST", "chat/completions", json=body) as response:
        if response.is_error:
            await response.aread()
            response.raise_for_status()
        async for line in response.aiter_lines():
            data = line.removeprefix(DATA).strip()
            if not line.startswith(DATA) or data == "[DONE]":
                continue
            event: dict[str, Any] = json.loads(data)
            for choice in event.get("choices") or ():
                yield choice.get("delta", {}).get("content") or ""


async def settle(answer: AsyncUtterance | None, history: list[Message]) -> None:
    """Stop what is being said, and remember what was heard of it."""
    if answer is None:
        return
    heard = await answer.cancel() if not answer.done else answer.heard()
    history.append({"role": "assistant", "content": heard.text})
    print("assistant:", heard.text, flush=True)


async def talk(model: str, player: AsyncPlayer, client: httpx.AsyncClient) -> None:
    """Answer each line of the standard input, until it ends."""
    history: list[Message] = []
    answer: AsyncUtterance | None = None
    while line := await asyncio.to_thread(sys.stdin.readline):
        await settle(answer, history)
        history.append({"role": "user", "content": line.strip()})
        answer = await player.say(ask(client, model, list(history)))
    if answer is not None:
        await answer.wait()
    await settle(answer, history)


async def main() -> None:
    """Read the arguments, and talk."""
    parser = argparse.ArgumentParser(description="Talk to a chat model, and hear it.")
    parser.add_argument("model")
    parser.add_argument("--local", action="store_true", help="speak with the local voice")
    options = parser.parse_args()
    base_url = os.environ.get("OPENAI_BASE_URL", "https://api.openai.com/v1").rstrip("/")
    key = os.environ.get("OPENAI_API_KEY", "")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with (
        httpx.AsyncClient(base_url=f"{base_url}/", headers=headers, timeout=60) as client,
        AsyncPlayer(local=options.local, alignment="word" if options.local else None) as player,
    ):
        await talk(options.model, player, client)


if __name__ == "__main__":
    asyncio.run(main())
