"""Silence under cancellation: twelve moments, five ways to leave, both players.

Each trial opens a player on a silent output that runs in real time and is recorded block by
block, brings it to a moment, leaves it in one of the ways, and tells

- *silent*: ms from leaving until the last block with sound was asked for (a block lasts 5 ms, and
  the fade as long),
- *free*: ms from leaving until everything was given back,

and at the end whether threads and descriptors are as many as before. The last line is the verdict.

With ``--recorded`` the moments with sound are played over the null sink. Its recording tells how
many ms of sound the output has taken after leaving, beyond what it had been given before: a block
and the fade. They are heard the output's latency later.

    .venv/bin/python -m benchmarks.cancelling [--rounds 1] [--only MOMENT] [--way WAY] [--kind KIND]
        [--keep FILE]

`--only`, `--way` and `--kind` may be given several times. With `--keep`, the trials are added to
FILE, and the verdict is that of all that it holds: so the matrix can be run in parts.
"""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import gc
import json
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from streamplay import AsyncPlayer, Player
from streamplay.events import Event, FirstByte
from streamplay.outputs import opening
from streamplay.outputs.silent import SilentOutput
from streamplay.server.child import LocalServer
from tests.support.nullsink import NullSink

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 20.0
RATE = 24000
SILENT_MS = 10.0  # a block and the fade
RECORDED_MS = SILENT_MS + 20.0 + 10.0  # and the output's latency, and 10 ms
FREE_MS = 1000.0
KINDS = ("Player", "AsyncPlayer")
SOUNDING = ["sounding", "received in pace", "three queued", "a sound", "being left"]

Way = Literal["cancelled", "cancelled twice", "time limit", "Ctrl-C", "closed by a listener"]

WAYS: tuple[Way, ...] = (
    "cancelled",
    "cancelled twice",
    "time limit",
    "Ctrl-C",
    "closed by a listener",
)


class Trial(NamedTuple):
    """One trial: ms of sound after leaving, and until all was given back."""

    kind: str
    moment: str
    way: str
    silent: float
    free: float

    def __str__(self) -> str:
        at = f"{self.kind}, {self.moment}, {self.way}"
        return f"{at}: {self.silent:.1f} ms of sound, free after {self.free:.0f} ms"


class Left(Exception):
    """Leaves a blocking player, as a cancelled task leaves an asynchronous one."""


class Leaving(list[float]):
    """When a player was left, and how much of its first utterance the output had taken by then."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[Any] = []
        self.played = 0

    def note(self) -> None:
        """Note that it is left now."""
        self.append(time.perf_counter())
        if len(self) == 1 and self.said:
            self.played = self.said[0].receipt.frames.played


class Tape:
    """When the output last asked for a block that had sound in it."""

    def __init__(self) -> None:
        self.last = 0.0
        self.blocks = 0

    def open(self, samplerate: int, channels: int, **_: Any) -> SilentOutput:
        return SilentOutput(samplerate, channels, tap=self._take)

    def _take(self, block: Any) -> None:
        self.blocks += 1
        if np.frombuffer(block, np.float32).any():
            self.last = time.perf_counter()


def scenario(**facts: Any) -> dict[str, Any]:
    return {"extra_params": {"scenario": {"signal": "tone", "seconds": 30, **facts}}}


def stuck() -> Iterator[str]:
    yield "One sentence. "
    threading.Event().wait()


def endless() -> Iterator[Any]:
    while True:
        yield np.full(2400, 0.1, np.float32)


# --- moments: how each is reached, and how it is known ---------------------------------------

MOMENTS: dict[str, tuple[list[tuple[Any, ...]], str]] = {
    "nothing said": ([], "now"),
    "just said": ([("say", "hello", {"extra": scenario()})], "now"),
    "before the first byte": ([("say", "hello", {"extra": scenario(first_byte_ms=9000)})], "sent"),
    "before the sound": (
        [("say", "hello", {"extra": scenario(pace=1), "prebuffer": 9000})],
        "received",
    ),
    "sounding": ([("say", "hello", {"extra": scenario()})], "heard"),
    "received in pace": ([("say", "hello", {"extra": scenario(pace=1)})], "heard"),
    "stalled": ([("say", "hello", {"extra": scenario(stalls=["200:9000"])})], "dry"),
    "paused": ([("say", "hello", {"extra": scenario()})], "paused"),
    "text is late": ([("say", stuck, {"extra": scenario(seconds=0.3)})], "dry"),
    "three queued": ([("say", "hello", {"extra": scenario()})] * 3, "heard"),
    "a sound": ([("play", endless, {})], "heard"),
    "being left": ([("say", "hello", {"extra": scenario()})], "leaving"),
}


def reached(when: str, said: list[Any]) -> bool:
    """Whether what was said has come so far."""
    if when in {"now", "leaving"} or not said:
        return True
    receipt = said[0].receipt
    match when:
        case "sent":
            return receipt.requests > 0
        case "received":
            return receipt.frames.received > 0
        case "dry":
            frames = receipt.frames
            return 0 < frames.received == frames.played
        case _:
            return receipt.frames.played > 2400


def until_reached(when: str, said: list[Any]) -> None:
    while not reached(when, said):
        time.sleep(0.001)


def ask(player: Any, act: tuple[Any, ...]) -> Any:
    name, what, options = act
    what = what() if callable(what) else what
    return player.play(what, 24000) if name == "play" else player.say(what, **options)


# --- the two players -------------------------------------------------------------------------


async def asynchronous(moment: str, way: Way, base_url: str, left: Leaving) -> None:
    acts, when = MOMENTS[moment]
    said = left.said

    async def run() -> None:
        async with AsyncPlayer(base_url=base_url) as player:
            said.extend([await ask(player, act) for act in acts])
            await asyncio.to_thread(until_reached, when, said)
            if when == "paused":
                await player.pause()
                await asyncio.sleep(0.05)
            if way == "closed by a listener":
                left.note()
                await player.close(cut=True)
                return
            ready.set()
            if when != "leaving":
                await asyncio.Event().wait()

    ready = asyncio.Event()
    task = asyncio.ensure_future(run())
    if way == "closed by a listener":
        await task
        return
    either = {task, asyncio.ensure_future(ready.wait())}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.sleep(0.05)
    left.note()
    if way == "Ctrl-C":
        os.kill(os.getpid(), signal.SIGINT)
        await task
    elif way == "time limit":
        async with asyncio.timeout(0):
            await task
    else:
        for _ in range(2 if way == "cancelled twice" else 1):
            task.cancel()
            await asyncio.sleep(0)
        await task


def blocking(moment: str, way: Way, base_url: str, left: Leaving) -> None:
    acts, when = MOMENTS[moment]
    said = left.said
    heard = threading.Event()

    def listen(event: Event) -> None:
        if isinstance(event, FirstByte) or not heard.is_set():
            heard.wait(PATIENCE)
            left.note()
            player.close(cut=True)

    on_event = listen if way == "closed by a listener" else None
    with Player(base_url=base_url, on_event=on_event) as player:
        said.extend(ask(player, act) for act in acts)
        until_reached(when, said)
        if when == "paused":
            player.pause()
            time.sleep(0.05)
        if way == "closed by a listener" and said:
            heard.set()
            for each in said:
                each.wait(PATIENCE)
        else:
            leave(player, way, when, left)


def leave(player: Player, way: Way, when: str, left: Leaving) -> None:
    def interrupt() -> None:
        time.sleep(0.05)
        left.note()
        os.kill(os.getpid(), signal.SIGINT)

    if way == "Ctrl-C":
        threading.Thread(target=interrupt).start()
        if when != "leaving":
            threading.Event().wait(PATIENCE)
    else:
        left.note()
        if way == "cancelled twice":
            threading.Thread(target=player.close, kwargs={"cut": True}).start()
        raise Left


# --- trials ----------------------------------------------------------------------------------


def silent_trial(kind: str, moment: str, way: Way, base_url: str) -> tuple[float, float]:
    """Return how long there was sound after leaving, and until all was given back; ms."""
    tape = Tape()
    vars(opening)["open_output"] = tape.open
    left = Leaving()
    free = run(kind, moment, way, base_url, left)
    return 1000 * max(0.0, tape.last - (left[0] if left else tape.last)), free


def recorded_trial(
    kind: str, moment: str, way: Way, base_url: str, sink: NullSink
) -> tuple[float, float]:
    """Return the same, of the null sink: ms of sound that it took after leaving."""
    left = Leaving()
    with sink.record() as recording:
        free = run(kind, moment, way, base_url, left)
    sound = np.flatnonzero(recording.frames[:, 0])
    between = np.diff(sound)
    stalled = int(np.sum(between[between > RATE // 1000]))  # a tone has no such silence in it
    heard = int(sound[-1] - sound[0]) + 1 - stalled if len(sound) else 0
    return 1000 * max(0, heard - left.played) / RATE, free


def run(kind: str, moment: str, way: Way, base_url: str, left: Leaving) -> float:
    """Bring a player to a moment and leave it; return how long giving all back took, in ms."""
    # What hangs tells where, and ends this.
    faulthandler.dump_traceback_later(3 * PATIENCE, exit=True)
    with suppress(Left, asyncio.CancelledError, TimeoutError, KeyboardInterrupt):
        if kind == "AsyncPlayer":
            asyncio.run(asynchronous(moment, way, base_url, left))
        else:
            blocking(moment, way, base_url, left)
    begun = left[0] if left else time.perf_counter()
    wait_for_threads()
    faulthandler.cancel_dump_traceback_later()
    return 1000 * (time.perf_counter() - begun)


def wait_for_threads() -> None:
    """Wait for the player's own threads, but for a text that is stuck by design."""
    until = time.perf_counter() + PATIENCE
    while time.perf_counter() < until:
        names = {each.name for each in threading.enumerate()}
        if not names & {"streamplay", "streamplay close"}:
            return
        time.sleep(0.0005)


def open_things() -> tuple[int, int]:
    gc.collect()
    own = [each for each in threading.enumerate() if each.name != "streamplay text"]
    return len(own), len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a list of numbers


def report(trials: list[Trial], flat: bool, limit: float) -> bool:
    """Print what was found, and whether it holds."""
    silent = max(trials, key=lambda trial: trial.silent)
    free = max(trials, key=lambda trial: trial.free)
    late = sum(trial.silent > limit for trial in trials)
    print(f"{late} of {len(trials)} trials had sound for more than {limit:g} ms after leaving")
    print(f"longest sound: {silent}\nlongest until free: {free}")
    holds = flat and not late and free.free < FREE_MS
    counts = "as many as before" if flat else "MORE THAN BEFORE"
    print(
        f"{'HOLDS' if holds else 'DOES NOT HOLD'}: {len(trials)} trials, silent within "
        f"{silent.silent:.0f} ms (limit {limit:g}), free within {free.free:.0f} ms (limit "
        f"{FREE_MS:g}), threads and descriptors {counts}"
    )
    return holds


def main() -> int:
    # A shell starts what runs in its background with SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", choices=MOMENTS, action="append")
    parser.add_argument("--way", choices=WAYS, action="append")
    parser.add_argument("--kind", choices=KINDS, action="append")
    parser.add_argument("--recorded", action="store_true")
    parser.add_argument("--keep", type=Path, help="add the trials to FILE, and judge all of it")
    args = parser.parse_args()
    server = LocalServer()
    base_url = server.start()
    trial = silent_trial
    sink = NullSink(RATE) if args.recorded else None
    if sink is not None:
        os.environ.update(sink.environment)
        sink.start()
        trial = partial(recorded_trial, sink=sink)
        args.only = args.only or SOUNDING
    trial("Player", "sounding", "cancelled", base_url)
    before, done = open_things(), list[Trial]()
    print(f"before: {before[0]} threads, {before[1]} descriptors", flush=True)
    print(f"{'':42}" + "".join(f"{way:>22}" for way in args.way or WAYS) + "   silent / free, ms")
    for kind in args.kind or KINDS:
        for moment in args.only or MOMENTS:
            cells = []
            for way in args.way or WAYS:
                found = [trial(kind, moment, way, base_url) for _ in range(args.rounds)]
                done += [Trial(kind, moment, way, *each) for each in found]
                silent, free = (max(column) for column in zip(*found, strict=True))
                cells.append(f"{silent:.0f} / {free:.0f}")
            print(f"{kind:14}{moment:28}" + "".join(f"{cell:>22}" for cell in cells), flush=True)
    after = open_things()
    server.close()
    if sink is not None:
        sink.close()
    print(f"after {len(done)} trials: {after[0]} threads, {after[1]} descriptors")
    if args.keep is not None:
        with args.keep.open("a") as lines:
            lines.writelines(json.dumps(each) + "\n" for each in done)
        done = [Trial(*json.loads(line)) for line in args.keep.read_text().splitlines()]
    flat = all(now <= then for now, then in zip(after, before, strict=True))
    return 0 if report(done, flat, RECORDED_MS if sink else SILENT_MS) else 1


if __name__ == "__main__":
    sys.exit(main())
