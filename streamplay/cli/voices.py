"""``streamplay voices``: the voices that the server offers."""

from __future__ import annotations

import contextlib
from dataclasses import asdict
from typing import TYPE_CHECKING

from streamplay.cli import console, options, report, status
from streamplay.cli.usage import UsageError

if TYPE_CHECKING:
    import argparse

    from streamplay.cli.parser import Parser
    from streamplay.models import Voice


def add_arguments(parser: Parser) -> None:
    """Add the arguments of ``voices``."""
    # Not `model`: the model in the configuration file is for speaking, and no filter here.
    add = parser.add_argument
    add("-m", "--model", dest="of_model", metavar="MODEL", help="those of one model alone")
    options.add_server(parser, speaks=False)
    parser.add_argument("--json", action="store_true", default=None, help="as JSON")
    options.quiet(parser)


def run(args: argparse.Namespace) -> int:
    """List them."""
    voices = _ask(args)
    if args.json:
        console.out(report.as_json([asdict(voice) for voice in voices]))
        return status.OK
    if not voices:
        console.tell("the server names no voices")
        return status.OK
    report.table(
        ("VOICE", "NAME", "LANGUAGE", "MODEL"),
        [(voice.id, voice.name, voice.language or "-", voice.model or "-") for voice in voices],
    )
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


async def _list(args: argparse.Namespace, base_url: str | None) -> list[Voice]:
    from streamplay.network.client import SpeechClient

    async with SpeechClient(
        **{**options.for_client(args), "base_url": base_url}, notify=options.notifier(args)
    ) as client:
        return await client.voices(args.of_model)
