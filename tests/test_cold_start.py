"""Cold start: what is loaded before the request leaves. Nothing is timed here: see bench-start."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamplay.server.child import LocalServer
    from tests.support.nullsink import NullSink

PROGRAM = """
import sys
from streamplay.stage import Stage
whole = Stage.import_decoding
def tell(self):
    print(*sorted(sys.modules))
    return whole(self)
Stage.import_decoding = tell  # called when the request has left
from streamplay.cli import main
sys.exit(main(["say", "hello", "--base-url", sys.argv[1], "--no-play", "-q"]))
"""

LATER = {
    "numpy": "decodes",
    "sounddevice": "plays",
    "soundfile": "writes files",
    "soxr": "resamples",
    "rich": "draws tables",
    "aiohttp": "serves",
    "click": "is httpx's own command line",
    "streamplay.outputs.device": "plays",
    "streamplay.outputs.find": "plays",
    "streamplay.sound.native": "plays",
    "streamplay.server.app": "serves",
}


def loaded_when_the_request_leaves(base_url: str) -> set[str]:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, base_url],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return set(ran.stdout.split())


def test_the_request_leaves_before_what_decodes_and_plays_is_imported(
    speech_server: LocalServer,
) -> None:
    loaded = loaded_when_the_request_leaves(speech_server.base_url)
    assert "httpx" in loaded  # what it was looked for among is the right process
    assert not loaded & LATER.keys()


READY = """
import sys
from streamplay import Player
with Player(base_url=sys.argv[1]) as player:
    before = set(sys.modules)
    player.say("a").wait()
    print(*sorted(sys.modules.keys() - before))
"""


def test_a_player_that_is_ready_imports_nothing_more_to_speak(
    speech_server: LocalServer, null_sink: NullSink
) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", READY, speech_server.base_url],
        env={**os.environ, **null_sink.environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stderr, ran.stdout.split()) == (0, "", [])
