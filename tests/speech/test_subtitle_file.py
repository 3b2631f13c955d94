"""Subtitles beside a sound file, through a whole player."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

import streamplay
from streamplay.errors import FileFailed

if TYPE_CHECKING:
    from pathlib import Path

    from streamplay.server.child import LocalServer

TEXT = ("The first sentence is here.\n", "And this is the second one.\n", "A third.\n")


@pytest.mark.parametrize("alignment", ["word", None])
def test_each_sentence_is_shown_while_it_sounds_in_the_file(
    speech_server: LocalServer, tmp_path: Path, alignment: str | None
) -> None:
    sound, titles = tmp_path / "a.wav", tmp_path / "a.srt"
    streamplay.say(
        iter(TEXT),
        base_url=speech_server.base_url,
        play=False,
        alignment=alignment,  # type: ignore[arg-type]
        output=sound,
        subtitles=titles,
    )
    frames, rate = soundfile.read(sound)
    shown = re.findall(r"(\S+) --> (\S+)\n(.+)\n", titles.read_text())
    assert [text for *_, text in shown] == [text.strip() for text in TEXT]
    loud = np.abs(frames) > 0.02
    covered = np.zeros(len(frames), bool)
    for begin, stop, _ in shown:
        covered[round(seconds(begin) * rate) : round(seconds(stop) * rate)] = True
    assert loud[covered].any()
    assert (loud & ~covered).sum() < 0.05 * loud.sum()


def seconds(time: str) -> float:
    hours, minutes, rest = time.split(":")
    return 3600 * int(hours) + 60 * int(minutes) + float(rest.replace(",", "."))


def test_an_older_file_and_an_unknown_kind_are_refused_before_anything_is_sent(
    tmp_path: Path,
) -> None:
    older = tmp_path / "older.vtt"
    older.write_text("mine")
    with streamplay.Player(base_url="http://127.0.0.1:9/v1", play=False) as player:
        with pytest.raises(FileFailed, match=r"older\.vtt"):
            player.say("Hello.", subtitles=older)
        with pytest.raises(FileFailed, match=r"\.srt or \.vtt"):
            player.say("Hello.", subtitles=tmp_path / "a.txt")
    assert older.read_text() == "mine"


def test_after_a_failure_an_older_file_stays(tmp_path: Path) -> None:
    older = tmp_path / "older.vtt"
    older.write_text("mine")
    with (
        pytest.raises(streamplay.StreamPlayError),
        streamplay.Player(base_url="http://127.0.0.1:9/v1", play=False) as player,
    ):
        player.say("Hello.", subtitles=older, force=True).wait(20)
    assert older.read_text() == "mine"
