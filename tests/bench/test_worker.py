"""The worker's own protocol: orders in, `ready` and a result out."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys

from streamplay.bench import target
from streamplay.bench.plan import Load
from streamplay.bench.setup import Setup
from streamplay.bench.worker import READY


def test_the_end_of_its_input_ends_it_with_what_it_has() -> None:
    targets = target.read([], {"base_url": "http://127.0.0.1:1/v1"})
    setup = Setup(targets, Load(requests=3, warmup=0, texts=("One.",))).to_dict()
    order = json.dumps({"setup": setup, "index": 0, "local": None}) + "\n"
    done = subprocess.run(
        [sys.executable, "-m", "streamplay.bench.worker"],
        input=order.encode(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.startswith(READY), done.stderr
    assert pickle.loads(done.stdout.removeprefix(READY)).samples == []
