from __future__ import annotations

import itertools
import os
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamplay.cli.pieces import StandardInput, from_first_word
from streamplay.cli.usage import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for end in (reading, writing):
        try:
            os.close(end)
        except OSError:
            continue  # the test has closed it


def test_a_piece_is_handed_on_before_the_next_is_written(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    pieces = iter(StandardInput(reading))
    os.write(writing, b"First. ")
    assert next(pieces) == "First. "
    os.write(writing, b"Second.")
    assert next(pieces) == "Second."
    os.close(writing)
    assert list(pieces) == []


@given(st.text(), st.lists(st.integers(0, 200)))
def test_text_survives_any_split_of_its_bytes(text: str, cuts: list[int]) -> None:
    data = text.encode()
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    reading, writing = os.pipe()
    pieces = iter(StandardInput(reading))
    heard = []
    for begin, end in itertools.pairwise(edges):
        os.write(writing, data[begin:end])
        if not _is_inside_a_character(data[begin:end]):
            heard.append(next(pieces))
    os.close(writing)
    heard += pieces
    os.close(reading)
    # A byte order mark at the very beginning is no text.
    assert "".join(heard) == text.removeprefix("\ufeff")


def _is_inside_a_character(data: bytes) -> bool:
    # Then the decoder has nothing to hand on, and `next` would wait for more.
    return any(byte >= 0x80 for byte in data)


def test_bytes_that_are_no_utf8_are_replaced(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    os.write(writing, b"caf\xe9 \xf0\x9f")
    os.close(writing)
    assert "".join(StandardInput(reading)) == "caf\ufffd \ufffd"


def test_closing_ends_a_text_that_another_thread_waits_for(pipe: tuple[int, int]) -> None:
    source = StandardInput(pipe[0])
    heard: list[str] = []
    reader = threading.Thread(target=lambda: heard.extend(source))
    reader.start()
    source.close()
    reader.join(10)
    assert not reader.is_alive()
    assert heard == []


def test_what_cannot_be_read_is_told(tmp_path: object) -> None:
    folder = os.open(str(tmp_path), os.O_RDONLY)
    with pytest.raises(UsageError, match="standard input cannot be read: Is a directory"):
        list(StandardInput(folder))
    os.close(folder)


def test_silence_before_the_first_word_is_left_out() -> None:
    pieces = from_first_word(iter(["", " \n", "\tFirst", " second"]))
    assert pieces is not None
    assert list(pieces) == ["\tFirst", " second"]


def test_nothing_but_silence_is_nothing() -> None:
    assert from_first_word(iter(["", " \n", "\t"])) is None
