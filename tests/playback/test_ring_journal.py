from __future__ import annotations

import threading

from streamplay.playback.ring import RESERVED, SLOTS, Journal, Kind, Note


def test_notes_are_read_once_and_in_order() -> None:
    journal = Journal()
    journal.write_note(Kind.PLAYED, 0, 120, 1.0, 0.5)
    journal.write_note(Kind.STALLED, 120, 30, 2.0)
    assert journal.read_notes() == [
        Note(Kind.PLAYED, 0, 120, 1.0, 0.5),
        Note(Kind.STALLED, 120, 30, 2.0, 0.0),
    ]
    assert journal.read_notes() == []


def test_a_journal_goes_round_without_an_end() -> None:
    journal = Journal()
    for at in range(0, 5 * SLOTS, 300):
        for position in range(at, at + 300):
            journal.write_note(Kind.PLAYED, position, 1, 0.0)
        assert [note.position for note in journal.read_notes()] == list(range(at, at + 300))
    assert journal.lost == 0


def test_what_is_handed_over_leaves_room_for_what_is_rarer() -> None:
    journal = Journal()
    for position in range(SLOTS):
        journal.write_note(Kind.PLAYED, position, 1, 0.0)
    assert journal.lost == RESERVED
    for position in range(RESERVED + 3):
        journal.write_note(Kind.SKIPPED, position, 1, 0.0)
    assert journal.lost == RESERVED + 3
    kinds = [note.kind for note in journal.read_notes()]
    assert kinds == [Kind.PLAYED] * (SLOTS - RESERVED) + [Kind.SKIPPED] * RESERVED


def test_two_threads_pass_notes_without_a_lock() -> None:
    journal = Journal()
    total = 20_000

    def write() -> None:
        position = 0
        while position < total:
            lost = journal.lost
            journal.write_note(Kind.SKIPPED, position, 1, 0.0)
            position += lost == journal.lost

    writer = threading.Thread(target=write)
    writer.start()
    expected = 0
    while expected < total:
        for note in journal.read_notes():
            assert note.position == expected
            expected += 1
    writer.join()
