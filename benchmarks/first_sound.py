"""How long after the first decodable frame of mp3 its sound is handed to the output.

A server sends mp3 of 64 kbit/s at real-time pace, a frame each 24 ms. `streamplay say` plays it
through PortAudio to a null sink. The first sound is to come no later than one block of the output
after the first frame has come, which is its first decodable one. What an early start costs is told
beside it: in how many runs sound stalled, and for how long.

    .venv/bin/python -m benchmarks.first_sound [--runs 5] [--prebuffer MS] [--burst FRAMES]
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from statistics import median
from typing import TYPE_CHECKING, Final

from tests.support.encoded import tone
from tests.support.nullsink import NullSink

if TYPE_CHECKING:
    from collections.abc import Sequence

RATE: Final = 24000
FRAMES: Final = 576
FRAME_SECONDS: Final = FRAMES / RATE
SECONDS: Final = 2.0
BLOCK_SECONDS: Final = 0.02  # the longest that an output at the default latency asks for at once

BITS: Final = 64_000

THINKING_SECONDS: Final = 0.8
"""Before the answer: by then the modules that read it are imported, on a busy machine too."""

_TAG: Final = b"ID3\4\0\0\0\0\0\x40" + bytes(64)
_FRONTS: Final = {"bare": b"", "behind a tag": _TAG}
_TYPES: Final = ("audio/mpeg", "application/octet-stream")


def frames_of_mp3() -> list[bytes]:
    """Return the frames of a tone."""
    import av

    encoder = av.CodecContext.create("libmp3lame", "w")
    encoder.sample_rate, encoder.layout, encoder.format = RATE, "mono", "fltp"
    encoder.bit_rate, encoder.time_base = BITS, Fraction(1, RATE)
    encoder.open()
    packets: list[bytes] = []
    sound = tone(SECONDS, RATE)
    for at in range(0, len(sound) - FRAMES, FRAMES):
        frame = av.AudioFrame.from_ndarray(sound[None, at : at + FRAMES], "fltp", "mono")
        frame.sample_rate, frame.pts = RATE, at
        packets += map(bytes, encoder.encode(frame))
    return packets + list(map(bytes, encoder.encode(None)))


class Paced:
    """Serves the pieces of one body at real-time pace, each time it is asked."""

    def __init__(self, pieces: list[bytes], media: str, burst: int = 1) -> None:
        self._pieces, self._media, self._burst = pieces, media, burst
        self._socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def base_url(self) -> str:
        """Where it is asked."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(line,), daemon=True).start()

    def _answer(self, line: socket.socket) -> None:
        with line:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if not line.recv(65536):
                return
            time.sleep(THINKING_SECONDS)
            head = f"HTTP/1.1 200 OK\r\nContent-Type: {self._media}\r\nConnection: close\r\n\r\n"
            line.sendall(head.encode())
            begun = time.perf_counter()
            for at in range(0, len(self._pieces), self._burst):
                time.sleep(max(0.0, begun + at * FRAME_SECONDS - time.perf_counter()))
                line.sendall(b"".join(self._pieces[at : at + self._burst]))

    def close(self) -> None:
        """Serve no more."""
        self._socket.close()


@dataclass
class Run:
    """What one sentence came to, in ms.

    Parameters
    ----------
    audio, sound : float
        From the first frame to the first audio and to the first sound.
    stalls : int
        How often sound ran out.
    stalled : float
        For how long in all.
    """

    audio: float
    sound: float
    stalls: int
    stalled: float


def said(base_url: str, flags: Sequence[str]) -> Run:
    """Say one sentence; return what its receipt tells."""
    command = [sys.executable, "-m", "streamplay", "say", "Hello.", "--json", "-q"]
    command += ["--format", "mp3", "--base-url", base_url, "--api", "openai", "-m", "m", "-v", "v"]
    done = subprocess.run([*command, *flags], capture_output=True, check=True)
    receipt = json.loads(done.stdout)
    moments, stalls = receipt["ms"], receipt["stalls"]
    came = moments["first_byte"] or 0.0  # the first piece of the body is the first frame
    audio, sound = ((moments[name] or 0.0) - came for name in ("first_audio", "first_sound"))
    return Run(audio, sound, stalls["count"], stalls["total_ms"])


def measured(front: bytes, media: str, options: argparse.Namespace) -> list[Run]:
    """Return what so many sentences came to."""
    first, *others = frames_of_mp3()
    server = Paced([front + first, *others], media, options.burst)
    flags = () if options.prebuffer is None else ("--prebuffer", str(options.prebuffer))
    runs = [said(server.base_url, flags) for _ in range(options.runs)]
    server.close()
    return runs


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--prebuffer", type=float, help="start with so many ms (auto)")
    parser.add_argument("--burst", type=int, default=1, help="frames sent at a time (1)")
    options = parser.parse_args()
    print("ms after the first decodable frame (a frame lasts 24 ms, a block 20 ms at the most)")
    with closing(NullSink()) as sink:
        sink.start()
        os.environ.update(sink.environment)
        late = tell(options)
    return 1 if late else 0


def tell(options: argparse.Namespace) -> int:
    """Print each kind of body; return how many were later than a block."""
    late = 0
    for name, front in _FRONTS.items():
        for media in _TYPES:
            runs = measured(front, media, options)
            audio, sound = median(run.audio for run in runs), median(run.sound for run in runs)
            late += sound > 1000 * BLOCK_SECONDS
            stalled = [run.stalled for run in runs if run.stalls]
            print(
                f"  {name:14} {media:26} first audio {audio:6.1f}  first sound {sound:6.1f}  "
                f"stalled in {len(stalled)} of {len(runs)}, {median(stalled or [0]):.0f} ms each"
            )
    return late


if __name__ == "__main__":
    sys.exit(main())
