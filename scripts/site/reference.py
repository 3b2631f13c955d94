"""Pages of the reference that are made of the code: command line, errors, models.

Each function returns Markdown. The site's hook puts them into the site; nothing is written into
the tree, so that no page can be older than the code.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import re
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamplay import errors, models, receipt
from streamplay.cli import help_pages, parser, status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PACKAGE = Path(errors.__file__).parent

RECEIPT_NOTES = {
    "frames": "received = played + flushed + trimmed + muted + unplayed, at the source's rate.",
    "ms": "Milliseconds since the (first) request was begun.",
}
"""What the page says above the fields of a part of the receipt, besides its docstring."""


def command_line() -> str:
    """Return a section for each command: examples, arguments, flags with their defaults."""
    sections = ["# Command line", "", "Made from the program's own parser.", ""]
    for name, summary in parser.COMMANDS.items():
        sections += [f"## streamplay {name}", "", f"{summary[0].upper()}{summary[1:]}.", ""]
        sections += list(_examples(name))
        sections += list(_arguments(name))
    return "\n".join(sections) + "\n"


def _examples(name: str) -> Iterator[str]:
    page = help_pages.PAGES.get(name)
    if page is None:
        return
    width = max(len(command) for command, _ in page.examples)
    yield "```console"
    for command, does in page.examples:
        yield f"$ {command:{width}}  # {does}"
    yield from ("```", "")


def _arguments(name: str) -> Iterator[str]:
    built = parser.build(name)
    for group in built._action_groups:
        actions = [each for each in group._group_actions if each.help != argparse.SUPPRESS]
        if not actions:
            continue
        title = {"positional arguments": "arguments"}.get(group.title or "", group.title or "")
        yield from (f"### {name}: {title}", "", "| Argument | Meaning |", "|---|---|")
        for action in actions:
            yield f"| {_cell(_names(action))} | {_cell(_meaning(action))} |"
        yield ""


def _names(action: argparse.Action) -> str:
    if not action.option_strings:
        return f"`{action.metavar or action.dest.upper()}`"
    value = "" if action.nargs == 0 else f" {action.metavar or action.dest.upper()}"
    return ", ".join(f"`{flag}{value}`" for flag in action.option_strings)


def _meaning(action: argparse.Action) -> str:
    text = (action.help or "").replace("%%", "%").replace("<", "&lt;")
    if action.choices and action.metavar is None:
        text += ": " + ", ".join(f"`{each}`" for each in action.choices)
    return text


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


@dataclass(frozen=True)
class Raised:
    """A place in the code that raises an error: what it says, and what it advises."""

    name: str
    message: str
    remedy: str


@cache
def raised() -> tuple[Raised, ...]:
    """Return every place that makes an error of ours with a sentence of its own."""
    names = {name for name, _ in inspect.getmembers(errors, inspect.isclass)}
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _called(node) in names and node.args:
                said = {each.arg: each.value for each in node.keywords}
                said_first = " ".join(filter(None, map(_sentence, node.args[:2])))
                found.append(Raised(_called(node), said_first, _sentence(said.get("remedy"))))
    return tuple(found)


def _called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Name):
        return node.func.id
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def _sentence(node: ast.expr | None) -> str:
    """Return the words of a message, ``…`` where a value is put in; empty where there are none."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_sentence(part) or "…" for part in node.values)
    return ""


def error_page() -> str:
    """Return each class of errors: its cause, its exit status, and the remedies that it names."""
    sections = [
        "# Errors",
        "",
        (
            "Made from the classes in `streamplay.errors` and from the places that raise them. The "
            "class name is `error.type` in receipts and `bench`. `str(error)` says what was wrong, "
            "where, and what to do; `error.receipt` tells what had been received and heard."
        ),
        "",
        "```text",
        *_tree(),
        "```",
        "",
    ]
    for error in _in_order(errors.StreamPlayError):
        sections += _error_section(error)
    return "\n".join(sections) + "\n"


def _tree() -> Sequence[str]:
    lines = inspect.cleandoc(errors.__doc__ or "").splitlines()
    start = lines.index("::") + 2
    tree = lines[start : lines.index("", start)]
    return [line.removeprefix("    ") for line in tree]


def _in_order(error: type[Exception]) -> Iterator[type[Exception]]:
    yield error
    for each in error.__subclasses__():
        if each.__module__ == errors.__name__:
            yield from _in_order(each)


def _error_section(error: type[Exception]) -> Iterator[str]:
    name = error.__name__
    summary, _, rest = inspect.cleandoc(error.__doc__ or "").partition("\n\n")
    yield from (f"## {name}", "", f"**Cause.** {_prose(summary)}", "")
    if error.__subclasses__():
        kinds = ", ".join(
            f"[{each.__name__}](#{each.__name__.lower()})"
            for each in error.__subclasses__()
            if each.__module__ == errors.__name__
        )
        yield from (f"Its kinds: {kinds}.", "")
    else:
        yield from (f"**Exit status.** {_exit_status(error)}.", "")
    for title, names in _attributes(rest):
        yield from (f"**{title}.** {names}", "")
    if advice := remedy_of(error):
        yield from (f"**Remedy.** {_prose(advice[0].upper() + advice[1:])}", "")
    remedies = dict.fromkeys(each.remedy for each in raised() if each.name == name and each.remedy)
    if remedies:
        yield from ("**What the message advises, by where it is raised:**", "")
        yield from (f"- {_prose(remedy)}" for remedy in remedies)
        yield ""
    says = dict.fromkeys(each.message for each in raised() if each.name == name and each.message)
    if says:
        yield from ('??? note "What it says"', "")
        yield from (f"    - {_prose(message)}" for message in says)
        yield ""


def remedy_of(error: type[Exception]) -> str:
    """Return what the docstring of a class says under ``Remedy:``."""
    found = re.search(
        r"^Remedy: (.+?)(?:\n\n|\Z)",
        inspect.cleandoc(error.__doc__ or ""),
        flags=re.MULTILINE | re.DOTALL,
    )
    return " ".join(found[1].split()) if found else ""


def _attributes(rest: str) -> Iterator[tuple[str, str]]:
    """Yield the attributes that a NumPy docstring lists."""
    _, found, listed = rest.partition("Attributes\n----------\n")
    if not found:
        return
    entries = re.findall(r"^(\w[\w, ]*) : (.+)\n((?:    .+\n?)+)", listed, flags=re.MULTILINE)
    told = [f"`{name}` ({kind}): {' '.join(text.split())}" for name, kind, text in entries]
    if told:
        yield "Holds", " ".join(told)


def _exit_status(error: type[Exception]) -> str:
    if issubclass(error, errors.InvalidRequest):
        return f"{status.USAGE}"
    if issubclass(error, errors.OutputFailed):
        return f"{status.OUTPUT}"
    return f"{status.FAILED} before any audio, {status.BROKE_OFF} after it had begun"


def _prose(text: str) -> str:
    """Keep what a message holds from being read as markup."""
    text = " ".join(text.split()).replace("``", "`")
    return re.sub(r"([<>*_\[\]])", r"\\\1", text) if "`" not in text else text.replace("<", "&lt;")


def receipt_page() -> str:
    """Return the fields of the receipt, part by part."""
    sections = [
        "# Receipt",
        "",
        (
            "Every utterance has a receipt: `--json` prints it, `wait()` returns it. Made from the "
            "classes in `streamplay.receipt`. The shape is a contract: fields are added, none is "
            f"changed. `schema` is {receipt.SCHEMA}. How the times are measured: "
            "[how latency is measured](../explanation/latency.md)."
        ),
        "",
        *_fields(receipt.Receipt, ""),
    ]
    return "\n".join(sections) + "\n"


def _fields(part: Any, title: str) -> Iterator[str]:
    """Yield a table of a part's fields, and those of the parts inside it."""
    doc = inspect.cleandoc(part.__doc__ or "")
    yield from (f"## {title or 'The whole'}", "", doc.partition("\n\n")[0].replace("`", "`"), "")
    if title in RECEIPT_NOTES:
        yield from (RECEIPT_NOTES[title], "")
    notes = _notes(part)
    yield from ("| Field | Type | Meaning |", "|---|---|---|")
    inner = []
    for each in fields(part):
        kind = str(each.type)
        held = next(
            (
                getattr(receipt, word)
                for word in re.findall(r"\w+", kind)
                if is_dataclass(getattr(receipt, word, None))
            ),
            None,
        )
        if held is not None and held is not receipt.Receipt:
            inner.append((held, each.name))
            shown = f"[{each.name}](#{each.name})"
        else:
            shown = f"`{kind}`"
        yield f"| `{each.name}` | {_cell(shown)} | {_cell(notes.get(each.name, ''))} |"
    yield ""
    for held, name in inner:
        yield from _fields(held, name)


def _notes(part: Any) -> dict[str, str]:
    doc = inspect.cleandoc(part.__doc__ or "")
    found = re.findall(r"^(\w[\w, ]*) : .+\n((?:    .+\n?)+)", doc, flags=re.MULTILINE)
    return {name: " ".join(text.split()) for names, text in found for name in names.split(", ")}


def model_page() -> str:
    """Return what each known model really returns."""
    rows = ["| Model | Default voice | Encoding | Rate |", "|---|---|---|---|"]
    for model in models.known_models():
        voice = f"`{model.voice}`" if model.voice else "none"
        encoding = f"always `{model.encoding}`" if model.encoding else "as requested"
        rate = f"always {model.samplerate}" if model.samplerate else "as requested"
        rows.append(f"| `{model.id}` | {voice} | {encoding} | {rate} |")
    return "\n".join(rows) + "\n"
