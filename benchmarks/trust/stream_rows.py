"""Rows of bytes: events, bodies, foreign input, faults at every byte. Without sockets."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
import tracemalloc
from itertools import product
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks import fuzz
from benchmarks.trust import foreign
from benchmarks.trust.readers import READERS
from benchmarks.trust.row import ROOT, NotHere, Run, row
from streamplay.audio import ENCODINGS, AudioFormat
from streamplay.errors import (
    ConnectFailed,
    ConnectionLost,
    RateLimited,
    ServerFailed,
    StreamBroken,
    Truncated,
)
from streamplay.network.retry import ATTEMPTS, LONGEST_ADVICE, read_advice, wait_before
from streamplay.stream.decoder import Decoder
from streamplay.stream.sse import EventReader
from tests.system import test_received as whole

if TYPE_CHECKING:
    import random
    from collections.abc import Callable


@row(planned=20_000, unit="cuts")
def sse_conformance(run: Run) -> None:
    """The shared conformance cases (WHATWG, web-platform-tests, LaunchDarkly's contract cases),
    cut in two at every byte, give their events.
    """
    cases = json.loads((ROOT / "tests" / "data" / "sse-cases.json").read_text())["cases"]
    cuts = []
    for case in cases:
        data = base64.b64decode(case["body_base64"])
        cuts += [(case, data, at) for at in range(len(data) + 1)]
    run.facts["cases"] = len(cases)
    for case, data, at in run.turns(cuts):
        reader = EventReader()
        pieces = (data[:at], data[at:])
        seen = [(e.event, e.data, e.id) for piece in pieces for e in reader.feed(piece)]
        if seen != [(e["event"], e["data"], e["id"]) for e in case["events"] if e["data"]]:
            run.fault(f"{case['name']} cut at {at}: {seen}")


@row(planned=100_000, unit="streams", parallel=True)
def random_cuttings(run: Run) -> None:
    """Whole streams of every dialect and encoding, cut at random, give the bytes that were sent."""
    made: dict[tuple[str, str, int], tuple[str, AudioFormat, bytes, bytes]] = {}
    for dialect, encoding, step in product([*whole.DIALECTS, "D"], ENCODINGS, (17, 48, 1000)):
        audio = AudioFormat(encoding, 24000)
        wave = 0.1 * np.sin(np.arange(480 // audio.frame_bytes) / 5)
        data = audio.encode(wave.astype(np.float32).reshape(-1, 1))
        kind = "application/octet-stream" if dialect == "D" else whole.EVENTS
        made[dialect, encoding, step] = kind, audio, data, whole.stream(dialect, data, step)
    keys = list(made)
    for _ in run.turns():
        dice = run.dice
        kind, audio, data, body = made[dice.choice(keys)]
        if whole.received(kind, audio, whole.cut(body, dice)) != data:
            run.fault(f"turn {run.number}: other bytes")


@row(planned=300_000, unit="bodies", parallel=True)
def broken_bodies(run: Run) -> None:
    """Bodies that were well-formed and then damaged raise typed errors only, give the same events
    however they are cut, and frames within full scale (`benchmarks.fuzz`).
    """
    for number in run.turns():
        one, dice = fuzz.body(run.seed, number)
        try:
            fuzz.check(one, dice)
        except Exception as error:  # noqa: BLE001 - every other error is a fault
            run.fault(f"input {number} of seed {run.seed}: {error!r}")


@row(planned=len(fuzz._ENDLESS), unit="endless bodies")
def sizes(run: Run) -> None:
    """Bodies without an end hold at most 12 MB."""
    most = 0
    try:
        for _, held in fuzz.check_memory(pieces=20):
            most = max(most, held)
            run.done += 1
    except fuzz.Broken as error:
        run.fault(str(error))
    run.facts["most MB held"] = round(most / 1e6, 1)


@row(planned=100_000, unit="inputs", parallel=True)
def foreign_input(run: Run) -> None:
    """Every reader of foreign input, given every hostile value and token at every place, raises
    typed errors only (`benchmarks.trust.foreign`).
    """
    inputs = [(name, data) for name in READERS for data in foreign.hostile(name)]
    inputs += list(foreign.found())
    run.facts["readers"] = len(READERS)
    for name, data in run.turns(inputs):
        try:
            foreign.outcome(name, data)
        except Exception as error:  # noqa: BLE001 - every other error is a fault
            run.fault(f"{name}: {type(error).__name__} {error} of {data[:80]!r}")


@row(planned=10_000_000, unit="inputs", when="last")
def coverage_guided(run: Run) -> None:
    """Atheris leads every reader to new code by its coverage; typed errors only. It has an
    environment of its own, named by ATHERIS_PYTHON; the corpus is kept under build/corpus, and
    goes on from there the next time.
    """
    python = os.environ.get("ATHERIS_PYTHON")
    if not python:
        raise NotHere("ATHERIS_PYTHON names no interpreter with atheris")
    # To import and instrument takes a quarter of a minute, and processors take readers in turn.
    seconds = max(1, int((run.left - 15) * (os.cpu_count() or 1) / len(READERS)))
    program = [python, "-m", "benchmarks.trust.guided", str(seconds), str(run.seed)]
    told = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    results = [json.loads(line) for line in told.stdout.splitlines() if line.startswith("{")]
    if len(results) < len(READERS):
        run.fault(f"{len(results)} of {len(READERS)} readers: {told.stderr[-200:]}")
    for each in results:
        run.done += each["inputs"]
        if each["fault"]:
            run.fault(f"{each['reader']}: {each['fault']}")
    run.facts["readers"] = len(results)
    run.facts["fewest inputs of a reader"] = min((each["inputs"] for each in results), default=0)


# Faults at every byte

_FAULTS: Final[dict[str, Callable[[bytes, int], bytes]]] = {
    "end": lambda _body, _at: b"",
    "error event": lambda body, at: whole.event({"error": {"message": "no"}}) + body[at:],
    "half an object": lambda body, at: b'data: {"b64": "AAAA"\n\n' + body[at:],
    "bad base64": lambda body, at: whole.event({"b64": "A*=="}) + body[at:],
    "rubbish": lambda body, at: b"\xff\x00*" + body[at:],
    "NUL": lambda body, at: b"\0" + body[at:],
    "a byte lost": lambda body, at: body[at + 1 :],
    "a kilobyte lost": lambda body, at: body[at + 1024 :],
    "a piece twice": lambda body, at: body[max(0, at - 700) :],
    "blank line": lambda body, at: b"\n\n" + body[at:],
    "mark too soon": lambda body, at: whole.event("[DONE]") + body[at:],
    "a bit flipped": lambda body, at: bytes([body[at] ^ 0x10]) + body[at + 1 :],
}
_QUIET: Final = frozenset({"a byte lost", "a kilobyte lost", "a piece twice", "a bit flipped"})
"""Faults inside base64 that no reader can see: other audio is no fault of ours."""


@row(planned=12 * 50_000, unit="faults", parallel=True)
def faults_at_every_byte(run: Run) -> None:
    """Twelve faults at every byte of a stream of 50 kB: a typed error or the end mark, never both,
    and what had come before is kept.
    """
    body = whole.fifty()
    # Where the name of a field is torn, its line is one of an unknown field, which the format
    # ignores: that an event is missing is seen by nothing.
    names = {start + at for start in whole.starts() for at in range(len("data: ") + 1)}
    for name, at in run.turns(list(product(_FAULTS, range(len(body))))):
        audio, done, fault = whole.heard(at, _FAULTS[name](body, at))
        if done == (fault is not None):
            run.fault(f"{name} at {at}: done {done}, {fault!r}")
        elif name not in _QUIET and not whole.SPEECH.startswith(audio) and at not in names:
            run.fault(f"{name} at {at}: audio that was not sent")


@row(planned=100_000, unit="requests", parallel=True)
def retries(run: Run) -> None:
    """On a virtual clock: at most four attempts, waits that double and are spread, advice that is
    followed up to a minute, nothing repeated that cannot help.
    """
    for _ in run.turns():
        dice = run.dice
        attempts, now = 1, 1.7e9
        error, advice = _failure(dice, now)
        while (wait := wait_before(error, attempts, dice.random())) is not None:
            now += wait
            bound = LONGEST_ADVICE if advice is not None else min(8.0, 0.5 * 2.0 ** (attempts - 1))
            if not 0 <= wait <= bound or (advice is not None and wait != advice):
                run.fault(f"a wait of {wait} s after {attempts}, advised {advice}")
            attempts += 1
            error, advice = _failure(dice, now)
        if attempts > ATTEMPTS or now - 1.7e9 > 3 * LONGEST_ADVICE:
            run.fault(f"{attempts} attempts in {now - 1.7e9} s")


def _failure(dice: random.Random, now: float) -> tuple[Exception, float | None]:
    kind = dice.randrange(6)
    if kind == 0:
        return ConnectionLost("x"), None
    if kind == 1:
        error = ConnectFailed("x")
        error.__cause__ = dice.choice([ConnectionRefusedError(), OSError()])
        return error, None
    if kind == 2:
        return Truncated("x"), None
    value = dice.choice(["", "5", "0", "61", "1e9", "soon", "9" * 400, "6m0s", "20ms", "-1", "nan"])
    advice = read_advice({"retry-after": value}, now)
    refused = dice.choice([RateLimited, ServerFailed])
    return refused("x", status=dice.choice([408, 409, 429, 500, 503]), retry_after=advice), advice


# Floods of containers: the type, how it begins, and what then comes again and again.
_OGG: Final = b"OggS\0\0" + bytes(8) + b"\1\0\0\0" + bytes(8)
_MP4: Final = b"\0\0\0\x18ftypM4A \0\0\0\0M4A mp42"
_WEBM: Final = bytes.fromhex("1a45dfa380")
CODEC_FLOODS: Final = {
    "ID3 tags": ("audio/mpeg", b"", b"ID3\4\0\0\0\0\0\0"),
    "APE tags": ("audio/mpeg", b"", b"APETAGEX\xd0\7\0\0\x20\0\0\0" + bytes(16)),
    "mp3 frames": ("audio/mpeg", b"", b"\xff\xfb\x10\xc4" + bytes(100)),
    "AAC frames": ("audio/aac", b"", bytes.fromhex("fff1504000fffc")),
    "Ogg pages": ("audio/ogg", b"", _OGG + b"\0"),
    "Ogg pages of nothing": ("audio/ogg", b"", _OGG + b"\xff" + bytes(255)),
    "FLAC blocks": ("audio/flac", b"fLaC\0\0\0\x22" + bytes(34), b"\1\0\0\0"),
    "MP4 boxes": ("audio/mp4", _MP4, b"\0\0\0\x08free"),
    "MP4 fragments": ("audio/mp4", _MP4, b"\0\0\0\x08moof"),
    "WebM elements": ("audio/webm", _WEBM, b"\xec\x80"),
    "WebM clusters": (
        "audio/webm",
        _WEBM + bytes.fromhex("1853806701ffffffffffffff"),
        bytes.fromhex("1f43b67580"),
    ),
    "WAVE chunks": ("audio/wav", b"RIFF\0\0\0\0WAVE", b"LIST\0\0\0\0"),
    "WAVE in WAVE": ("audio/wav", b"", b"RIFF\0\0\0\0WAVE"),
    "AIFF chunks": ("audio/aiff", b"FORM\0\0\0\0AIFF", b"ANNO\0\0\0\0"),
    "CAF chunks": ("audio/x-caf", b"caff\0\1\0\0", b"free" + bytes(8)),
    "silence": ("audio/pcm", b"", b"\0"),
}
_TURN: Final = 1 << 16
"""What the event loop reads at a time."""


@row(planned=16 * len(CODEC_FLOODS), unit="MB")
def codec_floods(run: Run) -> None:
    """Containers of nothing but their smallest parts: typed errors only, less than a second of
    processor time for what comes in one turn of the event loop, and 40 MB held at most.
    """
    each = run.planned // len(CODEC_FLOODS)
    for kind, (media, first, again) in CODEC_FLOODS.items():
        decoder = Decoder(AudioFormat("pcm_s16le", 24000), "request", content_type=media)
        piece, worst = again * (_TURN // len(again)), 0.0
        tracemalloc.start()
        try:
            for turn in range(each * (1 << 20) // _TURN):
                begun = time.process_time()
                for _ in decoder.feed(first + piece if turn == 0 else piece):
                    pass
                worst = max(worst, time.process_time() - begun)
                if run.left <= 0:
                    break
        except StreamBroken:
            pass  # it is told, and nothing more is read
        except Exception as error:  # noqa: BLE001 - every other error is a fault
            run.fault(f"{kind}: {error!r}")
        held = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
        if worst > 1 or held > 40:
            run.fault(f"{kind}: {worst:.2f} s in one turn, {held:.0f} MB held")
        run.facts[kind] = f"{1000 * worst:.0f} ms a turn, {held:.0f} MB"
        run.done += each
