"""``streamplay doctor``: checks everything that speech needs, and names remedies."""

from __future__ import annotations

import asyncio
import os
import platform
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from streamplay.cli import config, console, options, status
from streamplay.errors import (
    InvalidRequest,
    NotAuthorized,
    ServerRefused,
    StreamPlayError,
    UnexpectedContent,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from streamplay.cli.parser import Parser

FindingState = Literal["ok", "note", "bad"]

_PATIENCE_SECONDS: Final = 5.0
"""The time limit for one answer of the server, unless ``--timeout`` sets another."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was checked, what was found, and what to do about it.

    ``note``: it works, but perhaps not as expected. ``bad``: it does not work.
    """

    about: str
    state: FindingState
    text: str
    remedy: str = ""


def add_arguments(parser: Parser) -> None:
    """Add the arguments of ``doctor``."""
    options.add_server(parser, speaks=False)


def run(args: argparse.Namespace) -> int:
    """Check everything; return 0 if speech can be heard, 1 if not."""
    failed = False
    for finding in _examine(args):
        failed = failed or finding.state == "bad"
        _print(f"{finding.state:<5}{finding.about:<9}{finding.text}", 14)
        if finding.remedy:
            _print(f"{'':<14}→ {finding.remedy}", 16)
    return status.FAILED if failed else status.OK


def _print(row: str, indent: int) -> None:
    """Print a row, wrapped to the terminal's width where there is one."""
    columns = console.columns() if console.is_terminal(sys.stdout) else len(row) + 1
    console.out(console.wrapped(row, columns, " " * (indent if columns > 3 * indent else 4)))


def _examine(args: argparse.Namespace) -> Iterator[Finding]:
    yield _python()
    yield _configuration()
    yield from _sound()
    yield _built_in_voice()
    yield _key(args)
    yield _network(args)


def _python() -> Finding:
    from importlib.metadata import version

    packages = ", ".join(
        f"{name} {version(name)}" for name in ("streamplay", "numpy", "sounddevice")
    )
    system = f"{platform.system()} {platform.machine()}"
    return Finding("python", "ok", f"{platform.python_version()} on {system}; {packages}")


def _configuration() -> Finding:
    file = config.path()
    if file is None or not Path(file).exists():
        return Finding("config", "ok", f"no configuration file ({file or 'no home folder'})")
    return Finding("config", "ok", file)


def _sound() -> Iterator[Finding]:
    from streamplay.outputs.devices import list_devices
    from streamplay.outputs.portaudio import load

    try:
        version = load().get_portaudio_version()[1]
        devices = list_devices()
    except StreamPlayError as error:
        yield Finding("library", "note", f"{error.message}; sound goes nowhere", error.remedy)
        return
    yield Finding("library", "ok", version.partition(",")[0])
    chosen = [device for device in devices if device.default]
    if chosen:
        yield Finding("device", "ok", f"{chosen[0].name} ({chosen[0].hostapi})")
        return
    remedy = "Start the sound system or plug something in; then see: streamplay devices"
    yield Finding("device", "note", "no output device; sound goes to a silent clock", remedy)


def _built_in_voice() -> Finding:
    from streamplay.server.child import VOICES, lacking

    missing = lacking()
    if missing:
        text = f"no built-in voice: {' and '.join(missing)} not installed"
        return Finding("voice", "note", text, "pip install 'streamplay[local]'")
    there = [package for module, package in VOICES.items() if find_spec(module)]
    text = f"the built-in voice is installed: {' and '.join(there) or 'another engine'}"
    if "espeakng-loader" in there:
        return Finding("voice", "ok", text)
    return Finding(
        "voice", "ok", f"{text}; other languages than English: pip install 'streamplay[espeak]'"
    )


def _key(args: argparse.Namespace) -> Finding:
    name = args.api_key_env or "TOGETHER_API_KEY"
    if os.environ.get(name):
        notice = _endpoint_notice(args)
        return Finding("key", "note" if notice else "ok", notice or f"{name} is set")
    text = f"{name} is not set"
    if args.local or options.lacks_a_key(args):
        text += ": the built-in voice speaks"
    return Finding("key", "note", text, f"export {name}=…, in this shell or its profile")


def _endpoint_notice(args: argparse.Namespace) -> str:
    from streamplay.network.endpoint import find_endpoint

    given = {key: value for key, value in options.for_client(args).items() if key != "timeout"}
    try:
        return find_endpoint(os.environ, **given).notice
    except InvalidRequest:
        return ""  # told as the network's


def _network(args: argparse.Namespace) -> Finding:
    if options.speaks_locally(args):
        return Finding("network", "ok", "not needed for the built-in voice")
    try:
        return Finding("network", "ok", asyncio.run(_visit(args)))
    except NotAuthorized as error:
        return Finding("key", "bad", error.message, error.remedy)
    except ServerRefused as error:
        # The server answered, so the network works, even if it lists nothing.
        return Finding("network", "note", f"the server answers, and says: {error.message}")
    except StreamPlayError as error:
        remedy = error.remedy or "Is the network up, and the URL right?"
        return Finding("network", "bad", error.message, remedy)


async def _visit(args: argparse.Namespace) -> str:
    from streamplay.network.client import SpeechClient

    async with SpeechClient(**{"timeout": _PATIENCE_SECONDS, **options.for_client(args)}) as client:
        lists: dict[str, Callable[[], Awaitable[Sequence[object]]]] = {
            "voices": client.voices,
            "models": client.models,
        }
        counts: dict[str, int] = {}
        refused: ServerRefused | UnexpectedContent | None = None
        for what, ask in lists.items():
            try:
                counts[what] = len(await ask())
            except (ServerRefused, UnexpectedContent) as error:
                if isinstance(error, NotAuthorized):
                    raise
                refused = refused or error
    if refused is not None and not counts:
        raise refused
    said = " and ".join(f"{count} {what}" for what, count in counts.items())
    missing = "".join(f", and lists no {what}" for what in lists.keys() - counts.keys())
    return f"the server answers, with {said}{missing}"
