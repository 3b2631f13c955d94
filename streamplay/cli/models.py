"""``streamplay models``: the known models and the formats that they return."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamplay.cli import console, report, status

if TYPE_CHECKING:
    import argparse

    from streamplay.cli.parser import Parser


def add_arguments(parser: Parser) -> None:
    """Add the arguments of ``models``."""
    parser.add_argument("--json", action="store_true", default=None, help="as JSON")


def run(args: argparse.Namespace) -> int:
    """List them."""
    from streamplay.models import known_models

    fields = ("id", "encoding", "samplerate", "streams", "voice")
    rows = [{field: getattr(model, field) for field in fields} for model in known_models()]
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
