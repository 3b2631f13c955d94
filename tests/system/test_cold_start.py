"""Cold start: what is loaded before the request leaves. Nothing is timed: see benchmarks.start."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamplay.server.child import LocalServer
    from tests.support.nullsink import NullSink

pytestmark = pytest.mark.no_cover

CERTIFICATE = Path(__file__).parent.parent / "data" / "localhost.pem"

# `leave` returns when the request has left, however long that takes here.
PROGRAM = """
import sys
before = set(sys.modules)  # an editable installation has a finder that imports much
from streamplay.cli import main, say
from streamplay.network import early
early.HEAD_START_SECONDS = 60
whole = early.EarlyRequest.leave
def tell(self, patience):
    whole(self, patience)
    assert self.sent is not None
    print(*sorted(sys.modules.keys() - before), file=sys.stderr)
early.EarlyRequest.leave = tell
sys.exit(main(["say", *sys.argv[1:]]))
"""

LATER = {
    "asyncio": "reads the answer",
    "httpx": "would send it otherwise",
    "h11": "reads the answer",
    "numpy": "decodes",
    "sounddevice": "plays",
    "soundfile": "writes files",
    "soxr": "resamples",
    "sentencex": "finds sentences",
    "rich": "draws tables",
    "aiohttp": "serves",
    "click": "is httpx's own command line",
    "typing": "serves type checkers",
    "dataclasses": "is dear, for inspect",
    "inspect": "is dear, for ast and dis",
    "ssl": "is for https alone",
    "ipaddress": "is for IPv6 alone",
    "pathlib": "is dear, for urllib",
    "shutil": "is dear, for zippers",
    "tomllib": "is for those who have a configuration file",
    "logging": "nobody asked for it",
    "streamplay.player": "plays",
    "streamplay.options": "checks what was checked",
    "streamplay.request": "is a dataclass",
    "streamplay.outputs": "plays",
    "streamplay.playback": "plays",
    "streamplay.server": "serves",
}

MOST_MODULES = 30
"""Of ours: each takes a quarter of a millisecond to import."""


def run(*words: str, typed: Path | None = None) -> subprocess.CompletedProcess[str]:
    with Path(typed or os.devnull).open() as text:
        return run_with(*words, *([] if typed else ["hello"]), stdin=text)


def run_with(*words: str, stdin: IO[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *words],
        stdin=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "HOME": "/nowhere"},
    )


@pytest.mark.parametrize("words", [(), ("--json", "--volume", "-6", "--stats"), ("--timeout", "9")])
def test_the_request_leaves_before_what_reads_decodes_and_plays_is_imported(
    words: tuple[str, ...], speech_server: LocalServer
) -> None:
    ran = run("--base-url", speech_server.base_url, "--no-play", "-q", *words)
    assert ran.returncode == 0
    loaded = set(ran.stderr.splitlines()[0].split())
    assert "streamplay.network.early" in loaded  # this is the right process
    assert not loaded & LATER.keys()
    assert len([name for name in loaded if name.startswith("streamplay")]) <= MOST_MODULES


DEAR = {"asyncio", "httpx", "numpy", "sounddevice", "soundfile", "dataclasses", "inspect"}


@pytest.mark.parametrize("typed", ["", "Hello there. It goes on."])
def test_with_files_and_from_standard_input_too_it_leaves_first(
    typed: str, tmp_path: Path, speech_server: LocalServer
) -> None:
    text = tmp_path / "text"
    text.write_text(typed)
    files = {"-o": tmp_path / "a.wav", "--record": tmp_path / "a.jsonl"}
    words = [str(word) for pair in files.items() for word in pair]
    words += ["--base-url", speech_server.base_url, "--no-play", "-q", "--json"]
    ran = run(*words, typed=text if typed else None)
    loaded, receipt = set(ran.stderr.splitlines()[0].split()), json.loads(ran.stdout)
    assert "streamplay.network.early" in loaded
    assert not loaded & DEAR
    assert (receipt["complete"], receipt["attempts"]) == (True, 2 if typed else 1)
    assert receipt["frames"]["saved"] == receipt["frames"]["received"] > 0
    assert all(path.stat().st_size > 100 for path in files.values())


def test_httpx_is_not_needed_for_an_answer_to_what_left_early(speech_server: LocalServer) -> None:
    code = "import sys; from streamplay.cli import main; status = main(sys.argv[1:])\n"
    code += "print(status, 'httpx' in sys.modules)"
    words = ["say", "hello", "--base-url", speech_server.base_url, "--no-play", "-q"]
    told = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
    ).stdout
    assert told == "0 False\n"


class Silent:
    """A server that takes requests and answers none."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.asked = threading.Event()
        self.requests: list[bytes] = []
        self._ending = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.requests.append(self.rfile.read(int(self.headers["content-length"])))
                outer.asked.set()
                outer._ending.wait()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        scheme = "https" if tls else "http"
        self.base_url = f"{scheme}://127.0.0.1:{self._server.server_port}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._ending.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def silent_server() -> Iterator[Silent]:
    server = Silent()
    yield server
    server.close()


def test_over_tls_too_it_leaves_before_what_reads_and_plays_is_imported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(CERTIFICATE)
    server = Silent(tls)
    try:
        ran = run("--base-url", server.base_url, "--no-play", "-q", "--timeout", "0.7")
    finally:
        server.close()
    loaded = set(ran.stderr.splitlines()[0].split())
    assert (ran.returncode, len(server.requests)) == (1, 1)
    assert "ssl" in loaded
    assert not loaded & {"asyncio", "httpx", "h11", "numpy", "sounddevice", "dataclasses"}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_right_after_it_has_left_ends_all_and_tells(
    number: signal.Signals, code: int, silent_server: Silent
) -> None:
    program = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    program += "from streamplay.cli import main; sys.exit(main(sys.argv[1:]))"
    words = ["say", "hello", "--base-url", silent_server.base_url, "--json"]
    speaking = subprocess.Popen([sys.executable, "-c", program, *words], stdout=subprocess.PIPE)
    assert silent_server.asked.wait(30)
    speaking.send_signal(number)
    told, _ = speaking.communicate(timeout=30)
    receipt = json.loads(told)
    assert speaking.returncode == code
    assert (receipt["interrupted"], receipt["error"]) == (True, None)
    assert len(silent_server.requests) == 1


@pytest.mark.parametrize(
    ("limit", "waiting_for"), [("--timeout", "first byte"), ("--deadline", "deadline")]
)
def test_limits_hold_for_what_left_early(
    limit: str, waiting_for: str, silent_server: Silent
) -> None:
    ran = run("--base-url", silent_server.base_url, "--json", limit, "1.5", "-q")
    receipt = json.loads(ran.stdout)
    assert (ran.returncode, receipt["error"]["type"], receipt["attempts"]) == (1, "TimedOut", 1)
    assert f"timed out after 1.5 s waiting for: {waiting_for}" in receipt["error"]["message"]
    assert receipt["ms"]["sent"] is not None
    assert len(silent_server.requests) == 1


@pytest.mark.parametrize("words", [("-o", __file__), ("--record", "/nowhere/a.jsonl")])
@pytest.mark.parametrize("typed", [None, Path(__file__)])
def test_a_file_is_looked_at_before_anything_is_sent(
    words: tuple[str, str], typed: Path | None, silent_server: Silent
) -> None:
    ran = run("--base-url", silent_server.base_url, "-q", *words, typed=typed)
    assert (ran.returncode, silent_server.requests) == (4, [])


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
