from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from benchmarks.fuzz import Broken, body, check, check_memory, cut, run
from streamplay.stream.decoder import Decoder
from streamplay.stream.sse import EventReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from httpx_sse import ServerSentEvent

    from streamplay.stream.decoder import Chunk

pytestmark = pytest.mark.no_cover

# A million take minutes (benchmarks.fuzz); these are its first.
INPUTS = 3000

# Of all sizes: an event may be 128 KiB, and 17 pieces of 8 KiB are more than that.
SCALE = 8


def test_broken_bodies_give_typed_errors_and_nothing_else() -> None:
    outcomes = run(1, INPUTS)
    assert sum(outcomes.values()) == INPUTS
    assert {"complete", "Truncated", "MalformedEvent", "RemoteError", "TooLarge"} <= set(outcomes)


def test_bodies_without_end_are_read_in_bounded_memory() -> None:
    assert len(list(check_memory(17, SCALE))) > 10


def test_an_input_is_known_by_its_number() -> None:
    assert body(1, 5)[0] == body(1, 5)[0] != body(2, 5)[0]


@pytest.mark.parametrize("seed", range(20))
def test_the_pieces_of_a_cut_are_the_whole(seed: int) -> None:
    data = bytes(range(50))
    assert b"".join(cut(data, random.Random(seed))) == data


def test_the_fuzzer_finds_a_reader_that_depends_on_the_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = EventReader.feed

    def forgetful(self: EventReader, data: bytes) -> Iterator[ServerSentEvent]:
        self._line.clear()
        return whole(self, data)

    monkeypatch.setattr(EventReader, "feed", forgetful)
    with pytest.raises(Broken, match="another cut"):
        run(1, INPUTS)


def test_the_fuzzer_finds_a_decoder_that_says_things_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    once = Decoder.feed

    def twice(self: Decoder, data: bytes) -> Iterator[Chunk]:
        for chunk in once(self, data):
            yield chunk
            yield chunk

    monkeypatch.setattr(Decoder, "feed", twice)
    with pytest.raises(Broken, match="more came out"):
        run(1, INPUTS)


def test_the_fuzzer_finds_a_reader_that_keeps_what_has_no_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(EventReader, "_grow", lambda *_: None)
    with pytest.raises(Broken, match="endless line"):
        list(check_memory(250, SCALE))


@pytest.mark.parametrize("number", [46_493, 51_698, 55_945])
def test_what_depended_on_how_a_body_was_cut_does_so_no_more(number: int) -> None:
    check(*body(1, number))
