"""``streamplay serve``: the local speech server."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from streamplay.cli.usage import UsageError
from streamplay.errors import ConnectFailed
from streamplay.server import service

if TYPE_CHECKING:
    from streamplay.cli.parser import Parser


def add_arguments(parser: Parser) -> None:
    """Add the server's arguments without their defaults: `run` must know which were given."""
    service.add_arguments(parser)
    parser.set_defaults(**{action.dest: None for action in parser.actions})


def run(args: argparse.Namespace) -> int:
    """Serve until a signal ends it."""
    given = {key: value for key, value in vars(args).items() if value is not None}
    if not 0 <= given.get("port", 0) <= 65535:
        raise UsageError(f"--port: {given['port']} is beyond 65535, the last port")
    defaults = argparse.ArgumentParser()
    service.add_arguments(defaults)
    try:
        return service.run(defaults.parse_args([], argparse.Namespace(**given)))
    except ModuleNotFoundError as error:
        raise ConnectFailed(
            f"the local speech server needs {error.name}, not installed here",
            remedy="Install it with: pip install 'streamplay[local]'",
        ) from error
