"""A private PipeWire with one null sink, for `benchmarks.audio_servers`."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.support.nullsink import SINK

if TYPE_CHECKING:
    from typing import Self

CONFIGURATION: Final = """
context.properties = {
  core.daemon = true, core.name = pipewire-0, default.clock.rate = 24000,
  default.clock.allowed-rates = [ 24000 ], default.clock.quantum = %(quantum)d,
  default.clock.min-quantum = 120
}
context.spa-libs = {
  audio.convert.* = audioconvert/libspa-audioconvert, support.* = support/libspa-support
}
context.modules = [
  %(modules)s
]
context.objects = [
  { factory = spa-node-factory, args = {
    factory.name = support.node.driver, node.name = Dummy-Driver, node.group = pipewire.dummy,
    priority.driver = 20000 } }
  { factory = adapter, args = {
    factory.name = support.null-audio-sink, node.name = %(sink)s, media.class = Audio/Sink,
    audio.position = [ MONO ], audio.rate = 24000, monitor.channel-volumes = true } }
]
"""

MODULES: Final = [
    "protocol-native",
    "profiler",
    "metadata",
    "spa-node-factory",
    "client-node",
    "access",
    "adapter",
    "link-factory",
    "session-manager",
]

REALTIME: Final = """{ name = libpipewire-module-rt, args = { nice.level = -11, rt.prio = 88 },
    flags = [ ifexists nofail ] }"""
"""As in the configuration that comes with it."""

QUANTUM: Final = 480
"""Frames at a time: 20 ms, as PipeWire's own default is 21."""

PULSE: Final = "pcm.!default { type pulse }\n"
NATIVE: Final = 'pcm_type.pipewire { lib "%s" }\npcm.!default { type pipewire }\n'


class PipeWire:
    """A server of its own, with WirePlumber and `pipewire-pulse`.

    Parameters
    ----------
    plugin : str
        PipeWire's own ALSA plugin, to be used in place of PulseAudio's; or nothing.
    realtime : bool
        Whether it asks for real-time priority.
    """

    def __init__(self, plugin: str = "", *, realtime: bool = True) -> None:
        self._realtime = realtime
        self._home = Path(tempfile.mkdtemp(prefix="streamplay-pipewire-"))
        self._plugin = plugin
        self._servers: list[subprocess.Popen[bytes]] = []

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead here, and nowhere else."""
        home = str(self._home)
        return {
            "HOME": home,
            "XDG_RUNTIME_DIR": home,
            "PIPEWIRE_RUNTIME_DIR": home,
            "XDG_CONFIG_HOME": f"{home}/config",
            "XDG_STATE_HOME": f"{home}/state",
            "PULSE_SERVER": f"unix:{home}/pulse/native",
            "PULSE_SINK": SINK,
            "ALSA_CONFIG_PATH": f"{home}/asound.conf",
        }

    def __enter__(self) -> Self:
        self._home.chmod(0o700)
        alsa = NATIVE % self._plugin if self._plugin else PULSE
        (self._home / "asound.conf").write_text("</usr/share/alsa/alsa.conf>\n" + alsa)
        modules = "\n  ".join(f"{{ name = libpipewire-module-{name} }}" for name in MODULES)
        modules += f"\n  {REALTIME}" * self._realtime
        named = {"quantum": QUANTUM, "modules": modules, "sink": SINK}
        (self._home / "sink.conf").write_text(CONFIGURATION % named)
        for command in (
            ["pipewire", "-c", str(self._home / "sink.conf")],
            ["dbus-run-session", "--", "wireplumber"],
            ["pipewire-pulse"],
        ):
            with (self._home / f"{command[0]}.log").open("wb") as log:
                self._servers.append(
                    subprocess.Popen(
                        ["setpriv", "--pdeathsig", "TERM", *command],
                        env=os.environ | self.environment,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                    )
                )
            time.sleep(0.7)
        self._wait()
        return self

    def _wait(self) -> None:
        until = time.monotonic() + 15
        while SINK not in self._ask("pactl", "list", "short", "sinks"):
            if time.monotonic() > until:
                raise RuntimeError(f"PipeWire does not answer; its logs are in {self._home}")
            time.sleep(0.2)

    def _ask(self, *command: str) -> str:
        return subprocess.run(
            command, env=os.environ | self.environment, capture_output=True, text=True, check=False
        ).stdout

    def __exit__(self, *_: object) -> None:
        for server in reversed(self._servers):
            os.killpg(server.pid, signal.SIGTERM)  # and what it has started itself
            server.wait()
        shutil.rmtree(self._home, ignore_errors=True)
