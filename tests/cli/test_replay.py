"""`streamplay replay`: a trace in virtual time, or heard again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from streamplay.audio import AudioFormat
from streamplay.cli import main, parser
from streamplay.cli.usage import UsageError
from streamplay.trace import TraceWriter
from tests.support.arrivals import trace

if TYPE_CHECKING:
    from pathlib import Path

    from streamplay.trace import Trace
    from tests.support.nullsink import NullSink


STALLED = [(0.1, 2400), (0.15, 2400), (0.75, 4800)]


HEADER = '{"streamplay_trace": 1, "samplerate": 24000}'


def write(path: Path, recorded: Trace) -> str:
    writer = TraceWriter(path, force=True)
    audio = AudioFormat(recorded.encoding, recorded.samplerate, recorded.channels)
    writer.begin(
        base_url=f"https://{recorded.host}/v1",
        model=recorded.model,
        voice=recorded.voice,
        chars=recorded.characters,
        audio=audio,
    )
    for now, frames in recorded.arrivals:
        writer.arrival(now, frames)
    writer.end(recorded.ended, recorded.how)
    return str(path)


def results(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    assert main(["replay", *words]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_simulating_prints_a_line_for_each_trace(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = write(tmp_path / "a", trace(STALLED))
    (line,) = results(capsys, "--simulate", "--json", name)
    assert line == {
        "trace": name,
        "wait_ms": 0.0,
        "stalls": 1,
        "stall_ms": 450.0,
        "safe_start_ms": 450.0,
        "finished_ms": 950.0,
    }


def test_what_is_learned_from_one_trace_serves_the_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = write(tmp_path / "a", trace(STALLED))
    first, second = results(capsys, "--simulate", "--json", name, name)
    assert (first["wait_ms"], first["stalls"]) == (0, 1)
    assert (second["wait_ms"], second["stalls"]) == (650.0, 0)


@pytest.mark.parametrize(
    ("flags", "wait", "stalls"),
    [
        (["--gap-weight", "1"], 0.0, 1),
        (["--prebuffer", "0"], 0.0, 1),
        (["--prebuffer", "200"], 50.0, 1),
        (["--prebuffer", "300"], 650.0, 0),
        (["--prebuffer", "auto", "--gap-weight", "20"], 650.0, 0),
    ],
)
def test_its_flags_choose_the_policy(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    flags: list[str],
    wait: float,
    stalls: int,
) -> None:
    name = write(tmp_path / "a", trace(STALLED))
    second = results(capsys, "--simulate", "--json", *flags, name, name)[1]
    assert (second["wait_ms"], second["stalls"]) == (wait, stalls)


@pytest.mark.parametrize("flags", [["--simulate"], []])
def test_a_trace_without_arrivals_measures_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str]
) -> None:
    (tmp_path / "a").write_text(HEADER + '\n{"t": 1.0, "end": "TimedOut"}\n')
    (line,) = results(capsys, *flags, "--json", str(tmp_path / "a"))
    assert line["wait_ms"] is line["safe_start_ms"] is line["finished_ms"] is None
    assert main(["replay", *flags, str(tmp_path / "a")]) == 0
    row = capsys.readouterr().out.splitlines()[1].removeprefix(str(tmp_path / "a"))
    assert row.split() == ["-", "0", "0", "-", "-"]


def test_a_weight_below_one_and_no_trace_are_usage_errors(tmp_path: Path) -> None:
    for weight in ("0.5", "many", "inf", "nan"):
        with pytest.raises(UsageError, match="no weight of 1 or more"):
            parser.parse(["replay", "--gap-weight", weight, "a"])
    assert main(["replay"]) == 2
    assert main(["replay", "--simulate", str(tmp_path / "nothing")]) == 4


def test_it_is_heard_by_the_command_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], null_sink: NullSink
) -> None:
    name = write(tmp_path / "a", trace([(0.0, 2400), (0.01, 2400)]))
    with null_sink.record() as recording:
        (line,) = results(capsys, "--json", "-q", name)
    assert line["stalls"] == 0
    assert len(recording.played) == pytest.approx(4800, abs=8)
