"""What `Heard` says, beside what was heard: interruptions at random moments of random utterances.

Each utterance of random words is spoken by the local server (eSpeak) with word times, played over
the null sink, and interrupted at a random moment. The sink's recording tells how many of its frames
were really heard, and the server's word times which word that was. A word counts as heard once
half of it was. A trial in which the device ran dry is repeated, and so is one whose recording
differs from what was handed to the device (`benchmarks.handed_over`): that is the machine's doing.

    .venv/bin/python -m benchmarks.heard [--trials 500] [--seed 1] [--latency 0.05] [--keep FILE]

With `--keep`, what was judged is added to FILE, and the verdict is that of all that it holds: so
the trials can be run in parts, each with another seed. The last line is the verdict.
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
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.handed_over import HandedOver, holes, place_of
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
        # A stall is played with fades: its frames are not as they were sent.
        fed = not (self.receipt.device_underflows or self.receipt.stalls.count or self.ran_dry)
        return len(sound) > LEAST and fed


class Verdict(NamedTuple):
    """How an interruption compares with what was heard.

    Attributes
    ----------
    words : int
        Words that were told too many (or, negative, too few).
    in_fade : bool
        Half of one more word was heard only together with the fade, and it was not told.
    after : int
        Frames with sound behind those that were told.
    exact, whose, offset : bool
        Whether it was told to be exact; whether utterance, cut and offset are right.
    """

    words: int
    in_fade: bool
    after: int
    exact: bool
    whose: bool
    offset: bool

    @property
    def holds(self) -> bool:
        """Whether all of it is as promised."""
        right = self.exact and self.whose and self.offset
        return right and self.words == 0 and self.after <= FADE


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
    if how == "cancelled":  # what is behind it would be heard right after its fade
        for each in behind:
            each.cancel()
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


def match(frames: Samples, at: int, sent: Samples, told: int) -> tuple[int, int] | None:
    """Find where `sent` begins in what was handed over, and how many of its frames are as sent.

    All of those `told` are: the beginnings of two utterances are alike. Where the thread that has
    cut was kept from running for a while, the fade is among them.
    """
    begin = int(np.flatnonzero(sent)[0])
    for place in np.flatnonzero(frames[at:] == sent[begin]) + at:
        length = min(len(frames) - int(place), len(sent) - begin)
        window = frames[place : place + length]
        if (window[:64] != sent[begin : begin + length][:64]).any():
            continue
        wrong = np.flatnonzero(window != sent[begin : begin + length])
        same = begin + (int(wrong[0]) if len(wrong) else length)
        if same >= told - FADE:
            return int(place), same
    return None


def sound_after(frames: Samples, place: int) -> int:
    """Count the frames from `place` until silence that lasts."""
    rest = frames[place : place + RATE]
    quiet = round(PAUSE / 2 * RATE)
    loud = np.concatenate(([-1], np.flatnonzero(rest)))
    gaps = np.flatnonzero(np.diff(loud) > quiet)
    return int(loud[gaps[0]] if len(gaps) else loud[-1]) + 1


def judge(trial: Trial, end: int) -> Verdict:
    """Hold what was told against what was heard: `end` is behind its last frame, with the fade."""
    frames = trial.heard.frames
    middles = [(start + stop) / 2 * RATE for _, start, stop in trial.words]
    least = sum(middle <= frames for middle in middles)
    most = sum(middle <= max(end, frames) for middle in middles)  # the last may end in silence
    told = len(trial.heard.text.split())
    wrong = told - min(max(told, least), most)
    facts = trial.heard.exact, trial.whose, trial.offset
    return Verdict(wrong, told < most, end - frames, *facts)


def batch(
    player: Player, handed_over: HandedOver, sink: NullSink, chance: random.Random, count: int
) -> tuple[list[Verdict], int]:
    """Return what was judged, and how many trials the machine has disturbed."""
    handed_over.take()
    lost = handed_over.lost
    with tempfile.TemporaryDirectory() as folder, sink.record() as recording:
        trials = []
        for _ in range(count):
            trials.append(attempt(player, sink, chance, Path(folder) / "sent.pcm"))
            time.sleep(PAUSE)
    handed, recorded = handed_over.take(), recording.frames[:, 0]
    at, seen, judged, disturbed = 0, 0, [], 0
    for trial in trials:
        if not trial.judged:
            continue
        found = match(handed, at, trial.sent, trial.heard.frames)
        if found is None:
            print(f"not handed over: {trial.heard} {trial.receipt}", file=sys.stderr)
            if handed_over.lost > lost:  # the thread that reads the reference came too late
                disturbed += 1
            else:
                judged.append(Verdict(0, False, RATE, False, False, False))
            continue
        place, same = found
        begin = int(np.flatnonzero(trial.sent)[0])
        stop = place + same - begin
        stop += sound_after(handed, stop)
        # Where it was cut in a pause of the speech, silence looks as if it had gone on.
        last = at = place + int(np.flatnonzero(handed[place:stop])[-1]) + 1
        there = place_of(handed[place:last], recorded, seen)
        if there is None:
            print(f"the sink: {holes(handed[place:last], recorded[seen:])}", file=sys.stderr)
            disturbed += 1
            continue
        seen = there
        verdict = judge(trial, begin + last - place)
        if not verdict.holds:
            print("WRONG:", verdict, trial.heard, trial.receipt, file=sys.stderr)
        judged.append(verdict)
    return judged, disturbed


def report(judged: list[Verdict], disturbed: int) -> bool:
    """Print what was found, and whether it holds."""
    after = sorted(verdict.after for verdict in judged)
    facts = {
        "trials": len(judged),
        "disturbed_by_the_machine": disturbed,
        "exact": sum(verdict.exact for verdict in judged),
        "whose_right": sum(verdict.whose for verdict in judged),
        "offset_right": sum(verdict.offset for verdict in judged),
        "words_wrong": dict(sorted(Counter(verdict.words for verdict in judged).items())),
        "ended_in_the_fade": sum(verdict.in_fade for verdict in judged),
        "frames_after": {
            "least": after[0],
            "median": after[len(after) // 2],
            "most": after[-1],
            "fade": FADE,
        },
    }
    print(json.dumps(facts, indent=2))
    wrong = sum(not verdict.holds for verdict in judged)
    print(
        f"{'HOLDS' if not wrong else 'DOES NOT HOLD'}: {len(judged) - wrong} of {len(judged)} "
        f"interruptions told the text or all but the word that ended in the fade, whose it was and "
        f"its offset, and were silent within the fade"
    )
    return not wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--latency", type=float, default=0.05)
    parser.add_argument("--keep", type=Path, help="add what is judged to FILE, and judge all of it")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    sink = NullSink(RATE)
    os.environ.update(sink.environment)
    os.environ["STREAMPLAY_ENGINE"] = "espeak"  # it tells the times of words, and is exact
    sink.start()
    judged: list[Verdict] = []
    disturbed = 0
    try:
        with (
            LocalServer() as server,
            Player(base_url=server.base_url, alignment="word", latency=options.latency) as player,
        ):
            handed_over = HandedOver(player)
            while len(judged) < options.trials:
                left = options.trials - len(judged)
                found, others = batch(player, handed_over, sink, chance, min(TOGETHER, left))
                judged, disturbed = judged + found, disturbed + others
                if options.keep is not None:
                    keep(options.keep, found)
                print(f"{len(judged)} of {options.trials}", file=sys.stderr, flush=True)
            facts = player.say("Hm.").wait().output
    finally:
        sink.close()
    print(f"{facts.kind}, {facts.engine} engine, latency {facts.latency_ms:g} ms")
    if options.keep is not None:
        judged = [Verdict(*json.loads(line)) for line in options.keep.read_text().splitlines()]
    raise SystemExit(0 if report(judged, disturbed) else 1)


def keep(file: Path, judged: list[Verdict]) -> None:
    """Add what was judged to a file."""
    with file.open("a") as lines:
        lines.writelines(json.dumps(list(verdict)) + "\n" for verdict in judged)


if __name__ == "__main__":
    main()
