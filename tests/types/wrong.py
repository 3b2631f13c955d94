"""Mistakes that a type checker finds: one that it misses is an ignore that is not needed."""

# pyright: strict, reportUnnecessaryTypeIgnoreComment=true, reportMissingModuleSource=false
from __future__ import annotations

import numpy as np

import streamplay
from streamplay import AsyncPlayer, Player, Receipt, SpeechClient, SpeechRequest


def names() -> None:
    AsyncPlayer(volum=3)  # type: ignore[call-arg]
    Player(voise="leo")  # type: ignore[call-arg]
    Player(output="a.wav")  # type: ignore[call-arg]
    streamplay.say("x", voise="leo")  # type: ignore[call-arg]
    SpeechClient(local=True)  # type: ignore[call-arg]
    SpeechRequest(input="x", format="raw")  # type: ignore[call-arg]


def values() -> None:
    Player(volume="loud")  # type: ignore[arg-type]
    Player(prebuffer="soon")  # type: ignore[arg-type]
    Player(latency="medium")  # type: ignore[arg-type]
    Player(model=None)  # type: ignore[arg-type]
    Player(engine="steam")  # type: ignore[arg-type]
    Player(fallback=3)  # type: ignore[arg-type]
    Player(format="aiff")  # type: ignore[arg-type]
    Player(encoding="s16")  # type: ignore[arg-type]
    Player(alignment="letter")  # type: ignore[arg-type]
    Player(pronounce="omg/oh")  # type: ignore[arg-type]
    Player(notify="tell me")  # type: ignore[arg-type]
    Player(insecure_http="yes")  # type: ignore[arg-type]
    AsyncPlayer(play="no")  # type: ignore[arg-type]
    streamplay.say("x", on_error="ignore")  # type: ignore[arg-type]
    streamplay.say(3)  # type: ignore[arg-type]
    SpeechClient(api="soap")  # type: ignore[arg-type]
    SpeechClient(timeout="soon")  # type: ignore[arg-type]
    SpeechRequest(input="x", speed="fast")  # type: ignore[arg-type]


def blocking(player: Player) -> None:
    player.say("x", voice=3)  # type: ignore[arg-type]
    player.say("x", volume=3)  # type: ignore[call-arg]
    player.say("x", force="yes")  # type: ignore[arg-type]
    player.play("no sound", 24000)  # type: ignore[arg-type]
    player.play(b"no sound", 24000)  # type: ignore[arg-type]
    player.play([0.1, 0.2], 24000)  # type: ignore[list-item]
    player.play([np.zeros(3, np.int32)], 24000)  # type: ignore[list-item]
    player.play(np.zeros(3, np.float32), "24000")  # type: ignore[arg-type]
    player.play_file(3)  # type: ignore[arg-type]
    player.play_file("a.raw", decode_as=8000)  # type: ignore[arg-type]


def results(player: Player, receipt: Receipt) -> None:
    player.volume = "loud"  # type: ignore[assignment]
    player.say("x").wait("10")  # type: ignore[arg-type]
    print(receipt.frames.plaid)  # type: ignore[attr-defined]
    print(player.interrupt().txt)  # type: ignore[attr-defined]
    player.say("x").text.upper()  # type: ignore[union-attr]


async def awaited(player: AsyncPlayer) -> None:
    await player.say("x", voise="leo")  # type: ignore[call-arg]
    await player.say("x", voice=3)  # type: ignore[arg-type]
    await player.say("x", local=True)  # type: ignore[call-arg]
    await player.say([1, 2])  # type: ignore[list-item]
    await player.play("no sound", 24000)  # type: ignore[arg-type]
    await player.play(3, 24000)  # type: ignore[arg-type]
    await player.play_file("a.raw", decode_as=8000)  # type: ignore[arg-type]
    player.interrupt()  # type: ignore[unused-coroutine]
