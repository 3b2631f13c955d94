"""``streamplay bench`` as it is typed."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from streamplay.bench import load as load_module
from streamplay.bench.measures import MEASURES
from streamplay.bench.observe import observe
from streamplay.cli import main
from streamplay.player import Player
from tests.support.server import running

if TYPE_CHECKING:
    from pathlib import Path

    from streamplay.bench.plan import Job
    from streamplay.server.child import LocalServer


@pytest.fixture
def words(speech_server: LocalServer) -> list[str]:
    return ["bench", "--base-url", speech_server.base_url, "--texts", "short", "--requests", "6"]


def result(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def test_without_a_key_or_a_server_it_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench"]) == 2
    told = capsys.readouterr()
    assert "--local" in told.err
    assert told.out == ""


def test_the_cost_is_told_before_and_the_table_after(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 0
    told = capsys.readouterr()
    assert "7 requests (of these 1 to warm up)" in told.err
    assert "characters" in told.err
    assert "first_voice ms" in told.out
    assert "p95 needs 59" in told.out


def test_the_json_has_every_measure_and_null_where_there_is_none(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--json", "-q"]) == 0
    found = result(capsys)
    assert found["schema"] == 1
    assert found["command"].startswith("streamplay bench ")
    (target,) = found["targets"]
    assert (target["requests"], target["errors"]) == (6, {})
    assert list(target["measures"]) == [each.name for each in MEASURES]
    assert target["measures"]["tls"] is None
    voice = target["measures"]["first_voice"]
    assert voice["unit"] == "ms"
    assert voice["p95"] is None
    assert voice["ci95"]["p50"][0] <= voice["p50"] <= voice["ci95"]["p50"][1]
    assert found["tool"]["loop_lag_ms"]["p99"] is not None


def test_an_objective_that_is_missed_is_status_five(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--objective", "first_byte.p50 < 60000"]) == 0
    assert "met: first_byte.p50" in capsys.readouterr().out
    assert main([*words, "--objective", "first_byte.p50 > 60000", "--json"]) == 5
    assert result(capsys)["verdicts"][0]["verdict"] == "missed"


def test_an_earlier_run_is_a_baseline(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--json"]) == 0
    before = tmp_path / "before.json"
    before.write_text(capsys.readouterr().out)
    limit = ["--baseline", str(before), "--fail-if", "first_byte.p50 > +100ms"]
    assert main([*words, *limit]) == 0
    with running("--first-byte-ms", "400") as slow:
        words[2] = slow.base_url
        assert main([*words, *limit]) == 5
    assert "missed: first_byte.p50 > +100ms" in capsys.readouterr().out


@pytest.mark.parametrize(
    "wrong",
    [
        ["--fail-if", "total.p50 > +1%"],
        ["--rate", "5", "--concurrency", "2"],
        ["--arrivals", "poisson"],
        ["--objective", "nonsense"],
        ["--texts", "no-such-file"],
        ["--max-chars", "3"],
        ["--local"],
        ["voice"],
        ["--baseline", "no-such-file"],
        ["--baseline", "no-such-file", "--fail-if", "total.p50 > +1%"],
        ["--objective", "continuity_100 >= 99"],
        ["--max-chars", "0"],
        ["--rate", "nan"],
        ["--rate", "-1"],
        ["--duration", "inf"],
        ["--warmup", "-1"],
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(
    words: list[str], wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, *wrong]) == 2
    assert capsys.readouterr().out == ""


def test_no_other_voice_is_measured(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--fallback", "local", "--requests", "1"]) == 0
    assert "--fallback is not used" in capsys.readouterr().err


def test_a_server_that_always_fails_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    with running("--status", "500") as server:
        assert main(["bench", "--base-url", server.base_url, "--requests", "2"]) == 1
    assert "2 ServerFailed" in capsys.readouterr().out


def test_the_key_is_in_nothing_that_is_printed(
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SOME_KEY", "sk-very-secret")
    rows = tmp_path / "rows.csv"
    assert main([*words, "--api-key-env", "SOME_KEY", "--json", "--csv", str(rows)]) == 0
    told = capsys.readouterr()
    assert "very-secret" not in told.out + told.err + rows.read_text(encoding="utf-8")


def test_every_measure_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--explain"]) == 0
    told = capsys.readouterr().out
    for each in MEASURES:
        assert each.name in told
        assert each.definition in told


def test_a_search_for_the_capacity_tells_its_curve(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    search = ["--find-capacity", "--rate", "4", "--duration", "1", "--max-chars", "400", "--json"]
    assert main([*words[:5], *search]) in {0, 1}
    told = capsys.readouterr()
    found = json.loads(told.out)["capacity"]
    assert found["curve"][0]["rate"] == 4
    assert "4 a second" in told.err


@pytest.mark.parametrize(
    "wrong", [["--concurrency", "2"], ["--base-url", "http://192.0.2.1/v1"], ["--requests", "3"]]
)
def test_a_search_without_bounds_is_a_usage_error(
    words: list[str], wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words[:5], "--find-capacity", *wrong]) == 2
    assert "--find-capacity" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--csv", "--html", "--png", "--markdown", "--traces"])
def test_a_file_that_cannot_be_written_is_status_four_before_anything_is_paid_for(
    words: list[str],
    tmp_path: Path,
    flag: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(load_module, "observe", None)
    (tmp_path / "file").write_text("")
    assert main([*words, flag, str(tmp_path / "file" / "below")]) == 4
    told = capsys.readouterr()
    assert "cannot write" in told.err
    assert "requests" not in told.err


def test_a_file_that_fails_at_the_end_does_not_cost_the_result(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--json", "--csv", "/dev/full"]) == 4
    told = capsys.readouterr()
    assert json.loads(told.out)["targets"][0]["requests"] == 6
    assert "No space left" in told.err


def test_what_was_there_is_left_as_it_was_where_nothing_is_measured(
    words: list[str], tmp_path: Path
) -> None:
    old, new = tmp_path / "old.csv", tmp_path / "new.csv"
    old.write_text("as it was")
    assert main([*words, "--csv", str(old), "--html", str(tmp_path), "--markdown", str(new)]) == 4
    assert old.read_text() == "as it was"
    assert not new.exists()


def test_of_the_built_in_voices_the_one_that_spoke_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["bench", "--local", "--requests", "1", "--texts", "short", "--json"]) == 0
    (target,) = result(capsys)["targets"]
    assert target["base_url"] == "local"
    assert target["voice"].startswith("eSpeak NG")


def test_what_is_asked_to_be_played_is_heard_whole(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    heard: list[int] = []

    def play(_: Player, frames: Any, samplerate: int) -> None:
        heard.append(sum(map(len, frames)))
        assert samplerate == 24000

    monkeypatch.setattr(Player, "play", play)
    assert main([*words, "--json"]) == 0
    assert heard == []
    assert main([*words, "--json", "--play"]) == 0
    assert len(heard) == 6
    assert all(frames > 2400 for frames in heard)
    capsys.readouterr()


def test_an_interruption_tells_what_was_measured(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def interrupting(client: Any, request: Any, job: Job, *rest: Any, **more: Any) -> Any:
        if job.turn == 2:
            signal.raise_signal(signal.SIGINT)
        return await observe(client, request, job, *rest, **more)

    monkeypatch.setattr(load_module, "observe", interrupting)
    before = signal.getsignal(signal.SIGINT)
    assert main([*words, "--json"]) == 130
    found = result(capsys)
    assert found["targets"][0]["requests"] == 3
    assert "interrupted after 3 requests" in found["notes"]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_run_is_made_again_kept_and_compared(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, runs = tmp_path / "first.json", tmp_path / "runs.jsonl"
    page, traces = tmp_path / "week.html", tmp_path / "traces"
    kept = ["--append", str(runs), "--traces", str(traces)]
    assert main([*words, "--seed", "3", "--json", *kept]) == 0
    first.write_text(capsys.readouterr().out)
    assert main(["bench", "--rerun", str(first), "--json", "--append", str(runs)]) == 0
    told = capsys.readouterr()
    before, again = json.loads(first.read_text()), json.loads(told.out)
    assert again["setup"] == before["setup"]
    assert [t["characters"] for t in again["targets"]] == [
        t["characters"] for t in before["targets"]
    ]
    assert "median first voice of the last runs" in told.err
    assert main(["bench", "compare", str(first), str(runs), "--html", str(page)]) == 0
    out = capsys.readouterr().out
    assert "runs 2" in out
    assert max(map(len, out.splitlines())) <= 80
    assert "run by run" in page.read_text()
    assert main(["bench", "compare", str(first), str(tmp_path / "none.json")]) == 2
    assert main(["bench", "--rerun", str(first), "--seed", "4"]) == 2
    # What was recorded can be served again.
    recorded = min(map(str, traces.iterdir()))
    with running("--replay", recorded) as server:
        assert main(["bench", "--base-url", server.base_url, "--requests", "1", "-q"]) == 0


def test_a_sweep_tells_its_curve_and_the_table_fits(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words[:5], "--sweep", "20,40", "--duration", "0.3", "--json"]) == 0
    told = capsys.readouterr()
    curve = json.loads(told.out)["sweep"]["curve"]
    assert [step["rate"] for step in curve] == [20, 40]
    assert "40 a second" in told.err
    assert main([*words, "-q"]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.count("  ") > 2]
    assert rows
    assert max(map(len, rows)) <= 80  # of the table; sentences may be longer
    for wrong in (
        ["--sweep", "2,1"],
        ["--sweep", "1,2", "--rate", "3"],
        ["--sweep", "1", "--requests", "2"],
    ):
        assert main([*words[:5], *wrong]) == 2
