"""The end of a player, whichever call asks for it, and however often: the work is done once."""

from __future__ import annotations

import threading

import pytest

from streamplay.closing import Closing
from tests.support.speaking import PATIENCE


class Work:
    """Gives everything back, when it is let."""

    def __init__(self) -> None:
        self.done: list[tuple[bool, threading.Thread]] = []
        self.may_end = threading.Event()
        self.may_end.set()
        self.needed: threading.Thread | None = None
        self.must_return = False
        self.closing = Closing(self._work, self._is_needed, lambda: self.must_return)

    def _work(self, cut: bool) -> None:
        self.done.append((cut, threading.current_thread()))
        assert self.may_end.wait(PATIENCE)

    def _is_needed(self) -> bool:
        return threading.current_thread() is self.needed


def test_it_is_closed_once_by_the_thread_that_asks_first() -> None:
    work = Work()
    assert not work.closing.begun
    for cut in (True, False, True):
        work.closing.close(cut=cut)
    assert work.done == [(True, threading.current_thread())]
    assert work.closing.begun
    assert work.closing.ended.done()


def test_a_second_thread_waits_until_it_is_closed() -> None:
    work = Work()
    work.may_end.clear()
    first = threading.Thread(target=work.closing.close, kwargs={"cut": False})
    first.start()
    second = threading.Thread(target=work.closing.close, kwargs={"cut": True})
    second.start()
    second.join(0.05)
    assert second.is_alive()
    work.may_end.set()
    for thread in (first, second):
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert len(work.done) == 1


@pytest.mark.parametrize("why", ["needed", "must return"])
def test_a_thread_that_the_work_waits_for_does_not_wait_for_the_work(why: str) -> None:
    work = Work()
    work.may_end.clear()
    if why == "needed":
        work.needed = threading.current_thread()
        work.closing.close(cut=False)  # on a thread of its own
        ((_, thread),) = work.done
        assert thread is not threading.current_thread()
    else:
        work.closing.begin(cut=False)
        work.must_return = True
    work.closing.close(cut=True)
    assert not work.closing.ended.done()
    work.may_end.set()
    work.needed, work.must_return = None, False
    work.closing.close(cut=True)
    assert work.closing.ended.done()


def test_it_can_be_begun_without_waiting_and_tells_when_it_is_done() -> None:
    work = Work()
    work.may_end.clear()
    ended = work.closing.begin(cut=True)
    assert work.closing.begin(cut=False) is ended
    assert not ended.done()
    work.may_end.set()
    ended.result(PATIENCE)
    assert [cut for cut, _ in work.done] == [True]


def test_work_that_fails_lets_those_that_wait_go_on() -> None:
    def fail(_: bool) -> None:
        raise ZeroDivisionError

    closing = Closing(fail, lambda: False, lambda: False)
    with pytest.raises(ZeroDivisionError):
        closing.close(cut=True)
    assert closing.ended.done()
    closing.close(cut=True)


def test_in_a_forked_child_it_is_closed_without_any_work() -> None:
    work = Work()
    work.closing.abandon()
    work.closing.close(cut=False)
    assert work.closing.begun
    assert work.closing.ended.done()
    assert work.done == []
