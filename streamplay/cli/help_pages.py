"""What ``-h`` of each command shows first: three examples, and the flags that most people want.

Imported only where help is asked for. Every other flag is shown by ``--help-all``, which is
`argparse`'s own list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence


class HelpPage(NamedTuple):
    """What ``-h`` of one command shows.

    Attributes
    ----------
    examples : tuple
        Command lines, each with what it does.
    first : tuple of str
        The arguments that are shown, by their names (`argparse` calls them ``dest``), in this
        order; empty: all of them.
    """

    examples: tuple[tuple[str, str], ...]
    first: tuple[str, ...] = ()


SUPPRESSED: Final = "==SUPPRESS=="
"""`argparse.SUPPRESS`: the name of the flags that show help."""

_SERVER: Final = ("base_url", "api_key_env", "local")

PAGES: Final[dict[str, HelpPage]] = {
    "": HelpPage(
        (
            ('streamplay say "Good morning."', "speak one text"),
            ("streamplay live", "speak each line that is typed"),
            ("streamplay doctor", "find out why nothing is heard"),
        ),
    ),
    "say": HelpPage(
        (
            ('streamplay say "Good morning."', "speak one text"),
            ("my-model | streamplay say", "speak what a program writes"),
            ("streamplay say -f book.epub --resume", "read on in a book"),
        ),
        (
            *("text", "file", "resume", "voice", "model", "language", "speed", "pronounce"),
            *("device", "volume", "output", "subtitles", "clean", *_SERVER, "fallback"),
            *("stats", "json", "quiet"),
        ),
    ),
    "play": HelpPage(
        (
            ("streamplay play speech.wav", "play a sound file"),
            ("curl -s http://host/a.mp3 | streamplay play -", "play as it comes"),
            ("streamplay play --decode-as pcm_s16le@24000 a.raw", "play raw samples"),
        ),
        ("file", "decode_as", "device", "volume", "stats", "json", "quiet"),
    ),
    "live": HelpPage(
        (
            ("streamplay live", "speak each line that is typed"),
            ("streamplay live --local --speed 1.2", "with the built-in voice, faster"),
            ("streamplay live --fallback local", "speak on without the server"),
        ),
        (
            *("voice", "model", "language", "speed", "device", "volume", *_SERVER, "fallback"),
            *("plain", "history", "stats", "quiet"),
        ),
    ),
    "voices": HelpPage(
        (
            ("streamplay voices", "list the voices"),
            ("streamplay voices english --preview", "hear those that fit"),
            ("streamplay voices -m hexgrad/Kokoro-82M --json", "one model's"),
        ),
        ("filter", "of_model", "of_language", "preview", "json", *_SERVER, "quiet"),
    ),
    "models": HelpPage(
        (
            ("streamplay models", "list the known models"),
            ("streamplay models --base-url http://localhost:8880/v1", "a server's"),
            ('streamplay say -m hexgrad/Kokoro-82M "Hello"', "speak with one"),
        ),
    ),
    "devices": HelpPage(
        (
            ("streamplay devices", "list the output devices"),
            ("streamplay devices --json", "the same as JSON"),
            ('streamplay say -d headphones "Hello"', "speak through one of them"),
        ),
    ),
    "doctor": HelpPage(
        (
            ("streamplay doctor", "check everything"),
            ("streamplay doctor --local", "without a server"),
            ("streamplay doctor --base-url http://localhost:8880/v1", "another server"),
        ),
    ),
    "serve": HelpPage(
        (
            ("streamplay serve --port 8880", "on this machine"),
            ("streamplay serve --first-byte-ms 300 --pace 1", "slowly"),
            ("streamplay serve --fault reset --at-byte 40000", "break off"),
        ),
        (
            *("host", "port", "require_key", "allow_host", "allow_origin", "any_name", "engine"),
            *("scenario", "first_byte_ms", "pace", "fault", "status"),
        ),
    ),
    "bench": HelpPage(
        (
            ("streamplay bench --requests 20", "measure the default model"),
            ("streamplay bench voice=tara voice=leo", "compare two targets, in turn"),
            ("streamplay bench --rate 2 --html report.html", "under load, with a report"),
        ),
        (
            *("targets", "requests", "duration", "concurrency", "rate", "warmup"),
            *("texts", "max_chars", "play", "json", "csv", "html", "objective", "baseline"),
            *("explain", "model", "voice", *_SERVER),
        ),
    ),
    "replay": HelpPage(
        (
            ("streamplay say --record a.jsonl Hello", "record when audio arrives"),
            ("streamplay replay a.jsonl", "play with the same arrival times"),
            ("streamplay replay --simulate a.jsonl", "compute the wait and the stalls"),
        ),
    ),
    "config": HelpPage(
        (
            ("streamplay config show", "where values come from"),
            ("streamplay config set voice tara", "change one"),
            ('streamplay config set phrases.yes "Yes, please."', "put a phrase on F1"),
        ),
    ),
    "login": HelpPage(
        (
            ("streamplay login", "type the key; it is not shown"),
            ("pass show together | streamplay login", "from a password manager"),
            ("streamplay login --remove", "forget it"),
        ),
    ),
    "completion": HelpPage(
        (
            ('eval "$(streamplay completion bash)"', "in ~/.bashrc"),
            ('eval "$(streamplay completion zsh)"', "in ~/.zshrc, after compinit"),
            ("streamplay completion fish | source", "in ~/.config/fish/config.fish"),
        ),
    ),
}
"""Every command's page; under the empty name, that of the program itself."""


def examples_text(command: str, columns: int) -> str:
    """Return the examples as rows: what each does beside it, or above it where that is too wide."""
    examples = PAGES[command].examples
    widest = max(len(line) for line, _ in examples)
    if all(widest + len(what) + 6 <= columns for _, what in examples):
        return "\n".join(f"  {line:<{widest}}  # {what}" for line, what in examples)
    return "\n".join(f"  # {what}\n  {line}" for line, what in examples)


def is_short(command: str) -> bool:
    """Return whether ``-h`` of the command leaves flags out."""
    return bool(PAGES[command].first)


def first_actions(command: str, actions: Sequence[argparse.Action]) -> Iterator[argparse.Action]:
    """Yield the arguments that ``-h`` shows, in its order: not those that show help."""
    by_name = {action.dest: action for action in actions if action.dest != SUPPRESSED}
    for name in PAGES[command].first or by_name:
        if name in by_name:
            yield by_name[name]
