"""``streamplay config``: look at the configuration and change it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from streamplay.cli import config, console, options, parser, report, status, stored_key
from streamplay.cli.speech_dispatcher import module_file
from streamplay.cli.usage import UsageError, closest
from streamplay.errors import FileFailed
from streamplay.rules.option_table import OPTIONS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from tomlkit import TOMLDocument

ACTIONS: Final = ("path", "show", "get", "set", "edit", "speech-dispatcher")

NEW_FILE: Final = """# streamplay: flags' names with underscores; see: streamplay say --help-all
# voice = "tara"
# fallback = "local"

# [live]
# volume = -6.0

# [phrases]            # on F1 to F12 in `streamplay live`
# yes = "Yes, please."

# [pronounce]          # for every voice
# SQL = "sequel"
"""

_OF_WORDS: Final = (*config.TABLES, "pronounce")
"""Tables whose keys are the user's own names."""

_ENVIRONMENT: Final = {"base_url": "TOGETHER_BASE_URL"}


def add_arguments(parser: parser.Parser) -> None:
    """Add the arguments of ``config``."""
    add = parser.add_argument
    add(
        "action",
        choices=ACTIONS,
        metavar="ACTION",
        help="path, show, get KEY, set KEY VALUE, or edit",
    )
    add("key", nargs="?", metavar="KEY", help="a key, as voice, live.volume or phrases.yes")
    add("value", nargs="?", metavar="VALUE", help="with set: the value; empty removes the key")
    add("--json", action="store_true", default=None, help="show and get as JSON")


def run(args: argparse.Namespace) -> int:
    """Do it."""
    if args.action == "speech-dispatcher" and args.key is None:
        console.out(module_file(_program()).rstrip("\n"))
        return status.OK
    file = config.path()
    if file is None:
        raise UsageError("there is no home folder, and so no configuration file: set HOME")
    wanted = {"get": 1, "set": 2}.get(args.action, 0)
    given = sum(each is not None for each in (args.key, args.value))
    if given != wanted:
        words = {"get": " KEY", "set": " KEY VALUE"}.get(args.action, "")
        raise UsageError(f"config {args.action} is used as: streamplay config {args.action}{words}")
    if args.action == "path":
        console.out(file)
    elif args.action == "show":
        _show(file, as_json=bool(args.json))
    elif args.action == "get":
        _get(file, args.key, as_json=bool(args.json))
    elif args.action == "set":
        _set(Path(file), args.key, args.value)
    else:
        return _edit(Path(file))
    return status.OK


def _program() -> str:
    """Return the path of the command that is running, or of the one that is installed."""
    started = Path(sys.argv[0]).absolute()
    if started.name == "streamplay":
        return str(started)
    return shutil.which("streamplay") or str(Path(sys.executable).with_name("streamplay"))


# show and get


def _show(file: str, *, as_json: bool) -> None:
    values = {key: (_without_login(v), where) for key, (v, where) in _values(file)}
    if as_json:
        console.out(
            report.as_json({key: {"value": v, "from": w} for key, (v, w) in values.items()})
        )
        return
    rows = [(key, _shown(value), _from_home(where)) for key, (value, where) in values.items()]
    report.table(("KEY", "VALUE", "FROM"), rows)


def _from_home(where: str) -> str:
    """Shorten a path in the home folder: the table fits 80 columns then."""
    home = os.path.expanduser("~")  # noqa: PTH111  a str that may stay as it is
    return f"~{where[len(home) :]}" if where.startswith(home + os.sep) else where


def _values(file: str) -> Iterator[tuple[str, tuple[Any, str]]]:
    """Yield each key with its value and where that comes from."""
    content = config.read(file)
    config.check(content, file)
    yield "key", stored_key.described(os.environ)
    for name in sorted(options.shared_names() & OPTIONS.keys()):
        variable = _ENVIRONMENT.get(name)
        if variable and os.environ.get(variable):
            yield name, (os.environ[variable], f"environment ({variable})")
        elif name in content and not config.is_table(name, content[name]):
            yield name, (content[name], file)
        else:
            yield name, (OPTIONS[name].default, "default")
    for table, entries in content.items():
        if isinstance(entries, dict):
            for key, value in entries.items():
                yield f"{table}.{key}", (value, file)


def _get(file: str, key: str, *, as_json: bool) -> None:
    values = dict(_values(file))
    if key not in values:
        _check_name(key)
        raise UsageError(f"{key} is not set{closest(key, values)}")
    value = _without_login(values[key][0])
    console.out(report.as_json(value) if as_json else _shown(value))


# What no base URL may have, and some are given: a login, and a query, in which keys are sent.
_LOGIN: Final = re.compile(r"(?<=//)[^/@\s]*(?=@)|(?<=\?)\S*")


def _without_login(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_login(each) for each in value]
    if isinstance(value, str) and "://" in value:
        return _LOGIN.sub("[hidden]", value)
    return value


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else json.dumps(value, default=str)


# set and edit


def _set(file: Path, key: str, text: str) -> None:
    """Set one key, and leave the rest of the file as its owner wrote it."""
    import tomlkit

    _check_name(key)
    content: TOMLDocument = tomlkit.parse(_read(file))
    table, name = _split(key)
    target: Any = content
    if table:
        target = content.setdefault(table, tomlkit.table())
        if not isinstance(target, dict):
            raise UsageError(f"{file}: {table} is a value there, and no table: [{table}]")
    if text:
        target[name] = _value(key, text)
    else:
        target.pop(name, None)
    written = tomlkit.dumps(content)
    _check(written, str(file))
    _write(file, written)


def _split(key: str) -> tuple[str, str]:
    """Return the table of a key, and its name there: a user's own name may hold a full stop."""
    table, _, name = key.partition(".")
    if table in _OF_WORDS:
        return table, name
    table, _, name = key.rpartition(".")
    return table, name


def _value(key: str, text: str) -> Any:
    """Read a value as the option wants it: a text stays a text, whatever it looks like."""
    table, name = _split(key)
    if table in {"phrases", "pronounce"}:
        return text
    kind = OPTIONS[name].kind if name in OPTIONS else ""
    if kind in {"text", "language", "choice", "url", "path"}:
        return text
    with contextlib.suppress(ValueError):
        return json.loads(text)
    return text


def _check_name(key: str) -> None:
    """Raise `UsageError` where the file takes no such key; name the nearest one."""
    table, name = _split(key)
    if table in _OF_WORDS:
        return
    if table and table not in config.COMMANDS_WITH_TABLE and not table.startswith("profile."):
        near = closest(table, (*config.COMMANDS_WITH_TABLE, *_OF_WORDS))
        raise UsageError(f"there is no table {table!r}{near}")
    if name in config.NEVER:
        raise UsageError(f"{name}: {config.NEVER[name]}")
    known = options.shared_names()
    if table in config.COMMANDS_WITH_TABLE:
        known = known | {action.dest for action in parser.build(table).actions}
    if name not in known:
        raise UsageError(f"unknown key {name!r}{closest(name, known)}")


def _check(text: str, file: str) -> None:
    """Raise `UsageError` where a command would refuse the file."""
    content = config.parse(text.encode(), file)
    config.check(content, file)
    config.tables_in(content, file)
    for command, words in (("say", ["text"]), ("live", []), ("play", ["file"])):
        flags = parser.build(command)
        args = flags.parse_words(words)
        config.fill_from(content, args, command, flags, file)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        raise FileFailed(f"cannot read {file}: {why}") from error


def _write(file: Path, text: str) -> None:
    """Put the whole text in place of the file, or leave the file as it is."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor, beside = tempfile.mkstemp(prefix=".config.", dir=file.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(text)
            Path(beside).replace(file.resolve())
        except BaseException:
            with contextlib.suppress(OSError):
                Path(beside).unlink()
            raise
    except OSError as error:
        raise FileFailed(f"cannot write {file}: {error.strerror}") from error


def _edit(file: Path) -> int:
    """Open the file in the user's editor, and check it afterwards."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or _usual_editor()
    if not _read(file):
        _write(file, NEW_FILE)
    try:
        # The user has named the editor, as any program that opens one takes it.
        command = [*shlex.split(editor), str(file)]
        done = subprocess.run(command, check=False, env=_without_key(os.environ))  # noqa: S603
    except (OSError, ValueError) as error:
        raise UsageError(f"the editor {editor!r} cannot be started: set EDITOR") from error
    if done.returncode:
        raise UsageError(f"{editor} ended with status {done.returncode}")
    _check(_read(file), str(file))
    return status.OK


def _usual_editor() -> str:
    if sys.platform == "win32":
        return "notepad"
    return next((each for each in ("sensible-editor", "nano", "vi") if shutil.which(each)), "vi")


def _without_key(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without the key: for a program that has no use for it."""
    return {name: value for name, value in environment.items() if name != stored_key.VARIABLE}
