"""Falling back in the middle of a text, beside what was heard: random faults at random moments.

Two local servers speak with different voices and loudness. The first one fails in a random way at
a random place of a random text; the second one goes on. What is heard is compared with the audio
that both have sent: what was heard of the first is bit for bit what it sent, up to the join; what
follows is the second one's, louder or softer, from its first frame to its last. The words that the
servers say lie in these two stretches must be the words of the text, each once.

A trial is judged by what was handed to the device (`benchmarks.handed_over`). `sink` tells whether
the null sink has recorded just that: a busy machine lets it run dry, and `ran_dry` counts the times
that it has noticed. The last line is the verdict.

    .venv/bin/python -m benchmarks.fallbacks [--trials 20] [--seed 1]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.handed_over import HandedOver, holes, place_of
from benchmarks.heard import RATE, text
from streamplay import Player
from streamplay.events import ServerChanged
from streamplay.server.child import LocalServer
from streamplay.speech.loudness import SpeechLevel
from tests.support.nullsink import NullSink

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamplay import Utterance

    Samples = NDArray[np.int16]

FAULTS = ("end-between-chunks", "end-inside-chunk", "reset", "error-event", "bad-base64", "freeze")
LEVELS = (-12.0, -6.0, 3.0)  # of the second voice, in dB: eSpeak's own is near full scale
FADE = round(0.005 * RATE)
FADE_IN = round(0.008 * RATE)
PAUSE = 0.4
LOUDER_BY_DB = 2.0  # promised
LIKE = 0.995  # of a tenth of a second, whose gain may move by 0.6 dB

SCALED = """
import sys
from dataclasses import replace
from streamplay.server import engines, service
usual, factor = engines.sound, 10 ** (float(sys.argv[1]) / 20)
def scaled(*given):
    made = usual(*given)
    return replace(made, frames=made.frames * factor)
engines.sound = scaled
service.main(["--tied"])
"""


class ScaledServer:
    """A local server whose voice is louder or softer than usual."""

    def __init__(self, decibels: float) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", SCALED, str(decibels)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.base_url = self._process.stdout.readline().split()[-1]

    def close(self) -> None:
        """End it: it is tied to its standard input."""
        self._process.communicate()


@dataclass
class Trial:
    """One text that two servers have said."""

    utterance: Utterance
    given: str
    sent: Samples
    change: ServerChanged | None
    silence: float

    @property
    def received_of_first(self) -> int:
        """Frames that the first server had sent."""
        account = self.utterance._state.account
        return self.join_frames + account._taken_back

    @property
    def join_frames(self) -> int:
        """Frames that were heard of the first server."""
        (piece,) = self.utterance._state.pieces
        return piece.last_join.frames


def attempt(player: Player, chance: random.Random, folder: Path) -> Trial:
    given = text(chance)
    fault = {"fault": chance.choice(FAULTS), "at_event": chance.randint(4, 60)}
    fault |= {"pace": chance.choice((0, 0, 1, 1.2, 3))}
    file = folder / "sent.pcm"
    words = "word" if chance.random() < 0.8 else None
    utterance = player.say(
        given,
        extra={"extra_params": {"scenario": fault}},
        alignment=words,  # type: ignore[arg-type]
        output=file,
        force=True,
    )
    change = next((each for each in utterance.events() if isinstance(each, ServerChanged)), None)
    receipt = utterance.wait(60)
    sent = np.frombuffer(file.read_bytes(), "<i2")
    return Trial(utterance, given, sent, change, receipt.stalls.total_ms)


def find(handed: Samples, at: int, wanted: Samples) -> int | None:
    """Find where the first samples of `wanted` begin in what was heard, whatever their gain."""
    begin = int(np.flatnonzero(np.abs(wanted) > 30)[0])
    head = wanted[begin : begin + 2400].astype(np.float64)
    rest = handed[at:].astype(np.float64)
    if len(rest) < len(head):
        return None
    size = 1 << (len(rest) + len(head)).bit_length()
    product = np.fft.rfft(rest, size) * np.conj(np.fft.rfft(head, size))
    match = np.fft.irfft(product, size)[: len(rest) - len(head) + 1]
    power = np.cumsum(np.concatenate([[0.0], rest**2]))
    own = np.sqrt(np.maximum(power[len(head) :] - power[: -len(head)], 1.0))
    likeness = match / (own[: len(match)] * np.linalg.norm(head))
    begun = int(np.argmax(likeness > 0.98)) if (likeness > 0.98).any() else int(np.argmax(likeness))
    # One frame beside it speech is nearly as like.
    best = begun + int(np.argmax(likeness[begun : begun + FADE]))
    return at + best - begin if likeness[best] > 0.95 else None


def level(samples: Samples) -> float | None:
    measured = SpeechLevel()
    frames = samples[:, None].astype(np.float32)
    frames /= 32768
    measured.add_frames(frames, RATE)
    return measured.decibels


def judge(trial: Trial, handed: Samples) -> dict[str, Any]:
    utterance, receipt = trial.utterance, trial.utterance.receipt
    heard = utterance.heard()
    frames = receipt.frames
    adds_up = frames.received == frames.played + frames.flushed
    facts: dict[str, Any] = {
        "complete": receipt.complete,
        "adds_up": adds_up,
        "stall": trial.silence,
    }
    facts["text"] = heard.text.split() == trial.given.split()
    join, exact = trial.join_frames, heard.exact
    facts["changed"] = trial.change is not None
    if trial.change is None:  # it had all been received
        return facts
    first, second = trial.sent[:join], trial.sent[trial.received_of_first :]
    pieces = utterance._state.pieces
    words = [word.text for word in pieces[0].words]
    facts["words"] = words == [w.strip(".,") for w in trial.given.split()] if exact else None
    facts["exact"] = exact
    place, found = 0, None
    if (np.abs(first) > 30).any():
        found = find(handed, 0, first)
        assert found is not None, "the first voice was not handed over"
        place = found + len(first)
    second_at = find(handed, max(0, place - FADE), second)
    assert second_at is not None, "the second voice was not handed over"
    gap = second_at - place
    facts["gap_ms"] = round(1000 * gap / RATE, 1)
    if found is not None:
        facts["first_same"] = same_but_for_a_stall(handed[found:], first, gap)
    heard_second = handed[second_at : second_at + len(second)]
    facts["second_like"] = round(likeness(heard_second, second), 4)
    facts["second_same"] = facts["second_like"] >= LIKE
    if facts["stall"] > facts["gap_ms"] + 1:  # there was one behind the join: a busy machine's
        facts["second_same"] = None
    facts["clipped"] = int((np.abs(heard_second) >= 32767).sum())
    levels = level(handed[place - len(first) : place]), level(heard_second)
    if None not in levels:
        facts["louder_by_db"] = round(levels[1] - levels[0], 2)  # type: ignore[operator]
    return facts


def same_but_for_a_stall(handed: Samples, first: Samples, gap: int) -> bool:
    """Whether all of `first` was handed over, but for its fade at the join.

    On a busy machine the server stalls before its fault: then what follows comes `gap` frames
    later, and fades in.
    """
    whole = max(0, len(first) - FADE)
    wrong = np.flatnonzero(handed[:whole] != first[:whole])
    if not len(wrong):
        return True
    again = int(wrong[0]) + FADE_IN
    return gap > 0 and bool((handed[gap + again : gap + whole] == first[again:whole]).all())


def likeness(heard: Samples, sent: Samples) -> float:
    """Return how like the least like tenth of a second of the one is to the other's, at any gain.

    1 is the same; 0, where they are not equally long.
    """
    if len(heard) != len(sent):
        return 0.0
    least = 1.0
    for start in range(0, len(sent), RATE // 10):
        one = heard[start : start + RATE // 10].astype(np.float64)
        other = sent[start : start + RATE // 10].astype(np.float64)
        if np.linalg.norm(other) < 3000:
            continue
        size = float(np.linalg.norm(one) * np.linalg.norm(other))
        least = min(least, float(one @ other) / (size or 1.0))
    return least


def run(player: Player, sink: NullSink, chance: random.Random) -> dict[str, Any] | None:
    """Try once, and judge it; None: the blocks were not read in time to tell."""
    before, handed_over = sink.fed_again, HandedOver(player)
    with tempfile.TemporaryDirectory() as folder, sink.record() as recording:
        trial = attempt(player, chance, Path(folder))
        time.sleep(PAUSE)
    handed, recorded = handed_over.take(), recording.frames[:, 0]
    if handed_over.lost:
        return None
    facts = judge(trial, handed)
    facts["ran_dry"] = sink.fed_again - before  # as far as the sink knows
    facts["sink"] = "same"
    if place_of(handed, recorded) is None:
        facts["sink"] = holes(handed, recorded)
    return facts


def open_player(first: str, second: ScaledServer) -> Player:
    voice = "#model=canopylabs/orpheus-3b-0.1-ft&voice=leo"
    # For one text: a player that is used for many would stay with the second server.
    return Player(base_url=first, fallback=second.base_url + voice, timeout=0.5, latency=0.05)


def report(judged: list[dict[str, Any]], disturbed: int) -> bool:
    """Print what was found, and whether it holds."""
    changed = [facts for facts in judged if facts["changed"]]
    louder = sorted(abs(each["louder_by_db"]) for each in changed if "louder_by_db" in each)
    names = ("complete", "adds_up", "text", "exact", "words", "first_same", "second_same")
    told = {name: [each[name] for each in changed if each.get(name) is not None] for name in names}
    right = {name: [sum(values), len(values)] for name, values in told.items()}
    print(json.dumps({"trials": len(judged), "not_read_in_time": disturbed, **right}))
    same = sum(each["sink"] == "same" for each in judged)
    unseen = sum(each["sink"] != "same" and not each["ran_dry"] for each in judged)
    print(
        f"the sink recorded just what was handed to it in {same} of {len(judged)}; of the others "
        f"{unseen} without a word in its log"
    )
    print(json.dumps({"louder_by_db": {"median": louder[len(louder) // 2], "most": louder[-1]}}))
    kept = ("complete", "adds_up", "text", "words", "first_same", "second_same")
    wrong = sum(not all(each.get(name) in {None, True} for name in kept) for each in changed)
    holds = not wrong and louder[-1] <= LOUDER_BY_DB
    print(
        f"{'HOLDS' if holds else 'DOES NOT HOLD'}: in {len(changed) - wrong} of {len(changed)} "
        f"every frame was as sent, and every word said once; {louder[-1]:.1f} dB apart at most"
    )
    return holds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    sink = NullSink(RATE)
    os.environ.update(sink.environment)
    os.environ["STREAMPLAY_ENGINE"] = "espeak"
    sink.start()
    seconds = [ScaledServer(decibels) for decibels in LEVELS]
    judged: list[dict[str, Any]] = []
    disturbed = 0
    try:
        with LocalServer() as first:
            while len(judged) < options.trials:
                with open_player(first.base_url, chance.choice(seconds)) as player:
                    facts = run(player, sink, chance)
                if facts is None:
                    disturbed += 1
                    continue
                judged.append(facts)
                print(json.dumps(facts), file=sys.stderr, flush=True)
    finally:
        for second in seconds:
            second.close()
        sink.close()
    raise SystemExit(0 if report(judged, disturbed) else 1)


if __name__ == "__main__":
    main()
