"""What an output is, and what it renders from: protocols, so that outputs know no playout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamplay.audio import Block
    from streamplay.errors import OutputFailed


Latency = float | Literal["low", "high"]

DRAIN_FACTOR: Final = 1.5
"""Silence to be fed after the last frame, in units of the latency. PortAudio on ALSA
drops the device's buffer when a stream is closed; 1.5 lost none when measured."""


class Renderer(Protocol):
    """Fills an output's blocks: a playout."""

    def render(self, out: Block, now: float, *, late: bool = False, delay: float = 0.0) -> None:
        """Fill one block, whole; never wait, never raise.

        Parameters
        ----------
        out : memoryview
            Of format ``f``: interleaved samples.
        now : float
            The clock, in seconds.
        late : bool
            The output ran out before this call.
        delay : float
            Seconds until the block's first frame is heard.
        """


class NativeCallback(Protocol):
    """A PortAudio callback of one stream that runs without the interpreter."""

    @property
    def address(self) -> int:
        """Of the function: a ``PaStreamCallback``."""

    @property
    def userdata(self) -> int:
        """What PortAudio hands to it: an address that is good as long as this object lives."""

    def attach(self, renderer: Renderer, latency: float) -> None:
        """Render from `renderer` from now on; before that the callback fills in silence.

        Parameters
        ----------
        renderer : Renderer
            Of a kind that this callback can call without the interpreter.
        latency : float
            The stream's, in seconds: stands for a DAC time that PortAudio does not tell.
        """

    def detach(self) -> bool:
        """Let go of the renderer: whether no call that uses it is running any more."""


class Output(Protocol):
    """A clock that takes blocks from a renderer.

    Attributes
    ----------
    name : str
        Its name, for people.
    samplerate, channels : int
        What it was opened with; fixed from opening to closing.
    latency : float
        Seconds from handing a frame over to its being heard.
    speed : float
        Times real time at which it asks for blocks: 1 for whatever can be heard.
    """

    name: str
    samplerate: int
    channels: int
    latency: float
    speed: float

    @property
    def kind(self) -> Literal["device", "silent"]:
        """Whether it can be heard."""

    @property
    def failure(self) -> OutputFailed | None:
        """Why it stopped by itself, if it did."""

    def start(self, renderer: Renderer, on_lost: Callable[[], object] = ...) -> None:
        """Begin to ask for blocks, on a thread of the output's own.

        Parameters
        ----------
        renderer : Renderer
            Fills them.
        on_lost : callable, optional
            Called on that thread once `failure` is set.
        """

    def detach(self) -> bool:
        """Let go of the renderer: whether this output will not call it any more."""

    def close(self) -> None:
        """Stop asking, and give everything back; idempotent.

        What was handed over and not yet heard may be lost: let silence follow
        the last frame for at least `latency` first.
        """
