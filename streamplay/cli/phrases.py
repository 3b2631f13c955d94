"""Phrases: short texts of the user's, spoken by one key, whose sound is fetched once and kept.

They stand in the configuration, ``[phrases]``, as ``name = "text"``, and in a file of the state
folder where ``/phrase add`` puts them. The first twelve are on F1 to F12, in that order. The sound
is kept for one voice, model, speed and server: with another, it is fetched again.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import threading
import wave
from typing import TYPE_CHECKING, Any, Final

from streamplay.errors import StreamPlayError
from streamplay.rules.option_table import options_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from streamplay.cli.user_files import UserFiles

MOST: Final = 200
"""Phrases that are kept: more than a person remembers the names of."""

MOST_SOUND_BYTES: Final = 64 << 20
"""Of kept sound; the oldest goes first. 200 phrases of 5 s take 48 MB."""

_FILE: Final = "phrases.json"
_FILE_BYTES: Final = 1 << 18
_FOLDER: Final = "phrases"

# What of a player's options changes how a phrase sounds.
_SOUNDS_BY: Final = (
    *(option.name for option in options_in("request") if option.name != "alignment"),
    *("clean", "base_url", "local"),
)


class Phrases:
    """The phrases, and the sound of those that have been fetched.

    Parameters
    ----------
    configured : mapping
        Names and texts from the configuration.
    files : UserFiles
        Where added phrases and the sound are kept.
    options : mapping
        The arguments of the player that fetches them.
    tell : callable
        Is told in one line what could not be fetched.
    wait : callable
        Returns when the prompt does not wait for anything any more: nothing is fetched before.
    """

    def __init__(
        self,
        configured: Mapping[str, str],
        files: UserFiles,
        options: Mapping[str, Any],
        tell: Callable[[str], None],
        wait: Callable[[], object] = lambda: None,
    ) -> None:
        self._files = files
        self._options = dict(options)
        self._tell, self._wait = tell, wait
        self._added = self._read_added()
        self._configured = dict(configured)
        self._sounds: dict[str, tuple[NDArray[Any], int]] = {}
        self._lock = threading.Lock()
        self._fetching: threading.Thread | None = None

    @property
    def texts(self) -> dict[str, str]:
        """Every phrase: its name and its text, in the order of the keys."""
        return {**self._configured, **self._added}

    def name_of_key(self, number: int) -> str | None:
        """Return the name of the phrase on a key; F1 is 1."""
        names = list(self.texts)
        return names[number - 1] if 0 < number <= len(names) else None

    def add(self, name: str, text: str) -> None:
        """Keep another phrase, also for the next run."""
        self._added[name] = text
        while len(self._added) > MOST:
            self._added.pop(next(iter(self._added)))
        self._files.write(_FILE, json.dumps(self._added).encode())
        self.fetch()

    def clear(self) -> None:
        """Forget the kept sound, and the phrases that were added."""
        self._added.clear()
        self._sounds.clear()
        self._files.remove(_FILE)
        for name in self._files.names(_FOLDER):
            self._files.remove(f"{_FOLDER}/{name}")

    def sound(self, name: str) -> tuple[NDArray[Any], int] | None:
        """Return the frames of a phrase, ``int16 (n, channels)``, and their rate, if at hand."""
        text = self.texts.get(name)
        return None if text is None else self._sounds.get(self._key(text))

    def use(self, **options: Any) -> None:
        """Have the phrases sound otherwise from now on, and fetch them so."""
        self._options |= options
        self.fetch()

    def fetch(self) -> None:
        """Load what is kept and fetch the rest, on a thread of its own, one after the other."""
        with self._lock:
            if self._fetching is not None and self._fetching.is_alive():
                return
            self._fetching = threading.Thread(
                target=self._fetch, name="streamplay-phrases", daemon=True
            )
            self._fetching.start()

    def _fetch(self) -> None:
        missing = [text for text in self.texts.values() if not self._load(self._key(text))]
        if not missing or not self._files.keeps:
            return
        self._wait()
        from streamplay.player import Player

        try:
            with Player(**{**self._options, "play": False}) as player:
                for text in missing:
                    self._fetch_one(player, text)
        except StreamPlayError as error:
            self._tell(f"phrases could not be fetched: {error.message}")

    def _fetch_one(self, player: Any, text: str) -> None:
        key = self._key(text)
        path = self._files.path(f"{_FOLDER}/.{key}.wav")
        if path is None:
            return
        try:
            player.say(text, output=path, force=True).wait()
            self._files.write(f"{_FOLDER}/{key}.wav", path.read_bytes())
            self._load(key)
        except OSError as error:
            self._tell(f"a phrase could not be kept: {error.strerror}")
        finally:
            with contextlib.suppress(OSError):
                path.unlink()
        self._drop_oldest()

    def _load(self, key: str) -> bool:
        if key in self._sounds:
            return True
        path = self._files.path(f"{_FOLDER}/{key}.wav") if self._files.keeps else None
        sound = None if path is None else _read_wave(path)
        if sound is not None:
            self._sounds[key] = sound
        return sound is not None

    def _drop_oldest(self) -> None:
        names = self._files.names(_FOLDER)
        paths = [path for name in names if (path := self._files.path(f"{_FOLDER}/{name}"))]
        sizes = {path: path.stat().st_size for path in paths if path.exists()}
        for path in paths:
            if sum(sizes.values()) <= MOST_SOUND_BYTES:
                return
            sizes.pop(path, None)
            self._files.remove(f"{_FOLDER}/{path.name}")

    def _key(self, text: str) -> str:
        asked = {name: str(self._options[name]) for name in _SOUNDS_BY if name in self._options}
        return hashlib.sha256(json.dumps([text, asked], sort_keys=True).encode()).hexdigest()[:32]

    def _read_added(self) -> dict[str, str]:
        try:
            found = json.loads(self._files.read(_FILE, _FILE_BYTES) or "{}")
        except (ValueError, RecursionError):
            return {}
        if not isinstance(found, dict):
            return {}
        return {name: text for name, text in found.items() if isinstance(text, str)}


def _read_wave(path: Path) -> tuple[NDArray[Any], int] | None:
    """Read a sound file that `say -o` has written: 16-bit WAVE."""
    import numpy as np

    try:
        with wave.open(io.BytesIO(path.read_bytes())) as file:
            if file.getsampwidth() != 2:
                return None
            data, channels = file.readframes(file.getnframes()), file.getnchannels()
            return np.frombuffer(data, "<i2").reshape(-1, channels), file.getframerate()
    except (OSError, EOFError, wave.Error, ValueError):
        return None
