"""What was heard, and each word, by its place in the text that was given: over the whole way."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from streamplay.errors import InvalidRequest
from streamplay.events import PieceFinished, Requested, Word
from tests.support.speaking import PATIENCE, being_heard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamplay import Player

GIVEN = (
    "  ## A heading\n\nThe **first** sentence, with [a link](https://me:secret@host.example/x) "
    "in it.\n\n---\n\n- One item\n- Another *item* there\n\n<think>Not this.</think>"
    "The last one is here. 🎉\n"
)


def split(text: str, length: int = 3) -> Iterator[str]:
    return (text[at : at + length] for at in range(0, len(text), length))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("clean", [False, True])
def test_each_word_tells_where_it_stands(player: Player, stream: bool, clean: bool) -> None:
    given = GIVEN if clean else re.sub(r"[^\w\s.,]", "", GIVEN)
    said = player.say(split(given) if stream else given, clean=clean, alignment="word")
    events = [*said.events()]
    words = [event for event in events if isinstance(event, Word)]
    assert len(words) > 14
    assert [word.text for word in words if not given.startswith(word.text, word.offset)] == []
    assert [word.offset for word in words] == sorted(word.offset for word in words)
    spans = [event.span for event in events if isinstance(event, Requested)]
    assert [start for start, _ in spans[1:]] == [stop for _, stop in spans[:-1]]
    finished = [event.span for event in events if isinstance(event, PieceFinished)]
    assert finished[:-1] == spans[:-1]
    assert (spans[0][0], finished[-1][1]) == (0, len(given))  # an emoji ends it, unspoken
    heard = said.heard()
    assert (heard.offset, heard.rest) == (len(given), "")


@pytest.mark.parametrize("clean", [False, True])
def test_what_was_heard_and_the_rest_are_the_text(player: Player, clean: bool) -> None:
    given = "The **first** sentence is said. " * 40
    said = player.say(split(given), clean=clean, alignment="word")
    being_heard(said, 24000)
    heard = said.cancel()
    assert 0 < heard.offset < len(given)
    assert given.startswith(given[: heard.offset] + heard.rest)
    last = heard.text.split()[-1].strip("*.")
    assert re.search(rf"{last}[*.]*$", given[: heard.offset])
    assert not given[heard.offset :].startswith("*")
    rest = player.say(heard.rest, clean=clean).wait(PATIENCE)
    assert rest.complete


@pytest.mark.parametrize("text", ["...", "🎉", '"\n\n---', " "])
@pytest.mark.parametrize("stream", [False, True])
def test_what_cannot_be_spoken_is_refused_with_a_word(
    player: Player, text: str, stream: bool
) -> None:
    with pytest.raises(InvalidRequest, match=r"input: (holds no letter or digit|is empty)"):
        player.say(iter([text]) if stream else text).wait(PATIENCE)
