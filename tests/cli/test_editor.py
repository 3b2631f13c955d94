from __future__ import annotations

from benchmarks.edits import run


def test_after_random_edits_and_messages_the_screen_shows_the_line_and_the_cursor() -> None:
    # 500 of them: python -m benchmarks.edits
    assert run(range(6)) == []
