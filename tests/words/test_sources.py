from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from streamplay import reading
from streamplay.errors import InvalidRequest
from streamplay.reading import OnLoop
from streamplay.words.sources import READ_AHEAD, Manner, sentences
from streamplay.words.text import LONGEST

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
    from pathlib import Path

MANNER = Manner()


def said(text: str | Iterable[str] | AsyncIterable[str], manner: Manner = MANNER) -> list[str]:
    async def gather() -> list[str]:
        return [passage.text async for passage in sentences(text, manner) if passage.text]

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
        yield "One? T"
        assert go_on.wait(20)
        yield "wo."

    async def listen() -> list[str]:
        got = []
        async for sentence in sentences(slowly()):
            got.append(sentence.text)
            go_on.set()
        return got

    assert asyncio.run(listen()) == ["One?", "Two."]


def test_what_an_iterable_raises_is_raised_after_what_it_gave() -> None:
    def broken() -> Iterator[str]:
        yield "One. Two"
        raise KeyError("lost")

    got = []

    async def listen() -> None:
        async for sentence in sentences(broken()):
            got.append(sentence.text)  # noqa: PERF401 - what came before the error is the point

    with pytest.raises(KeyError, match="lost"):
        asyncio.run(listen())
    assert got == ["One."]


def test_an_exit_inside_an_iterable_is_an_error_and_no_endless_wait() -> None:
    def leaving() -> Iterator[str]:
        yield "One. "
        raise SystemExit(3)

    with pytest.raises(RuntimeError, match=r"the text ended with SystemExit\(3\)"):
        said(leaving())


@pytest.mark.parametrize("leaving", [SystemExit(3), asyncio.CancelledError()])
def test_an_exit_inside_an_async_iterable_ends_no_loop_and_is_told(leaving: BaseException) -> None:
    async def text() -> AsyncIterator[str]:
        yield "One. "
        raise leaving

    with pytest.raises(RuntimeError, match="the text ended with"):
        said(text())


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
            assert (await anext(text)).text == "More."
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
        assert (await anext(text)).text == "One."
        waiting = asyncio.create_task(anext(text))
        await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await text.aclose()

    asyncio.run(listen())
    never.set()


class Tokens:
    """An async iterable that tells that it was closed, and on which loop it was read."""

    def __init__(self, *parts: Any, endless: bool = False) -> None:
        self.parts = parts
        self.endless = endless
        self.read = 0
        self.closed = 0
        self.loops: set[object] = set()

    async def __aiter__(self) -> AsyncIterator[Any]:
        try:
            while True:
                for part in self.parts:
                    self.loops.add(asyncio.get_running_loop())
                    self.read += 1
                    yield part
                    await asyncio.sleep(0)
                if not self.endless:
                    return
        finally:
            self.closed += 1


def test_an_async_iterable_is_spoken_like_any_other() -> None:
    tokens = Tokens("One", ". T", "wo! And", " the rest")
    assert said(tokens) == ["One.", "Two!", "And the rest"]
    assert tokens.closed == 1


def test_a_pair_of_surrogates_that_two_tokens_share_ends_nothing() -> None:
    assert said(Tokens("Hello \ud83d", "\ude00 there. ", "Next.")) == [
        "Hello \ufffd\ufffd there.",
        "Next.",
    ]


def test_what_an_async_iterable_yields_is_checked_too() -> None:
    with pytest.raises(InvalidRequest, match="input: holds None"):
        said(Tokens("One. ", None))


def test_an_endless_async_text_is_not_read_far_ahead_and_closed_at_the_end() -> None:
    tokens = Tokens("More. ", endless=True)

    async def listen() -> None:
        text = sentences(tokens)
        for _ in range(10):
            assert (await anext(text)).text == "More."
        await asyncio.sleep(0.05)
        assert tokens.read <= READ_AHEAD + 15
        await text.aclose()
        assert tokens.closed == 1

    asyncio.run(listen())


def test_a_stuck_async_text_is_closed_when_nobody_wants_it_any_more() -> None:
    closed = []

    async def stuck() -> AsyncIterator[str]:
        try:
            yield "One? T"
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    async def listen() -> None:
        text = sentences(stuck())
        assert (await anext(text)).text == "One?"
        await text.aclose()
        assert closed == [True]

    asyncio.run(listen())


def test_a_text_that_does_not_let_itself_be_closed_is_left_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "CLOSE_SECONDS", 0.01)

    async def stubborn() -> AsyncIterator[str]:
        try:
            yield "One? T"
            await asyncio.Event().wait()
        finally:
            await asyncio.Event().wait()

    async def listen() -> None:
        text = sentences(stubborn())
        assert (await anext(text)).text == "One?"
        await text.aclose()

    asyncio.run(listen())


def test_a_text_of_another_loop_is_read_and_closed_there() -> None:
    tokens = Tokens("One. ", "Two. ", endless=True)

    async def listen() -> list[str]:
        theirs = asyncio.get_running_loop()

        async def take() -> list[str]:
            text = sentences(OnLoop(tokens, theirs))
            got = [(await anext(text)).text, (await anext(text)).text]
            await text.aclose()
            return got

        got = await asyncio.to_thread(asyncio.run, take())
        assert tokens.loops == {theirs}
        assert tokens.closed == 1
        return got

    assert asyncio.run(listen()) == ["One.", "Two."]


def test_a_text_of_another_loop_ends() -> None:
    async def listen() -> list[str]:
        text = OnLoop(Tokens("One. ", "Two."), asyncio.get_running_loop())
        return await asyncio.to_thread(said, text)

    assert asyncio.run(listen()) == ["One.", "Two."]


def test_a_blocking_text_that_can_be_closed_is_closed_from_outside() -> None:
    class Answer:
        def __init__(self) -> None:
            self.closed = threading.Event()

        def __iter__(self) -> Iterator[str]:
            yield "One? T"
            assert self.closed.wait(20)

        def close(self) -> None:
            self.closed.set()

    answer = Answer()

    async def listen() -> None:
        text = sentences(answer)
        assert (await anext(text)).text == "One?"
        await text.aclose()

    asyncio.run(listen())
    assert answer.closed.wait(20)


def test_a_file_that_is_spoken_stays_open(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("One.\nTwo.\n")
    with (tmp_path / "text").open() as file:

        async def listen() -> None:
            text = sentences(file)
            assert (await anext(text)).text == "One."
            await text.aclose()

        asyncio.run(listen())
        assert not file.closed


def test_the_first_words_of_a_slow_text_do_not_wait_for_the_rest() -> None:
    go_on = threading.Event()

    def slowly() -> Iterator[str]:
        yield "The first words and th"
        assert go_on.wait(20)
        yield "e rest."

    async def listen() -> list[str]:
        got = []
        async for piece in sentences(slowly()):
            got.append(piece.text)
            go_on.set()
        return got

    assert asyncio.run(listen()) == ["The first words", "and the rest."]


def test_pieces_are_longer_while_audio_is_ahead() -> None:
    text = iter(["One. ", "Two. ", "Three. ", "Four. ", "Five."])

    async def listen() -> list[str]:
        got = []
        async for piece in sentences(text, Manner(ahead=lambda: 100.0 if got else 0.0)):
            got.append(piece.text)
            await asyncio.sleep(0.05)
        return got

    assert asyncio.run(listen()) == ["One.", "Two. Three. Four. Five."]


def test_a_text_is_cleaned_where_that_is_asked_for() -> None:
    parts = ["# A **title**\n", "```py\nx\ny\n", "```\n", "See [this](http://a.b). 🎉\n"]
    heard = ["A title", "Code block, py.", "See this."]
    assert said(iter(parts), Manner(clean=True)) == heard
    assert said("".join(parts), Manner(clean=True)) == ["\n".join(heard)]
    assert said("**a**") == ["**a**"]


def test_the_last_word_of_a_cleaned_text_does_not_wait_for_the_next() -> None:
    go_on = threading.Event()

    def slowly() -> Iterator[str]:
        yield "Let me **check** that."
        assert go_on.wait(20)
        yield " It is fine."

    async def listen() -> list[str]:
        got = []
        async for piece in sentences(slowly(), Manner(clean=True)):
            got.append(piece.text)
            go_on.set()
        return got

    assert asyncio.run(listen()) == ["Let me check that.", "It is fine."]
