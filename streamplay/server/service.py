"""The command line of the local speech server, and its life from start to end."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
import threading
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from streamplay.errors import FileFailed
from streamplay.network.endpoint import is_loopback
from streamplay.server import scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamplay.server.access import Access
    from streamplay.trace import Trace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add every option of the server to `parser`."""
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=0, help="the port; 0: any that is free")
    parser.add_argument(
        "--require-key",
        action="store_true",
        help="refuse requests without the key of TOGETHER_API_KEY (where that is unset: any key)",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        metavar="NAME",
        help="answer also to this name in Host (on loopback: only to loopback's names); repeatable",
    )
    parser.add_argument(
        "--allow-origin",
        action="append",
        metavar="URL",
        help="let the pages of this origin use the server (*: all pages); repeatable",
    )
    parser.add_argument(
        "--any-name",
        action="store_true",
        help="speak also for models and voices that are unknown, with others in their place",
    )
    parser.add_argument(
        "--engine",
        metavar="NAME",
        help="which engine speaks: auto (hibari for English where it is installed, eSpeak NG for "
        "the rest), espeak, hibari, or one that a package adds",
    )
    parser.add_argument("--tied", action="store_true", help="end when standard input closes")
    parser.add_argument(
        "--replay",
        action="append",
        metavar="TRACE",
        help="answer at the times of a recorded arrival trace; repeatable: one a request",
    )
    scenario.add_arguments(parser)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse `argv` and serve."""
    parser = argparse.ArgumentParser(
        prog="python -m streamplay.server",
        description="Serve the speech API with a built-in voice, delays and faults on demand.",
    )
    add_arguments(parser)
    return run(parser.parse_args(argv))


def run(options: argparse.Namespace) -> int:
    """Serve until told to end: SIGTERM, Ctrl-C, or (``--tied``) standard input closing."""
    if options.tied:
        # Ctrl-C reaches the whole group; a tied server ends when its parent does.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        _choose_engine(options.engine)
        return asyncio.run(_serve(options, scenario.from_arguments(options)))
    except scenario.ScenarioError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except FileFailed as error:
        sys.stderr.write(f"{error}\n")
        return 4
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        where = f"{options.host}:{options.port}"
        why = os.strerror(error.errno) if error.errno else str(error)
        sys.stderr.write(f"streamplay: cannot listen on {where}: {why}\n")
        return 1


def _choose_engine(name: str | None) -> None:
    """Let an engine speak in this process where a request names none.

    Raises
    ------
    ScenarioError
        If it is not installed.
    """
    if name is None:
        return
    from streamplay.server import engines

    if name != "auto" and not engines.is_installed(name):
        known = ", ".join(["auto", "espeak", *engines.installed()])
        raise scenario.ScenarioError(f"--engine: {name!r} is not installed; there are {known}")
    os.environ[engines.CHOICE] = name


async def _serve(options: argparse.Namespace, wanted: scenario.Scenario) -> int:
    from streamplay.server import speech

    # The voice loads on a thread while aiohttp is imported here: much of both is done without
    # the interpreter's lock.
    warming = asyncio.create_task(asyncio.to_thread(speech.warm))
    await asyncio.sleep(0)  # lets the thread begin
    _import_aiohttp()
    from aiohttp import http_exceptions, web

    from streamplay.server.app import State, make_app
    from streamplay.server.listening import listening

    # What a client got wrong is told to the client; it is no error of this server.
    theirs = (http_exceptions.HttpProcessingError, web.RequestPayloadError)
    logging.getLogger("aiohttp.server").addFilter(
        lambda record: not isinstance((record.exc_info or (None, None))[1], theirs)
    )
    traces = _traces(options.replay or ())
    state = State(wanted, _access(options), traces=traces, any_name=options.any_name)
    ended = asyncio.Event()
    address = listening(make_app(state), options.host, options.port, state.patience)
    async with address as (host, port):
        _on_end(ended, tied=options.tied)
        shown = f"[{host}]" if ":" in host else host
        sys.stdout.write(f"listening on http://{shown}:{port}/v1\n")
        sys.stdout.flush()
        await asyncio.gather(ended.wait(), warming)
    return 0


def _traces(names: Sequence[str]) -> list[Trace]:
    if not names:
        return []  # before anything is imported for them
    from streamplay.trace import load

    return [load(Path(name)) for name in names]


def _access(options: argparse.Namespace) -> Access:
    from streamplay.server.access import Access

    return Access(
        loopback=is_loopback(options.host),
        hosts=options.allow_host or (),
        origins=options.allow_origin or (),
        require_key=options.require_key,
        key=os.environ.get("TOGETHER_API_KEY") or None,
    )


def _import_aiohttp() -> None:
    """Import aiohttp without the system's certificates.

    It reads them as it is imported, twice, for 50 ms; this process makes no TLS
    connection.
    """
    kept = os.environ.get("SSL_CERT_FILE")
    os.environ["SSL_CERT_FILE"] = os.devnull
    try:
        import_module("aiohttp")
    finally:
        os.environ.pop("SSL_CERT_FILE")
        os.environ.update({} if kept is None else {"SSL_CERT_FILE": kept})


def _on_end(ended: asyncio.Event, *, tied: bool) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM,) if tied else (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, ended.set)
        except NotImplementedError:  # Windows: Ctrl-C arrives as KeyboardInterrupt
            break
    if tied:
        _watch_stdin(lambda: loop.call_soon_threadsafe(ended.set))


def _watch_stdin(closed: Callable[[], object]) -> None:
    """Call `closed` once standard input has ended; a daemon, so it holds up no exit."""

    def watch() -> None:
        # Unbuffered: a buffered reader's lock would hold up the interpreter's exit.
        while os.read(0, 4096):
            pass
        closed()

    threading.Thread(target=watch, name="stdin", daemon=True).start()
