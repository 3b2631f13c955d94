"""From a key in `live` to sound: its first prompt, a phrase's key, and Enter.

    .venv/bin/python -m benchmarks.live_keys [--runs 20] [--first-byte-ms 100] [--pause 0.3]
        [--silent]

- first prompt: from the start of the process until a terminal shows `say>`.
- phrase: from the byte of F1 until its first frame is handed to the output; warm, its sound kept.
- Enter: the same for a typed line, less the server's first byte (`ms.first_byte` of the receipt):
  the limit is one block of the output and 10 ms.

Between two keys there are `--pause` seconds.

Sound goes to the tests' sound card; with `--silent`, to the silent clock.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.edits import EditedScreen
from streamplay import events
from streamplay.cli.conversation import Conversation
from streamplay.cli.live_editor import EditorSession
from streamplay.server.child import LocalServer
from tests.support.nullsink import NullSink
from tests.support.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PHRASE = {"yes": "Yes, please."}

PATIENCE_SECONDS = 20
"""For anything that is waited for here: it takes a second at most."""


class Keys:
    """`live` in this process: presses keys, and notes when sound was handed over."""

    def __init__(self, base_url: str, folder: Path, pause: float) -> None:
        self._url = base_url
        self._pause = pause
        self._folder = folder
        self._ended = threading.Event()
        self._at = 0.0
        self._receipt: Any = None
        self.phrases: list[float] = []
        self.lines: list[float] = []

    def measure(self, runs: int) -> None:
        """Press the keys, one after the other."""
        noted = Conversation._on_event
        keys = self

        def note(self: Conversation, event: events.Event) -> None:
            if isinstance(event, events.Finished):
                track = event.utterance._state.account.track  # type: ignore[attr-defined]
                keys._at, keys._receipt = track.first_sound, event.receipt
                keys._ended.set()
            noted(self, event)

        Conversation._on_event = note  # type: ignore[method-assign]
        asked = {"base_url": self._url, "follow_default": True}
        args = argparse.Namespace(quiet=True, stats=False)
        try:
            with EditedScreen() as screen, ThreadPoolExecutor(1) as pool, screen.read_on():
                session = EditorSession(args, asked, self._folder, PHRASE)
                driving = pool.submit(self._drive, screen, session, runs)
                session.run()
                driving.result()
        finally:
            Conversation._on_event = noted  # type: ignore[method-assign]

    def _drive(self, screen: EditedScreen, session: EditorSession, runs: int) -> None:
        """Press the keys; whatever fails here, `session.run` ends."""
        try:
            _until(lambda: session._conversation.is_open, "the voice is open")
            session._phrases.fetch()
            _until(lambda: session._phrases.sound("yes") is not None, "the phrase is kept")
            for _ in range(runs):
                self.phrases.append(self._press(screen, "\x1bOP") * 1000)
                screen.press("Hello there.")
                time.sleep(0.2)  # each of its keys is drawn before Enter comes
                took = self._press(screen, "\r") * 1000
                self.lines.append(took - self._receipt.ms.first_byte)
        finally:
            session._editor.leave()

    def _press(self, screen: EditedScreen, keys: str) -> float:
        """Return the seconds from the last key to the first frame that was handed over."""
        self._ended.clear()
        begun = time.perf_counter()
        screen.press(keys)
        assert self._ended.wait(PATIENCE_SECONDS), f"nothing was heard after {keys!r}"
        time.sleep(self._pause)
        return self._at - begun


def _until(ready: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not ready():
        assert time.monotonic() < deadline, f"it does not come that {what}"
        time.sleep(0.05)


def prompts(base_url: str, runs: int) -> list[float]:
    """Return how many milliseconds pass until the first prompt is there."""
    found = []
    for _ in range(runs):
        begun = time.perf_counter()
        with Terminal(["live", "--base-url", base_url, "-q"]) as terminal:
            terminal.shows("say>")
            found.append((time.perf_counter() - begun) * 1000)
    return found


def told(name: str, values: Sequence[float], limit: str) -> str:
    spread = f"{min(values):.1f} to {max(values):.1f}"
    return f"{name:<28}{statistics.median(values):7.1f} ms, {spread}; limit {limit}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--first-byte-ms", type=int, default=100)
    parser.add_argument("--pause", type=float, default=0.3)
    parser.add_argument("--silent", action="store_true")
    args = parser.parse_args()
    os.environ["STREAMPLAY_ENGINE"] = "espeak"
    sink = NullSink()
    if not args.silent:
        sink.start()
        os.environ.update(sink.environment)
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            LocalServer(("--first-byte-ms", str(args.first_byte_ms))) as server,
        ):
            os.environ |= {"XDG_STATE_HOME": folder, "XDG_CONFIG_HOME": folder}
            shown = prompts(server.base_url, max(3, args.runs // 3))
            keys = Keys(server.base_url, Path(folder), args.pause)
            keys.measure(args.runs)
    finally:
        sink.close()
    print(told("start to first prompt", shown, "500 ms"))
    print(told("phrase key to sound", keys.phrases, "15 ms at the median"))
    print(told("Enter to sound, less server", keys.lines, "one block (5 ms here) + 10 ms"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
