"""The public names are a contract: one that comes or goes shows here."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from importlib import metadata
from typing import TYPE_CHECKING

import numpy as np
import pytest

import streamplay
from streamplay import errors

if TYPE_CHECKING:
    from tests.support.speaking import Silent

NAMES = {"say", "Player", "AsyncPlayer", "Utterance", "SpeechClient", "SpeechRequest"}
NAMES |= {"AudioFormat", "Receipt", "Heard", "__version__"}
NAMES |= {"AsyncUtterance", "Reference", "ReferenceBlock", "events"}

ERRORS = {
    name
    for name, thing in vars(errors).items()
    if inspect.isclass(thing) and issubclass(thing, errors.StreamPlayError)
}


def test_the_public_names_are_these() -> None:
    assert set(streamplay.__all__) == NAMES | ERRORS


def test_every_public_name_is_there() -> None:
    assert all(hasattr(streamplay, name) for name in streamplay.__all__)


def test_a_name_that_is_not_there_is_told_as_in_any_module() -> None:
    with pytest.raises(AttributeError, match="'streamplay' has no attribute 'shout'"):
        _ = streamplay.shout  # type: ignore[attr-defined]


def test_the_events_need_no_import_of_their_own() -> None:
    script = "import streamplay; print(streamplay.events.Word.__name__)"
    printed = subprocess.check_output([sys.executable, "-c", script], text=True)
    assert printed == "Word\n"


def test_a_shell_that_completes_sees_the_public_names() -> None:
    assert set(streamplay.__all__) <= set(dir(streamplay))


def test_no_public_name_is_listed_twice() -> None:
    assert len(streamplay.__all__) == len(set(streamplay.__all__))


def test_everything_public_is_documented() -> None:
    things = [getattr(streamplay, name) for name in set(streamplay.__all__) - {"__version__"}]
    assert [thing for thing in things if not inspect.getdoc(thing)] == []


def test_the_version_is_the_installed_one() -> None:
    assert streamplay.__version__ == metadata.version("streamplay")
    assert re.fullmatch(r"\d+\.\d+\.\d+", streamplay.__version__)


# What a user of each class may touch; the rest lives behind it. A name that comes or goes shows
# here, and in the changelog.

SAID = {"text", "done", "receipt", "position", "handed_over"}
SAID |= {"wait", "cancel", "heard", "events", "on_done"}
PLAYER = {"say", "play", "play_file", "interrupt", "pause", "resume", "volume", "duck"}
PLAYER |= {"reference", "close", "speaking", "queue", "paused", "events"}

FACES = {"Utterance": SAID, "AsyncUtterance": SAID, "Player": PLAYER, "AsyncPlayer": PLAYER}


@pytest.mark.parametrize("name", FACES)
def test_a_public_class_shows_what_users_may_touch_and_nothing_else(name: str) -> None:
    face = getattr(streamplay, name)
    assert {each for each in dir(face) if not each.startswith("_")} == FACES[name]
    assert not {each for each in vars(face) if each.startswith("__") and "dir" in each}


@pytest.mark.parametrize("name", ["Utterance", "Player"])
def test_an_object_has_no_public_attribute_besides(name: str, silent: Silent) -> None:
    with streamplay.Player(base_url="http://127.0.0.1:9/v1", play=False) as player:
        things = {"Player": player, "Utterance": player.play(np.zeros(1, np.int16), 24000)}
        assert {each for each in vars(things[name]) if not each.startswith("_")} == set()
        assert {each for each in dir(things[name]) if not each.startswith("_")} == FACES[name]
