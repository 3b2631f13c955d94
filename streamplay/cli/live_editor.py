"""`live` at a terminal: the conversation, its line editor and the status row below it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from streamplay.cli import console, slash, status
from streamplay.cli.conversation import Conversation
from streamplay.cli.editor import Editor, EndedBySignal
from streamplay.cli.lines import shortened
from streamplay.cli.phrases import Phrases
from streamplay.cli.typist import Typist
from streamplay.cli.user_files import UserFiles
from streamplay.cli.vocabulary import UserHistory, WordCompleter

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from prompt_toolkit.formatted_text import StyleAndTextTuples

    from streamplay.cli.lines import Line, LineState


LEFT_OVER_SHOWN: Final = 3
"""Lines of an earlier run that are named; of more, only how many there are."""


_BESIDE: Final = 28
"""Columns of the status row that are not the words: " speaking: " and "  + 999 waiting"."""


_NAMED_BESIDE: Final = 24
"""Characters of a line that are named beside what it waits for."""


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
    """

    def __init__(
        self,
        args: argparse.Namespace,
        asked: Mapping[str, Any],
        folder: Path | None,
        phrases: Mapping[str, str],
    ) -> None:
        self._quiet = bool(args.quiet)
        files = UserFiles(folder, self._tell)
        history = UserHistory(files)
        self._completer = WordCompleter((*history.read(), *phrases.values()), {})
        self._editor = Editor(
            history,
            self._completer,
            self._status_row,
            lambda: bool(self._conversation.going),
            color=not os.environ.get("NO_COLOR"),
        )
        self._conversation = Conversation(
            asked, self._editor, files, stats=bool(args.stats), notify=self._tell
        )
        self._phrases = Phrases(phrases, files, asked, self._tell)
        self._typist = EditorTypist(
            self._conversation, self._phrases, self._editor, self._completer
        )
        self._completer.commands = {
            **dict.fromkeys(slash.COMMANDS, ()),
            "/p": tuple(self._phrases.texts),
            "/phrase": ("add ", "clear"),
        }

    def run(self) -> int:
        """Speak what is typed, until Ctrl-D; return the exit status."""
        conversation = self._conversation
        if not self._quiet:
            self._editor.tell("a line is spoken when it ends; Ctrl-C silences, Ctrl-D leaves")
        self._offer_left_over()
        conversation.open()
        cut = True
        try:
            self._editor.run(self._typist)
            cut = self._typist.left_at_once
        except EndedBySignal as ended:
            return status.of_signal(ended.number)
        finally:
            sys.stdout.flush()
            conversation.close(cut=cut)
        if conversation.failed_to_open is not None:
            raise conversation.failed_to_open
        return status.of_signal(2) if self._typist.interrupted else status.OK

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

    def _status_row(self) -> StyleAndTextTuples:
        """Return the row below the prompt: what is being said, what waits, what is wrong."""
        conversation = self._conversation
        proposals = self._editor.proposals
        if len(proposals) > 1:
            return [("", f" {'  '.join(proposals)}")]
        parts: StyleAndTextTuples = []
        if not conversation.is_open:
            parts.append(("", " opening the voice and the device …"))
        if conversation.no_sound:
            parts.append(("class:warning", f" {conversation.no_sound} "))
        going = conversation.going
        if going:
            parts += self._going(going)
        elif conversation.last is not None:
            parts.append(("", f" {conversation.last.state}: {conversation.last.name}"))
        if conversation.leaving:
            parts.append(("", "  leaving after the last word"))
        return parts

    def _going(self, going: list[Line]) -> StyleAndTextTuples:
        """Return what is said of the lines that are spoken and wait."""
        first, *others = going
        parts = _words(first.text, first.heard, first.state)
        if trouble := self._conversation.trouble:
            # The row is cut at the screen's edge: the wait stands before its long reason.
            name = shortened(first.text, _NAMED_BESIDE)
            parts = [("", f" {first.state}: {name}"), ("class:warning", f"  {trouble}")]
        if others:
            parts.append(("", f"  + {len(others)} waiting"))
        return parts


def _words(text: str, heard: str, state: LineState) -> StyleAndTextTuples:
    """Return the line that is spoken: its words that were heard, and those that follow."""
    row = " ".join(text.split())
    said = len(" ".join(heard.split()))
    width = max(20, console.columns() - _BESIDE)
    start = max(0, said - width // 2)
    return [
        ("", f" {state}: "),
        ("class:status.heard", row[start:said]),
        ("", row[said : start + width]),
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
