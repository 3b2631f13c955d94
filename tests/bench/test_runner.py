"""A whole run: its targets compared, and its own validity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from streamplay.bench import runner, target
from streamplay.bench.plan import Load
from tests.support.server import running

if TYPE_CHECKING:
    from streamplay.bench.result import Result
    from streamplay.server.child import LocalServer


TEXTS = ("One two.", "Three.")


def measured(base_url: str, *words: str, **load: Any) -> Result:
    targets = target.read(words, {"base_url": base_url})
    given = {"texts": TEXTS, "requests": 6, **load}
    return runner.run(targets, Load(**given), command="bench")


def test_two_targets_are_compared_turn_by_turn(speech_server: LocalServer) -> None:
    with running("--first-byte-ms", "250") as slow:
        words = (f"name=slow,base_url={slow.base_url}", "name=quick")
        result = measured(speech_server.base_url, *words, requests=8)
    (found,) = (pair for pair in result.pairs if pair.measure == "first_byte")
    assert found.n == 8
    assert found.says.startswith("slow is ")
    assert "later to first byte than quick" in found.says


@pytest.mark.usefixtures("real_limit")
def test_a_busy_loop_makes_the_run_invalid(
    speech_server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    from streamplay.bench import load

    async def busy(*args: Any, **more: Any) -> Any:
        time.sleep(0.05)  # noqa: ASYNC251  the very thing that is to be noticed
        return await observe(*args, **more)

    observe = load.observe
    monkeypatch.setattr(load, "observe", busy)
    result = measured(speech_server.base_url, requests=10)
    assert not result.valid
    assert "late at p99" in result.invalid[0]
    assert result.to_dict()["tool"]["loop_lag_ms"]["max"] > 30
