"""What `Heard` says, beside what was heard: interruptions at random moments of random utterances.

Each utterance of random words is spoken by the local server (eSpeak) with word times, played over
the null sink, and interrupted at a random moment. The sink's recording tells how many of its frames
were really heard, and the server's word times which word that was. A word counts as heard once
half of it was. A trial in which the device itself ran out is repeated.

    .venv/bin/python -m benchmarks.heard [--trials 500] [--seed 1] [--latency 0.05]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from streamplay import Heard, Player, Receipt
from streamplay.server.child import LocalServer
from tests.support.nullsink import NullSink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from streamplay.speech.utterance import Utterance

    Samples = NDArray[np.int16]

RATE = 24000
FADE = round(0.005 * RATE)
TOGETHER = 20  # trials in one recording
PAUSE = 0.3  # seconds between them: longer than the device's latency
LEAST = 200  # frames of sound: all utterances begin with the same few
WORDS = (
    *("time", "person", "year", "day", "thing", "man", "world", "life", "hand", "part", "child"),
    *("eye", "woman", "place", "work", "week", "case", "point", "government", "company", "number"),
    *("group", "problem", "fact", "little", "remember", "understanding", "important", "question"),
    *("answer", "yesterday", "beautiful", "mountain", "river", "window", "garden", "table"),
)


@dataclass
class Trial:
    """One interruption: what was told, and what was sent."""

    heard: Heard
    receipt: Receipt
    sent: Samples
    words: list[tuple[str, float, float]]
    whose: bool
    offset: bool
    ran_dry: bool

    @property
    def judged(self) -> bool:
        """Whether the recording can tell: some of its sound was heard, and the device was fed."""
        sound = np.flatnonzero(self.sent[: self.heard.frames])
        fed = not (self.receipt.device_underflows or self.ran_dry)
        return len(sound) > LEAST and fed


def text(chance: random.Random) -> str:
    words = [chance.choice(WORDS) for _ in range(chance.randint(4, 24))]
    marked = [word + chance.choice(("", "", "", ",", ".")) for word in words]
    # A capital behind a full stop: eSpeak tells wrong places of the words where none follows.
    pairs = pairwise([".", *marked])
    said = [word.capitalize() if before.endswith(".") else word for before, word in pairs]
    return " ".join(said) + "."


def say(player: Player, chance: random.Random, file: Path, given: str) -> Utterance:
    scenario = {"pace": chance.choice((0, 0, 2, 4)), "first_byte_ms": chance.uniform(0, 100)}
    extra = {"extra_params": {"scenario": scenario}}
    said: str | Iterator[str] = given
    if chance.random() < 0.5:
        said = (given[at : at + 5] for at in range(0, len(given), 5))
    return player.say(said, extra=extra, output=file, force=True, prebuffer=200)


def interrupt(player: Player, utterance: Utterance, how: str) -> list[Heard]:
    """Interrupt it, or cancel it; return all that was told."""
    if how == "cancelled":
        return [utterance.cancel()]
    if how == "interrupted":
        return [player.interrupt()]
    with ThreadPoolExecutor(2) as threads:
        return [each.result() for each in [threads.submit(player.interrupt) for _ in range(2)]]


def attempt(player: Player, sink: NullSink, chance: random.Random, file: Path) -> Trial:
    given, before = text(chance), sink.fed_again
    file.unlink(missing_ok=True)  # what is cut short takes no older file's place
    utterance = say(player, chance, file, given)
    behind = [player.say("Behind it.") for _ in range(chance.choice((0, 0, 2)))]
    while not utterance.receipt.frames.played and not utterance.done:
        time.sleep(0.002)
    time.sleep(chance.uniform(0.0, 2.0))
    how = chance.choice(("interrupted", "by two threads", "cancelled"))
    told = interrupt(player, utterance, how)
    heard = next((each for each in told if each.utterance is utterance), Heard())
    cut = (utterance,) if how == "cancelled" else (utterance, *behind)
    receipt = utterance.wait(20)
    player.interrupt()
    words = [
        (word.text, piece.start / RATE + word.start, piece.start / RATE + word.stop)
        for piece in utterance._state.pieces
        for word in piece.words
    ]
    sent = np.frombuffer(file.read_bytes(), "<i2")
    # The second of two threads may find it done, or tell of the same.
    whose = receipt.complete or (
        heard.cut == cut and all(each.utterance in {None, utterance} for each in told)
    )
    if not whose:
        print("whose:", how, told, cut, file=sys.stderr)
    offset = given[: heard.offset].split() == heard.text.split()
    ran_dry = sink.fed_again > before
    return Trial(heard, receipt, sent, words, whose, offset, ran_dry)


def match(recorded: Samples, at: int, sent: Samples, told: int) -> tuple[int, int] | None:
    """Find where `sent` begins in the recording, and how many of its frames are as they were.

    All of those `told` are: the beginnings of two utterances are alike.
    """
    begin = int(np.flatnonzero(sent)[0])
    for place in np.flatnonzero(recorded[at:] == sent[begin]) + at:
        length = min(len(recorded) - int(place), len(sent) - begin)
        window = recorded[place : place + length]
        if (window[:64] != sent[begin : begin + length][:64]).any():
            continue
        wrong = np.flatnonzero(window != sent[begin : begin + length])
        same = begin + (int(wrong[0]) if len(wrong) else length)
        if same >= told:
            return int(place), same
    return None


def sound_after(recorded: Samples, place: int) -> int:
    """Count the frames from `place` until silence that lasts."""
    rest = recorded[place : place + RATE]
    quiet = round(PAUSE / 2 * RATE)
    loud = np.concatenate(([-1], np.flatnonzero(rest)))
    gaps = np.flatnonzero(np.diff(loud) > quiet)
    return int(loud[gaps[0]] if len(gaps) else loud[-1]) + 1


def judge(trial: Trial, end: int) -> tuple[int, int]:
    """Return by how many words the text was wrong, and how many frames were heard after it.

    `end` is the last frame that was heard, the fade included.
    """
    reached = max(end, trial.heard.frames)  # the last word may end in silence
    truth = sum((start + stop) / 2 * RATE <= reached for _, start, stop in trial.words)
    told = len(trial.heard.text.split())
    return told - truth, end - trial.heard.frames


def batch(player: Player, sink: NullSink, chance: random.Random, count: int) -> list[list[int]]:
    with tempfile.TemporaryDirectory() as folder, sink.record() as recording:
        trials = []
        for _ in range(count):
            trials.append(attempt(player, sink, chance, Path(folder) / "sent.pcm"))
            time.sleep(PAUSE)
    recorded, at, judged = recording.frames[:, 0], 0, []
    for trial in trials:
        if not trial.judged:
            continue
        found = match(recorded, at, trial.sent, trial.heard.frames)
        if found is None:
            print("not found in the recording:", trial.heard, file=sys.stderr)
            continue
        place, same = found
        begin = int(np.flatnonzero(trial.sent)[0])
        stop = place + same - begin
        stop += sound_after(recorded, stop)
        # Where it was cut in a pause of the speech, silence looks as if it had gone on.
        last = place + int(np.flatnonzero(recorded[place:stop])[-1]) + 1
        wrong, after = judge(trial, begin + last - place)
        if abs(wrong) > 1 or after > FADE:
            print("heard more:", after, wrong, trial.heard, trial.receipt, file=sys.stderr)
        facts = [int(each) for each in (trial.heard.exact, trial.whose, trial.offset)]
        judged.append([wrong, after, *facts])
        at = last
    return judged


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--latency", type=float, default=0.05)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    sink = NullSink(RATE)
    os.environ.update(sink.environment)
    os.environ["STREAMPLAY_ENGINE"] = "espeak"  # it tells the times of words, and is exact
    sink.start()
    judged: list[list[int]] = []
    try:
        with (
            LocalServer() as server,
            Player(base_url=server.base_url, alignment="word", latency=options.latency) as player,
        ):
            while len(judged) < options.trials:
                left = options.trials - len(judged)
                judged += batch(player, sink, chance, min(TOGETHER, left))
                print(f"{len(judged)} of {options.trials}", file=sys.stderr, flush=True)
            facts = player.say("Hm.").wait().output
    finally:
        sink.close()
    after = sorted(row[1] for row in judged)
    print(
        json.dumps(
            {
                "trials": len(judged),
                "exact": sum(row[2] for row in judged),
                "whose_right": sum(row[3] for row in judged),
                "offset_right": sum(row[4] for row in judged),
                "words_wrong": dict(sorted(Counter(row[0] for row in judged).items())),
                "frames_after": {
                    "least": after[0],
                    "median": after[len(after) // 2],
                    "most": after[-1],
                    "fade": FADE,
                },
                "output": facts.kind,
                "engine": facts.engine,
                "latency_ms": facts.latency_ms,
            },
            indent=2,
        )
    )
    if any(abs(row[0]) > 1 for row in judged):
        raise SystemExit("a text ended more than a word away from what was heard")


if __name__ == "__main__":
    main()
