"""What every test may ask for: a real speech server, and a sound card that records.

Each process that runs tests (each worker of pytest-xdist) has a null sink, a speech server and a
configuration folder of its own. The null sink is started before tests are collected, because
PortAudio looks for devices when sounddevice is imported. Where it cannot start, the tests that ask
for it fail and say why; the others run, and none of them reaches the machine's own loudspeaker.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import coverage
import pytest
from hypothesis import HealthCheck, settings

from streamplay.network import request_shapes
from streamplay.policy.learning import PROCESS
from tests.support.nullsink import NullSink
from tests.support.server import speech_server
from tests.support.speaking import fast, impatient, live, player, returning, silent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Fixtures, for every test.
__all__ = ["fast", "impatient", "live", "player", "returning", "silent", "speech_server"]

# Nothing here depends on how fast the machine is.
settings.register_profile(
    "untimed",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("untimed")

_ATTEMPTS = 5

_SINK = pytest.StashKey[NullSink]()
_TROUBLE = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    # A shell starts what runs in its background with SIGINT ignored, nohup with SIGHUP, and
    # children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    # The voice that is quick and exact to the sample; tests of the natural one ask for it.
    os.environ["STREAMPLAY_ENGINE"] = "espeak"
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


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test again that failed while its sound card ran dry: it has shown nothing."""
    if "null_sink" not in pyfuncitem.fixturenames:
        return None
    sink: NullSink = pyfuncitem.funcargs["null_sink"]
    given = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    for attempt in range(_ATTEMPTS):
        before = sink.fed_again
        try:
            pyfuncitem.obj(**given)
        except AssertionError:
            if sink.fed_again == before or attempt == _ATTEMPTS - 1:
                raise
        else:
            break
    return True


@pytest.fixture(autouse=True)
def _fed_in_time(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let what plays to the null sink go first on a busy machine, where root runs the tests.

    The threads and processes that a test starts inherit its priority: PortAudio's thread, too,
    which on a desktop has a real-time priority.
    """
    if "null_sink" not in request.fixturenames or os.geteuid() != 0:
        yield
        return
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    os.setpriority(os.PRIO_PROCESS, 0, min(usual, -10))
    yield
    os.setpriority(os.PRIO_PROCESS, 0, usual)


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Measure no coverage in this test, nor in the processes that it starts.

    Tracing doubles the processor time of a test. It is left out of tests whose lines are reached
    by others as well: those of the whole program, and those that run the same a thousand times.
    """
    measuring = coverage.Coverage.current()
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    if measuring is not None:
        measuring.stop()
    yield
    if measuring is not None:
        measuring.start()


@pytest.fixture(autouse=True)
def _not_covered(request: pytest.FixtureRequest) -> None:
    """Do so in a test that is marked `no_cover`."""
    if request.node.get_closest_marker("no_cover") is not None:
        request.getfixturevalue("unmeasured")


@pytest.fixture(autouse=True, scope="session")
def _nothing_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the tests from the user's key, server and configuration."""
    for name in ("TOGETHER_API_KEY", "TOGETHER_BASE_URL"):
        os.environ.pop(name, None)
    empty: Path = tmp_path_factory.mktemp("configuration")
    os.environ["XDG_CONFIG_HOME"] = os.environ["XDG_STATE_HOME"] = str(empty)


@pytest.fixture(autouse=True)
def _idle_tool(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no benchmark find itself too late: beside other tests it may well be."""
    path = str(request.path.relative_to(request.config.rootpath))
    if "bench" not in path and "test_pages" not in path:
        return
    from streamplay.bench import lag, lateness

    monkeypatch.setattr(lag, "LAG_LIMIT_MS", 1e9)
    monkeypatch.setattr(lateness, "LATE_START_MS", 1e9)


@pytest.fixture
def real_limit(_idle_tool: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a benchmark find itself too late after all."""
    from streamplay.bench import lag, lateness

    monkeypatch.setattr(lag, "LAG_LIMIT_MS", 5.0)
    monkeypatch.setattr(lateness, "LATE_START_MS", 5.0)


@pytest.fixture(autouse=True)
def _nothing_learned() -> None:
    """Forget what earlier tests taught about a server, as a new process would."""
    PROCESS.clear()
    request_shapes.PROCESS.known.clear()
