from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamplay.cli import main
from streamplay.errors import NoDevice
from streamplay.outputs.devices import DeviceInfo
from tests.support.server import running

if TYPE_CHECKING:
    from pathlib import Path

    from streamplay.server.child import LocalServer
    from tests.support.nullsink import NullSink


class Report:
    """What the doctor said, by what it is about."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *words: str) -> None:
        self.status = main(["doctor", *words])
        self.text = capsys.readouterr().out
        self.state: dict[str, str] = {}
        for line in self.text.splitlines():
            if not line.startswith(" "):
                state, about, _ = line.split(maxsplit=2)
                self.state[about] = state


def test_all_is_well(
    speech_server: LocalServer,
    null_sink: NullSink,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TOGETHER_API_KEY", "a-secret-key")
    report = Report(capsys, "--base-url", speech_server.base_url)
    assert report.status == 0
    assert report.state == dict.fromkeys(
        ("python", "config", "library", "device", "voice", "key", "network"), "ok"
    )
    assert " voices and " in report.text
    assert " models" in report.text
    assert "a-secret-key" not in report.text


def test_without_a_key_the_built_in_voice_needs_no_network(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = Report(capsys)
    assert (report.status, report.state["key"], report.state["network"]) == (0, "note", "ok")
    assert "export TOGETHER_API_KEY=" in report.text


@pytest.mark.parametrize(
    "words",
    [
        ["--base-url", "http://127.0.0.1:9/v1", "--timeout", "2"],
        ["--base-url", "nonsense"],
        ["--api-key-env", "NO_SUCH_VARIABLE"],
    ],
)
def test_a_server_that_cannot_be_asked_is_bad_and_has_a_remedy(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    report = Report(capsys, *words)
    assert (report.status, report.state["network"]) == (1, "bad")
    assert report.text.splitlines()[-1].strip().startswith("→ ")


def test_a_key_that_is_refused_is_bad(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with running("--require-key", TOGETHER_API_KEY="right") as server:
        monkeypatch.setenv("TOGETHER_API_KEY", "wrong-secret")
        report = Report(capsys, "--base-url", server.base_url)
    assert (report.status, report.state["key"]) == (1, "bad")
    assert "wrong-secret" not in report.text


def test_a_server_that_lists_no_voices_is_there_all_the_same(
    speech_server: LocalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    report = Report(capsys, "--base-url", f"{speech_server.base_url}/elsewhere")
    assert (report.status, report.state["network"]) == (0, "note")
    assert "the server answers, and says: " in report.text


def test_no_library_is_told_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing() -> None:
        raise NoDevice("the PortAudio library cannot be loaded", remedy="Install it")

    monkeypatch.setattr("streamplay.outputs.portaudio.load", missing)
    report = Report(capsys)
    assert (report.status, report.state["library"]) == (0, "note")
    assert "→ Install it" in report.text


@pytest.mark.parametrize(
    "devices", [[], [DeviceInfo(0, "hdmi", "ALSA", 48000.0, 10.0, default=False)]]
)
def test_no_default_device_is_told(
    devices: list[DeviceInfo], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("streamplay.outputs.devices.list_devices", lambda: devices)
    report = Report(capsys)
    assert (report.status, report.state["device"]) == (0, "note")


def test_no_built_in_voice_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("streamplay.server.child.find_spec", lambda _: None)
    report = Report(capsys)
    assert report.state["voice"] == "note"
    assert "pip install 'streamplay[local]'" in report.text


def test_the_configuration_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert "no configuration file" in Report(capsys).text
    file = tmp_path / "streamplay" / "config.toml"
    file.parent.mkdir()
    file.touch()
    assert f"ok   config   {file}" in Report(capsys).text


def test_a_key_that_is_not_sent_over_http_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOGETHER_API_KEY", "a-secret-key")
    monkeypatch.setenv("TOGETHER_BASE_URL", "http://speech.invalid/v1")
    report = Report(capsys, "--timeout", "2")
    assert report.state["key"] == "note"
    assert "the key is not sent" in report.text
    assert Report(capsys, "--timeout", "2", "--insecure-http").state["key"] == "ok"
