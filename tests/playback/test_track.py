from __future__ import annotations

from streamplay.playback.ring import Kind, Note
from streamplay.playback.track import Track, TrackPart


def test_a_track_takes_from_a_note_what_is_its_own() -> None:
    track = Track(parts=[TrackPart(100, 200, 0, 100)], stop=200)
    for note in (
        Note(Kind.PLAYED, 0, 100, 1.0),
        Note(Kind.STALLED, 100, 7, 1.5),
        Note(Kind.PLAYED, 90, 20, 2.0),
        Note(Kind.UNDERFLOWED, 150, 0, 2.5),
        Note(Kind.STALLED, 150, 9, 2.5),
        Note(Kind.STALLED, 200, 11, 2.5),
        Note(Kind.UNDERFLOWED, 200, 0, 2.5),
        Note(Kind.SKIPPED, 180, 500, 3.0),
        Note(Kind.SKIPPED, 680, 50, 3.0),
    ):
        track.apply(note)
    assert track.first_sound == 2.0
    assert track.stalls == [7, 9]
    assert track.underflows == 1
    assert track.played(170) == 70
    assert track.played(10_000) == 80
    assert track.played(50) == 0
    assert not track.is_whole(10_000)


def test_a_skip_counts_only_where_the_position_has_passed_it() -> None:
    track = Track(parts=[TrackPart(0, 1000, 0, 1000)], stop=1000)
    track.apply(Note(Kind.SKIPPED, 300, 400, 1.0))
    assert [track.played(at) for at in (0, 300, 500, 700, 900, 5000)] == [
        0,
        300,
        300,
        300,
        500,
        600,
    ]


def test_a_track_that_has_not_begun_has_nothing() -> None:
    track = Track()
    track.apply(Note(Kind.PLAYED, 0, 100, 1.0))
    assert (track.first_sound, track.played(500), track.is_whole(500)) == (None, 0, False)
