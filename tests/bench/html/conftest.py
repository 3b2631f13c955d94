"""One run for all tests of the report: a quick target, one that stalls, one that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamplay.bench import lag, lateness, runner, target
from streamplay.bench.html.page import page
from streamplay.bench.plan import Load
from tests.support.pages import EVIL
from tests.support.server import running

if TYPE_CHECKING:
    from streamplay.bench.result import Result


@pytest.fixture(scope="session")
def result() -> Result:
    with (
        running("--pace", "4", "--signal", "tone", "--seconds", "0.6") as quick,
        running("--first-byte-ms", "30", "--stall", "200:300", "--signal", "tone") as slow,
        running("--status", "500") as failing,
        pytest.MonkeyPatch.context() as monkeypatch,
    ):
        words = [
            f"name=quick {EVIL},base_url={quick.base_url}",
            f"name=slow,base_url={slow.base_url}",
            f"name=failing,base_url={failing.base_url}",
        ]
        load = Load(texts=("One two.",), requests=7, concurrency=3)
        # Beside other tests it may well find itself too late, and tell nothing of some requests.
        monkeypatch.setattr(lag, "LAG_LIMIT_MS", 1e9)
        monkeypatch.setattr(lateness, "LATE_START_MS", 1e9)
        return runner.run(target.read(words, {}), load, command=f"streamplay bench {EVIL}")


@pytest.fixture(scope="session")
def document(result: Result) -> str:
    return page(result)
