"""A player's face for sound that somebody else has made."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING

from streamplay.speech.source import file_source, sound_source

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable
    from typing import BinaryIO

    from streamplay.audio import AudioFormat, Samples
    from streamplay.options import Options
    from streamplay.speech.source import SoundSource
    from streamplay.speech.utterance import Utterance


class PlaysSound(ABC):
    """Plays arrays and files by the same ring, policy and receipt as speech."""

    _options: Options

    def play(
        self, frames: Samples | Iterable[Samples] | AsyncIterable[Samples], samplerate: int
    ) -> Utterance:
        """Queue sound of one's own, and return at once.

        Parameters
        ----------
        frames : array, or iterable or async iterable of arrays
            float32 at full scale ±1.0, or int16; ``(n,)``, or ``(n, channels)`` in one array.
        samplerate : int
            Frames per second.

        Raises
        ------
        InvalidRequest
            If that is nothing to play; what an iterable yields is looked at as it comes.
        PlayerClosed
            If the player was closed.
        """
        return self._feed(sound_source(frames, samplerate))

    def play_file(
        self, file: str | Path | BinaryIO, *, decode_as: AudioFormat | str | None = None
    ) -> Utterance:
        """Queue a sound file, or a binary stream, and return at once.

        Parameters
        ----------
        file : str, Path or binary stream
            Whatever libsndfile reads; closed when it has been read.
        decode_as : AudioFormat or str, optional
            What raw bytes are, as ``ENCODING@RATE``: they are played as they come.

        Raises
        ------
        FileFailed
            If it cannot be read, or is no sound.
        PlayerClosed
            If the player was closed.
        """
        raw = None if decode_as is None else self._options.over(decode_as=decode_as).raw_format
        file = Path(file) if isinstance(file, str) else file
        name = str(file) if isinstance(file, Path) else str(getattr(file, "name", ""))
        feed = file_source(file, name, raw)
        try:
            return self._feed(feed)
        except BaseException:
            feed.drop()
            raise

    @abstractmethod
    def _feed(self, feed: SoundSource) -> Utterance:
        """Queue a feed."""
