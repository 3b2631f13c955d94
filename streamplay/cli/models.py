"""``streamplay models``: the models, and the formats that they are known to return."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from streamplay.cli import console, options, report, status
from streamplay.cli.usage import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from streamplay.cli.parser import Parser
    from streamplay.models import Model


def add_arguments(parser: Parser) -> None:
    """Add the arguments of ``models``."""
    parser.add_argument("--json", action="store_true", default=None, help="as JSON")
    options.add_server(parser, speaks=False)
    options.quiet(parser)


def run(args: argparse.Namespace) -> int:
    """List those of the server that is named, or else those that are known."""
    fields = ("id", "encoding", "samplerate", "streams", "voice")
    rows = [{field: getattr(model, field) for field in fields} for model in _models(args)]
    if args.json:
        console.out(report.as_json(rows))
        return status.OK
    streams = {True: "yes", False: "no", None: "try"}
    report.table(
        ("MODEL", "ENCODING", "RATE", "STREAMS", "VOICE"),
        [
            (
                row["id"],
                row["encoding"] or "as asked",
                str(row["samplerate"] or "as asked"),
                streams[row["streams"]],
                row["voice"] or "-",
            )
            for row in rows
        ],
    )
    return status.OK


def _models(args: argparse.Namespace) -> Iterable[Model]:
    from streamplay.models import Model, known_model, known_models

    if args.local and args.base_url:
        raise UsageError("--local and --base-url name two servers")
    if not (args.local or args.base_url or os.environ.get("TOGETHER_BASE_URL")):
        return known_models()
    listed = _ask(args)
    # A known family's facts under the server's own name; of others only the name is known.
    return [replace(known_model(name) or Model(name, streams=None), id=name) for name in listed]


def _ask(args: argparse.Namespace) -> list[str]:
    import asyncio

    with contextlib.ExitStack() as stack:
        base_url = args.base_url
        if args.local:
            from streamplay.server.child import LocalServer

            base_url = stack.enter_context(LocalServer()).base_url
        names = asyncio.run(_list(args, base_url))
    if not names and not args.json:
        console.tell("the server names no models")
    return names


async def _list(args: argparse.Namespace, base_url: str | None) -> list[str]:
    from streamplay.network.client import SpeechClient

    async with SpeechClient(
        **{**options.for_client(args), "base_url": base_url}, notify=options.notifier(args)
    ) as client:
        return await client.models()
