"""``streamplay voices``: the voices that the server offers."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from streamplay.cli import console, options, report, status
from streamplay.cli.usage import UsageError
from streamplay.rules.families import DEFAULT_MODEL

if TYPE_CHECKING:
    import argparse

    from streamplay.cli.parser import Parser
    from streamplay.models import Voice


def add_arguments(parser: Parser) -> None:
    """Add the arguments of ``voices``."""
    add = parser.add_argument
    add("filter", nargs="?", metavar="FILTER", help="those whose name, language or model has it")
    # Not `model` and `language`: those of the configuration are for speaking, and no filters here.
    add("-m", "--model", dest="of_model", metavar="MODEL", help="those of one model alone")
    add("--language", dest="of_language", metavar="CODE", help="those of one language, as en")
    add("--preview", action="store_true", default=None, help="let each be heard in one sentence")
    options.add_server(parser, speaks=False)
    parser.add_argument("--json", action="store_true", default=None, help="as JSON")
    options.quiet(parser)


def run(args: argparse.Namespace) -> int:
    """List them."""
    voices = [voice for voice in _ask(args) if _is_wanted(voice, args)]
    if args.json:
        console.out(report.as_json([asdict(voice) for voice in voices]))
        return status.OK
    if not voices:
        filtered = args.filter or args.of_language
        console.tell("no voice fits" if filtered else "the server names no voices")
        return status.OK
    if args.preview:
        return _preview(args, voices)
    _print(voices)
    return status.OK


def _is_wanted(voice: Voice, args: argparse.Namespace) -> bool:
    words = " ".join((voice.id, voice.name, voice.language or "", voice.model or "")).casefold()
    if args.filter and args.filter.casefold() not in words:
        return False
    wanted = (args.of_language or "").casefold()
    spoken = (voice.language or "").casefold()
    return not wanted or spoken == wanted or spoken.startswith(f"{wanted}-")


def _print(voices: list[Voice]) -> None:
    """Print a table; a column stands in it only where it says something."""
    columns = {
        "VOICE": [voice.id for voice in voices],
        "NAME": [voice.name if voice.name != voice.id else "" for voice in voices],
        "LANGUAGE": [voice.language or "" for voice in voices],
        "MODEL": [voice.model or "" for voice in voices],
    }
    told = {title: cells for title, cells in columns.items() if any(cells)}
    report.table(tuple(told), list(zip(*told.values(), strict=True)))


def _preview(args: argparse.Namespace, voices: list[Voice]) -> int:
    """Speak a sentence with each voice, one after the other; Ctrl-C ends it."""
    from streamplay.player import Player

    asked = options.for_client(args)
    asked.pop("base_url", None)
    where: dict[str, Any] = (
        {"local": True} if options.speaks_locally(args) else {"base_url": args.base_url}
    )
    with Player(**asked, **where, notify=options.notifier(args)) as player:
        for voice in voices:
            console.out(voice.id)
            model = voice.model or DEFAULT_MODEL
            player.say(f"This is {voice.name}.", voice=voice.id, model=model).wait()
    return status.OK


def _ask(args: argparse.Namespace) -> list[Voice]:
    import asyncio

    if args.local and args.base_url:
        raise UsageError("--local and --base-url name two servers")
    options.tell_the_voice(args)
    with contextlib.ExitStack() as stack:
        base_url = args.base_url
        if options.speaks_locally(args):
            from streamplay.server.child import LocalServer

            base_url = stack.enter_context(LocalServer()).base_url
        return asyncio.run(_list(args, base_url))


def _remember(args: argparse.Namespace, server: str, voices: list[Voice]) -> None:
    """Keep the list for completion, where a person reads it: a script leaves no files behind."""
    if not console.is_terminal(sys.stderr):
        return
    from streamplay.cli import known_voices

    tell = options.notifier(args) or (lambda _: None)
    known_voices.remember("local" if options.speaks_locally(args) else server, voices, tell)


async def _list(args: argparse.Namespace, base_url: str | None) -> list[Voice]:
    from streamplay.network.client import SpeechClient

    async with SpeechClient(
        **{**options.for_client(args), "base_url": base_url}, notify=options.notifier(args)
    ) as client:
        voices = await client.voices(args.of_model)
        if args.of_model is None:
            _remember(args, client.base_url, voices)
        return voices
