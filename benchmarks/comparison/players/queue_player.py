"""What one writes first: sounddevice, a callback in Python, and a queue."""

import base64
import json
import queue
import threading
from typing import Any

import common
import httpx
import numpy as np
import sounddevice as sd
from httpx_sse import connect_sse


class Player:
    """Frames go in at one end; the callback takes them out at the other."""

    def __init__(self) -> None:
        self.frames: queue.Queue[np.ndarray | None] = queue.Queue()
        self.done, self.cut = threading.Event(), threading.Event()
        self.rest, self.over = np.zeros(0, np.float32), False

    def callback(self, out: np.ndarray, count: int, *_: Any) -> None:
        while len(self.rest) < count and not self.over:
            try:
                piece = self.frames.get_nowait()
            except queue.Empty:
                break
            if piece is None:
                self.over = True
            else:
                self.rest = np.concatenate((self.rest, piece))
        n = 0 if self.cut.is_set() else min(count, len(self.rest))
        out[:n, 0] = self.rest[:n]
        out[n:] = 0
        self.rest = self.rest[n:]
        if self.cut.is_set() or (self.over and not len(self.rest)):
            self.done.set()


player = Player()
with (
    sd.OutputStream(
        24000, channels=1, dtype="float32", latency=0.05, callback=player.callback
    ) as stream,
    httpx.Client(timeout=30) as client,
):
    if common.warm:
        client.get(common.url + "/models")
    common.ready()
    common.on_stop(player.cut.set)
    with connect_sse(client, "POST", common.url + "/audio/speech", json=common.body) as source:
        for event in source.iter_sse():
            if event.data == "[DONE]" or player.cut.is_set():
                break
            data = base64.b64decode(json.loads(event.data)["b64"])
            player.frames.put(np.frombuffer(data, "<i2").astype(np.float32) / 32768)
            common.put_under_load()
    player.frames.put(None)
    player.done.wait()
    sd.sleep(int(1500 * stream.latency))
    common.leave()
