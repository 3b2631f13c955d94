from __future__ import annotations

import argparse
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest

from streamplay.audio import AudioFormat
from streamplay.server import scenario
from streamplay.server.scenario import Scenario, ScenarioError

if TYPE_CHECKING:
    from pathlib import Path


def parsed(*flags: str) -> Scenario:
    parser = argparse.ArgumentParser()
    scenario.add_arguments(parser)
    return scenario.from_arguments(parser.parse_args(flags))


def test_no_flags_are_a_plain_server() -> None:
    assert parsed() == Scenario()


def test_every_key_is_a_flag() -> None:
    parser = argparse.ArgumentParser()
    scenario.add_arguments(parser)
    assert {each.name for each in fields(Scenario)} <= vars(parser.parse_args([])).keys()


def test_flags_are_the_keys_with_hyphens() -> None:
    assert parsed(
        *("--dialect", "C", "--first-byte-ms", "200", "--pace", "1.5", "--nested"),
        *("--stall", "500:800", "--stall", "900:100", "--at-byte", "7", "--fault", "reset"),
        *("--response-header", "X-A: b"),
    ) == Scenario(
        dialect="C",
        first_byte_ms=200.0,
        pace=1.5,
        nested=True,
        stalls=("500:800", "900:100"),
        at_byte=7,
        fault="reset",
        response_headers=("X-A: b",),
    )


def test_flags_win_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "slow.toml"
    file.write_text('dialect = "B"\nfirst_byte_ms = 300\nstalls = ["1:2"]\n')
    expected = Scenario(dialect="E", first_byte_ms=300.0, stalls=("1:2",))
    assert parsed("--scenario", str(file), "--dialect", "E") == expected


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"none\.toml"):
        parsed("--scenario", str(tmp_path / "none.toml"))
    (tmp_path / "bad.toml").write_text("dialect = ")
    with pytest.raises(ScenarioError, match=r"bad\.toml"):
        parsed("--scenario", str(tmp_path / "bad.toml"))


@pytest.mark.parametrize(
    "changes",
    [
        {"speling": 1},
        {"dialect": "Z"},
        {"dialect": 1},
        {"nested": 1},
        {"chunk_ms": "50"},
        {"chunk_ms": True},
        {"chunk_ms": -1},
        {"chunk_ms": float("nan")},
        {"chunk_bytes": 1.5},
        {"stalls": "500:800"},
        {"stalls": ["500"]},
        {"stalls": [500]},
        {"response_headers": ["none"]},
        {"send_as": "pcm_s24le"},
        {"send_as": "pcm_s16le@fast"},
        {"channels": 3},
        {"status": 99},
        {"fault": "boredom"},
        {"fault": "error-event", "dialect": "D"},
        {"seconds": None},
    ],
)
def test_a_wrong_key_or_value_is_named(changes: dict[str, Any]) -> None:
    with pytest.raises(ScenarioError, match=next(iter(changes))):
        Scenario().over(changes)


def test_a_place_can_be_left_open_again() -> None:
    assert Scenario(at_byte=5).over({"at_byte": None}).at_byte is None


def test_what_is_sent_can_differ_from_what_is_true() -> None:
    real = AudioFormat("pcm_s16le", 24000)
    assert Scenario().sent(real) == real
    assert Scenario(send_as="pcm_f32le").sent(real) == AudioFormat("pcm_f32le", 24000)
    other = Scenario(send_as="pcm_mulaw@8000", channels=2).sent(real)
    assert other == AudioFormat("pcm_mulaw", 8000, 2)


@pytest.mark.parametrize(
    "key", [each.name for each in fields(Scenario) if each.metadata["kind"] in (int, float)]
)
@pytest.mark.parametrize("value", [-1, 10**400, float("nan"), float("inf"), True, "1"])
def test_every_number_is_bounded(key: str, value: object) -> None:
    if key == "pace" and value in (10**400, float("inf")):
        return  # at once
    with pytest.raises(ScenarioError, match=f"^{key}: ") as caught:
        Scenario().over({key: value})
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "changes",
    [
        {"keep_alive_ms": 1e-9},
        {"pace": 1e-300},
        {"send_as": "pcm_s16le@0"},
        {"send_as": "pcm_s16le@99999999999"},
        {"send_as": "pcm_s16le@²"},
        {"stalls": ["0:inf"]},
        {"stalls": ["nan:1"]},
        {"stalls": ["-5:1"]},
        {"stalls": ["0:1"] * 101},
        {"response_headers": ["X: a\r\nY: b"]},
        {"response_headers": ["X Y: a"]},
        {"response_headers": ["Content-Length: 5"]},
        {"response_headers": ["X: \ud800"]},
        {"response_headers": ["X: " + "y" * 5000]},
        {"retry_after": "1\r\nX: y"},
        {"retry_after_ms": "\0"},
        {"x" * 5000: 1},
    ],
)
def test_what_would_harm_the_server_or_its_answer_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ScenarioError) as caught:
        Scenario().over(changes)
    assert len(str(caught.value)) < 1500
