"""``streamplay login``: store the API key, without its ever standing on a command line."""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from streamplay.cli import console, status, stored_key
from streamplay.cli.usage import UsageError
from streamplay.errors import FileFailed

if TYPE_CHECKING:
    import argparse

    from streamplay.cli.parser import Parser


def add_arguments(parser: Parser) -> None:
    """Add the arguments of ``login``."""
    add = parser.add_argument
    add("--keyring", action="store_true", default=None, help="keep it in the system's keyring")
    add("--remove", action="store_true", default=None, help="forget the stored key")


def run(args: argparse.Namespace) -> int:
    """Ask for the key and store it."""
    file = stored_key.path()
    if file is None:
        raise UsageError("there is no home folder to store the key in: set HOME")
    if args.remove:
        _remove(file)
        return status.OK
    key = _ask()
    if args.keyring:
        _to_keyring(key)
        _write(file, stored_key.IN_KEYRING)
    else:
        _write(file, key)
        console.tell(f"the key is stored in {file}, which only you can read")
    if os.environ.get(stored_key.VARIABLE, key) != key:
        console.tell(f"{stored_key.VARIABLE} is set as well, and wins over the stored key")
    return status.OK


def _ask() -> str:
    """Read the key: without an echo from a terminal, or a line of standard input."""
    if sys.stdin is None:
        raise UsageError("standard input is closed: there is no key to read")
    if console.is_terminal(sys.stdin):
        key = getpass.getpass("API key (it is not shown): ", stream=sys.stderr)
    else:
        key = sys.stdin.readline()
    key = key.strip()
    if not key:
        raise UsageError("no key was given; nothing was stored")
    if not re.fullmatch(r"[!-~]{1,4000}", key):
        raise UsageError("that is no key: it holds characters that no header can carry")
    return key


def _to_keyring(key: str) -> None:
    try:
        import keyring
    except ImportError as error:
        raise UsageError("--keyring needs an extra: pip install 'streamplay[keyring]'") from error
    begun = time.perf_counter()
    try:
        keyring.set_password(stored_key.SERVICE, stored_key.VARIABLE, key)
        found = keyring.get_password(stored_key.SERVICE, stored_key.VARIABLE)
    except Exception as error:  # each backend has exceptions of its own
        raise FileFailed(f"the system's keyring refuses: {error}") from error
    if found != key:
        raise FileFailed("the system's keyring has not kept the key")
    taken = time.perf_counter() - begun
    console.tell(f"the key is in the system's keyring; reading it adds {taken:.1f} s to each start")


def _write(file: str, text: str) -> None:
    """Write the file anew with mode 0600, whole or not at all."""
    path = Path(file)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(text + "\n")
        beside.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise FileFailed(f"cannot write {file}: {error.strerror}") from error


def _remove(file: str) -> None:
    try:
        import keyring

        keyring.delete_password(stored_key.SERVICE, stored_key.VARIABLE)
    except Exception:  # noqa: BLE001, S110 - it need not be there
        pass
    try:
        Path(file).unlink()
    except FileNotFoundError:
        console.tell("no key is stored")
    except OSError as error:
        raise FileFailed(f"cannot remove {file}: {error.strerror}") from error
    else:
        console.tell("the stored key is removed")
