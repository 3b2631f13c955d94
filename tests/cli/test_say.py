"""``streamplay say`` as it is used: real processes, a real server, a real sound path."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import soundfile

from streamplay.cli import main
from streamplay.server.child import LocalServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.nullsink import NullSink

NOWHERE = "http://127.0.0.1:9/v1"  # the discard port: nothing listens there
LONG = "This sentence goes on and on, so that there is time to cut it short. " * 4


@pytest.fixture
def base_url(speech_server: LocalServer) -> str:
    return speech_server.base_url


@pytest.fixture(scope="module")
def paced_server() -> Iterator[str]:
    """A server whose audio comes at the pace of speech: time to cut in."""
    with LocalServer(("--pace", "1")) as server:
        yield server.base_url


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "streamplay", "say", *words]


def say(*words: str, typed: str | None = None) -> subprocess.CompletedProcess[str]:
    given: dict[str, Any] = {"stdin": subprocess.DEVNULL} if typed is None else {"input": typed}
    return subprocess.run(
        command(*words), capture_output=True, text=True, check=False, timeout=60, **given
    )


def begin(*words: str, **streams: Any) -> subprocess.Popen[bytes]:
    """Start ``say`` with the default signal handlers, whatever this process was started with."""
    code = (
        "import signal, sys; from streamplay.cli import main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
        "sys.exit(main())"
    )
    return subprocess.Popen([sys.executable, "-c", code, "say", *words], **streams)


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("waited 30 s in vain")


def has_audio(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 8192


def test_every_frame_is_played_and_saved(base_url: str, tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    done = say("Hello", "there.", "--base-url", base_url, "-o", str(file), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    receipt = json.loads(done.stdout)
    frames = receipt["frames"]
    assert receipt["complete"] is True
    assert (receipt["requests"], receipt["chars"]) == (1, len("Hello there."))
    assert receipt["base_url"] == base_url
    assert frames["received"] == frames["played"] + frames["flushed"] > 0
    assert frames["flushed"] == 0
    assert soundfile.info(file).frames == frames["saved"] == frames["received"]


def test_what_is_said_reaches_the_sound_card(base_url: str, null_sink: NullSink) -> None:
    with null_sink.record() as recording:
        done = say("Hello.", "--base-url", base_url, "--json")
    receipt = json.loads(done.stdout)
    assert receipt["output"]["kind"] == "device"
    assert len(recording.played) > receipt["frames"]["played"] / 2


@pytest.mark.no_cover
def test_success_is_silent(base_url: str) -> None:
    done = say("Hello.", "--base-url", base_url, "--no-play")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_readable_receipt_is_a_result(base_url: str) -> None:
    done = say("Hello.", "--base-url", base_url, "--no-play", "--stats")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "result   complete"


@pytest.mark.no_cover
def test_the_readable_receipt_makes_room_for_another_result(base_url: str) -> None:
    done = say("Hello.", "--base-url", base_url, "--no-play", "--stats", "--json")
    assert json.loads(done.stdout)["complete"] is True
    assert done.stderr.splitlines()[-1] == "result   complete"


def test_standard_output_gets_the_bytes_as_received(base_url: str) -> None:
    words = ("Hello.", "--base-url", base_url, "--no-play", "-o", "-", "--stats")
    done = subprocess.run(
        command(*words), stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    assert done.returncode == 0
    received = len(done.stdout) // 2
    assert f"{received} received = {received} unplayed; {received} saved" in done.stderr.decode()


def test_without_a_key_the_built_in_voice_speaks_and_says_so() -> None:
    done = say("Hello.", "--no-play", "--json")
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    assert "built-in voice" in done.stderr
    assert json.loads(done.stdout)["base_url"] == "local"


@pytest.mark.no_cover
def test_the_built_in_voice_that_was_asked_for_needs_no_word() -> None:
    done = say("Hello.", "--no-play", "--local", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["base_url"] == "local"


def test_another_format_than_was_asked_for_is_told(base_url: str, tmp_path: Path) -> None:
    words = ("--encoding", "pcm_f32le", "--sample-rate", "44100", "--no-stream", "--no-play")
    file = tmp_path / "output_raw.pcm"
    done = say("Hello.", *words, "--base-url", base_url, "-o", str(file), "--json")
    receipt = json.loads(done.stdout)
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1
    assert "pcm_f32le at 44100 Hz" in done.stderr
    assert "pcm_s16le at 24000 Hz" in done.stderr
    assert receipt["format"]["effective"] == "pcm_s16le"
    assert receipt["format"]["source"] == "model"
    assert file.stat().st_size == receipt["bytes"]["audio"] == 2 * receipt["frames"]["received"]


@pytest.mark.no_cover
def test_quiet_drops_the_notices() -> None:
    done = say("Hello.", "--no-play", "--encoding", "pcm_f32le", "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_standard_input_is_spoken_sentence_by_sentence(base_url: str) -> None:
    words = ("--base-url", base_url, "--no-play", "--json")
    for extra in ((), ("-",)):
        done = say(*extra, *words, typed="First. Second.")
        assert (done.returncode, json.loads(done.stdout)["requests"]) == (0, 2)


def test_a_sentence_is_spoken_before_the_next_is_written(base_url: str, tmp_path: Path) -> None:
    file = tmp_path / "a.pcm"
    words = ("--base-url", base_url, "--no-play", "-o", str(file), "--json")
    speaking = begin(*words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert speaking.stdin is not None
    assert speaking.stdout is not None
    speaking.stdin.write(b"The first sentence. And")
    speaking.stdin.flush()
    wait_for(lambda: has_audio(file))
    speaking.stdin.write(b" the second.")
    speaking.stdin.close()
    receipt = json.loads(speaking.stdout.read())
    speaking.stdout.close()
    assert speaking.wait(30) == 0
    assert receipt["requests"] == 2


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("words", "typed", "problem"),
    [
        ([""], None, "the text is empty: there is nothing to say"),
        ([" ", "\n"], None, "the text is empty: there is nothing to say"),
        ([], "", "standard input is empty: there is nothing to say"),
        (["-"], " \n\t", "standard input is empty: there is nothing to say"),
        (["Hello", "-o", "-", "--json"], None, "-o - and --json both want standard output"),
        (["Hello", "--format", "mp3", "--stream"], None, "--stream: mp3 comes whole"),
        (["Hello", "--language", "ENGLISH!"], None, "language: "),
        (["Hello", "--pronounce", "omg"], None, "pronounce: "),
        (["Hello", "--volume", "99"], None, "volume: "),
        (["Hello", "--sample-rate", "7"], None, "sample_rate: "),
        (["Hello", "--model", "a/stranger"], None, "voice: "),
        (["Hello", "--api-key-env", "NO_SUCH_VARIABLE"], None, "api_key_env: "),
        (["Hello", "--base-url", "nonsense"], None, "base_url: "),
    ],
)
def test_a_usage_error_is_one_sentence_without_a_receipt(
    words: list[str], typed: str | None, problem: str
) -> None:
    done = say(*words, *(["--json"] if "--json" not in words else []), typed=typed)
    assert (done.returncode, done.stdout) == (2, "")
    told = done.stderr.splitlines()
    assert told[-1].startswith(f"streamplay: {problem}")
    assert [line for line in told[:-1] if "built-in voice" not in line] == []


def test_no_text_on_a_terminal_says_what_to_do() -> None:
    ours, theirs = pty.openpty()
    done = subprocess.run(command(), stdin=theirs, capture_output=True, text=True, check=False)
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 2
    assert done.stderr.startswith("streamplay: there is no text: give it as words, pipe it in, or")


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("words", "closed", "problem"),
    [
        ("", "<&-", "there is no text, and standard input is closed"),
        ("Hello -o -", ">&-", "-o -: standard output is closed"),
    ],
)
def test_a_stream_that_is_closed_is_told(words: str, closed: str, problem: str) -> None:
    line = f"{sys.executable} -m streamplay say {words} {closed}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"streamplay: {problem}\n"


def test_bytes_are_not_thrown_at_a_terminal() -> None:
    ours, theirs = pty.openpty()
    done = subprocess.run(
        command("Hello", "-o", "-"),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 2
    assert "standard output is a terminal" in done.stderr


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("words", "code", "kind"),
    [
        (["--base-url", NOWHERE], 1, "ConnectFailed"),
        (["--base-url", "SERVER", "--voice", "nobody"], 1, "VoiceNotFound"),
        (["--base-url", "SERVER", "--model", "no/model", "-v", "x"], 1, "ModelNotFound"),
        (["--base-url", "SERVER", "--device", "no such device"], 4, "NoDevice"),
        (["--base-url", "SERVER", "-o", "/nowhere/a.wav"], 4, "FileFailed"),
        (["--base-url", "SERVER", "-o", "a.xyz"], 4, "FileFailed"),
        (["--base-url", "SERVER", "-o", "/dev/null/a.wav"], 4, "FileFailed"),
        (["--base-url", "SERVER", "--record", "/nowhere/a.jsonl"], 4, "FileFailed"),
        (["--base-url", "SERVER", "-o", "EXISTING"], 4, "FileFailed"),
    ],
)
def test_a_failure_before_any_audio_is_one_sentence_a_status_and_a_receipt(
    words: list[str], code: int, kind: str, base_url: str, tmp_path: Path
) -> None:
    existing = tmp_path / "a.wav"
    existing.write_bytes(b"kept")
    named = {"SERVER": base_url, "EXISTING": str(existing)}
    done = say("Hello.", "--json", *(named.get(word, word) for word in words))
    receipt = json.loads(done.stdout)
    assert (done.returncode, receipt["error"]["type"]) == (code, kind)
    assert (receipt["complete"], receipt["frames"]["played"]) == (False, 0)
    last = done.stderr.splitlines()[-1]
    assert last == f"streamplay: {receipt['error']['message']}"
    assert "Traceback" not in done.stderr
    assert existing.read_bytes() == b"kept"


@pytest.mark.no_cover
def test_force_overwrites(base_url: str, tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    file.write_bytes(b"old")
    words = ("--base-url", base_url, "--no-play", "-o", str(file), "--force")
    assert say("Hello.", *words).returncode == 0
    assert soundfile.info(file).frames > 0


@pytest.mark.no_cover
def test_a_device_that_cannot_be_used_fails_standard_input_too(base_url: str) -> None:
    words = ("--base-url", base_url, "--device", "no such device", "--json")
    done = say(*words, typed="Hello.")
    assert (done.returncode, json.loads(done.stdout)["error"]["type"]) == (4, "NoDevice")


def test_what_broke_off_after_audio_is_3_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    with LocalServer(("--fault", "reset", "--at-event", "6")) as server:
        words = ("--base-url", server.base_url, "--no-play", "-o", str(file), "--json")
        done = say("Hello, this is cut short.", *words)
    receipt = json.loads(done.stdout)
    assert (done.returncode, receipt["complete"]) == (3, False)
    assert receipt["error"]["type"] == "ConnectionLost"
    assert soundfile.info(file).frames == receipt["frames"]["received"] > 0


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
@pytest.mark.parametrize("play", [True, False])
def test_a_signal_finishes_the_file_and_tells(
    number: signal.Signals, code: int, play: bool, paced_server: str, tmp_path: Path
) -> None:
    file = tmp_path / "a.wav"
    words = (LONG, "--base-url", paced_server, "-o", str(file), "--json")
    speaking = begin(*words, *([] if play else ["--no-play"]), stdout=subprocess.PIPE)
    assert speaking.stdout is not None
    wait_for(lambda: has_audio(file))
    speaking.send_signal(number)
    receipt = json.loads(speaking.stdout.read())
    speaking.stdout.close()
    assert speaking.wait(30) == code
    frames = receipt["frames"]
    assert (receipt["interrupted"], receipt["complete"], receipt["error"]) == (True, False, None)
    assert frames["received"] == frames["played"] + frames["flushed"] + frames["unplayed"]
    assert soundfile.info(file).frames == frames["saved"] == frames["received"] > 0


def test_a_signal_ends_what_waits_for_standard_input(base_url: str) -> None:
    words = ("--base-url", base_url, "--no-play", "--json", "--timeout", "9")
    speaking = begin(*words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert speaking.stdin is not None
    assert speaking.stdout is not None
    wait_for(lambda: _waits_for_input(speaking.pid))
    speaking.terminate()
    receipt = json.loads(speaking.stdout.read())
    speaking.stdout.close()
    speaking.stdin.close()
    assert speaking.wait(30) == 143
    assert (receipt["interrupted"], receipt["requests"]) == (True, 0)


def _waits_for_input(pid: int) -> bool:
    """Whether it handles SIGTERM by now: before that, the signal would just end it."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


def test_a_reader_that_leaves_ends_neither_the_speech_nor_the_file(
    paced_server: str, tmp_path: Path
) -> None:
    file = tmp_path / "a.wav"
    words = ("A few words.", "--base-url", paced_server, "-o", str(file), "--json")
    speaking = begin(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert speaking.stdout is not None
    assert speaking.stderr is not None
    speaking.stdout.close()
    told = speaking.stderr.read()
    speaking.stderr.close()
    assert (speaking.wait(30), told) == (0, b"")
    assert soundfile.info(file).frames > 0


def test_a_reader_of_the_sound_that_leaves_is_a_file_that_failed(paced_server: str) -> None:
    words = (LONG, "--base-url", paced_server, "-o", "-")
    speaking = begin(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert speaking.stdout is not None
    assert speaking.stderr is not None
    speaking.stdout.read(1000)
    speaking.stdout.close()
    told = speaking.stderr.read().decode()
    speaking.stderr.close()
    assert speaking.wait(30) == 4
    assert told.startswith("streamplay: cannot write standard output")
    assert told.count("\n") == 1


# In this process, for what a child's coverage would not show.


def test_it_runs_in_a_program_too(
    base_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.wav"
    words = ["say", "Hello.", "--base-url", base_url, "--no-play", "-o", str(file)]
    assert main([*words, "--json", "--stats"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["frames"]["saved"] == soundfile.info(file).frames
    assert "result   complete" in err
    assert main([*words, "--json"]) == 4
    assert json.loads(capsys.readouterr().out)["error"]["type"] == "FileFailed"


@pytest.mark.parametrize(("typed", "code"), [(b"First. Second.", 0), (b" ", 2)])
def test_standard_input_in_a_program(
    typed: bytes,
    code: int,
    base_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    reading, writing = os.pipe()
    os.write(writing, typed)
    os.close(writing)
    kept = os.dup(0)
    os.dup2(reading, 0)
    try:
        with os.fdopen(reading) as stdin:
            monkeypatch.setattr(sys, "stdin", stdin)
            words = ["say", "--base-url", base_url, "--no-play", "--json"]
            assert main(words) == code
    finally:
        os.dup2(kept, 0)
        os.close(kept)
    assert ('"requests": 2' in capsys.readouterr().out) is (code == 0)


STALLS = {"scenario": {"signal": "count", "seconds": 0.6, "stalls": ["200:2500"]}}
"""A fifth of a second of audio, then nothing for longer than a busy machine takes to open its
device."""


@pytest.mark.no_cover
def test_what_one_process_learns_the_next_one_knows_where_the_configuration_says_so(
    base_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration = tmp_path / "streamplay" / "config.toml"
    configuration.parent.mkdir()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))

    def stalls() -> int:
        extra = f"extra_params={json.dumps(STALLS)}"
        done = say("One.", "--base-url", base_url, "--extra", extra, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        return int(json.loads(done.stdout)["stalls"]["count"])

    assert stalls() == 1
    configuration.write_text('remember = "~/state/learned.json"')
    assert [stalls(), stalls()] == [1, 0]


def test_a_broken_file_of_what_was_learned_is_a_notice(base_url: str, tmp_path: Path) -> None:
    (tmp_path / "learned").write_text("my notes")
    done = say("One.", "--base-url", base_url, "--remember", str(tmp_path / "learned"))
    assert done.returncode == 0
    assert "holds nothing that was learned" in done.stderr
    assert len(done.stderr.splitlines()) == 1
