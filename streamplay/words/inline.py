"""markdown-it's inline rules, with the place of each token, and rules of our own.

markdown-it tells no positions inside a line. Each of its rules is therefore wrapped: what
it made stands between where the rule began and where it ended, and text that no rule
claimed is found in order.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

from streamplay.words.addresses import address_at, host_of
from streamplay.words.boundaries import is_unspaced

if TYPE_CHECKING:
    from collections.abc import Callable

    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

    Rule = Callable[[StateInline, bool], bool]

_MARKERS: Final = ("emphasis", "strikethrough")
_NEEDED: Final = {"link": "](", "image": "](", "html_inline": ">"}
"""What a rule cannot do without, behind the place where it begins."""

_REFERENCE: Final = re.compile(r"\[([^\[\]\n]+)\]\[[^\[\]\n]*\]")
_ANGLES: Final = re.compile(r"<((?:[A-Za-z][A-Za-z0-9+.-]{1,31}:|[\w.+-]+@)[^<>\s]*)>")
_REMAINDER: Final = re.compile(r"\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*(?:\s+\"[^\"]*\")?\)")
_WORD: Final = re.compile(r"[A-Za-z0-9À-ɏ]")  # Latin letters, which white space parts


@cache
def parser() -> MarkdownIt:
    """Return the parser: CommonMark, and GitHub's tables and strikethrough.

    Indented text stays text, because models indent more than code; so do definitions
    of links, because a stream's may come too late.
    """
    from markdown_it import MarkdownIt

    md = MarkdownIt("commonmark", {"html": True, "maxNesting": 40})
    md.enable(["table", "strikethrough"]).disable(["code", "reference", "autolink"])
    md.core.ruler.disable(["text_join"], ignoreInvalid=True)
    md.inline.ruler2.disable(["fragments_join", "text_collapse"], ignoreInvalid=True)
    md.inline.ruler.before("newline", "address", _address)
    md.inline.ruler.before("emphasis", "product", _product)
    md.inline.ruler.before("html_inline", "angles", _angles)
    md.inline.ruler.after("link", "label", _label)
    md.inline.ruler.after("label", "remainder", _remainder)
    names = md.inline.ruler.get_active_rules()
    for name, rule in zip(names, md.inline.ruler.getRules(""), strict=True):
        md.inline.ruler.at(name, _traced(name, rule))
    return md


def placed(source: str, tokens: list[Token]) -> list[Token]:
    """Give every token of a line its place: ``meta["at"]``, as (start, stop) in `source`."""
    cursor = 0
    for token in tokens:
        if "at" not in token.meta:
            start = cursor
            if not source.startswith(token.content, cursor):
                start = max(cursor, source.find(token.content, cursor))
            token.meta["at"] = start, min(start + len(token.content), len(source))
        cursor = token.meta["at"][1]
    return tokens


@lru_cache(maxsize=16)
def _last(needed: str, source: str) -> int:
    """Return where `needed` stands last; -1 where it is not in it."""
    return source.rfind(needed)


def _traced(name: str, rule: Rule) -> Rule:
    """Return the rule, noting between which places what it made stands."""

    def run(state: StateInline, silent: bool) -> bool:
        if state.pos > _last(_NEEDED.get(name, ""), state.src):
            return False  # each [ of a thousand would look for its end in all that follows
        start, known, pending = state.pos, len(state.tokens), state.pending
        matched = rule(state, silent)
        if not matched or silent:
            return matched
        made = state.tokens[known:]
        if made and pending and made[0].type == "text":
            del made[0]  # what was pending: it is placed when the line has been read
        if name in _MARKERS:
            _note_markers(state, made, start)
        else:
            _note(made, start, state.pos)
        return matched

    return run


def _note(made: list[Token], start: int, stop: int) -> None:
    for token in made:
        if token.type == "link_open":
            token.meta.setdefault("at", (start, start + 1))
        elif token.type != "text":
            token.meta.setdefault("at", (start, stop))


def _note_markers(state: StateInline, made: list[Token], start: int) -> None:
    _be_lenient(state, len(made), start)
    opening = {each.token for each in state.delimiters[-len(made) :] if each.open}
    first = len(state.tokens) - len(made)
    for index, token in enumerate(made):
        token.meta["at"] = start, start + len(token.content)
        token.meta["opens"] = first + index in opening
        token.meta["closes"] = len(made) > 1 and token.content == "*" and not token.meta["opens"]
        start += len(token.content)


def _be_lenient(state: StateInline, count: int, start: int) -> None:
    """Let * close behind a mark, and open behind an ideograph: **注意：**内容, **Note:**text.

    CommonMark's rule (§6.2) wants white space or a mark on one side, which models forget and
    some scripts do not have.
    """
    source, stop = state.src, min(start + count, state.posMax)
    if source[start] != "*":
        return
    before = source[start - 1 : start]
    after = source[stop : stop + 1] if stop < state.posMax else ""
    for each in state.delimiters[-count:]:
        each.close = each.close or bool(before and not before.isspace())
        behind_wide = bool(before) and is_unspaced(before)
        each.open = each.open or (behind_wide and bool(after and not after.isspace()))


def _address(state: StateInline, silent: bool) -> bool:
    """Take an address as one token, before emphasis or a link could cut it."""
    if state.src[state.pos] != ":":
        return False
    found = address_at(state.src, state.pos, state.posMax)
    if found is None:
        return False
    begun = state.src[found.start : state.pos]
    if not silent:
        if not state.pending.endswith(begun):
            return False
        state.pending = state.pending[: len(state.pending) - len(begun)]
        token: Any = state.push("address", "", 0)
        token.content = found.spoken
        token.meta["at"] = found.start, found.stop
    state.pos = found.stop
    return True


def _product(state: StateInline, silent: bool) -> bool:
    """Leave * between two letters or digits as it is: 2*3*4 is a product."""
    source, pos = state.src, state.pos
    if source[pos] != "*":
        return False
    stop = pos
    while stop < state.posMax and source[stop] == "*":
        stop += 1
    around = pos > 0 and stop < state.posMax
    if not around or not (_WORD.match(source[pos - 1]) and _WORD.match(source[stop])):
        return False
    if not silent:
        state.pending += source[pos:stop]
    state.pos = stop
    return True


def _angles(state: StateInline, silent: bool) -> bool:
    """Take an address in angle brackets: a host, or the address of a mailbox."""
    match = _ANGLES.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    if not silent:
        token = state.push("address", "", 0)
        token.content = host_of(match[1]) if ":" in match[1] else match[1]
    state.pos = match.end()
    return True


def _label(state: StateInline, silent: bool) -> bool:
    """Take [text][reference] for its text: the definition may stand elsewhere."""
    match = _REFERENCE.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    if not silent:
        token = state.push("label", "", 0)
        token.content = match[1]
    state.pos = match.end()
    return True


def _remainder(state: StateInline, silent: bool) -> bool:
    """Leave out the end of a link whose beginning is not here: `Heard.rest` may begin in one."""
    match = None if silent else _REMAINDER.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    state.push("remainder", "", 0)
    state.pos = match.end()
    return True
