"""Who plays: each player in its best setting, and what it needs.

Those in Python are programs of `players/`, the others pipelines of the shell. Each has two ways:
cold, which is started and plays, and warm, which opens all it can, waits for a line, asks and
plays, and on the next line is silent.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT: Final = Path(__file__).resolve().parent.parent.parent
PLAYERS: Final = Path(__file__).parent / "players"

COMMAND: Final = "import sys; from streamplay.cli import main; sys.exit(main())"
"""What the script `streamplay` does that an installation makes."""

DEBIAN: Final = {
    "aplay": "alsa-utils",
    "curl": "curl",
    "ffplay": "ffmpeg",
    "gcc": "gcc",
    "jq": "jq",
    "mpv": "mpv",
    "portaudio.h": "portaudio19-dev",
    "stdbuf": "coreutils",
}
"""The Debian package of each program, or header file, that a peer needs."""

CURL: Final = "curl -sNf {url}/audio/speech -H 'content-type: application/json' -d {body}"
APLAY: Final = "aplay -q -t raw -f S16_LE -r 24000 -c 1 --buffer-time=50000"
BYTES: Final = (
    "stdbuf -oL sed -un 's/^data: {{/{{/p' | jq --unbuffered -r .b64 | stdbuf -i0 -o0 base64 -d"
)
FFPLAY: Final = (
    "SDL_AUDIODRIVER=pulse ffplay -nodisp -autoexit -loglevel quiet -fflags nobuffer "
    "-flags low_delay -probesize 32 -analyzeduration 0 -f s16le -ar 24000 -ac 1 -i -"
)
MPV: Final = (
    "mpv --no-config --really-quiet --no-video --no-terminal --profile=low-latency "
    "--audio-buffer=0.05 --cache=no --demuxer=rawaudio --demuxer-rawaudio-rate=24000 "
    "--demuxer-rawaudio-channels=1 --demuxer-rawaudio-format=s16le --ao=pulse -"
)

# The player runs and waits for its input before anything is asked; what it can open it opens.
WARM: Final = """
pipe=$(mktemp -u); mkfifo $pipe
( {sink} ) <$pipe & exec 3>$pipe; rm $pipe
sleep 0.7; echo ready; read line
{source} >&3; exec 3>&-; wait
"""


@dataclass(frozen=True)
class Peer:
    """A player: two programs in Python, or what the shell runs."""

    name: str
    cold: str = ""
    warm: str = ""
    engine: str = "native"
    ours: bool = False
    source: str = ""
    sink: str = ""
    dialect: str = "A"
    needs: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    bare: tuple[str, ...] = ()  # packages without their dependencies

    @property
    def folder(self) -> str:
        """The name of its environment."""
        return "ours" if self.ours else self.cold.removesuffix(".py")

    @property
    def python(self) -> bool:
        """Whether it runs in Python, whose lock a load can hold."""
        return bool(self.cold)

    def command(self, way: str, load: str, url: str, scenario: dict[str, Any]) -> list[str]:
        """Return what starts it."""
        body = json.dumps(
            {
                "model": "canopylabs/orpheus-3b-0.1-ft",
                "voice": "tara",
                "input": "x",
                "stream": True,
                "response_format": "raw",
                "response_encoding": "pcm_s16le",
                "sample_rate": 24000,
                "extra_params": {"scenario": {**scenario, "dialect": self.dialect}},
            }
        )
        if self.ours and way == "cold" and self.engine == "native":
            extra = "extra_params=" + json.dumps(json.loads(body)["extra_params"])
            return ["-c", COMMAND, "say", "x", "--base-url", url, "-q", "--extra", extra]
        if self.python:
            program = PLAYERS / (self.warm if way == "warm" else self.cold)
            return [str(program), url, way, load, self.engine, body]
        source = self.source.format(url=url, body=shlex.quote(body))
        if way == "warm":
            return ["bash", "-c", WARM.format(source=source, sink=self.sink)]
        return ["bash", "-c", f"{source} | {self.sink}"]


PEERS: Final = [
    Peer("streamplay (native)", "say.py", "player.py", ours=True),
    Peer("streamplay (Python)", "say.py", "player.py", "python", ours=True),
    Peer(
        *("sounddevice and a queue", "queue_player.py", "queue_player.py"),
        packages=("numpy", "sounddevice", "httpx", "httpx-sse"),
    ),
    Peer(
        *("openai play_stream", "openai_player.py", "openai_player.py"),
        dialect="D",
        packages=("openai", "numpy", "sounddevice"),
    ),
    Peer(
        *("RealtimeTTS StreamPlayer", "realtimetts_player.py", "realtimetts_player.py"),
        needs=("gcc", "portaudio.h"),  # pyaudio is built here
        packages=("numpy", "httpx", "httpx-sse", "pyaudio", "pydub", "resampy"),
        bare=("RealtimeTTS",),  # only its stream player is asked for
    ),
    Peer(
        "curl, jq, base64, aplay",
        source=f"{CURL} | {BYTES}",
        sink=APLAY,
        needs=("curl", "jq", "aplay", "stdbuf"),
    ),
    Peer("curl, aplay (bytes)", source=CURL, sink=APLAY, dialect="D", needs=("curl", "aplay")),
    Peer("curl, ffplay (tuned)", source=CURL, sink=FFPLAY, dialect="D", needs=("curl", "ffplay")),
    Peer("curl, mpv (tuned)", source=CURL, sink=MPV, dialect="D", needs=("curl", "mpv")),
]


def missing(peer: Peer, venvs: Path) -> str:
    """Install what a peer needs; say why it cannot be run, or nothing.

    Each peer in Python has an environment of its own: one that fails takes no other with it.
    """
    absent = [need for need in peer.needs if not _is_there(need)]
    if absent:
        packages = " ".join(sorted({DEBIAN[need] for need in absent}))
        return f"{', '.join(absent)} not installed (apt-get install {packages}, or --apt)"
    if not peer.python:
        return ""
    trouble = _install_ours(venvs / "ours") if peer.ours else _install(peer, venvs / peer.folder)
    return f"its packages could not be installed: {trouble}" if trouble else ""


def install_debian(peers: Sequence[Peer]) -> None:
    """Install the Debian packages that these peers need: as root, on Debian."""
    absent = {need for peer in peers for need in peer.needs if not _is_there(need)}
    packages = sorted({DEBIAN[need] for need in absent})
    if not packages:
        return
    for command in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        subprocess.run(["apt-get", "-q", *command], check=False)


def _is_there(need: str) -> bool:
    if need.endswith(".h"):
        folders = ("/usr/include", "/usr/local/include")
        return any(True for folder in folders for _ in Path(folder).rglob(need))
    return shutil.which(need) is not None


@cache
def _install_ours(venv: Path) -> str:
    """Install this tree as its users do, with its bytecode; return what went wrong."""
    pip = [str(python_of(venv)), "-m", "pip", "install", "-q"]
    steps = [[*pip, "--no-deps", "--force-reinstall", str(ROOT)]]
    if not python_of(venv).exists():
        steps = [[sys.executable, "-m", "venv", str(venv)], [*pip, str(ROOT)], *steps]
    return _run(steps)


def _install(peer: Peer, venv: Path) -> str:
    """Make a peer's environment, once; return what went wrong."""
    if (venv / "ready").exists():
        return ""
    pip = [str(python_of(venv)), "-m", "pip", "install", "-q"]
    steps = [[sys.executable, "-m", "venv", "--clear", str(venv)], [*pip, *peer.packages]]
    steps += [[*pip, "--no-deps", *peer.bare]] if peer.bare else []
    trouble = _run(steps)
    if not trouble:
        (venv / "ready").touch()
    return trouble


def python_of(venv: Path) -> Path:
    """Return the interpreter of an environment."""
    return venv / "bin" / "python"


def _run(steps: Sequence[Sequence[str]]) -> str:
    """Run the steps; return the last line that the first one to fail has printed."""
    for step in steps:
        done = subprocess.run(step, check=False, capture_output=True, text=True)
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines()
            errors = [line for line in said if "rror" in line]
            return (errors or said or ["no reason told"])[-1].strip()
    return ""
