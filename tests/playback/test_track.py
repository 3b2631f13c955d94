from __future__ import annotations

from streamplay.playback.ring import Kind, Note
from streamplay.playback.track import Span


def test_a_span_takes_from_a_note_what_is_its_own() -> None:
    span = Span(start=100, stop=200)
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
        span.apply(note)
    assert span.first_sound == 2.0
    assert span.stalls == [7, 9]
    assert span.underflows == 1
    assert span.played(170) == 70
    assert span.played(10_000) == 80
    assert span.played(50) == 0
    assert not span.whole(10_000)


def test_a_skip_counts_only_where_the_position_has_passed_it() -> None:
    span = Span(start=0, stop=1000)
    span.apply(Note(Kind.SKIPPED, 300, 400, 1.0))
    assert [span.played(at) for at in (0, 300, 500, 700, 900, 5000)] == [0, 300, 300, 300, 500, 600]


def test_a_span_that_has_not_begun_has_nothing() -> None:
    span = Span()
    span.apply(Note(Kind.PLAYED, 0, 100, 1.0))
    assert (span.first_sound, span.played(500), span.whole(500)) == (None, 0, False)
