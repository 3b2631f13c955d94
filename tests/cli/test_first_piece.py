from __future__ import annotations

import asyncio
import os
import threading
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamplay.cli import first_piece
from streamplay.cli.first_piece import FirstPiece, may_be_early
from streamplay.cli.pieces import StandardInput
from streamplay.cli.usage import UsageError
from streamplay.words.sources import sentences

if TYPE_CHECKING:
    from collections.abc import Iterator

ASKED = {"base_url": "http://127.0.0.1:9/v1"}


class Request:
    """Stands in for an early request: keeps what it is for."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.left = threading.Event()


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """What was sent early: nothing of it leaves this process."""
    requests: list[Request] = []

    def send(request: Request) -> None:
        requests.append(request)
        request.left.set()

    monkeypatch.setattr(first_piece, "early_request", lambda _asked, text: Request(text))
    monkeypatch.setattr(first_piece, "send_early", send)
    return requests


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for end in (reading, writing):
        try:
            os.close(end)
        except OSError:
            continue  # the test has closed it


def text_of(request: Any) -> str | None:
    return None if request is None else request.text


def producer_asks_first_for(parts: list[str]) -> str:
    async def main() -> str:
        async with aclosing(sentences(iter(parts))) as passages:
            async for passage in passages:
                return passage.text
        return ""

    return asyncio.run(main())


_TEXTS = st.lists(st.sampled_from(["Dr. ", "Who, ", "me? ", "3.5 ", "… ", "\n", "«Yes»", "a b c "]))


@given(_TEXTS, st.booleans())
def test_what_is_sent_early_is_what_the_producer_asks_for_first(
    parts: list[str], ended: bool
) -> None:
    reading, writing = os.pipe()
    first = FirstPiece(StandardInput(reading), ASKED)
    os.write(writing, "".join(parts).encode())
    if ended:
        os.close(writing)
    first.look()
    piece = text_of(first.stop())
    if not ended:
        os.close(writing)
    wanted = producer_asks_first_for(parts)
    assert piece == wanted if ended and wanted else piece in {None, wanted}
    assert "".join(first) == "".join(parts)
    os.close(reading)


def test_a_sentence_that_comes_later_is_sent_by_the_thread(
    pipe: tuple[int, int], sent: list[Request]
) -> None:
    reading, writing = pipe
    first = FirstPiece(StandardInput(reading), ASKED)
    os.write(writing, b"This takes ")
    first.look()
    assert sent == []
    os.write(writing, b"time. The next")
    until = time.monotonic() + 20
    while not sent and time.monotonic() < until:
        time.sleep(0.005)
    assert text_of(first.stop()) == "This takes time."
    os.close(writing)
    assert "".join(first) == "This takes time. The next"


def test_what_has_come_is_handed_on_before_more_comes(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    first = FirstPiece(StandardInput(reading), ASKED)
    os.write(writing, b"Whole. But who knows")
    first.look()
    parts = iter(first)
    assert next(parts) == "Whole. But who knows"
    os.write(writing, b" it?")
    assert next(parts) == " it?"
    os.close(writing)
    assert list(parts) == []


def test_a_reader_that_stops_lets_the_thread_end(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    source = StandardInput(reading)
    first = FirstPiece(source, ASKED)
    first._read.maxsize = 1
    first.look()
    for _ in range(4):  # more than the thread may read ahead
        os.write(writing, b"More ")
        time.sleep(0.02)
    parts = iter(first)
    next(parts)
    parts.close()  # type: ignore[attr-defined]
    source.close()
    for thread in threading.enumerate():
        if thread.name == "streamplay text":
            thread.join(20)
            assert not thread.is_alive()


def test_once_stopped_it_sends_nothing_and_loses_nothing(
    pipe: tuple[int, int], sent: list[Request]
) -> None:
    reading, writing = pipe
    first = FirstPiece(StandardInput(reading), ASKED)
    first.look()
    assert first.stop() is None
    os.write(writing, b"Too late. For that. ")
    os.close(writing)
    assert "".join(first) == "Too late. For that. "
    assert sent == []


def test_marks_without_a_word_are_held_only_so_long(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    first = FirstPiece(StandardInput(reading), ASKED)
    for _ in range(first_piece._MOST_PARTS):
        os.write(writing, b"... ")
        first._take()
    assert not first._looking
    os.close(writing)
    first.look()
    assert "".join(first) == "... " * first_piece._MOST_PARTS


def test_input_that_cannot_be_read_is_told_where_the_text_is_read() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    os.close(writing)
    first = FirstPiece(StandardInput(os.open("/", os.O_RDONLY)), ASKED)
    first.look()
    assert first.stop() is None
    with pytest.raises(UsageError, match="cannot be read"):
        list(first)


def test_a_text_that_is_to_be_cleaned_is_not_sent_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert may_be_early(ASKED)
    assert not may_be_early({**ASKED, "clean": True})
    assert not may_be_early({"base_url": "nonsense"})
