"""Rows of what a user meets: the key, the terminal, files, signals."""

from __future__ import annotations

import asyncio
import os
import pty
import random
import select
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.trust import canary
from benchmarks.trust.row import ROOT, Run, row
from streamplay import Player
from streamplay.network.api import SpeechApi
from streamplay.request import SpeechRequest
from streamplay.server.child import LocalServer
from tests.support.rawserver import replies, running

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUEST: Final = SpeechRequest(input="Hello", model="someone/else", voice="v")
PATIENCE: Final = 60.0


def command(
    *words: str, environment: dict[str, str] | None = None, **how: Any
) -> subprocess.CompletedProcess[bytes]:
    """Run the command line, with a configuration of its own."""
    return subprocess.run(
        [sys.executable, "-m", "streamplay", *words],
        env={**environ(), **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
        **how,
    )


def environ() -> dict[str, str]:
    """Return an environment without the user's own settings."""
    own = {name: value for name, value in os.environ.items() if "TOGETHER" not in name}
    nowhere = tempfile.gettempdir() + "/streamplay-trust"
    own |= {"XDG_CONFIG_HOME": nowhere, "XDG_STATE_HOME": nowhere, "PYTHONPATH": str(ROOT)}
    return own | {"STREAMPLAY_ENGINE": "espeak"}


# The key


@row(planned=2 * len(canary.ECHOES) + 3, unit="ways")
def canary_key(run: Run) -> None:
    """A server repeats the key in every place; no part of 8 characters is in what is printed, in
    the receipt, in an exception with its frames' locals, in a `repr`, or in a child's
    environment.
    """
    ways = [(name, how) for name in canary.ECHOES for how in ("library", "command")]

    def act(one: tuple[int, tuple[str, str]]) -> None:
        _, (name, how) = one
        asyncio.run((echoed_to_library if how == "library" else _echoed_to_command)(run, name))

    run.together(act, ways)
    run.planned += 3
    _key_in_reprs(run)
    _key_in_children(run)
    run.done += 3


def _look(run: Run, what: str, text: str) -> None:
    if part := canary.parts_of_key(text):
        run.fault(f"{what}: {part!r}")


async def echoed_to_library(run: Run, name: str) -> None:
    told: list[str] = []
    async with running(replies(canary.ECHOES[name])) as server:
        api = SpeechApi(
            base_url=server.base_url, api_key=canary.KEY, notify=told.append, deadline=5, timeout=2,
            retries=False,
        )  # fmt: skip
        async with api as client:
            try:
                if "voices" in name:
                    told.append(repr(await client.voices()))
                async with client.open(REQUEST) as response:
                    async for chunk in response.chunks():
                        _look(run, f"{name}, chunk", repr(chunk)[:400])
                    told += [response.warning, str(response.voice), repr(response.format)]
            except Exception as error:  # noqa: BLE001 - which one it is does not matter
                for where, text in canary.seen_in(error):
                    _look(run, f"{name}, {where}", text)
    _look(run, f"{name}, told", "\n".join(told))


async def _echoed_to_command(run: Run, name: str) -> None:
    async with running(replies(canary.ECHOES[name])) as server:
        words = ["say", "Hi", "--no-play", "--json", "--stats", "-m", "m", "-v", "v"]
        words = ["voices"] if "voices" in name else [*words, "--deadline", "5"]
        done = await asyncio.to_thread(
            command,
            *words,
            "--base-url",
            server.base_url,
            environment={"TOGETHER_API_KEY": canary.KEY, "STREAMPLAY_DEBUG": "1"},
        )
    _look(run, f"{name}, printed by {words[0]}", (done.stdout + done.stderr).decode())


def _key_in_reprs(run: Run) -> None:
    with Player(
        base_url="http://127.0.0.1:9/v1", api_key=canary.KEY, play=False, model="m", voice="v"
    ) as player:
        with suppress(Exception):
            player.say("Hello").wait(5)
        for where, text in canary.reprs():
            _look(run, where, text)
        _look(run, "repr of the options", repr(vars(player)))


def _key_in_children(run: Run) -> None:
    """Look at the environment of every process that `say --local` starts."""
    words = [
        sys.executable,
        "-m",
        "streamplay",
        "say",
        "--local",
        "--no-play",
        "-q",
        "Hello. " * 90,
    ]
    own = {**environ(), "TOGETHER_API_KEY": canary.KEY}
    said = subprocess.Popen(words, env=own, stdin=subprocess.DEVNULL)
    children = 0
    while said.poll() is None:
        for task in Path(f"/proc/{said.pid}/task").glob("*/children"):
            with suppress(OSError):
                for child in task.read_text().split():
                    children += 1
                    there = Path(f"/proc/{child}")
                    for file in ("environ", "cmdline"):
                        text = (there / file).read_bytes().decode(errors="replace")
                        # Between fork and exec a child is a copy of its parent.
                        if (there / "cmdline").read_bytes().split(b"\0")[3:4] != [b"say"]:
                            _look(run, f"{file} of a child", text)
        time.sleep(0.02)
    if not children:
        run.fault("no child of say --local was seen")


# The terminal


HOSTILE: Final = (
    "a\x1b]0;x\x07b", "\x1b[2J\x1b[H", "\u202egnp.exe", "a\x9b31mb", "b\x07\x08c", "x" * 2_000_000,
    "\x1bP+q\x1b\\", "a\r\nb", "\u2066a\u2069", "\ud800",
)  # fmt: skip
PLACES: Final = (
    ("say", "--local", "--no-play", "-v", "{}", "Hi"),
    ("say", "--local", "--no-play", "-m", "{}", "Hi"),
    ("say", "--local", "--no-play", "-o", "{}.xyz", "Hi"),
    ("say", "--local", "--no-play", "-f", "{}"),
    ("say", "--local", "-d", "{}", "Hi"),
    ("say", "--api-key-env", "{}", "Hi"),
    ("say", "--base-url", "{}", "Hi"),
    ("say", "--local", "--extra", "{}", "Hi"),
    ("say", "--local", "--language", "{}", "Hi"),
    ("say", "--nonsense={}", "Hi"),
    ("{}",),
    ("play", "{}"),
    ("replay", "{}"),
    ("voices", "{}", "--local"),
    ("config", "get", "{}"),
    ("bench", "model={}", "--local"),
)  # fmt: skip


@row(planned=len(HOSTILE) * len(PLACES), unit="commands")
def escape_sequences(run: Run) -> None:
    """Hostile words, names of files, voices, devices and variables on a terminal: printable text
    of bounded length, and no bug told.
    """
    turns = [(bad, place) for bad in HOSTILE for place in PLACES]

    def act(one: tuple[int, tuple[str, tuple[str, ...]]]) -> None:
        _, (bad, place) = one
        named = bad[:100_000]  # Linux: MAX_ARG_STRLEN
        words = [word.replace("{}", named) for word in place]
        told = _on_a_terminal(words)
        text = told.decode(errors="replace").replace("\r\n", "\n")
        bare = [c for c in text if not c.isprintable() and c not in "\n\t"]
        if bare or len(text) > 8000 or "a bug:" in text:
            run.fault(
                f"{' '.join(place)} with {bad[:20]!r}: {bare[:4]}, {len(text)}, {text[-80:]!r}"
            )

    run.together(act, turns)


def _on_a_terminal(words: list[str]) -> bytes:
    """Return what a command prints on a terminal."""
    near, far = pty.openpty()
    encoded = [
        os.fsencode(word.encode("utf-8", "surrogateescape" if "\ud800" not in word else "replace"))
        for word in words
    ]
    try:
        ran = subprocess.Popen(
            [sys.executable.encode(), b"-m", b"streamplay", *encoded],
            stdin=subprocess.DEVNULL, stdout=far, stderr=far, env={**environ(), "TERM": "dumb"},
        )  # fmt: skip
        os.close(far)
        told, until = b"", time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if select.select([near], [], [], 0.5)[0]:
                try:
                    told += os.read(near, 65536)
                except OSError:  # the last writer has gone
                    break
        ran.kill()
        ran.wait()
    finally:
        os.close(near)
    return told


# Files


@row(planned=60, unit="kills")
def killed_files(run: Run) -> None:
    """`say -o` in every format and `--record`, killed by SIGKILL at a random moment: what came up
    to a second before can be opened by libsndfile, and the trace be read.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalServer(("--pace", "1", "--signal", "noise", "--seconds", "30")) as server,
    ):
        base = ["--base-url", server.base_url]

        def act(one: tuple[int, int]) -> None:
            _, turn = one
            _kill_once(run, Path(folder), turn, base)

        # Each waits for sound in real time.
        run.together(act, range(run.planned), at_once=8)


def _kill_once(run: Run, folder: Path, turn: int, base: list[str]) -> None:
    import soundfile

    from streamplay.trace import load

    suffix = (".wav", ".flac", ".ogg", ".mp3")[turn % 4]
    path, trace = folder / f"{turn}{suffix}", folder / f"{turn}.jsonl"
    words = ["say", "Hi", "--no-play", "-q", "-o", str(path), "--record", str(trace), *base]
    said = subprocess.Popen([sys.executable, "-m", "streamplay", *words], env=environ())
    _await_lines(trace, said)
    begun = time.monotonic()
    time.sleep(random.Random(f"{run.seed} {turn}").uniform(1.2, 4))
    said.send_signal(signal.SIGKILL)
    lasted = time.monotonic() - begun
    said.wait()
    try:
        heard, rate = soundfile.read(path)
        arrived = load(trace).frames / rate
    except Exception as error:  # noqa: BLE001 - any is a fault
        run.fault(f"{suffix} after {lasted:.1f} s: {error!r}")
        return
    if len(heard) / rate < min(arrived, lasted) - 1.0:
        run.fault(f"{suffix}: {len(heard) / rate:.1f} s of {arrived:.1f} s")


def _await_lines(trace: Path, said: subprocess.Popen[bytes]) -> None:
    """Wait until audio has arrived."""
    while said.poll() is None:
        if trace.exists() and trace.read_bytes().count(b"\n") > 1:
            return
        time.sleep(0.01)


@contextmanager
def _targets() -> Iterator[list[tuple[str, str, str]]]:
    """Yield odd targets: a path, what must be said of it, and whether it stays as it was."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "folder.wav").mkdir()
        (folder / "old.wav").write_bytes(b"old")
        (folder / "link.wav").symlink_to("old.wav")
        (folder / "dangling.wav").symlink_to("nowhere/at all.wav")
        (folder / "loop.wav").symlink_to("loop.wav")
        (folder / "full.pcm").symlink_to("/dev/full")
        (folder / "full.wav").symlink_to("/dev/full")
        os.mkfifo(folder / "pipe.pcm")
        (folder / "file").write_bytes(b"old")
        yield [
            (str(folder / name), told, option)
            for name, told in (
                ("folder.wav", "Is a directory"),
                ("old.wav", "exists"),
                ("link.wav", "exists"),
                ("dangling.wav", "a link to"),
                ("loop.wav", "symbolic links"),
                ("full.pcm", "No space left"),
                ("full.wav", "a pipe or a device"),
                ("pipe.pcm", "no program reads"),
                ("no folder/x.wav", "No such file"),
                ("file/x.wav", "Not a directory"),
                ("x" * 300 + ".wav", "too long"),
                ("x.xyz", "unknown kind"),
            )
            for option in ("-o", "--record")
            if option == "-o" or name not in ("full.wav", "x.xyz")
        ]


@row(planned=22, unit="targets")
def files(run: Run) -> None:
    """Odd targets of `-o` and `--record` get a true sentence and status 4, at once; what was there
    stays.
    """
    with _targets() as targets, LocalServer(("--signal", "tone", "--seconds", "0.2")) as server:
        for path, told, option in run.turns(targets):
            base = ("--no-play", "-q", "--base-url", server.base_url, option, path)
            done = command("say", "Hi", *base)
            if done.returncode != 4 or told.encode() not in done.stderr:
                run.fault(f"{option} {Path(path).name}: {done.returncode}, {done.stderr[-200:]!r}")
        old = Path(targets[0][0]).parent / "old.wav"
        if old.read_bytes() != b"old":
            run.fault("an older file was changed")


@row(planned=24, unit="storms")
def storms_of_signals(run: Run) -> None:
    """A hundred SIGTERM or SIGHUP at a random moment of `say` and `play`: files are finished, and
    the status is that of the first.
    """
    with tempfile.TemporaryDirectory() as folder:
        sound = str(Path(folder) / "sound.wav")
        command("say", "--local", "--no-play", "-q", "-o", sound, "One two three four five. " * 9)

        def act(one: tuple[int, int]) -> None:
            _, turn = one
            _storm_once(run, turn, sound, Path(folder) / f"{turn}.wav")

        run.together(act, range(run.planned))


def _storm_once(run: Run, turn: int, sound: str, kept: Path) -> None:
    dice = random.Random(f"{run.seed} {turn}")
    words = ["say", "--local", "-q", "-o", str(kept), "Hello there. " * 40]
    words = words if turn % 2 else ["play", "-q", sound]
    process = subprocess.Popen(
        [sys.executable, "-m", "streamplay", *words], env=environ(), stdin=subprocess.DEVNULL
    )
    _await_handlers(process)
    time.sleep(dice.uniform(0, 2))
    number = dice.choice([signal.SIGTERM, signal.SIGHUP])
    for _ in range(100):
        with suppress(ProcessLookupError):
            process.send_signal(number)
        time.sleep(0.002)
    code = process.wait(PATIENCE)
    if code not in (0, 128 + number):
        run.fault(f"{words[0]} ended with {code} after {number.name}")


def _await_handlers(process: subprocess.Popen[bytes]) -> None:
    """Wait until it handles SIGTERM (proc(5), SigCgt)."""
    while process.poll() is None:
        with suppress(OSError):
            for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
                if (
                    line.startswith("SigCgt")
                    and int(line.split()[1], 16) >> (signal.SIGTERM - 1) & 1
                ):
                    return
        time.sleep(0.01)


# What a user's own code raises


@row(planned=200, unit="utterances")
def raising_listeners(run: Run) -> None:
    """`notify`, `on_event`, `on_done` and the text's own iterator raise at random: every utterance
    ends, and the player goes on.
    """
    import logging

    logging.getLogger("streamplay").setLevel(logging.CRITICAL)
    with LocalServer(("--signal", "tone", "--seconds", "0.1")) as server:
        dice = random.Random(run.seed)

        def raising(*_: object) -> None:
            if dice.random() < 0.5:
                raise RuntimeError("x")

        with Player(
            base_url=server.base_url, play=False, notify=raising, on_event=raising
        ) as player:  # fmt: skip
            for turn in run.turns():
                speech = player.say(_text(dice) if turn % 3 == 0 else "Hello")
                speech.on_done(raising)
                with suppress(RuntimeError):
                    speech.wait(30)
                if not speech.done:
                    run.fault(f"utterance {turn} does not end")


def _text(dice: random.Random) -> Iterator[str]:
    yield "One sentence. "
    if dice.random() < 0.5:
        raise RuntimeError("x")
    yield "Another."
