"""A voice assistant in one file: it speaks while it still thinks, and stops when you talk.

It needs no network, no key and no microphone: the model is scripted, the voice is
streamplay's built-in one (extra ``local``), and to type a line is to talk. Press Enter while
it speaks: it falls silent, and its history holds what you really heard::

    python docs/examples/assistant.py
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from streamplay import Player

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamplay import Utterance

TOKENS_PER_SECOND = 20
ANSWERS = (
    (
        "Hello! I am a scripted model. I speak slowly enough to be interrupted, so please do: "
        "press Enter in the middle of a sentence, and I will stop at once."
    ),
    (
        "You cut in, or you let me finish. Either way I know which of my words you have heard, "
        "because the player counts every frame that was played."
    ),
    "That is all that I was taught to say. Goodbye!",
)


def think(turn: int) -> Iterator[str]:
    """Yield an answer token by token, as a model would."""
    for word in ANSWERS[turn % len(ANSWERS)].split():
        time.sleep(1 / TOKENS_PER_SECOND)
        yield word + " "


def heard(utterance: Utterance) -> str:
    """Stop an answer where it is; return what was heard of it, for the history."""
    cut = not utterance.done
    text = (utterance.cancel() if cut else utterance.heard()).text
    return text + " …" if cut else text


def main() -> None:
    """Talk until the input ends."""
    history: list[tuple[str, str]] = []
    answer: Utterance | None = None
    with Player(local=True, alignment="word") as player:
        print("Type something, and Enter. The end of the input (Ctrl-D) ends it.", flush=True)
        for turn, line in enumerate(sys.stdin):
            if answer is not None:
                history.append(("assistant", heard(answer)))
                print(*history[-1], sep=": ", flush=True)
            history.append(("user", line.strip()))
            answer = player.say(think(turn))
        if answer is not None:
            answer.wait()
            history.append(("assistant", heard(answer)))
            print(*history[-1], sep=": ", flush=True)


if __name__ == "__main__":
    main()
