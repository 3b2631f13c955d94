from __future__ import annotations

import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

from streamplay.cli import main


def serve(*words: str) -> subprocess.Popen[str]:
    code = (
        "import signal, sys; from streamplay.cli import main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler); sys.exit(main())"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, "serve", *words], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_tells_where_it_listens_serves_and_ends(number: signal.Signals) -> None:
    serving = serve()
    assert serving.stdout is not None
    told = serving.stdout.readline()
    assert told.startswith("listening on http://127.0.0.1:")
    base_url = told.removeprefix("listening on ").strip()
    with urllib.request.urlopen(f"{base_url}/voices", timeout=10) as answer:
        assert answer.status == 200
    serving.send_signal(number)
    assert serving.wait(10) in {0, 130}
    serving.stdout.close()


def test_its_flags_and_its_table_in_the_file_reach_the_server(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []
    monkeypatch.setattr("streamplay.server.service.run", lambda options: seen.append(options) or 0)
    assert main(["serve", "--port", "8123", "--require-key"]) == 0
    (options,) = seen
    assert (options.host, options.port, options.require_key) == ("127.0.0.1", 8123, True)
    assert options.tied is False


def test_a_port_beyond_the_last_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--port", "65536"]) == 2
    assert capsys.readouterr().err.startswith("streamplay: --port: 65536 is beyond 65535")


def test_a_port_that_is_taken_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["serve", "--port", str(taken.getsockname()[1])]) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_a_missing_library_is_named_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def lacks_aiohttp(_: object) -> int:
        raise ModuleNotFoundError("No module named 'aiohttp'", name="aiohttp")

    monkeypatch.setattr("streamplay.server.service.run", lacks_aiohttp)
    assert main(["serve"]) == 1
    assert capsys.readouterr().err == (
        "streamplay: the local speech server needs aiohttp, not installed here. "
        "Install it with: pip install 'streamplay[local]'\n"
    )
