"""The figures as a picture, by matplotlib where it is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamplay.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    from streamplay.server.child import LocalServer


@pytest.fixture
def words(speech_server: LocalServer) -> list[str]:
    return ["bench", "--base-url", speech_server.base_url, "--texts", "short", "--requests", "6"]


def test_a_picture_and_a_report_are_written(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    png, html = tmp_path / "figures.png", tmp_path / "report.html"
    assert main([*words, "--png", str(png), "--html", str(html)]) == 0
    assert png.read_bytes().startswith(b"\x89PNG")
    assert "<figure>" in html.read_text(encoding="utf-8")
    capsys.readouterr()


def test_without_matplotlib_a_picture_is_refused_with_the_remedy(
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main([*words, "--png", str(tmp_path / "figures.png")]) == 4
    assert "streamplay[bench]" in capsys.readouterr().err
