"""A fork while PortAudio plays: whatever the child does, the parent goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.support.speaking import PATIENCE, counted

if TYPE_CHECKING:
    from streamplay.server.child import LocalServer
    from tests.support.nullsink import NullSink

pytestmark = pytest.mark.no_cover

RATE = 24000

PROGRAM = """
import os, sys, time
from streamplay import Player

SCENARIO = {"extra_params": {"scenario": {"signal": "count", "seconds": 2}}}
CHILDREN = {
    "leaves at once": lambda player: os._exit(0),
    "leaves as programs do": lambda player: sys.exit(),
    "closes what it was given": lambda player: (player.close(), sys.exit()),
    "becomes another program": lambda player: os.execv(sys.executable, [sys.executable, "-c", ""]),
}

with Player(base_url=sys.argv[1], engine=sys.argv[2], latency=0.1) as player:
    utterance = player.say("hello", extra=SCENARIO)
    while utterance.receipt.frames.played < 4800:
        time.sleep(0.01)
    for name, does in CHILDREN.items():
        if not (child := os.fork()):
            does(player)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, name
    receipt = utterance.wait()
    print(receipt.frames.played, receipt.device_underflows)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.parametrize("engine", ["native", "python"])
def test_the_parent_plays_on_whatever_its_children_do(
    speech_server: LocalServer, null_sink: NullSink, engine: str
) -> None:
    with null_sink.record() as tape:
        ran = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", PROGRAM, speech_server.base_url, engine],
            capture_output=True,
            text=True,
            timeout=PATIENCE * 2,
            check=False,
        )
    assert ran.returncode == 0, ran.stderr
    played, underflows = map(int, ran.stdout.split())
    assert played == 2 * RATE
    if not underflows:  # a machine that was late has shaped what the sink got
        np.testing.assert_array_equal(tape.played[:, 0], counted(played))


CHILD_PLAYS = """
import os, sys, time
from streamplay import OutputFailed, Player

SCENARIO = {"extra_params": {"scenario": {"signal": "count", "seconds": 1}}}
with Player(base_url=sys.argv[1]) as player:
    utterance = player.say("hello", extra=SCENARIO)
    if sys.argv[2] == "idle":
        utterance.wait()
        player.close()
    if not (child := os.fork()):
        try:
            Player(base_url=sys.argv[1])
        except OutputFailed as error:
            os._exit(7 if "forked" in error.message else 1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert utterance.wait().complete
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.parametrize("parent", ["plays", "idle"])
def test_a_child_that_cannot_be_heard_is_told_and_never_plays_in_silence(
    speech_server: LocalServer, null_sink: NullSink, parent: str
) -> None:
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CHILD_PLAYS, speech_server.base_url, parent],
        capture_output=True,
        text=True,
        timeout=PATIENCE * 2,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
