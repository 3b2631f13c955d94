"""Record real runs in a terminal: an asciinema cast, animated SVGs, and the README's picture.

Everything is run here, with the built-in voice, and plays to PulseAudio's null sink: the screen is
what the programs wrote, at the times at which they wrote it. Only the prompt, and the typing of the
commands behind it, are this script's own.

    .venv/bin/python -m scripts.site.recording [--only recording|terminal]

Writes docs/images/recording.cast, recording-light.svg, recording-dark.svg, terminal-light.svg and
terminal-dark.svg. Needs what scripts/test installs (pyte, PulseAudio).
"""

from __future__ import annotations

import argparse
import fcntl
import html
import json
import os
import pty
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyte

from streamplay.server.child import LocalServer
from tests.support.nullsink import NullSink

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

ROOT: Final = Path(__file__).resolve().parent.parent.parent
IMAGES: Final = ROOT / "docs" / "images"

COLUMNS, ROWS = 100, 26
LONGEST: Final = 20.0
"""Seconds: a reader watches no longer."""
PROMPT: Final = "\x1b[1;32m$\x1b[0m "
TYPING: Final = 0.035
"""Seconds a character of what a person types."""

CHAR, LINE, MARGIN = 8.4, 18, 14
"""Pixels of a character, a line, and around the screen, at a font size of 14."""

THEMES: Final = {
    "light": {"background": "#ffffff", "text": "#24292f", "frame": "#d0d7de"},
    "dark": {"background": "#0d1117", "text": "#e6edf3", "frame": "#30363d"},
}
COLOURS: Final = {
    "light": {
        "black": "#24292f",
        "red": "#b3261e",
        "green": "#116329",
        "brown": "#7d4e00",
        "blue": "#0550ae",
        "magenta": "#8250df",
        "cyan": "#1b7c83",
        "white": "#57606a",
    },
    "dark": {
        "black": "#8b949e",
        "red": "#ff7b72",
        "green": "#56d364",
        "brown": "#e3b341",
        "blue": "#79c0ff",
        "magenta": "#d2a8ff",
        "cyan": "#56d4dd",
        "white": "#e6edf3",
    },
}
BEGIN: Final = """\
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Makes the terminal the controlling one: a program shows status lines to a person alone."""

NOTES: Final = """\
# The plan for today

Read the *first* chapter, then [call back](https://example.com/phone).

1. Buy milk and 3 lemons.
"""


@dataclass
class Cast:
    """What was on the screen, when: pairs of seconds and output."""

    events: list[tuple[float, str]] = field(default_factory=list)
    now: float = 0.0

    def write(self, text: str) -> None:
        """Add output at the present moment."""
        self.events.append((self.now, text))

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    def type_command(self, command: str) -> None:
        """Show the prompt, and a command as it is typed."""
        self.write(PROMPT)
        self.wait(0.3)
        for letter in command:
            self.write(letter)
            self.wait(TYPING)
        self.wait(0.15)
        self.write("\r\n")

    def run(
        self,
        words: Sequence[str],
        keys: Iterable[tuple[float, str]],
        environment: Mapping[str, str],
        most: float,
    ) -> None:
        """Run a command at a terminal; `keys` are typed at their times."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        process = subprocess.Popen(
            [sys.executable, "-c", BEGIN, *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color", **environment},
            cwd=environment["PWD"],
        )
        os.close(theirs)
        waiting, began, start = list(keys), time.perf_counter(), self.now
        while True:
            elapsed = time.perf_counter() - began
            if waiting and elapsed >= waiting[0][0]:
                os.write(ours, waiting.pop(0)[1].encode())
            ready, _, _ = select.select([ours], [], [], 0.02)
            self.now = start + time.perf_counter() - began
            if ready:
                try:
                    data = os.read(ours, 65536)
                except OSError:
                    break
                self.write(_answered(ours, data.decode(errors="replace")))
            elif process.poll() is not None or elapsed > most:
                break
        process.terminate()
        process.wait()
        os.close(ours)

    def lines(self) -> Iterator[str]:
        """Yield the lines of an asciicast, version 2."""
        head = {"version": 2, "width": COLUMNS, "height": ROWS, "title": "streamplay"}
        yield json.dumps(head)
        for at, text in self.events:
            yield json.dumps([round(at, 3), "o", text])


def _answered(terminal: int, text: str) -> str:
    """Answer a program that asks where the cursor is, as a terminal does; return its output."""
    if "\x1b[6n" in text:
        os.write(terminal, b"\x1b[1;1R")
    return text.replace("\x1b[6n", "")


def record(environment: Mapping[str, str]) -> Cast:
    """Record `live`, `say -f` and `bench`."""
    streamplay = str(Path(sys.executable).with_name("streamplay"))
    # The first run says where it keeps the history; the one that is recorded is not the first.
    Cast().run([streamplay, "live"], [*typed("Hi.", 2.0), (4.0, "\x04")], environment, 10)
    cast = Cast()
    cast.type_command("streamplay live")
    keys = typed("Each line is spoken.", 1.2)
    keys += typed("This one is cut short, in its middle.", 2.6)
    keys += [(5.0, "\x03"), (5.5, "\x04")]
    cast.run([streamplay, "live"], keys, environment, 10)
    cast.wait(0.3)
    cast.type_command("streamplay say -f notes.md")
    cast.run([streamplay, "say", "-f", "notes.md"], [(3.6, "q")], environment, 10)
    cast.wait(0.3)
    cast.type_command("streamplay bench --requests 20")
    words = [streamplay, "bench", "--requests", "20", "--base-url", environment["MEASURED"]]
    cast.run(words, [], environment, 20)
    cast.wait(1.5)
    return cast


def problem_of(cast: Cast) -> str:
    """Return why a recording is not to be shown; empty: it may be."""
    if cast.now > LONGEST:
        return f"it takes {cast.now:.1f} s, more than {LONGEST:g}"
    invalid = any("NOT VALID" in text for _, text in cast.events)
    return "its benchmark is not valid: the machine was busy" if invalid else ""


def typed(text: str, at: float) -> list[tuple[float, str]]:
    """Return the keys of a line that is typed at a time, Enter included."""
    return [(at + TYPING * place, letter) for place, letter in enumerate(f"{text}\r")]


def picture(environment: Mapping[str, str]) -> Cast:
    """Record what the README shows: one `say` and its receipt."""
    cast = Cast()
    streamplay = str(Path(sys.executable).with_name("streamplay"))
    cast.type_command('streamplay say --local --stats "Hello from streamplay"')
    words = [streamplay, "say", "--local", "--stats", "Hello from streamplay"]
    cast.run(words, [], environment, 20)
    cast.write(PROMPT)
    return cast


Row = tuple[tuple[str, str, bool, bool], ...]
"""Runs: text, colour, bold, reverse."""

Screen = tuple[Row, ...]


def screens(cast: Cast, least: float = 0.08) -> list[tuple[float, Screen]]:
    """Return each picture of the screen and when it was shown; changes that follow are joined."""
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.Stream(screen)
    shown: list[tuple[float, Screen]] = []
    for at, text in cast.events:
        stream.feed(text)
        image = _image(screen)
        if shown and at - shown[-1][0] < least:
            shown[-1] = (shown[-1][0], image)
        elif not shown or shown[-1][1] != image:
            shown.append((at, image))
    return shown


def _image(screen: pyte.Screen) -> Screen:
    rows = []
    for number in range(ROWS):
        line = screen.buffer[number]
        runs: list[tuple[str, str, bool, bool]] = []
        for column in range(COLUMNS):
            cell = line[column]
            style = (cell.fg, cell.bold, cell.reverse)
            if runs and runs[-1][1:] == style:
                runs[-1] = (runs[-1][0] + cell.data, *style)
            else:
                runs.append((cell.data, *style))
        while runs and not runs[-1][0].strip() and not runs[-1][3]:
            runs.pop()
        rows.append(tuple(runs))
    return tuple(rows)


def svg(shown: Sequence[tuple[float, Screen]], theme: str, total: float, rows: int) -> str:
    """Draw pictures one after the other; a single one stands still."""
    width, height = COLUMNS * CHAR + 2 * MARGIN, rows * LINE + 2 * MARGIN
    paint = THEMES[theme]
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" '
            f'width="{width:.0f}" height="{height}" '
            'role="img" aria-label="streamplay in a terminal">'
        ),
        (
            "<style>text{font:14px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;"
            f"fill:{paint['text']};white-space:pre}}.b{{font-weight:bold}}</style>"
        ),
        (
            f'<rect width="100%" height="100%" rx="8" fill="{paint["background"]}" '
            f'stroke="{paint["frame"]}"/>'
        ),
    ]
    lines: dict[tuple[int, Row], list[tuple[float, float]]] = {}
    for place, (at, image) in enumerate(shown):
        until = shown[place + 1][0] if place + 1 < len(shown) else total
        for number, runs in enumerate(image[:rows]):
            if not runs:
                continue
            spans = lines.setdefault((number, runs), [])
            if spans and spans[-1][1] == at:
                spans[-1] = (spans[-1][0], until)
            else:
                spans.append((at, until))
    for (number, runs), spans in lines.items():
        drawn = _line(number, runs, theme)
        if len(shown) == 1:
            parts.append(drawn)
        else:
            parts.append(f"<g display='none'>{drawn}{_shown_in(spans, total)}</g>")
    return "\n".join([*parts, "</svg>"]) + "\n"


def _line(number: int, runs: Iterable[tuple[str, str, bool, bool]], theme: str) -> str:
    y = MARGIN + number * LINE + 13
    drawn, column = [], 0
    for text, colour, bold, reverse in runs:
        x = MARGIN + column * CHAR
        fill = COLOURS[theme].get(colour, "" if colour == "default" else f"#{colour}")
        column += len(text)
        if reverse:
            drawn.append(
                f'<rect x="{x:.1f}" y="{y - 13}" width="{len(text) * CHAR:.1f}" height="{LINE}" '
                f'fill="{fill or THEMES[theme]["text"]}"/>'
            )
            fill = THEMES[theme]["background"]
        if not text.strip():
            continue
        style = (f' fill="{fill}" style="fill:{fill}"' if fill else "") + (
            ' class="b"' if bold else ""
        )
        drawn.append(
            f'<text x="{x:.1f}" y="{y}" textLength="{len(text) * CHAR:.1f}"{style}>'
            f"{html.escape(text)}</text>"
        )
    return "".join(drawn)


def _shown_in(spans: Iterable[tuple[float, float]], total: float) -> str:
    times, values = ["0"], ["none"]
    for begin, end in spans:
        if begin <= 0:
            values[0] = "inline"
        else:
            times.append(f"{begin / total:.5f}")
            values.append("inline")
        if end < total:
            times.append(f"{end / total:.5f}")
            values.append("none")
    return (
        f'<animate attributeName="display" dur="{total:.2f}s" repeatCount="indefinite" '
        f'calcMode="discrete" keyTimes="{";".join(times)}" values="{";".join(values)}"/>'
    )


def main() -> None:
    """Record and draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", choices=["recording", "terminal"])
    args = parser.parse_args()
    IMAGES.mkdir(exist_ok=True)
    sink = NullSink()
    sink.start()
    try:
        # The natural voice would keep both processors of a small machine from the benchmark.
        slow = ["--first-byte-ms", "80"]
        with (
            tempfile.TemporaryDirectory() as home,
            LocalServer(slow) as near,
            LocalServer([*slow, "--engine", "espeak"]) as measured,
        ):
            Path(home, "notes.md").write_text(NOTES, encoding="utf-8")
            environment = {
                **sink.environment,
                "HOME": home,
                "PWD": home,
                "XDG_CONFIG_HOME": home,
                "XDG_STATE_HOME": home,
                "TOGETHER_BASE_URL": near.base_url,
                "MEASURED": measured.base_url,
            }
            if args.only != "terminal":
                draw_recording(environment)
            if args.only != "recording":
                draw_picture({**environment, "TOGETHER_BASE_URL": ""})
    finally:
        sink.close()


def draw_recording(environment: Mapping[str, str]) -> None:
    """Write the cast and its SVGs.

    Raises
    ------
    SystemExit
        If the recording is not to be shown; the files stay as they were.
    """
    cast = record(environment)
    problem = problem_of(cast)
    if problem:
        raise SystemExit(f"recording: {problem}; run it again on an idle machine")
    (IMAGES / "recording.cast").write_text("\n".join(cast.lines()) + "\n", encoding="utf-8")
    shown = screens(cast)
    for theme in THEMES:
        drawn = svg(shown, theme, cast.now, ROWS)
        (IMAGES / f"recording-{theme}.svg").write_text(drawn, encoding="utf-8")
    print(f"recording: {cast.now:.1f} s, {len(shown)} screens")


def draw_picture(environment: Mapping[str, str]) -> None:
    """Write the picture of the README."""
    last = screens(picture(environment))[-1]
    rows = max(number for number, runs in enumerate(last[1]) if runs) + 1
    for theme in THEMES:
        drawn = svg([(0.0, last[1])], theme, 1.0, rows)
        (IMAGES / f"terminal-{theme}.svg").write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    main()
