"""The player for asyncio: the same names, awaited."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from streamplay.player import Player

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from types import TracebackType

    from streamplay.receipt import Receipt
    from streamplay.utterance import Heard, Utterance


class AsyncUtterance:
    """An utterance of an `AsyncPlayer`. Cancelling a task that waits for it cancels it."""

    def __init__(self, utterance: Utterance) -> None:
        self._utterance = utterance

    @property
    def done(self) -> bool:
        """Whether it has been heard, was cut short, or failed."""
        return self._utterance.done

    @property
    def receipt(self) -> Receipt:
        """What was received and heard so far; never raises."""
        return self._utterance.receipt

    async def wait(self, timeout: float | None = None) -> Receipt:  # noqa: ASYNC109 - the blocking face's
        """Wait until it has been heard: see `streamplay.utterance.Utterance.wait`."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._utterance.on_done(lambda: _set_soon(loop, done))
        try:
            async with asyncio.timeout(timeout):
                await done
        except TimeoutError:
            raise TimeoutError(f"not heard within {timeout:g} s") from None
        except asyncio.CancelledError:
            self._utterance.cancel()
            raise
        return self._utterance.wait()

    async def cancel(self) -> Heard:
        """Silence it now: see `streamplay.utterance.Utterance.cancel`."""
        return self._utterance.cancel()


class AsyncPlayer:
    """A `streamplay.Player` for asyncio.

    Everything that takes time happens on the player's own thread, so that the
    caller's loop is never held up.

    Parameters
    ----------
    **options
        See `streamplay.options.Options`.
    """

    def __init__(self, **options: Any) -> None:
        self._options = options
        self._made: Player | None = None

    async def __aenter__(self) -> Self:
        await self._player()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close(cut=kind is not None)

    async def say(
        self,
        text: str | Iterable[str],
        *,
        output: str | Path | None = None,
        force: bool = False,
        record: str | Path | None = None,
        **options: Any,
    ) -> AsyncUtterance:
        """Queue something to be said; return when it is queued: see `Player.say`."""
        player = await self._player()
        said = player.say(text, output=output, force=force, record=record, **options)
        return AsyncUtterance(said)

    async def interrupt(self) -> Heard:
        """Fall silent now: see `Player.interrupt`."""
        return (await self._player()).interrupt()

    async def pause(self) -> None:
        """Hold the sound: see `Player.pause`."""
        (await self._player()).pause()

    async def resume(self) -> None:
        """Let the sound return: see `Player.resume`."""
        (await self._player()).resume()

    @property
    def volume(self) -> float:
        """In dB: see `Player.volume`."""
        return self._made.volume if self._made else float(self._options.get("volume", 0.0))

    @volume.setter
    def volume(self, decibels: float) -> None:
        self._options["volume"] = decibels
        if self._made is not None:
            self._made.volume = decibels

    async def close(self, *, cut: bool = False) -> None:
        """Let what is queued be heard, then give everything back: see `Player.close`."""
        player = await self._player()
        await asyncio.to_thread(player.close, cut=cut)

    async def _player(self) -> Player:
        if self._made is None:
            self._made = await asyncio.to_thread(lambda: Player(**self._options))
        return self._made


def _set_soon(loop: asyncio.AbstractEventLoop, done: asyncio.Future[None]) -> None:
    with suppress(RuntimeError):  # whoever waited is gone, and the loop with them
        loop.call_soon_threadsafe(_set, done)


def _set(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)
