"""What every test may ask for: a real speech server, and a sound card that records.

Each process that runs tests (each worker of pytest-xdist) has a null sink, a speech server and a
configuration folder of its own. The null sink is started before tests are collected, because
PortAudio looks for devices when sounddevice is imported. Where it cannot start, the tests that ask
for it fail and say why; the others run, and none of them reaches the machine's own loudspeaker.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from streamplay.policy.learning import PROCESS
from tests.support.nullsink import NullSink
from tests.support.server import speech_server
from tests.support.speaking import fast, impatient, live, player, silent

if TYPE_CHECKING:
    from pathlib import Path

# Fixtures, for every test.
__all__ = ["fast", "impatient", "live", "player", "silent", "speech_server"]

_SINK = pytest.StashKey[NullSink]()
_TROUBLE = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("numprocesses", default=None) and not hasattr(config, "workerinput"):
        return  # the workers run the tests, not this process
    sink = config.stash[_SINK] = NullSink()
    os.environ.update(sink.environment)
    try:
        sink.start()
    except RuntimeError as error:
        config.stash[_TROUBLE] = str(error)


def pytest_unconfigure(config: pytest.Config) -> None:
    if _SINK in config.stash:
        config.stash[_SINK].close()


@pytest.fixture(scope="session")
def null_sink(pytestconfig: pytest.Config) -> NullSink:
    """Return the default output device of this process; `record()` tells what it played."""
    if _TROUBLE in pytestconfig.stash:
        pytest.fail(pytestconfig.stash[_TROUBLE])
    return pytestconfig.stash[_SINK]


@pytest.fixture(autouse=True, scope="session")
def _nothing_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the tests from the user's key, server and configuration."""
    for name in ("TOGETHER_API_KEY", "TOGETHER_BASE_URL"):
        os.environ.pop(name, None)
    empty: Path = tmp_path_factory.mktemp("configuration")
    os.environ["XDG_CONFIG_HOME"] = os.environ["XDG_STATE_HOME"] = str(empty)


@pytest.fixture(autouse=True)
def _nothing_learned() -> None:
    """Forget what earlier tests taught about a server, as a new process would."""
    PROCESS.clear()
