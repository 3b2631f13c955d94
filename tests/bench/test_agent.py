"""The measurement as a process of its own: orders in, what was measured out."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = [sys.executable, "-m", "streamplay.bench.agent"]


def asked(words: list[str], *texts: str) -> list[dict[str, Any]]:
    orders = [
        {"id": number, "target": number % 2, "text": text, "intended": time.perf_counter()}
        for number, text in enumerate(texts)
    ]
    lines = "".join(json.dumps(order) + "\n" for order in orders)
    done = subprocess.run(
        [*COMMAND, *words], input=lines, capture_output=True, text=True, timeout=60, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_every_order_is_measured_by_the_target_that_it_names(tmp_path: Path) -> None:
    file = tmp_path / "targets.toml"
    file.write_text("[mine]\nlocal = true\n[theirs]\nbase_url = 'http://127.0.0.1:9/v1'\n")
    ready, *found, end = asked([str(file)], "One.", "Two.", "Three.")
    assert ready == {"targets": 2}
    told = {each["id"]: (each["target"], each["error"]) for each in found}
    assert told == {0: ("mine", None), 1: ("theirs", "ConnectFailed"), 2: ("mine", None)}
    assert all(each["values"]["first_voice"] > 0 for each in found if not each["error"])
    assert end["lag"]["p99"] is not None


def test_what_is_no_target_is_told_in_a_sentence() -> None:
    done = subprocess.run(
        [*COMMAND, "tone=high"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("target: 'tone'")
