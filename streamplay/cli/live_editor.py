"""`live` at a terminal: the conversation, its line editor and the status row below it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from streamplay.cli import console, known_voices, slash, status
from streamplay.cli.conversation import Conversation
from streamplay.cli.editor import Editor, EndedBySignal
from streamplay.cli.lines import LineState, shortened
from streamplay.cli.phrases import Phrases
from streamplay.cli.plain_emoji import plain
from streamplay.cli.status_lines import sentence_line
from streamplay.cli.typist import Typist
from streamplay.cli.user_files import UserFiles
from streamplay.cli.vocabulary import UserHistory, WordCompleter

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Any

    from prompt_toolkit.formatted_text import StyleAndTextTuples

    from streamplay.cli.lines import Line


LEFT_OVER_SHOWN: Final = 3
"""Lines of an earlier run that are named; of more, only how many there are."""


_STATE_COLUMNS: Final = max(len(state) for state in LineState)


class EditorSession:
    """One run of ``live`` at a terminal.

    Parameters
    ----------
    args : argparse.Namespace
        The flags.
    asked : mapping
        The arguments of the `Player`.
    folder : Path or None
        Where history, phrases and unspoken lines are kept; None: nowhere.
    phrases : mapping
        The configured phrases: names and texts.
    on_ending : callable
        Is told the number of a signal that ends it.
    """

    def __init__(
        self,
        args: argparse.Namespace,
        asked: Mapping[str, Any],
        folder: Path | None,
        phrases: Mapping[str, str],
        *,
        on_ending: Callable[[int], object] = lambda _: None,
    ) -> None:
        self._quiet = bool(args.quiet)
        files = UserFiles(folder, self._tell)
        history = UserHistory(files)
        self._completer = WordCompleter(phrases.values(), {})
        self._editor = Editor(
            history,
            self._completer,
            self._status_row,
            self._line_rows,
            lambda: bool(self._conversation.going),
            color=not os.environ.get("NO_COLOR"),
            on_ending=on_ending,
        )
        for line in history.read():  # a history that cannot be read is told in the editor
            self._completer.learn(line)
        self._conversation = Conversation(
            asked, self._editor, files, stats=bool(args.stats), notify=self._tell
        )
        self._phrases = Phrases(
            phrases, files, asked, self._tell, self._conversation.wait_until_open
        )
        self._typist = EditorTypist(
            self._conversation, self._phrases, self._editor, self._completer
        )
        self._completer.commands = {
            **dict.fromkeys(slash.COMMANDS, tuple),
            "/p": lambda: tuple(self._phrases.texts),
            "/phrase": lambda: ("add ", "clear"),
            "/voice": lambda: self._voices(asked),
            "/model": known_voices.models,
        }

    def run(self) -> int:
        """Speak what is typed, until Ctrl-D; return the exit status."""
        conversation = self._conversation
        if not self._quiet:
            self._editor.tell("a line is spoken when it ends; Ctrl-C silences, Ctrl-D leaves")
        self._offer_left_over()
        conversation.open()
        self._phrases.fetch()
        cut, signalled = True, False
        try:
            self._editor.run(self._typist)
            cut = self._typist.left_at_once
        except EndedBySignal as ended:
            signalled = True  # the connection to the terminal is lost, for one
            return status.of_signal(ended.number)
        finally:
            sys.stdout.flush()
            conversation.close(cut=cut, offer=signalled)
        if conversation.failed_to_open is not None:
            raise conversation.failed_to_open
        return status.of_signal(2) if self._typist.interrupted else status.OK

    def _voices(self, asked: Mapping[str, Any]) -> list[str]:
        """Return the voices that are known of the server and the model that speak."""
        server = "local" if asked.get("local") else asked.get("base_url")
        model = self._conversation.chosen.get("model", asked.get("model"))
        return known_voices.names(server, model)

    def _tell(self, sentence: str) -> None:
        if not self._quiet:
            self._editor.tell(sentence)

    def _offer_left_over(self) -> None:
        texts = self._conversation.left_over()
        if not texts:
            return
        self._conversation.restore(texts)
        named = ", ".join(f"“{shortened(text)}”" for text in texts[-LEFT_OVER_SHOWN:])
        many = f"{len(texts)} lines were" if len(texts) > 1 else "a line was"
        self._editor.tell(f"{many} not spoken last time: {named}. Ctrl-T says them")

    def _line_rows(self, most: int) -> list[StyleAndTextTuples]:
        """Return the rows above the prompt, `most` at most: each line's state, the oldest first."""
        lines = self._conversation.batch
        while len(lines) > most and lines[0].ended:
            lines.pop(0)
        shown = lines if len(lines) <= most else lines[: max(1, most - 1)]
        rows = [_row_of(line, console.columns()) for line in shown[:most]]
        if len(shown) < len(lines) and most > 1:
            rows.append([("", f"{'':{_STATE_COLUMNS}}  + {len(lines) - len(shown)} waiting")])
        return rows

    def _status_row(self) -> StyleAndTextTuples:
        """Return the row below the prompt: what Tab proposes, what is wrong, what is waited for."""
        conversation = self._conversation
        proposals = self._editor.proposals
        if len(proposals) > 1:
            return [("", f" {'  '.join(proposals)}")]
        parts: StyleAndTextTuples = []
        if not conversation.is_open:
            parts.append(("", " opening the voice and the device …"))
        if conversation.no_sound:
            parts.append(("class:warning", f" {conversation.no_sound} "))
        if trouble := conversation.trouble:
            parts.append(("class:warning", f" {trouble} "))
        if conversation.leaving:
            parts.append(("", " leaving after the last word"))
        return parts


def _row_of(line: Line, columns: int) -> StyleAndTextTuples:
    """Return the row of a line: its state, and its words, of which those heard are marked."""
    text = plain(" ".join(line.text.split()))
    heard = len(plain(" ".join(line.heard.split()))) if line.state is not LineState.HEARD else 0
    words = sentence_line(text, (heard, heard), max(1, columns - _STATE_COLUMNS - 3))
    said = words.mark[0] if words.mark else 0
    style = "class:warning" if line.state is LineState.LOST else ""
    return [
        (style, f"{line.state:>{_STATE_COLUMNS}}: "),
        ("class:heard", words.text[:said]),
        ("", words.text[said:]),
    ]


class EditorTypist(Typist):
    """What the keys do at a terminal."""

    def __init__(
        self,
        conversation: Conversation,
        phrases: Phrases,
        editor: Editor,
        completer: WordCompleter,
    ) -> None:
        super().__init__(conversation, phrases, editor)
        self.interrupted = False
        self._editor = editor
        self._completer = completer

    def entered(self, text: str, *, now: bool) -> None:
        """Speak a line or obey a command, and learn its words."""
        super().entered(text, now=now)
        self._completer.learn(text)

    def silence(self) -> bool:
        """Fall silent; while leaving: leave at once, as after Ctrl-C anywhere else."""
        if self.conversation.leaving:
            self.interrupted = self.left_at_once = True
            self._editor.leave()
            return True
        return super().silence()

    def cancelled(self) -> None:
        """Say how to leave: Ctrl-C on an empty line, in silence."""
        self._editor.tell("Ctrl-D leaves")
