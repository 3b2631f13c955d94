"""Subtitles that any player reads: in order, not over each other, two lines at most."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from streamplay.words.subtitles import LINE, Cue, TimedText, as_srt, as_vtt, cues_of

SENTENCE = (
    "It was a bright day in April, and the clocks were striking thirteen, as they always did."
)


def spoken(text: str, begin: float = 0.0, each: float = 0.5) -> list[TimedText]:
    words = re.findall(r"\S+\s*", text)
    return [
        TimedText(word, begin + at * each, begin + (at + 1) * each) for at, word in enumerate(words)
    ]


def test_a_sentence_is_shown_from_its_first_word_to_its_last() -> None:
    assert cues_of([spoken("One two three.", 1.0), spoken("Four.", 4.0)]) == [
        Cue("One two three.", 1.0, 2.5),
        Cue("Four.", 4.0, 4.5),
    ]


def test_a_long_sentence_is_divided_behind_a_mark_into_lines_of_like_length() -> None:
    cues = cues_of([spoken(SENTENCE)])
    assert [cue.text.replace("\n", " ") for cue in cues] == [
        "It was a bright day in April, and the clocks were striking thirteen,",
        "as they always did.",
    ]
    assert [len(line) for line in cues[0].text.split("\n")] == [33, 34]
    assert cues[0].stop == cues[1].begin == 6.5


TIMES = st.lists(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30),
            st.floats(0, 1e5),
            st.floats(0, 1e5),
        ),
        min_size=1,
        max_size=12,
    ),
    max_size=4,
)


@settings(max_examples=100, deadline=None)
@given(TIMES)
def test_cues_follow_each_other_whatever_the_times_say(
    told: list[list[tuple[str, float, float]]],
) -> None:
    cues = cues_of([[TimedText(*word) for word in sentence] for sentence in told])
    end = 0.0
    for cue in cues:
        assert end <= cue.begin < cue.stop
        end = cue.stop
        lines = cue.text.split("\n")
        assert len(lines) <= 2
        assert all(line.strip() for line in lines)
    for text, arrow in ((as_srt(cues), ","), (as_vtt(cues), ".")):
        times = re.findall(rf"^\d+:\d\d:\d\d\{arrow}\d{{3}} --> .*$", text, re.MULTILINE)
        assert len(times) == text.count("-->") == len(cues)


def test_srt_and_vtt_are_written_as_players_read_them() -> None:
    cues = [Cue("a < b & c", 0.0, 1.5), Cue("d\ne --> f", 3661.0005, 3662.25)]
    assert as_srt(cues) == (
        "1\n00:00:00,000 --> 00:00:01,500\na < b & c\n\n"
        "2\n01:01:01,000 --> 01:01:02,250\nd\ne -> f\n"
    )
    assert as_vtt(cues) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\na &lt; b &amp; c\n\n"
        "01:01:01.000 --> 01:01:02.250\nd\ne --&gt; f\n"
    )
    assert as_vtt([]) == "WEBVTT\n"


def test_wide_characters_take_twice_the_room() -> None:
    text = "それは四月の晴れた寒い日だった時計が十三時を打っていた誰も上を見なかった"
    words = [TimedText(each, at, at + 1) for at, each in enumerate(text)]
    shown = [line for cue in cues_of([words]) for line in cue.text.split("\n")]
    assert "".join(shown) == text
    assert max(map(len, shown)) <= LINE // 2
