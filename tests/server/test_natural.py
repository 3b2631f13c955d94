"""The natural voice itself: hibari as it is installed. Loaded once, for half a second."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pytest

from streamplay.server import catalog, engines, natural, speech
from streamplay.server import order as orders
from streamplay.server.synthesis import SynthesisFailed
from tests.support.server import asking

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEART = engines.Chosen("hibari", "heart")


@pytest.fixture(scope="module")
def voice() -> Iterator[natural.NaturalVoice]:
    """Return the loaded voice, and let it speak for this module's requests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(engines.CHOICE)
        engines.forget()
        catalog.models.cache_clear()
        found = engines.find(natural.NAME)
        assert isinstance(found, natural.NaturalVoice)
        yield found


def seconds(voice: natural.NaturalVoice, text: str, speed: float = 1.0) -> float:
    return voice.speak(text, natural.VOICE, speed).seconds


def test_it_speaks_at_any_pace_and_the_same_each_time(voice: natural.NaturalVoice) -> None:
    made = voice.speak("The quick brown fox.", natural.VOICE, 1.0)
    again = voice.speak("The quick brown fox.", natural.VOICE, 1.0)
    assert (made.samplerate, made.words) == (24000, ())
    assert 0.8 < made.seconds < 3
    assert 0.05 < np.abs(made.frames).max() <= 1
    begun = np.argmax(np.abs(made.frames) > 0.001)
    assert begun == pytest.approx(0.05 * 24000)  # it is heard at once
    assert np.array_equal(made.frames, again.frames)
    slow, fast = (seconds(voice, "The quick brown fox.", speed) for speed in (0.5, 2.0))
    assert fast < 0.7 * made.seconds < made.seconds < 0.7 * slow
    assert seconds(voice, "The quick brown fox.", 0.25) == slow  # what it was made for


ODD = ["9" * 120, "x9" * 60, "." * 300, "a\x00\x1b[31m\ud800", "[a](/b/) c", "a'" * 150]
ODD += ["\u202eabc", "e" + "\u0301" * 299, "1.2." * 20, "ABCDEFGHIJ" * 9, "a" * 300, "$5" * 30]


@pytest.mark.parametrize("text", ODD)
@pytest.mark.usefixtures("voice")
def test_odd_text_is_spoken_in_bounded_time(text: str) -> None:
    order = orders.read(asking(text))
    lengths = [len(piece.frames) for piece in speech.pieces(order, 24000)]
    assert 0 < sum(lengths) < 24000 * 60


@pytest.mark.usefixtures("voice")
def test_a_hundred_thousand_characters_without_a_mark_begin_like_others() -> None:
    order = orders.read(asking("word " * 20_000))
    for piece in islice(speech.pieces(order, 24000), 3):
        assert len(piece.frames) == 24000


def test_what_it_refuses_is_an_error_of_ours(voice: natural.NaturalVoice) -> None:
    with pytest.raises(SynthesisFailed, match="no voice 'emma'"):
        voice.speak("One.", "emma", 1.0)  # hibari itself would download it
    with pytest.raises(SynthesisFailed, match="hibari failed at '999"):
        voice.speak("9" * 300, natural.VOICE, 1.0)


@pytest.mark.parametrize(
    ("text", "fields", "who"),
    [
        ("Hello there.", {}, "hibari heart"),
        ("Hello there.", {"voice": "leo", "language": "en"}, "hibari heart"),
        ("Bonjour.", {"language": "fr"}, "eSpeak NG fr+f3 (pitch 50)"),
        ("Привет.", {}, "eSpeak NG ru (pitch 50)"),
        ("The word мир.", {}, "hibari heart, eSpeak NG ru (pitch 50)"),
        ("Hello.", {"voice": "hibari:heart"}, "hibari heart"),
        ("Hello.", {"voice": "espeak:en-us"}, "eSpeak NG en-us (pitch 50)"),
        ("…", {}, "eSpeak NG en-us (pitch 50)"),
    ],
)
@pytest.mark.usefixtures("voice")
def test_english_is_its_and_the_rest_espeaks(text: str, fields: dict[str, str], who: str) -> None:
    order = orders.read(asking(text, **fields))
    assert order.spoken_by == who
    assert sum(len(piece.frames) for piece in speech.pieces(order, 24000)) > 0


@pytest.mark.usefixtures("voice")
def test_it_stands_in_for_unknown_names() -> None:
    order = orders.read(asking(model="some/other", voice="somebody"), any_name=True)
    assert (order.model.id, order.spoken_by) == ("hibari", "hibari heart")


def test_long_phonemes_are_cut_at_clauses_else_at_spaces_else_anywhere() -> None:
    clause, word = "a" * 200 + ", ", "b" * 100 + " "
    assert list(natural._cut(clause + word)) == ["a" * 200 + ",", "b" * 100]
    assert list(natural._cut(word * 3)) == ["b" * 100 + " " + "b" * 100, "b" * 100]
    assert list(natural._cut("c" * 600)) == ["c" * 250, "c" * 250, "c" * 100]


def test_it_never_asks_the_network() -> None:
    code = (
        "import socket\n"
        "def refuse(*_): raise SystemExit('the network was asked')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from streamplay.server.natural import NaturalVoice\n"
        "voice = NaturalVoice(); voice.load()\n"
        "print(len(voice.speak('Zxqvy bjork, 3.14 euros.', 'heart', 1.0).frames))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 12000


def test_its_runtime_reports_to_nobody_and_keeps_no_identifier(tmp_path: Path) -> None:
    # ONNX Runtime also keeps quiet where one of these says that tests are run.
    told = {"CI", "GITHUB_ACTIONS", "TF_BUILD", "ORT_RUNNING_UNIT_TESTS", "ORT_DISABLE_TELEMETRY"}
    own = {name: value for name, value in os.environ.items() if name not in told}
    own = {name: value for name, value in own.items() if not name.startswith("XDG_")}
    code = (
        "from streamplay.server import engines\n"
        "print(len(engines.find('hibari').speak('Hello.', 'heart', 1.0).frames))\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=own | {"HOME": str(tmp_path), "ORT_DISABLE_TELEMETRY": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [file.name for file in tmp_path.rglob("*")] == []
