"""Rows of sound: bit-exactness, steps, devices, the long run, the C engine, the noise guard."""

from __future__ import annotations

import random
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.trust import interrupting
from benchmarks.trust.row import ROOT, Run, row
from streamplay.playback.playout import FADE_IN_SECONDS, FADE_SECONDS, Playout
from streamplay.policy.jitter import policy
from streamplay.policy.simulate import play
from streamplay.trace import Trace

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATE = 24000


@row(planned=1000, unit="streams")
def bit_exactness(run: Run) -> None:
    """Streams cut at random are heard whole and in order, by both engines, on a silent clock."""
    each = max(1, min(run.planned // 2, int(run.seconds * 6)))
    told = _by_engine(run, "streams", each)
    run.done = sum(map(int, re.findall(r"(\d+) of \d+ streams", told)))


@row(planned=1000, unit="streams")
def through_the_sink(run: Run) -> None:
    """What PortAudio played to PulseAudio's null sink is what was sent, bit for bit, by both
    engines.
    """
    each = max(1, min(run.planned // 2, int(run.seconds * 3)))
    told = _by_engine(run, "sink", each, may_fail=True)
    found = re.findall(r"(\d+) of (\d+) streams bit for bit \((\d+) in recordings", told)
    run.done = sum(int(right) for right, _, _ in found)
    late = sum(int(underflows) for _, _, underflows in found)
    run.facts["lost to underflows of the machine"] = late
    missed = sum(int(every) - int(right) for right, every, _ in found)
    if len(found) < 2 or missed > late:
        run.fault(f"{missed} streams differ, {late} in recordings with underflows: {told[-200:]}")


def _by_engine(run: Run, kind: str, count: int, **how: Any) -> str:
    """Run a kind of `benchmarks.soak` for each engine at the same time."""

    def one(engine: str) -> str:
        return run.module("soak", kind, "--count", str(count), "--engine", engine, **how)

    with ThreadPoolExecutor(2) as pool:
        return "\n".join(pool.map(one, ("native", "python")))


def _engines() -> dict[str, Any]:
    from streamplay.playback import native

    engines: dict[str, Any] = {"python": Playout}
    if native.library() is not None:
        engines["native"] = native.NativePlayout
    return engines


@row(planned=20_000, unit="disturbances")
def largest_step(run: Run) -> None:
    """The largest step between samples of a constant signal at pauses, cuts, dry rings and changes
    of volume, by both engines: never more than fades and gain may move in one frame.
    """
    level, loudest = 0.25, 2.0
    fade, fade_in = FADE_SECONDS * RATE, FADE_IN_SECONDS * RATE
    bound = level * (1 / round(fade) + loudest / round(fade_in) + loudest / round(fade)) + 1e-6
    engines = _engines()
    each = run.planned // len(engines)
    for name, make in engines.items():
        playout = make(RATE, 1, RATE)
        # The stream's own beginning is no disturbance.
        playout.write_frames(np.full((2400, 1), level, np.float32))
        begun = np.empty(100, np.float32)
        playout.render(begun.data, 0.0)
        worst, last = 0.0, float(begun[-1])
        for _ in run.turns(range(each)):
            block = _disturbed(playout, run.dice, level)
            steps = np.abs(np.diff(np.concatenate(([last], block))))
            worst, last = max(worst, float(steps.max())), float(block[-1])
        run.facts[f"largest, {name}"] = f"{worst:.5f} of {bound:.5f}"
        if worst > bound:
            run.fault(f"{name}: a step of {worst:.5f}")
    run.planned = each * len(engines)


def _disturbed(playout: Any, dice: random.Random, level: float) -> NDArray[np.float32]:
    """Disturb it in one way, and return 50 ms of what it renders then.

    No stream ends, so that all silence is a disturbance and fades.
    """
    kind = dice.randrange(6)
    if kind == 0:
        playout.pause()
    elif kind == 1:
        playout.resume()
    elif kind == 2:
        playout.gain = dice.choice([0.0, 0.5, 1.0, 2.0])
    elif kind == 3:
        playout.start_level = dice.randrange(1, 2000)
    playout.write_frames(np.full((dice.choice([0, 300, 1200, 2400]), 1), level, np.float32))
    blocks = []
    for _ in range(dice.randrange(1, 8)):
        out = np.empty(dice.randrange(1, 400), np.float32)
        playout.render(out.data, 0.0)
        blocks.append(out)
    playout.journal.read_notes()
    return np.concatenate(blocks)


@row(planned=1000, unit="virtual hours", parallel=True)
def virtual_hours(run: Run) -> None:
    """Speech from servers of every temper in virtual time: every stall is explained by an arrival
    that came later than what was ahead, and none is longer than that.
    """
    for _ in run.turns():
        seconds = 0.0
        while seconds < 3600:
            trace = _trace(random.Random(f"{run.seed} {run.number} {seconds}"))
            run.count("streams")
            played = play(trace, policy("auto", RATE))
            seconds += trace.frames / RATE
            # start + stalls ≥ what the latest chunk needed; equal where it stalled at all.
            stalled = played.wait + sum(played.gaps)
            late = played.wait >= trace.safe_start and played.gaps
            if stalled < trace.safe_start - 1e-6 or late:
                run.fault(f"hour {run.number}: waited {played.wait:.3f}, stalls {played.gaps}")


def _trace(dice: random.Random) -> Trace:
    pace, jitter = dice.uniform(0.7, 8), dice.choice([0.0, 0.01, 0.1, 0.5])
    now, arrivals = dice.uniform(0.1, 2), []
    for _ in range(dice.randrange(5, 400)):
        frames = dice.choice([480, 2400, 4800, 12000])
        arrivals.append((now, frames))
        now += frames / RATE / pace + dice.expovariate(1) * jitter
        now += dice.random() < 0.01 and dice.uniform(0, 3)
    return Trace("h", "m", "v", 100, "pcm_s16le", RATE, 1, tuple(arrivals), now)


@row(planned=3, unit="ways to take an hour")
def an_hour_of_audio(run: Run) -> None:
    """An hour from a server faster than real time, played, kept and waiting: memory within the
    queue's 64 MB and 20 MB besides (`benchmarks.soak_hour`).
    """
    told = run.module("soak_hour", "--hold", "15")
    run.done = sum(told.count(f"\n{way}") or told.startswith(way) for way in _WAYS)
    run.facts["told"] = " | ".join(line.strip() for line in told.splitlines()[-3:])[:300]


_WAYS = ("played", "kept", "waiting")


@row(planned=3600, unit="seconds", when="beside")
def real_hours(run: Run) -> None:
    """The clock of what is heard, in real time over the null sink, for as long as the budget is."""
    seconds = max(30, min(run.planned, int(run.seconds * 0.9)))
    told = run.module("soak", "clock", "--seconds", str(seconds), patience=seconds + 120)
    run.done = seconds if "looks over" in told else 0
    run.facts["told"] = (told.strip().splitlines() or [""])[-1][:200]


@row(planned=17, unit="programs")
def c_engine(run: Run) -> None:
    """The C playout between three threads under ThreadSanitizer, AddressSanitizer and
    UndefinedBehaviorSanitizer, with counters from 0, 2³¹, 2³² and 2⁶², and with every allocation
    failing in turn (`benchmarks/sanitize`).
    """
    frames = str(int(max(60_000, min(2_000_000, run.seconds * 5000))))
    told = run.program("bash", str(ROOT / "benchmarks" / "sanitize"), frames)
    run.done = told.count(": 0 wrong")
    run.facts["frames each"] = int(frames)


@row(planned=14, unit="tests")
def rings(run: Run) -> None:
    """Every interleaving of the rings' steps (tests/playback/test_ring_model.py)."""
    run.tests("tests/playback/test_ring_model.py", "tests/playback/test_ring.py")


@row(planned=30, unit="tests")
def devices(run: Run) -> None:
    """Devices that are unloaded, changed, restarted, refuse a rate, never call back, or block when
    they are closed.
    """
    run.tests(
        *("tests/outputs", "tests/playback/test_session.py", "tests/system/test_device_returns.py")
    )


@row(planned=560, unit="clips", when="last")
def noise_guard(run: Run) -> None:
    """Speech, music, noise and tones in every encoding: no false alarm; of each wrong encoding 99 %
    recognised, or all but one clip where there are fewer (`benchmarks.guard`).
    """
    clips = max(24, min(run.planned, int(run.seconds / 0.7)))
    told = run.module("guard", "--clips", str(clips), may_fail=True)
    run.done = clips if told else 0
    alarms = re.search(r"(?m)^  (\d+) of (\d+) \(", told)
    share = re.search(r"all together: ([\d.]+)%", told)
    least = re.search(r"least of any kind: ([\d.]+)%", told)
    if alarms is None or share is None or least is None:
        run.fault(f"nothing was told: {told[-200:]}")
    else:
        run.facts["false alarms"] = f"{alarms[1]} of {alarms[2]}"
        run.facts["recognised, %"] = float(share[1])
        run.facts["recognised of any kind, % at least"] = float(least[1])
        missed = round(clips * (1 - float(least[1]) / 100))
        if alarms[1] != "0" or missed > max(1, clips // 100):
            run.fault(f"{alarms[1]} false alarms, of one kind {least[1]} % recognised")


@row(
    planned=1000 * len(interrupting.CELLS),
    unit="interruptions",
    parallel=True,
    crowd=3,
    when="last",
)
def interruptions(run: Run) -> None:
    """A thousand in each of six states, for events and bytes, over TCP and TLS, on a silent clock,
    by both engines: silence within a block and a fade, and every frame accounted for.
    """
    with interrupting.serving() as ports:
        for cell in run.turns(list(interrupting.CELLS) * (1000 // interrupting.BATCH)):
            interrupting.interrupt_often(run, cell, ports[cell.scheme], run.dice)
    run.done *= interrupting.BATCH
    run.planned *= interrupting.BATCH


@row(planned=120, unit="moments and ways")
def cancellation(run: Run) -> None:
    """Twelve moments, five ways to leave, both players: silent and free within a second, threads
    and descriptors as many as before (`benchmarks.cancelling`).
    """
    told = run.module("cancelling", counts="")
    run.done = told.count(" / ") - told.count("silent / free")
    run.facts["told"] = " | ".join(line for line in told.splitlines()[-2:])


@row(planned=1000, unit="players")
def players(run: Run) -> None:
    """Players opened, used and closed one after the other: no thread and no descriptor is left."""
    import os
    import threading
    from pathlib import Path

    from streamplay import Player

    os.environ.setdefault("STREAMPLAY_ENGINE", "espeak")
    before: tuple[int, int] | None = None
    for turn in run.turns():
        with Player(base_url="http://127.0.0.1:9/v1", play=False, model="m", voice="v") as player:
            if turn % 3 == 0:
                player.say("Hello")
                player.interrupt()
        if turn % 50 == 20:
            held = threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))
            before = before or held
            if held[0] > before[0] + 2 or held[1] > before[1] + 4:
                run.fault(f"{held} threads and descriptors, {before} at first")


@row(planned=10_000, unit="cycles", when="last")
def cycles(run: Run) -> None:
    """One player that speaks and is cancelled: threads, descriptors and memory stay
    (`benchmarks.soak cycles`).
    """
    count = max(200, min(run.planned, int(run.seconds * 60)))
    told = run.module("soak", "cycles", "--count", str(count))
    run.done = count if "cycle" in told else 0
    run.facts["told"] = " | ".join(line.strip() for line in told.splitlines()[-2:])
