"""Follow a Markdown text while it is spoken: highlight, cut in, keep the history, say the rest.

A text is given in tokens and cleaned; every word that is heard leads back to where it
stands in the text as it was written. It needs eSpeak's voice (extras ``local`` and ``espeak``; the
natural voice tells no times of words), no network and no key::

    python docs/examples/follow.py
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from streamplay import Player
from streamplay.events import Word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamplay import Heard, Utterance

TEXT = "**Stop** [this, please](https://me:secret@example.com/page), *now*.\n\n1. Say the rest.\n"


def tokens() -> Iterator[str]:
    """Yield the text as a model writes it."""
    return (match[0] for match in re.finditer(r"\s*\S{1,4}", TEXT))


def follow(speech: Utterance, last: str = "") -> Heard:
    """Print the line of each word as it is heard, the word in brackets; cut in at `last`."""
    for event in speech.events():
        if isinstance(event, Word):
            before, behind = TEXT[: event.offset], TEXT[event.offset + len(event.text) :]
            print(before.rpartition("\n")[2] + f"[{event.text}]" + behind.partition("\n")[0])
            if event.text == last:
                break
    return speech.cancel()


with Player(local=True, voice="espeak:en-us", alignment="word", clean=True) as player:
    heard = follow(player.say(tokens()), last="please")
    print("history:", TEXT[: heard.offset])
    print("the rest:", heard.rest)
    player.say(heard.rest).wait()
