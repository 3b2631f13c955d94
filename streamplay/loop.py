"""An event loop on a separate thread, for code that is not asynchronous."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")
P = ParamSpec("P")


class BackgroundLoop:
    """Runs coroutines for other threads, until `stop` or the end of the process."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the loop; its result is a future for other threads."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def call(self, function: Callable[..., object], *args: object) -> None:
        """Call a function on the loop soon, from any thread. After `stop`, do nothing."""
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(function, *args)

    @property
    def is_current(self) -> bool:
        """Whether the caller is on the loop's thread, where waiting for the loop never ends."""
        return threading.current_thread() is self._thread

    def stop(self) -> None:
        """Cancel all tasks, and end the thread."""
        self._stopping = True
        self.call(self._loop.stop)
        if not self.is_current:
            self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            while not self._stopping:
                # Raised by a callback of the user: the loop goes on.
                with suppress(SystemExit, KeyboardInterrupt):
                    self._loop.run_forever()
        finally:
            self._cancel_all()
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            with suppress(RuntimeError):  # no new threads while the interpreter ends
                self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

    def _cancel_all(self) -> None:
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))


async def aside(function: Callable[..., T], *args: object) -> T:
    """Call a function that blocks on another thread, so that the loop is not blocked.

    While the interpreter ends, no thread can be started: the function then runs on the loop.
    """
    try:
        pending = asyncio.get_running_loop().run_in_executor(None, function, *args)
    except RuntimeError:
        return function(*args)
    return await pending


def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
    """Call a function that blocks on a daemon thread, for which no ending loop waits."""
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            result = function(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001 - passed to the caller
            outcome.set_exception(error)
        else:
            outcome.set_result(result)

    threading.Thread(target=run, name="streamplay call", daemon=True).start()
    return outcome
