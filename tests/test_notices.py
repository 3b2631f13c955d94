from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

from streamplay.notices import Notices


def test_a_notice_is_passed_on() -> None:
    told: list[str] = []
    Notices(told.append)("a line")
    Notices(None)("another")
    assert told == ["a line"]


@pytest.mark.parametrize("error", [KeyError("x"), SystemExit(1)])
def test_what_notify_raises_is_logged_and_ends_nothing(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    def notify(_: str) -> None:
        raise error

    with ThreadPoolExecutor(1) as pool:  # as the player's loop
        pool.submit(Notices(notify), "a line").result()
    assert caplog.record_tuples == [("streamplay", logging.ERROR, "notify raised at: a line")]
