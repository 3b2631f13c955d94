"""The voices that servers have listed, kept so that Tab can propose them without the network."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from streamplay.cli import config
from streamplay.cli.user_files import UserFiles, state_folder
from streamplay.rules.families import FAMILIES, family_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streamplay.models import Voice

_FILE: Final = "voices.json"
_FILE_BYTES: Final = 1 << 20
_SERVERS: Final = 20
"""Servers that are remembered; the one listed longest ago is forgotten first."""


def remember(server: str, voices: Iterable[Voice], tell: Callable[[str], None]) -> None:
    """Keep the voices that a server has listed; nothing with ``[privacy] store = false``."""
    if not config.tables()["privacy"].get("store", True):
        return
    files = UserFiles(state_folder(), tell)
    known = _read(files)
    known.pop(server, None)
    known[server] = [[voice.id, voice.model] for voice in voices]
    kept = dict(list(known.items())[-_SERVERS:])
    files.write(_FILE, json.dumps(kept).encode())


def names(server: str | None, model: str | None) -> list[str]:
    """Return the voices of a server, or of all, that speak with a model, or with any."""
    known = _recall()
    listed = known.get(server, []) if server else [row for rows in known.values() for row in rows]
    found = [name for name, of in listed if model is None or of is None or of == model]
    own = FAMILIES[family_of(model) or ""].get("voice") if model and family_of(model) else None
    if not found and server != "local":
        usual = [each["voice"] for each in FAMILIES.values() if "voice" in each]
        found = [own] if own else [] if model else usual
    return list(dict.fromkeys(found))


def models() -> list[str]:
    """Return the models whose voices servers have listed."""
    return list(dict.fromkeys(of for rows in _recall().values() for _, of in rows if of))


def servers() -> list[str]:
    """Return the addresses of the servers whose voices have been listed."""
    return [server for server in _recall() if "://" in server]


def _recall() -> dict[str, list[tuple[str, str | None]]]:
    return _read(UserFiles(state_folder(), lambda _: None))


def _read(files: UserFiles) -> dict[str, Any]:
    """Return what is kept, without whatever has another form."""
    try:
        known = json.loads(files.read(_FILE, _FILE_BYTES) or "{}")
    except (ValueError, RecursionError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {
        server: [row for row in rows if _is_row(row)]
        for server, rows in known.items()
        if isinstance(rows, list)
    }


def _is_row(row: Any) -> bool:
    match row:
        case [str(), None] | [str(), str()]:
            return True
    return False
