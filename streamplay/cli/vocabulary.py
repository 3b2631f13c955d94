"""History and completion of the line editor, from the user's own lines and phrases."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from prompt_toolkit.completion import Completer, Completion
from prompt_toolkit.history import History

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from prompt_toolkit.completion import CompleteEvent
    from prompt_toolkit.document import Document

    from streamplay.cli.user_files import UserFiles

KEPT_LINES: Final = 2000
_FILE: Final = "history"
_FILE_BYTES: Final = 1 << 20

_WORD: Final = re.compile(r"[^\W\d_][\w'’-]*")
_LAST_WORD: Final = re.compile(r"[\w'’-]+$")


class UserHistory(History):
    """Earlier lines, kept between runs: one JSON string a row, the last `KEPT_LINES` of them."""

    def __init__(self, files: UserFiles) -> None:
        super().__init__()
        self._files = files

    def load_history_strings(self) -> Iterable[str]:
        """Return the lines, the newest first."""
        return reversed(self.read())

    def store_string(self, string: str) -> None:
        """Keep a line."""
        self._files.append(_FILE, json.dumps(string) + "\n")

    def read(self) -> list[str]:
        """Return the lines, the oldest first; a file that has grown long is cut."""
        rows = self._files.read(_FILE, _FILE_BYTES).splitlines()
        lines = [text for row in rows if (text := _text(row)) is not None]
        if len(rows) > 2 * KEPT_LINES:
            kept = "".join(json.dumps(line) + "\n" for line in lines[-KEPT_LINES:])
            self._files.write(_FILE, kept.encode())
        return lines[-KEPT_LINES:]


def _text(row: str) -> str | None:
    try:
        text = json.loads(row)
    except (ValueError, RecursionError):
        return None
    return text if isinstance(text, str) else None


class WordCompleter(Completer):
    """Completes words from the user's lines, the most used first; commands; names of phrases.

    Parameters
    ----------
    lines : iterable of str
        The user's lines and phrases.
    commands : mapping
        A command's name with its slash, and a function that returns what may follow it.
    """

    def __init__(
        self, lines: Iterable[str], commands: Mapping[str, Callable[[], Sequence[str]]]
    ) -> None:
        self._words: Counter[str] = Counter()
        self.commands = commands
        for line in lines:
            self.learn(line)

    def learn(self, line: str) -> None:
        """Count the words of a line."""
        if not line.startswith("/"):
            self._words.update(_WORD.findall(line))

    def get_completions(self, document: Document, _: CompleteEvent) -> Iterable[Completion]:
        """Yield what may stand in place of the word before the cursor."""
        before = document.text_before_cursor
        if before.startswith("/") and not before.startswith("//"):
            yield from self._command_completions(before)
            return
        match = _LAST_WORD.search(before)
        if match is None:
            return
        start = match.group()
        for word in self.words_like(start):
            yield Completion(word, start_position=-len(start))

    def words_like(self, start: str) -> list[str]:
        """Return the words that begin with `start`, the most used first."""
        folded = start.casefold()
        found = [
            word for word in self._words if word.casefold().startswith(folded) and word != start
        ]
        return sorted(found, key=lambda word: (-self._words[word], word))

    def _command_completions(self, before: str) -> Iterable[Completion]:
        name, space, rest = before.partition(" ")
        choices = self.commands.get(name, tuple)() if space else self.commands
        typed = rest if space else name
        for choice in choices:
            if choice.startswith(typed):
                yield Completion(choice, start_position=-len(typed))
