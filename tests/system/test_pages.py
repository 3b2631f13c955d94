"""The README and the pages of the site: what they show is run, where they lead to exists.

Commands are run in this process, against the local speech server, at a simulated card that is
faster than time. docs/not-run.toml lists what is not run, each with its reason.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import textwrap
import tomllib
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from streamplay import errors
from streamplay.cli import main, parser

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from streamplay.server.child import LocalServer
    from tests.support.speaking import Silent

pytestmark = pytest.mark.no_cover

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
NOT_RUN = tomllib.loads((DOCS / "not-run.toml").read_text(encoding="utf-8"))

TRACE = """\
{"streamplay_trace": 1, "host": "h", "model": "m", "voice": "v", "chars": 5, \
"encoding": "pcm_s16le", "samplerate": 24000, "channels": 1}
{"t": 0.2, "frames": 2400}
{"t": 0.3, "end": "complete"}
"""

_BLOCK = re.compile(r"^( *)```(\w+)[^\n]*\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^()\s]+)\)")


def blocks(page: Path, language: str) -> list[str]:
    found = _BLOCK.findall(page.read_text(encoding="utf-8"))
    return [textwrap.dedent(text) for _, kind, text in found if kind == language]


def commands(page: Path) -> Iterator[str]:
    """Yield what is typed on a page, without remarks and what is printed."""
    for block in blocks(page, "console"):
        for line in re.findall(r"^\$ ((?:.*\\\n)*.*)$", block, flags=re.MULTILINE):
            yield re.sub(r"\s+# .*", "", line.replace("\\\n", " ")).strip()


def left_out(command: str) -> str | None:
    return next((words for words in NOT_RUN["commands"] if command.startswith(words)), None)


def runnable(page: Path) -> list[str]:
    return [command for command in commands(page) if left_out(command) is None]


@pytest.fixture
def place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, speech_server: LocalServer, silent: Silent
) -> Path:
    """A folder with the files that the pages speak of, a server and a card of our own."""
    silent.speed = 50
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOGETHER_BASE_URL", speech_server.base_url)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for name in ("notes.md", "README.md"):
        (tmp_path / name).write_text("# Notes\n\nOne *sentence*.\n", encoding="utf-8")
    (tmp_path / "two.jsonl").write_text(TRACE, encoding="utf-8")
    _write_book(tmp_path / "book.epub")
    return tmp_path


def _write_book(path: Path) -> None:
    chapters = {
        f"{n}.xhtml": f"<html><body><h1>Chapter {n}</h1><p>Text.</p></body></html>" for n in (1, 2)
    }
    items = "".join(
        f'<item id="i{name[0]}" href="{name}" media-type="application/xhtml+xml"/>'
        for name in chapters
    )
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("mimetype", "application/epub+zip")
        book.writestr(
            "META-INF/container.xml",
            '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
            '<rootfiles><rootfile full-path="b.opf"/></rootfiles></container>',
        )
        book.writestr(
            "b.opf",
            f'<package xmlns="http://www.idpf.org/2007/opf"><manifest>{items}</manifest>'
            '<spine><itemref idref="i1"/><itemref idref="i2"/></spine></package>',
        )
        for name, text in chapters.items():
            book.writestr(name, text)


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", [page for page in PAGES if runnable(page)], ids=name_of)
def test_every_command_of_a_page_ends_well(
    page: Path, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in runnable(page):
        status, errors_told = _run(command, place, capsys)
        assert status == 0, f"{command}: {errors_told}"


def _run(command: str, place: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    if "|" in command:
        streamplay = f'streamplay() {{ "{sys.executable}" -m streamplay "$@"; }}'
        done = subprocess.run(
            ["bash", "-c", f"{streamplay}\n{command} --no-play"],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stderr
    parts = shlex.shlex(command, posix=True, punctuation_chars=">")
    parts.whitespace_split = True
    program, *words = parts
    target = words.pop() if ">" in words else ""
    assert program == "streamplay", f"{command}: neither run here nor in docs/not-run.toml"
    # The test's server speaks in place of the built-in one.
    status = main([word for word in words if word not in {"--local", ">"}])
    told = capsys.readouterr()
    if target:
        (place / target).write_text(told.out, encoding="utf-8")
    return status, told.err


def examples(page: Path) -> list[str]:
    listed = NOT_RUN["code"].get(name_of(page))
    return [
        code
        for code in blocks(page, "python")
        if not any(code.startswith(words) for words in listed or ())
    ]


@pytest.mark.parametrize("page", [page for page in PAGES if examples(page)], ids=name_of)
@pytest.mark.usefixtures("place")
def test_every_program_of_a_page_runs_as_printed(
    page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for code in examples(page):
        try:
            # The test's server speaks in place of the built-in one.
            own = re.sub(r"(, )?local=True", "", code)
            exec(compile(own, page.name, "exec"), {"__name__": "__main__"})
        except (NameError, SyntaxError) as error:
            pytest.fail(f"{error}: a part of a program? docs/not-run.toml names those:\n{code}")
        assert capsys.readouterr().out, code


def test_what_is_not_run_is_still_there() -> None:
    every = [command for page in PAGES for command in commands(page)]
    for words in NOT_RUN["commands"]:
        assert any(left_out(command) == words for command in every), words
    for page, listed in NOT_RUN["code"].items():
        assert NOT_RUN["reasons"][page]
        for words in listed:
            assert any(code.startswith(words) for code in blocks(ROOT / page, "python")), words


def slug(heading: str) -> str:
    """Return the anchor of a heading, as mkdocs and forges make it."""
    plain = re.sub(r"[^\w\s-]", "", heading.replace("`", "")).strip().lower()
    return re.sub(r"\s", "-", plain)


GENERATED = {"command-line.md", "errors.md", "receipt.md"}
"""Pages of docs/reference/ that the site makes of the code."""


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"`[^`\n]*`", "", _BLOCK.sub("", page.read_text(encoding="utf-8")))
    for link in _LINK.findall(text):
        if re.match(r"https?:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if target.parent == DOCS / "reference" and target.name in GENERATED:
            continue
        assert target.exists(), f"{page.name}: {link}"
        if anchor and target.suffix == ".md":
            headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {slug(heading) for heading in headings}, f"{page.name}: {link}"


@pytest.fixture(scope="module")
def reference() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "scripts" / "site")
        import reference

        yield reference


def test_the_reference_tells_of_every_error_what_to_do(reference: ModuleType) -> None:
    told = reference.error_page()
    for error in vars(errors).values():
        if isinstance(error, type) and issubclass(error, errors.StreamPlayError):
            assert f"## {error.__name__}\n" in told
            assert error.__subclasses__() or reference.remedy_of(error), error


def test_the_reference_has_every_command_and_flag(reference: ModuleType) -> None:
    told = reference.command_line()
    for name in parser.COMMANDS:
        assert f"## streamplay {name}\n" in told
        for action in parser.build(name).actions:
            assert all(f"`{flag}" in told for flag in action.option_strings)


def test_the_reference_has_every_field_of_the_receipt(reference: ModuleType) -> None:
    told = reference.receipt_page()
    assert "|  |" not in told  # a field without a meaning
    assert "| `safe_start_ms` |" in told
