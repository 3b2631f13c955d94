"""The API key that ``streamplay login`` has stored: a file of mode 0600, or the system's keyring.

It counts as ``TOGETHER_API_KEY``, and the variable wins over it. It never stands on a command line
and is never shown.
"""

from __future__ import annotations

import contextlib
import os

from streamplay.cli import config

TYPE_CHECKING = False  # as in streamplay.cli
if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping
    from typing import Final

VARIABLE: Final = "TOGETHER_API_KEY"

IN_KEYRING: Final = "keyring:streamplay"
"""What the file holds where the key itself is in the system's keyring."""

SERVICE: Final = "streamplay"

_BYTES: Final = 4096


def path() -> str | None:
    """Return where the key is stored; None without a home folder."""
    file = config.path()
    return None if file is None else file.removesuffix("config.toml") + "key"


def load(environment: MutableMapping[str, str]) -> None:
    """Put the stored key into the environment, unless a key is there already."""
    if environment.get(VARIABLE):
        return
    key = _stored()
    if key:
        environment[VARIABLE] = key


def described(environment: Mapping[str, str]) -> tuple[str, str]:
    """Return whether there is a key, and where it comes from; never the key."""
    stored = _stored()
    given = environment.get(VARIABLE)
    if given and given != stored:
        return "set", f"environment ({VARIABLE})"
    return ("set", path() or "") if stored else ("not set", "-")


def _stored() -> str:
    file = path()
    if file is None:
        return ""
    try:
        descriptor = os.open(file, os.O_RDONLY)
    except OSError:
        return ""
    with contextlib.closing(os.fdopen(descriptor, "rb")) as stream:
        key = stream.read(_BYTES).decode("ascii", "replace").strip()
    return _from_keyring() if key == IN_KEYRING else key


def _from_keyring() -> str:
    try:
        import keyring

        return keyring.get_password(SERVICE, VARIABLE) or ""
    except Exception:  # noqa: BLE001 - whatever the system's keyring raises, there is no key
        return ""
