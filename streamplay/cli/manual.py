"""The manual page, ``man streamplay``, made from the parsers.

``python -m streamplay.cli.manual > share/man/man1/streamplay.1`` writes it again; a test holds
the file to what this prints. The macros are those of man(7).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from streamplay.cli import console, help_pages, parser, slash

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

_DATE: Final = "2026-11-28"
"""When the sentences of this module were last changed."""

_COLUMNS: Final = 72
"""Of a row before what roff needs is escaped: mandoc's style is 80 at most."""

_DESCRIPTION: Final = """\
streamplay plays text as speech while the speech is still being generated: by Together AI's API, by
any server that speaks the same or OpenAI's API, or by a built-in voice without a network.
Results go to standard output, everything else to standard error."""

_EXIT: Final = {
    "0": "all was received and played",
    "1": "it failed before any audio: the server or the network",
    "2": "a flag, a field or the configuration is wrong; nothing was sent",
    "3": "it broke off after audio had begun; what arrived was played and saved",
    "4": "the device or the file asked for cannot be used",
    "5": "bench: the objective or the baseline was missed",
    "130, 143": "interrupted, terminated; files are finished first",
}

_ENVIRONMENT: Final = {
    "TOGETHER_API_KEY": "the key; see streamplay login",
    "TOGETHER_BASE_URL": "the server, unless --base-url names one",
    "NO_COLOR": "if it is set, no colours",
    "STREAMPLAY_DEBUG": "if it is set, tracebacks, and the lines of audio libraries",
}

_FILES: Final = {
    "~/.config/streamplay/config.toml": "the configuration: flags' names with underscores, "
    "tables for single commands, [phrases], [pronounce], [profile.NAME], [privacy]",
    "~/.config/streamplay/key": "the key that streamplay login stores, with mode 0600",
    "~/.local/state/streamplay": "history, phrases and their sound, reading places, known voices; "
    "nothing with [privacy] store = false",
}


def page() -> str:
    """Return the page, in ASCII."""
    return "\n".join(_rows()) + "\n"


def _rows() -> Iterator[str]:
    yield f'.TH STREAMPLAY 1 "{_DATE}" "streamplay" "User Commands"'
    yield from _section("NAME")
    yield _text("streamplay - plays text as speech while it is still being generated")
    yield from _section("SYNOPSIS")
    yield ".B streamplay"
    yield r".I COMMAND"
    yield _text("[OPTIONS]")
    yield from _section("DESCRIPTION")
    yield _text(_DESCRIPTION)
    yield from _section("EXAMPLES")
    yield from _examples("")
    yield from _section("COMMANDS")
    for command in parser.COMMANDS:
        yield from _command(command)
    yield from _section("KEYS OF LIVE")
    yield from _terms(slash.KEYS)
    yield from _section("COMMANDS OF LIVE")
    yield from _terms(slash.COMMANDS)
    for title, terms in (("ENVIRONMENT", _ENVIRONMENT), ("FILES", _FILES), ("EXIT STATUS", _EXIT)):
        yield from _section(title)
        yield from _terms(terms)


def _section(title: str) -> Iterator[str]:
    yield f'.SH "{title}"'


def _command(command: str) -> Iterator[str]:
    built = parser.build(command)
    yield f'.SS "{_text(built.usage or built.prog, wrap=False)}"'
    yield _text(built.description or "")
    yield ".PP"
    yield from _examples(command)
    for action in built.actions:
        if action.dest != help_pages.SUPPRESSED:
            yield from _term(_name(action), _help(action))


def _name(action: argparse.Action) -> str:
    value = "" if action.nargs == 0 else str(action.metavar or action.dest.upper())
    if not action.option_strings:
        return rf"\fI{_text(value)}\fR"
    flags = ", ".join(rf"\fB{_text(flag)}\fR" for flag in action.option_strings)
    return rf"{flags} \fI{_text(value)}\fR" if value else flags


def _help(action: argparse.Action) -> str:
    told = (action.help or "").replace("%%", "%")
    choices = ", ".join(str(each) for each in action.choices or ())
    return f"{told}: {choices}" if choices and choices.replace(" or ", ", ") not in told else told


def _examples(command: str) -> Iterator[str]:
    for number, (line, what) in enumerate(help_pages.PAGES[command].examples):
        if number:
            yield ".PP"
        yield _text(f"{what[0].upper()}{what[1:]}:")
        yield from (".PP", ".RS 4", ".nf", _text(line, wrap=False), ".fi", ".RE")


def _terms(terms: Mapping[str, str]) -> Iterator[str]:
    for name, what in terms.items():
        yield from _term(rf"\fB{_text(name)}\fR", what)


def _term(name: str, what: str) -> Iterator[str]:
    yield ".TP"
    yield name
    yield _text(what)


def _text(text: str, *, wrap: bool = True) -> str:
    """Return text as roff takes it: a row that begins with a full stop or a quote is no macro."""
    if wrap:
        text = console.wrapped(" ".join(text.split()), _COLUMNS, indent="")
    escaped = text.replace("\\", r"\e").replace("-", r"\-")
    escaped = re.sub(r"[^\x00-\x7f]", lambda found: rf"\[u{ord(found[0]):04X}]", escaped)
    return re.sub(r"^(?=[.'])", r"\\&", escaped, flags=re.MULTILINE)


if __name__ == "__main__":
    console.out(page().rstrip("\n"))
