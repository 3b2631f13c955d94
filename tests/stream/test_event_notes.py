from __future__ import annotations

import pytest

from streamplay.stream.declared import Told
from streamplay.stream.dialects import Audio, Done, Ignored, Words
from streamplay.stream.event_notes import EventNotes

FIRST, SECOND = bytes(range(200)), bytes(50)
ALL = FIRST + SECOND


def heard(*deltas: bytes) -> EventNotes:
    notes = EventNotes()
    for delta in deltas:
        assert notes.once(Audio(delta)).data == delta
    return notes


def test_a_last_event_that_repeats_all_is_emptied_and_stays_the_last() -> None:
    last = Audio(ALL, Told(24000), ends_with_body=True, last=True)
    emptied = heard(FIRST, SECOND).once(last)
    assert isinstance(emptied, Audio)
    assert (emptied.data, emptied.told) == (b"", Told(24000))
    assert (emptied.ends_with_body, emptied.last) == (True, True)


def test_an_empty_delta_counts_as_none() -> None:
    assert heard(bytes(200), b"").once(Audio(bytes(200), last=True)).data == bytes(200)


@pytest.mark.parametrize(
    ("before", "event"),
    [
        ((FIRST, SECOND), Audio(ALL)),  # does not say that it is the last
        ((bytes(250),), Audio(bytes(250), last=True)),  # silence may be sent twice
        ((ALL,), Audio(ALL[:-1] + b"x", last=True)),  # as long, and another one
        ((FIRST, SECOND), Audio(ALL + b"x", last=True)),
        ((FIRST, SECOND), Audio(b"x" + ALL[1:], last=True)),  # begins otherwise
        ((FIRST, SECOND), Audio(FIRST, last=True)),
        ((SECOND, FIRST), Audio(ALL, last=True)),
    ],
)
def test_other_events_are_heard(before: tuple[bytes, ...], event: Audio) -> None:
    assert heard(*before).once(event) is event


def test_a_short_answer_of_one_delta_is_not_heard_twice() -> None:
    assert heard(ALL).once(Audio(ALL, last=True)).data == b""


@pytest.mark.parametrize("event", [Done(), Ignored("x"), Words((), (), ())])
def test_what_is_no_audio_passes(event: Done | Ignored | Words) -> None:
    assert heard(FIRST, SECOND).once(event) is event


def test_notes_begin_with_nothing() -> None:
    notes = EventNotes()
    assert (notes.late, notes.told, notes.suspect) == (0, Told(), "")
    assert not notes.heard
    assert notes.marked


def test_audio_is_heard_where_it_has_bytes_and_decides_whether_a_mark_is_due() -> None:
    notes = EventNotes()
    notes.note(Audio(b"", ends_with_body=True))
    assert (notes.heard, notes.marked) == (False, False)
    notes.note(Audio(b"a"))
    assert (notes.heard, notes.marked) == (True, True)
    notes.note(Audio(b""))
    assert notes.heard


def test_an_event_that_ends_something_lets_the_body_end_without_a_mark() -> None:
    notes = EventNotes()
    notes.note(Ignored("progress"))
    assert notes.marked
    notes.note(Ignored("finished", ends=True))
    assert not notes.marked
    notes.note(Ignored("progress"))
    assert not notes.marked
    notes.note(Done())
    assert (notes.heard, notes.marked) == (False, False)


def test_what_is_told_last_counts_and_the_rest_stays() -> None:
    notes = EventNotes()
    notes.note(Ignored("info", told=Told(16000, 2)))
    notes.note(Audio(b"ab", Told(24000)))
    assert notes.told == Told(24000, 2)
    notes.note(Ignored("info", told=Told(0, 1)))
    assert notes.told == Told(24000, 1)


def test_the_first_event_with_what_may_be_audio_is_named_in_sixty_characters() -> None:
    notes = EventNotes()
    notes.note(Ignored("plain"))
    assert notes.suspect == ""
    notes.note(Ignored("k" * 70, suspect="f" * 70))
    kind, field = "k" * 59 + "…", "f" * 59 + "…"
    assert notes.suspect == f'an event "{kind}" holds what may be audio in "{field}"'
    notes.note(Ignored("other", suspect="field"))
    assert "other" not in notes.suspect
