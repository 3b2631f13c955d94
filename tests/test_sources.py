from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from streamplay.errors import InvalidRequest
from streamplay.sources import READ_AHEAD, sentences
from streamplay.text import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def said(text: str | Iterable[str]) -> list[str]:
    async def gather() -> list[str]:
        return [sentence async for sentence in sentences(text)]

    return asyncio.run(gather())


def test_a_text_is_one_request() -> None:
    assert said(" One. Two.\nThree. ") == ["One. Two.\nThree."]


def test_a_text_beyond_the_limit_is_several() -> None:
    parts = said("word " * LONGEST)
    assert "".join(parts).count("word") == LONGEST
    assert max(map(len, parts)) <= LONGEST


@pytest.mark.parametrize("text", ["", " \n", [], ["", " ", "\n"]])
def test_nothing_to_say_is_no_request(text: str | list[str]) -> None:
    assert said(text) == []


def test_an_iterable_is_one_request_a_sentence() -> None:
    assert said(iter("One. Two! And the rest")) == ["One.", "Two!", "And the rest"]


def test_a_sentence_leaves_before_the_next_is_there() -> None:
    go_on = threading.Event()

    def slowly() -> Iterator[str]:
        yield "One. T"
        assert go_on.wait(20)
        yield "wo."

    async def listen() -> list[str]:
        got = []
        async for sentence in sentences(slowly()):
            got.append(sentence)
            go_on.set()
        return got

    assert asyncio.run(listen()) == ["One.", "Two."]


def test_what_an_iterable_raises_is_raised_after_what_it_gave() -> None:
    def broken() -> Iterator[str]:
        yield "One. Two"
        raise KeyError("lost")

    got = []

    async def listen() -> None:
        async for sentence in sentences(broken()):
            got.append(sentence)  # noqa: PERF401 - what came before the error is the point

    with pytest.raises(KeyError, match="lost"):
        asyncio.run(listen())
    assert got == ["One."]


def test_an_exit_inside_an_iterable_is_an_error_and_no_endless_wait() -> None:
    def leaving() -> Iterator[str]:
        yield "One. "
        raise SystemExit(3)

    with pytest.raises(RuntimeError, match=r"the text ended with SystemExit\(3\)"):
        said(leaving())


@pytest.mark.parametrize("part", [None, b"bytes", 7])
def test_what_is_no_text_is_refused_and_not_taken_for_the_end(part: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"input: holds (None|b'bytes'|7)\. Allowed: text"):
        said(["One. ", part, "Two."])


def test_an_endless_text_is_not_read_far_ahead_and_not_on_after_the_end() -> None:
    read = 0
    stopped = threading.Event()

    def endless() -> Iterator[str]:
        nonlocal read
        try:
            while True:
                read += 1
                yield "More. "
        finally:
            stopped.set()

    async def listen() -> None:
        text = sentences(endless())
        for _ in range(10):
            assert await anext(text) == "More."
        await asyncio.sleep(0.05)
        assert read <= READ_AHEAD + 15
        await text.aclose()

    asyncio.run(listen())
    assert stopped.wait(20)


def test_a_reader_that_is_stuck_does_not_keep_the_loop() -> None:
    never = threading.Event()

    def stuck() -> Iterator[str]:
        yield "One. "
        never.wait(30)
        yield "Too late."

    async def listen() -> None:
        text = sentences(stuck())
        assert await anext(text) == "One."
        waiting = asyncio.create_task(anext(text))
        await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await text.aclose()

    asyncio.run(listen())
    never.set()
