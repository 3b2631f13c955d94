"""``streamplay devices``: the output devices."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from streamplay.cli import console, report, status

if TYPE_CHECKING:
    import argparse

    from streamplay.cli.parser import Parser


def add_arguments(parser: Parser) -> None:
    """Add the arguments of ``devices``."""
    parser.add_argument("--json", action="store_true", default=None, help="as JSON")


def run(args: argparse.Namespace) -> int:
    """List them."""
    from streamplay.outputs.devices import list_devices

    devices = list_devices()
    if args.json:
        console.out(report.as_json([asdict(device) for device in devices]))
        return status.OK
    if not devices:
        console.tell("there is no output device: sound goes to a silent clock")
        return status.OK
    report.table(
        ("INDEX", "NAME", "SYSTEM", "RATE", "LATENCY", "DEFAULT"),
        [
            (
                str(device.index),
                device.name,
                device.hostapi,
                f"{device.samplerate:.0f}",
                f"{device.latency_ms:.0f} ms",
                "yes" if device.default else "",
            )
            for device in devices
        ],
    )
    return status.OK
