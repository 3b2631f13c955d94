"""Sound that somebody else has made: the same ring, policy and receipt."""

from __future__ import annotations

import asyncio
import io
import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

from streamplay import AsyncPlayer, FileFailed, InvalidRequest, Player, PlayerClosed, Truncated
from streamplay.core import PlayerCore
from streamplay.player import LazyPlayer
from streamplay.speech.source import as_frames
from tests.support.speaking import (
    PATIENCE,
    Silent,
    account_for,
    being_heard,
    counted,
    failure,
    receipt_of,
    wait_until,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
    from pathlib import Path

    from streamplay.aio import AsyncUtterance
    from streamplay.receipt import Receipt
    from streamplay.speech.state import UtteranceState

RATE = 24000
COUNT = counted(RATE)


@pytest.fixture
def player(fast: Silent) -> Iterator[Player]:
    with LazyPlayer(base_url="http://127.0.0.1:9/v1") as player:
        yield player


def parts() -> list[np.ndarray]:
    return [COUNT[:12000], COUNT[12000:12000], COUNT[12000:]]


async def asynchronously() -> AsyncIterator[np.ndarray]:
    for part in parts():
        yield part
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    "frames",
    [
        lambda: COUNT,
        lambda: COUNT[:, None],
        lambda: COUNT.astype(np.float32) / 32768,
        parts,
        lambda: iter(parts()),
        asynchronously,
    ],
)
def test_frames_are_played_as_they_came_whatever_they_come_in(
    player: Player, fast: Silent, frames: Any
) -> None:
    receipt = account_for(player.play(frames(), RATE).wait(PATIENCE))
    assert receipt.complete
    assert receipt.frames.played == receipt.frames.received == RATE
    assert (receipt.model, receipt.voice, receipt.base_url) == ("", "", "")
    assert receipt.format.source == "user"
    assert receipt.ms.first_sound is not None
    np.testing.assert_array_equal(fast.values, COUNT)


def test_another_rate_is_resampled_and_accounted_for(player: Player, fast: Silent) -> None:
    player.play(COUNT, RATE).wait(PATIENCE)
    receipt = account_for(player.play(counted(16000), 16000).wait(PATIENCE))
    assert receipt.frames.played == 16000
    assert receipt.output.samplerate == RATE


def test_what_is_played_can_be_cut_and_its_source_is_closed(silent: Silent) -> None:
    closed = threading.Event()

    def endless() -> Iterator[np.ndarray]:
        try:
            while True:
                yield COUNT
        finally:
            closed.set()

    with LazyPlayer() as player:
        sound = player.play(endless(), RATE)
        being_heard(sound)
        sound.cancel()
        assert account_for(sound.wait(PATIENCE)).interrupted
        assert closed.wait(PATIENCE)


def test_what_an_iterable_raises_is_raised_after_what_it_gave(player: Player) -> None:
    def broken() -> Iterator[np.ndarray]:
        yield COUNT
        raise KeyError("lost")

    sound = player.play(broken(), RATE)
    with pytest.raises(KeyError):
        sound.wait(PATIENCE)
    assert account_for(sound.receipt).frames.played == RATE


@pytest.mark.parametrize(
    "wrong",
    [[b"bytes"], [COUNT.astype(np.int32)], [np.zeros((4, 2), np.float32)], [np.float32(1)]],
)
def test_what_is_no_frames_is_refused(player: Player, wrong: Any) -> None:
    with pytest.raises(InvalidRequest, match="frames"):
        player.play(wrong, RATE).wait(PATIENCE)


@pytest.mark.parametrize("wrong", ["a text", b"bytes", 7, None])
def test_what_is_nothing_to_play_is_refused_at_once(player: Player, wrong: Any) -> None:
    with pytest.raises(InvalidRequest, match="frames"):
        player.play(wrong, RATE)


def test_a_rate_that_is_none_is_refused(player: Player) -> None:
    with pytest.raises(InvalidRequest, match="samplerate"):
        player.play(COUNT, 0)


def test_a_closed_player_plays_nothing(fast: Silent) -> None:
    player = LazyPlayer()
    player.close()
    with pytest.raises(PlayerClosed):
        player.play(COUNT, RATE)


def test_loud_noise_does_not_reach_the_ear() -> None:
    noise = np.array([np.nan, np.inf, -np.inf, 9, -9, 0.5], np.float32)
    np.testing.assert_array_equal(as_frames(noise, 1)[:, 0], [0, 1, -1, 1, -1, 0.5])


@pytest.mark.parametrize("kind", ["wav", "flac"])
def test_a_file_is_played_at_its_own_rate(
    player: Player, fast: Silent, tmp_path: Path, kind: str
) -> None:
    file = tmp_path / f"sound.{kind}"
    soundfile.write(file, COUNT, 16000, subtype="PCM_16")
    receipt = account_for(player.play_file(file).wait(PATIENCE))
    assert receipt.complete
    assert receipt.base_url == str(file)
    assert (receipt.format.source, receipt.format.samplerate) == ("header", 16000)
    assert receipt.output.samplerate == 16000
    np.testing.assert_array_equal(fast.values, COUNT)


def test_raw_bytes_are_played_as_they_come(player: Player, fast: Silent) -> None:
    data = io.BytesIO(COUNT.tobytes())
    receipt = player.play_file(data, decode_as=f"pcm_s16le@{RATE}").wait(PATIENCE)
    assert account_for(receipt).frames.played == RATE
    np.testing.assert_array_equal(fast.values, COUNT)


@pytest.mark.parametrize("rate", [RATE, 8000])
def test_raw_bytes_that_end_inside_a_frame_were_cut_short_and_what_came_is_heard(
    rate: int, player: Player, fast: Silent
) -> None:
    data = io.BytesIO(COUNT.tobytes() + b"\x01")  # half a frame, of a pipe that broke
    error = failure(player.play_file(data, decode_as=f"pcm_s16le@{rate}"))
    assert isinstance(error, Truncated)
    assert receipt_of(error).frames.played == RATE


def awaited(body: Callable[[AsyncPlayer], Coroutine[Any, Any, AsyncUtterance]]) -> Receipt:
    """Return the receipt of what `body` has an asynchronous player play."""

    async def run() -> Receipt:
        async with AsyncPlayer(base_url="http://127.0.0.1:9/v1") as player:
            return await (await body(player)).wait(PATIENCE)

    return account_for(asyncio.run(run()))


def test_frames_are_played_for_asyncio_too(fast: Silent) -> None:
    assert awaited(lambda player: player.play(COUNT, RATE)).complete
    np.testing.assert_array_equal(fast.values, COUNT)


def test_asynchronous_frames_are_made_on_the_callers_loop(fast: Silent) -> None:
    loops: set[object] = set()

    async def made() -> AsyncIterator[np.ndarray]:
        for part in parts():
            loops.add(asyncio.get_running_loop())
            yield part

    async def body(player: AsyncPlayer) -> AsyncUtterance:
        loops.add(asyncio.get_running_loop())
        return await player.play(made(), RATE)

    assert awaited(body).complete
    assert len(loops) == 1


def test_a_file_is_played_for_asyncio_too(fast: Silent, tmp_path: Path) -> None:
    file = tmp_path / "sound.pcm"
    file.write_bytes(COUNT.tobytes())
    receipt = awaited(lambda player: player.play_file(file, decode_as=f"pcm_s16le@{RATE}"))
    assert receipt.base_url == str(file)
    np.testing.assert_array_equal(fast.values, COUNT)


def test_a_file_that_nobody_waits_for_any_more_is_not_heard(
    fast: Silent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[UtteranceState] = []
    open_file = PlayerCore.utterance_of_file

    def utterance_of_file(*arguments: Any, **options: Any) -> UtteranceState:
        opened.append(open_file(*arguments, **options))
        return opened[-1]

    def is_closed() -> bool:
        feed = opened[0].sound if opened else None
        return feed is not None and feed.file.closed

    async def run() -> None:
        async with AsyncPlayer(base_url="http://127.0.0.1:9/v1") as player:
            await player.pause()
            task = asyncio.create_task(player.play_file(pipe, decode_as=f"pcm_s16le@{RATE}"))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            with suppress(BrokenPipeError):  # it may be closed before anything is written
                pipe.write_bytes(COUNT.tobytes())
            await asyncio.to_thread(wait_until, is_closed)

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    monkeypatch.setattr(PlayerCore, "utterance_of_file", utterance_of_file)
    asyncio.run(run())
    assert not opened[0].begun
    assert len(fast.played) == 0


def test_frames_that_end_with_an_exit_end_no_loop(player: Player) -> None:
    async def leaving() -> AsyncIterator[np.ndarray]:
        yield COUNT
        raise SystemExit(3)

    with pytest.raises(RuntimeError, match=r"the frames ended with SystemExit\(3\)"):
        player.play(leaving(), RATE).wait(PATIENCE)
    assert player.play(COUNT, RATE).wait(PATIENCE).complete


def test_a_file_that_is_not_there_or_no_sound_is_told(player: Player, tmp_path: Path) -> None:
    with pytest.raises(FileFailed, match="cannot read"):
        player.play_file(str(tmp_path / "nothing.wav"))
    (tmp_path / "text").write_text("no sound")
    with pytest.raises(FileFailed, match=r"it is text\. To hear it: streamplay say -f"):
        player.play_file(tmp_path / "text")
