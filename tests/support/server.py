"""Real local speech servers for tests: in a process of their own, or in this one.

A request brings its own scenario with `asking`, so that one server serves many
tests.
"""

from __future__ import annotations

import os
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from streamplay.server.child import LocalServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from streamplay.server.app import State


@contextmanager
def running(*arguments: str, **environment: str) -> Iterator[LocalServer]:
    """Run a server in its own process with these options, such as ``"--dialect", "C"``."""
    with LocalServer(arguments, environment=os.environ | environment) as server:
        yield server


@asynccontextmanager
async def serving(state: State | None = None, port: int = 0) -> AsyncIterator[str]:
    """Run a server in this process, on a real socket, and give its base URL."""
    from streamplay.server.app import State, make_app
    from streamplay.server.listening import listening

    state = state or State()
    async with listening(make_app(state), "127.0.0.1", port, state.patience) as (host, bound):
        yield f"http://{host}:{bound}/v1"


def asking(text: str = "One two.", **fields: Any) -> dict[str, Any]:
    """Return the body of a streaming request; keys of a scenario go to ``scenario=``."""
    body = {
        "model": "canopylabs/orpheus-3b-0.1-ft",
        "voice": "tara",
        "input": text,
        "stream": True,
        "response_format": "raw",
    }
    scenario = fields.pop("scenario", None)
    if scenario is not None:
        fields["extra_params"] = fields.get("extra_params", {}) | {"scenario": scenario}
    return body | fields


@pytest.fixture(scope="session")
def speech_server() -> Iterator[LocalServer]:
    """The plain server: dialect A, as fast as it can."""
    with running() as server:
        yield server
