"""A real local speech server for tests, in a process of its own."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from streamplay.server.child import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def running(*arguments: str, **environment: str) -> Iterator[LocalServer]:
    """Run a server with these options, such as ``"--dialect", "C"``."""
    import os

    with LocalServer(arguments, environment=os.environ | environment) as server:
        yield server


@pytest.fixture(scope="session")
def speech_server() -> Iterator[LocalServer]:
    """The plain server: dialect A, as fast as it can."""
    with running() as server:
        yield server
