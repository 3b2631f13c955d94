"""A sound card that every machine has: PulseAudio's null sink, on a private server.

It takes samples at the pace of a real device, and its monitor hands out what was played, bit for
bit. PortAudio reaches it through ALSA's `pulse` plugin, so the whole way of the sound is the real
one; only the loudspeaker is missing. Debian's names for what it needs: ``libportaudio2
libasound2-plugins pulseaudio pulseaudio-utils``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

SINK = "sp"

# Without norewinds the sink takes its first second and a half in one gulp and then stalls.
_DEFAULT_PA = """\
load-module module-null-sink sink_name={sink} norewinds=1 rate={rate} channels={channels} \
format=s16le channel_map={channel_map}
load-module module-native-protocol-unix auth-anonymous=1 socket={socket}
set-default-sink {sink}
"""

_ASOUND_CONF = """\
</usr/share/alsa/alsa.conf>
pcm.!default { type pulse }
ctl.!default { type pulse }
"""

_SERVER_OPTIONS = (
    *("-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no"),
    *("--disallow-exit", "--realtime=no", "--high-priority=no", "--log-level=debug"),
)
# The server ends with the tests, also where they are killed and can end nothing themselves.
_TIED = ("setpriv", "--pdeathsig", "TERM")
# A real card is not late because the processors are busy: neither is this one, where root runs it.
_PROMPT = ("nice", "-n", "-15") if os.geteuid() == 0 else ()
_RECORDER_OPTIONS = ("-d", f"{SINK}.monitor", "--format=s16le", "--latency-msec=20", "--raw")

# What was handed over last comes out of the monitor this much later at most: 20 ms asked of parec,
# up to 50 ms in the null sink's own blocks, 20–100 ms in PortAudio's buffer, and room.
_TAIL_SECONDS = 0.4

# What the server's log says when a client feeds it again that had let it run dry, and when a client
# begins.
_FED_AGAIN = b"end of underrun"

# An idle machine needs 0.1 s for any of this.
_PATIENCE_SECONDS = 20


class Recording:
    """What the sink played while it was open; `frames` is filled when it closes."""

    def __init__(self, channels: int) -> None:
        self.frames: NDArray[np.int16] = np.empty((0, channels), dtype=np.int16)

    @property
    def played(self) -> NDArray[np.int16]:
        """`frames` without the digital silence before the first and after the last sound."""
        loud = np.flatnonzero(self.frames.any(axis=1))
        return self.frames[loud[0] : loud[-1] + 1] if len(loud) else self.frames[:0]


class NullSink:
    """A private PulseAudio server whose only sink is a null sink.

    Parameters
    ----------
    rate : int
        The sink's own frames per second; only what is played at this rate stays bit for bit.
    channels : int
        1 or 2.
    """

    def __init__(self, rate: int = 24000, channels: int = 1) -> None:
        self.rate = rate
        self.channels = channels
        self._home = Path(tempfile.mkdtemp(prefix="streamplay-sink-"))
        self._home.chmod(0o700)
        self._server: subprocess.Popen[bytes] | None = None
        self._log = self._home / "pulseaudio.log"
        self._write_files()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead PulseAudio's and ALSA's clients here, and nowhere else.

        To be set before `sounddevice` is imported: PortAudio looks for devices then.
        """
        return {
            "ALSA_CONFIG_PATH": str(self._home / "asound.conf"),
            "PULSE_SERVER": f"unix:{self._socket}",
            "PULSE_RUNTIME_PATH": str(self._home),
            "PULSE_COOKIE": str(self._home / "cookie"),
            "PULSE_CLIENTCONFIG": str(self._home / "client.conf"),
        }

    @property
    def _socket(self) -> Path:
        return self._home / "native"

    def start(self) -> None:
        """Start the server; return when it answers.

        Raises
        ------
        RuntimeError
            If it does not, with what it had to say.
        """
        command = shutil.which("pulseaudio")
        if command is None or shutil.which("pactl") is None or shutil.which("parec") is None:
            raise RuntimeError(
                "the null sink needs PulseAudio: "
                "apt-get install libportaudio2 libasound2-plugins pulseaudio pulseaudio-utils"
            )
        with self._log.open("wb") as log:
            self._server = subprocess.Popen(
                [*_TIED, *_PROMPT, command, *_SERVER_OPTIONS, "-F", str(self._home / "default.pa")],
                env={**os.environ, **self.environment, "HOME": str(self._home)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            _wait(self._answers, "pulseaudio does not answer", self._server)
        except RuntimeError as error:
            raise RuntimeError(f"{error}:\n{self._log.read_text(errors='replace')}") from None

    def stop(self) -> None:
        """End the server that `start` started, by its process id; `start` begins another one."""
        if self._server is not None:
            _end(self._server)
            self._server = None

    def close(self) -> None:
        """End the server that `start` started, and remove its files."""
        self.stop()
        shutil.rmtree(self._home, ignore_errors=True)

    @property
    def fed_again(self) -> int:
        """How often a stream began, or went on after it had run dry: clients do not always know."""
        return self._log.read_bytes().count(_FED_AGAIN)

    @contextmanager
    def record(self) -> Iterator[Recording]:
        """Record what the sink plays within the block; the recording runs when it is entered."""
        recording = Recording(self.channels)
        raw = self._home / f"recording-{time.monotonic_ns()}.s16"
        recorder = self._start_recorder(raw)
        try:
            _wait(lambda: raw.stat().st_size > 0, "parec recorded nothing", recorder)
            begun = time.monotonic()
            yield recording
            # Counted in what was recorded, not in time that passed: parec may lag.
            seconds = time.monotonic() - begun + _TAIL_SECONDS
            enough = int(seconds * self.rate) * 2 * self.channels
            _wait(lambda: raw.stat().st_size >= enough, "parec stopped recording", recorder)
        finally:
            _end(recorder)
            recording.frames = self._read(raw)
            raw.unlink()

    def _start_recorder(self, raw: Path) -> subprocess.Popen[bytes]:
        with raw.open("wb") as file:
            return subprocess.Popen(
                [
                    *(*_PROMPT, "parec", *_RECORDER_OPTIONS),
                    *(f"--rate={self.rate}", f"--channels={self.channels}"),
                ],
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=file,
            )

    def _read(self, raw: Path) -> NDArray[np.int16]:
        data = raw.read_bytes()
        whole = len(data) - len(data) % (2 * self.channels)
        return np.frombuffer(data[:whole], dtype="<i2").reshape(-1, self.channels)

    def _write_files(self) -> None:
        channel_map = {1: "mono", 2: "front-left,front-right"}[self.channels]
        default_pa = _DEFAULT_PA.format(
            sink=SINK,
            rate=self.rate,
            channels=self.channels,
            channel_map=channel_map,
            socket=self._socket,
        )
        (self._home / "default.pa").write_text(default_pa)
        (self._home / "asound.conf").write_text(_ASOUND_CONF)
        (self._home / "client.conf").write_text("autospawn = no\n")

    def _answers(self) -> bool:
        # The socket is there before the sink is the default one, so ask for the sink itself.
        asked = subprocess.run(
            ["pactl", "get-default-sink"],
            env={**os.environ, **self.environment},
            capture_output=True,
            check=False,
        )
        return asked.stdout.strip() == SINK.encode()


def _wait(ready: Callable[[], bool], trouble: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while not ready():
        if process.poll() is not None:
            raise RuntimeError(f"{trouble}: it ended with status {process.returncode}")
        if time.monotonic() > until:
            raise RuntimeError(trouble)
        time.sleep(0.01)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
