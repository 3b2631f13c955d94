from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from streamplay.errors import ConnectFailed
from streamplay.server import child
from streamplay.server.child import LocalServer
from tests.support.server import asking, running
from tests.support.speaking import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path


def gone(pid: int, patience: float = PATIENCE) -> bool:
    """Tell whether a process that is not our child has ended, waiting for it."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


def test_the_server_speaks_in_a_process_of_its_own(speech_server: LocalServer) -> None:
    assert speech_server.pid != os.getpid()
    response = httpx.post(f"{speech_server.base_url}/audio/speech", json=asking())
    assert response.status_code == 200
    assert response.text.endswith("data: [DONE]\n\n")


def test_it_says_nothing_to_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    with running() as server:
        url = f"{server.base_url}/audio/speech"
        httpx.post(url, json=asking())
        with pytest.raises(httpx.TransportError):
            httpx.post(url, json=asking(scenario={"fault": "reset"}))
        for coding in ("gzip", "deflate", "br"):
            httpx.post(url, content=b"x" * 99, headers={"Content-Encoding": coding})
    assert capfd.readouterr() == ("", "")


def test_closing_ends_it_though_a_stream_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "_CLOSE_SECONDS", PATIENCE)
    server = LocalServer()
    base_url, pid = server.start(), server.pid
    assert pid is not None
    body = asking(scenario={"fault": "freeze"})
    with httpx.Client() as client, client.stream("POST", f"{base_url}/audio/speech", json=body):
        ended = server._process
        server.close()
        assert ended is not None
        assert ended.returncode == 0  # it was not killed
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert server.pid is None


def test_closing_twice_or_before_the_start_is_harmless() -> None:
    server = LocalServer()
    server.close()
    server.start()
    server.close()
    server.close()


def test_it_can_be_started_again() -> None:
    server = LocalServer()
    for _ in range(2):
        with server:
            assert httpx.get(f"{server.base_url}/models").status_code == 200


def test_launching_does_not_wait_and_the_address_does() -> None:
    server = LocalServer()
    server.launch()
    server.launch()  # harmless
    try:
        assert httpx.get(f"{server.base_url}/models").status_code == 200
    finally:
        server.close()


def test_its_options_are_the_servers() -> None:
    with running("--dialect", "B") as server:
        response = httpx.post(f"{server.base_url}/audio/speech", json=asking())
    assert response.text.endswith('data: {"type":"done"}\n\n')


def test_it_ends_when_its_parent_is_killed() -> None:
    script = (
        "from streamplay.server.child import LocalServer; import time;"
        "server = LocalServer(); server.start(); print(server.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    assert gone(pid)


def test_an_interrupt_while_it_starts_holds_up_no_exit() -> None:
    # The child is stopped, so that it is waited for; the interpreter's exit waits for threads.
    script = (
        "import os, signal, threading\n"
        "from streamplay.server.child import LocalServer\n"
        "server = LocalServer(patience=3600); server.launch()\n"
        "os.kill(server.pid, signal.SIGSTOP)\n"
        "threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGINT)).start()\n"
        "try: server.start()\n"
        "except KeyboardInterrupt: print(server.pid)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, timeout=60, check=True
    )
    assert ran.stdout == b"None\n"


def test_a_terminals_interrupt_does_not_reach_it() -> None:
    with running() as server:
        assert server.pid is not None
        assert os.getpgid(server.pid) != os.getpgid(0)
        os.kill(server.pid, signal.SIGINT)
        assert httpx.get(f"{server.base_url}/models").status_code == 200


def test_an_option_that_it_refuses_is_told_by_its_own_words() -> None:
    with pytest.raises(ConnectFailed, match=r"did not start.*invalid choice") as caught:
        LocalServer(["--dialect", "Z"]).start()
    assert "python -m streamplay.server" in caught.value.remedy


def test_a_child_that_dies_silently_is_told_by_its_status(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    dead = tmp_path / "python"
    dead.write_text("#!/bin/sh\nexit 7\n")
    dead.chmod(0o755)
    monkeypatch.setattr(child.sys, "executable", str(dead))
    with pytest.raises(ConnectFailed, match="status 7"):
        LocalServer().start()


def test_a_child_that_never_listens_is_given_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mute = tmp_path / "python"
    mute.write_text("#!/bin/sh\nexec sleep 60\n")
    mute.chmod(0o755)
    monkeypatch.setattr(child.sys, "executable", str(mute))
    server = LocalServer(patience=0.2)
    with pytest.raises(ConnectFailed, match=r"was not ready within 0\.2 s"):
        server.start()
    assert server.pid is None


def test_a_child_that_says_something_else_is_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    odd = tmp_path / "python"
    odd.write_text("#!/bin/sh\necho hello\nexec sleep 60\n")
    odd.chmod(0o755)
    monkeypatch.setattr(child.sys, "executable", str(odd))
    with pytest.raises(ConnectFailed, match="did not start"):
        LocalServer().start()


def test_a_stuck_child_is_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stuck = tmp_path / "python"
    stuck.write_text("#!/bin/sh\necho 'listening on http://127.0.0.1:1/v1'\nexec sleep 60\n")
    stuck.chmod(0o755)
    monkeypatch.setattr(child.sys, "executable", str(stuck))
    monkeypatch.setattr(child, "_CLOSE_SECONDS", 0.2)
    server = LocalServer()
    server.start()
    pid = server.pid
    assert pid is not None
    server.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_address_of_a_server_that_was_never_started_is_an_error() -> None:
    with pytest.raises(ConnectFailed, match="not running"):
        _ = LocalServer().base_url


def test_a_missing_extra_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "find_spec", lambda _: None)
    with pytest.raises(ConnectFailed, match="aiohttp and hibari-tts") as caught:
        LocalServer().start()
    assert "streamplay[local]" in caught.value.remedy


def test_importing_it_is_cheap() -> None:
    script = (
        "import sys, streamplay.server.child;"
        "print({'aiohttp', 'numpy', 'httpx', 'espeakng_loader'} & sys.modules.keys())"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_a_child_does_not_get_keys_unless_it_asks_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOGETHER_API_KEY", "k")
    monkeypatch.setenv("MY_SECRET_token", "k")
    monkeypatch.setenv("PLAIN", "p")
    own = LocalServer()._own_environment()
    assert own["PLAIN"] == "p"
    assert not {"TOGETHER_API_KEY", "MY_SECRET_token"} & own.keys()
    asks = LocalServer(["--require-key"], environment={"TOGETHER_API_KEY": "k"})
    assert asks._own_environment() == {"TOGETHER_API_KEY": "k"}
