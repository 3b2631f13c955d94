from __future__ import annotations

import io
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from streamplay.server import service
from tests.support.server import asking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def started(*flags: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the server as a user would, and give it with its base URL."""
    with subprocess.Popen(
        [sys.executable, "-m", "streamplay.server", *flags],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            found = re.fullmatch(r"listening on (http://\S+/v1)\n", line)
            assert found, line
            yield process, found[1]
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_though_a_stream_is_open(number: signal.Signals) -> None:
    with started() as (process, base_url), httpx.Client() as client:
        body = asking(scenario={"fault": "freeze"})
        with client.stream("POST", f"{base_url}/audio/speech", json=body):
            process.send_signal(number)
            assert process.wait(30) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_a_reader_that_has_stopped_reading_does_not_hold_it_up() -> None:
    with started() as (process, base_url), httpx.Client() as client:
        body = asking(scenario={"signal": "count", "seconds": 3600})
        with client.stream("POST", f"{base_url}/audio/speech", json=body) as response:
            next(response.iter_raw())
            process.terminate()
            assert process.wait(30) == 0


def test_tied_it_ends_with_its_standard_input_and_not_before() -> None:
    with started("--tied") as (process, base_url):
        assert process.stdin is not None
        process.stdin.write("whatever")
        process.stdin.flush()
        assert httpx.get(f"{base_url}/models").status_code == 200
        process.stdin.close()
        assert process.wait(30) == 0


def test_untied_it_does_not_care_for_its_standard_input() -> None:
    with started() as (process, base_url):
        assert process.stdin is not None
        process.stdin.close()
        assert httpx.get(f"{base_url}/models").status_code == 200


def test_it_listens_on_loopback_unless_told_otherwise() -> None:
    with started() as (_, base_url):
        assert httpx.URL(base_url).host == "127.0.0.1"
    with started("--host", "0.0.0.0") as (_, base_url):
        assert httpx.URL(base_url).host == "0.0.0.0"


def test_an_address_of_the_sixth_version_is_shown_in_brackets() -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    with started("--host", "::1") as (_, base_url):
        assert base_url.startswith("http://[::1]:")
        assert httpx.get(f"{base_url}/models").status_code == 200


class Announcement(io.StringIO):
    """A standard output that does something once the server says that it listens."""

    def __init__(self, then: Callable[[], None]) -> None:
        super().__init__()
        self._then = then

    def flush(self) -> None:
        if "listening" in self.getvalue():
            self._then()


def run_here(monkeypatch: pytest.MonkeyPatch, then: Callable[[], None], *flags: str) -> str:
    """Run the server in this process, and return what it announced."""
    announced = Announcement(then)
    monkeypatch.setattr(sys, "stdout", announced)
    assert service.main(flags) == 0
    return announced.getvalue()


def test_it_runs_in_the_process_of_its_caller_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def end() -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    told = run_here(monkeypatch, end, "--dialect", "C", "--require-key")
    assert told.startswith("listening on http://127.0.0.1:")


def test_tied_in_the_process_of_its_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    kept, interrupt = os.dup(0), signal.getsignal(signal.SIGINT)
    os.dup2(reading, 0)
    try:
        run_here(monkeypatch, lambda: os.close(writing), "--tied")
    finally:
        os.dup2(kept, 0)
        os.close(kept)
        os.close(reading)
        signal.signal(signal.SIGINT, interrupt)


def test_a_port_that_is_taken_is_told_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert service.main(["--port", str(port)]) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"streamplay: cannot listen on 127.0.0.1:{port}: ")
    assert told.count("\n") == 1


def test_a_wrong_scenario_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert service.main(["--stall", "soon"]) == 2
    assert capsys.readouterr().err.startswith("stalls: ")


def test_a_client_that_leaves_is_no_error_of_the_server() -> None:
    with started() as (process, base_url), httpx.Client() as client:
        for seconds in (0.5, 600):
            for dialect in ("A", "D"):
                scenario = {"signal": "count", "seconds": seconds, "dialect": dialect}
                body = asking(scenario=scenario)
                with client.stream("POST", f"{base_url}/audio/speech", json=body) as response:
                    next(response.iter_raw())
        assert httpx.get(f"{base_url}/models").status_code == 200
        process.terminate()
        assert process.wait(30) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
