"""Finds the device that sound goes to: the one asked for, the default one, or the silent clock.

It remembers whether sound can be heard, and tells it where that changes. Its methods block, and
run on threads; one at a time opens a device for a session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, Protocol

from streamplay.errors import NoDevice

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamplay.outputs.base import Latency, Output

BACK: Final = "sound goes on at"
"""What a notice begins with when sound is heard again, or at another device."""

SILENT: Final = "no sound will be heard"
"""What a notice begins with when the silent clock stands in for a device."""

GONE: Final = "no sound can be heard"
"""What a notice begins with when the device that was asked for is gone."""

_AGAIN: Final = "; a device is looked for again before each utterance"

_HINT: Final = (
    " (one that was not there when the program began is found with follow_default=True alone)"
)


class OutputOptions(Protocol):
    """What a session needs to know of a player's options: see `streamplay.options.Options`."""

    @property
    def device(self) -> int | str | None:
        """The device asked for; None: the default one."""

    @property
    def latency(self) -> Latency | None:
        """The output's latency."""

    @property
    def engine(self) -> Literal["auto", "native", "python"]:
        """What runs in the audio callback."""

    @property
    def wake(self) -> float:
        """Milliseconds of silence to play first."""

    @property
    def follow_default(self) -> bool:
        """Whether to look for another default device between utterances."""

    @property
    def volume(self) -> float:
        """In dB."""

    @property
    def tell(self) -> Callable[[str], None]:
        """Is told, in one line each, what is no error and yet worth knowing."""


class DeviceSearch:
    """Opens the output of a session, and knows whether it can be heard.

    Parameters
    ----------
    options : OutputOptions
        The player's.
    """

    def __init__(self, options: OutputOptions) -> None:
        self._options = options
        self._stand_in: Output | None = None
        self._name: str | None = None
        self._silent = self._failed = False

    def is_stand_in(self, output: Output) -> bool:
        """Whether `output` is the silent clock, opened because there was no device."""
        return output is self._stand_in

    def open(self, samplerate: int, channels: int) -> Output:
        """Open the device, or the silent clock where there is none and none was asked for.

        Raises
        ------
        OutputFailed
            If the device that was asked for cannot be used.
        """
        from streamplay.outputs import opening, portaudio

        had_begun = portaudio.has_begun()
        # Without a second attempt, the silent clock may follow the first at once.
        follows = self._options.follow_default and had_begun
        try:
            return self._open_known(samplerate, channels, silence=not follows)
        except NoDevice as error:
            problem = error
        if follows:
            if _initialised_anew():
                try:
                    return self._open_known(samplerate, channels, silence=True)
                except NoDevice as error:
                    problem = error
            elif self._options.device is None:
                self._stand_in = opening.stand_in(samplerate, channels, problem, self._stood_in)
                return self._stand_in
        self._tell_gone(problem)
        raise problem

    def open_device(self, samplerate: int, channels: int) -> Output:
        """Open a device, and never the silent clock.

        Raises
        ------
        OutputFailed
            If there is none that can be used.
        """
        try:
            return self._open_known(samplerate, channels, silence=False)
        except NoDevice:
            if not (self._options.follow_default and _initialised_anew()):
                raise
        return self._open_known(samplerate, channels, silence=False)

    def note_started(self, output: Output, *, told: bool = False) -> None:
        """Note that `output` plays; tell it, unless it is `told`, where something has changed."""
        if self.is_stand_in(output):
            return
        before, self._name = self._name, output.name
        changed = self._silent or self._failed or before not in {None, output.name}
        self._silent = self._failed = False
        self._stand_in = None
        if changed and not told:
            self._options.tell(f"{BACK} {output.name!r}")

    def note_stand_in(self, output: Output) -> None:
        """Note that `output` is another silent clock, in place of a device that did not start."""
        self._stand_in, self._silent = output, True

    def note_lost(self) -> None:
        """Note that the device was lost, and that an utterance has told so by its error."""
        self._failed = True

    def _open_known(self, samplerate: int, channels: int, *, silence: bool) -> Output:
        """Open a device that PortAudio knows of, or else the silent clock."""
        from streamplay.outputs.opening import open_output
        from streamplay.playback import native

        engine = native.choose(self._options.engine)
        clocks: list[str] = []
        output = open_output(
            samplerate,
            channels,
            device=self._options.device,
            latency=self._options.latency,
            callback=native.Callback if engine == "native" else None,
            silence=silence,
            notify=clocks.append,
        )
        if clocks:
            self._stand_in = output
            self._stood_in(*clocks)
        return output

    def _stood_in(self, message: str) -> None:
        if not self._silent:
            self._options.tell(message + _AGAIN + self._hint())
        self._silent = True

    def _tell_gone(self, error: NoDevice) -> None:
        """Tell that a device is gone that was there before; the utterances fail with `error`."""
        if self._name is not None and not self._silent:
            self._options.tell(f"{GONE}: {error.message}{_AGAIN}{self._hint()}")
        self._silent = True

    def _hint(self) -> str:
        return "" if self._options.follow_default else _HINT


def _initialised_anew() -> bool:
    """Have PortAudio look for devices anew; whether it could."""
    from streamplay.outputs import portaudio

    try:
        return portaudio.look_again()
    except NoDevice:
        return False
