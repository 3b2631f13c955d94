"""RealtimeTTS's stream player, without its engines: a buffer of 256 frames."""

import base64
import json
import queue
import threading

import common
import httpx
import pyaudio
from httpx_sse import connect_sse
from RealtimeTTS.stream_player import AudioConfiguration, StreamPlayer

config = AudioConfiguration(pyaudio.paInt16, 1, 24000, frames_per_buffer=256)
player = StreamPlayer(queue.Queue(), queue.Queue(), config)
player.start()
stopped = threading.Event()


def stop() -> None:
    stopped.set()
    player.stop(immediate=True)


try:
    with httpx.Client(timeout=30) as client:
        if common.warm:
            client.get(common.url + "/models")
        common.ready()
        common.on_stop(stop)
        with connect_sse(client, "POST", common.url + "/audio/speech", json=common.body) as source:
            for event in source.iter_sse():
                if event.data == "[DONE]" or stopped.is_set():
                    break
                data = base64.b64decode(json.loads(event.data)["b64"])
                player.buffer_manager.add_to_buffer(data)
                common.put_under_load()
finally:
    if not stopped.is_set():
        player.stop()
common.leave()
