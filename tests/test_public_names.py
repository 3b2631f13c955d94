"""The public names are a contract: one that comes or goes shows here."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from importlib import metadata

import pytest

import streamplay
from streamplay import errors

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
