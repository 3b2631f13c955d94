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
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent.parent
PLAYERS: Final = Path(__file__).parent / "players"

COMMAND: Final = "import sys; from streamplay.cli import main; sys.exit(main())"
"""What the script `streamplay` does that an installation makes."""

PACKAGES: Final = (
    *("openai", "numpy", "sounddevice", "httpx", "httpx-sse"),
    *("pyaudio", "pydub", "resampy"),
)
"""RealtimeTTS comes without its dependencies: only its stream player is asked for."""

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
    Peer("sounddevice and a queue", "queue_player.py", "queue_player.py"),
    Peer("openai play_stream", "openai_player.py", "openai_player.py", dialect="D"),
    Peer("RealtimeTTS StreamPlayer", "realtimetts_player.py", "realtimetts_player.py"),
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


def missing(peer: Peer, python: Path | None) -> str:
    """Say why a peer cannot be run, or nothing."""
    absent = [need for need in peer.needs if shutil.which(need) is None]
    if absent:
        return f"{', '.join(absent)} not installed"
    if peer.python and not peer.ours and python is None:
        return "its packages could not be installed (pyaudio needs portaudio19-dev and a compiler)"
    return ""


def install_ours(venv: Path) -> Path:
    """Install this tree as its users do, with its bytecode; return the interpreter."""
    python = venv / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "-q"]
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        subprocess.run([*pip, str(ROOT)], check=True)
    subprocess.run([*pip, "--no-deps", "--force-reinstall", str(ROOT)], check=True)
    return python


def install(venv: Path) -> Path | None:
    """Make the peers' environment, once; return its interpreter."""
    python = venv / "bin" / "python"
    if (venv / "ready").exists():
        return python
    pip = [str(python), "-m", "pip", "install", "-q"]
    steps = (
        [sys.executable, "-m", "venv", str(venv)],
        [*pip, *PACKAGES],
        [*pip, "--no-deps", "RealtimeTTS"],
    )
    if any(subprocess.run(step, check=False).returncode for step in steps):
        return None
    (venv / "ready").touch()
    return python
