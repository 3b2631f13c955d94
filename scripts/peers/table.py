"""What came, and how it is told."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - a script

import av
import numpy as np

RAW = {".pcm": 24000, ".raw": 24000}
"""Bytes that tell no rate: s16 at OpenAI's."""

LEAST_SECONDS = 1.5


def heard(path: Path) -> tuple[str, bool]:
    """Return what a file holds, and whether it is sound of the length that was asked for."""
    if path.suffix in RAW:
        samples = np.frombuffer(path.read_bytes(), "<i2") / 32768
        return judged("s16", RAW[path.suffix], samples)
    with av.open(str(path)) as container:
        name = f"{container.format.name.split(',')[0]}, {container.streams.audio[0].codec.name}"
        frames = list(container.decode(audio=0))
    rate = frames[0].sample_rate
    parts = [frame.to_ndarray().astype(float).reshape(-1) for frame in frames]
    samples = np.concatenate(parts)
    if frames[0].format.name.startswith("s16"):
        samples /= 32768
    return judged(name, rate, samples)


def judged(name: str, rate: int, samples: np.ndarray) -> tuple[str, bool]:
    seconds = len(samples) / rate
    loud = float(np.sqrt(np.mean(samples**2))) if len(samples) else 0.0
    # Speech is far from silence, and from noise of full scale.
    return f"{name}, {rate} Hz, {seconds:.1f} s", seconds > LEAST_SECONDS and 0.005 < loud < 0.4


def print_table(
    heads: tuple[str, ...], rows: list[tuple[str, ...]], *, markdown: bool = False
) -> None:
    if markdown:
        print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
        for row in rows:
            print(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |")
        return
    widths = [max(len(row[n][:60]) for row in [heads, *rows]) for n in range(len(heads))]
    for row in [heads, *rows]:
        cells = (cell[:60].ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())
