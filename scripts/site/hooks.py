"""What mkdocs runs while it builds the site: generated pages, links out of docs/, llms.txt.

Named in mkdocs.yml. Links from a page to a file outside docs/ would lead nowhere on the site: the
changelog and the page for contributors become pages of it, other files are named without a link.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "scripts" / "site"), str(ROOT)]

import reference  # noqa: E402 - after the path is set

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

GENERATED = {
    "reference/command-line.md": reference.command_line,
    "reference/errors.md": reference.error_page,
    "reference/receipt.md": reference.receipt_page,
}
COPIED = {"CHANGELOG.md": "project/changelog.md", "CONTRIBUTING.md": "project/contributing.md"}

_OUTSIDE = re.compile(r"\[([^\[\]]+)\]\(((?:\.\./)+[^()\s]+)\)")
_MODELS = "<!-- the table of models -->"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made of the code, and those that stand above docs/."""
    for path, make in GENERATED.items():
        files.append(File.generated(config, path, content=make()))
    for name, path in COPIED.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        # Their links start at the root.
        text = re.sub(r"\]\(docs/", "](../", text)
        text = re.sub(r"\]\((?!\.\./|https?:|#)", "](../../", text)
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Lead links to files outside docs/ to their pages, or name the file."""
    source = page.file.src_uri

    def lead(found: re.Match[str]) -> str:
        target, _, anchor = found[2].partition("#")
        path = _resolved(source, target)
        if path is None:
            return found[0]
        if path in COPIED:
            up = "../" * source.count("/")
            return f"[{found[1]}]({up}{COPIED[path]}{'#' + anchor if anchor else ''})"
        return f"{found[1]} (`{path}`)" if path not in found[1] else f"`{path}`"

    markdown = _OUTSIDE.sub(lead, markdown)
    return markdown.replace(_MODELS, reference.model_page())


def _resolved(source: str, target: str) -> str | None:
    """Return the path from the root of a link that leaves docs/; None of one that stays."""
    place = (ROOT / "docs" / source).parent / target
    path = Path(*_parts(place))
    if path.is_relative_to(ROOT / "docs"):
        return None
    return path.relative_to(ROOT).as_posix()


def _parts(path: Path) -> list[str]:
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return parts


def on_post_build(config: MkDocsConfig) -> None:
    """Write llms.txt: the site as a list, for programs that read it."""
    lines = [f"# {config.site_name}", "", f"> {config.site_description}", ""]
    for section in config.nav or []:
        for title, entries in section.items():
            if isinstance(entries, str):
                lines.append(f"- [{title}]({_address(entries)})")
                continue
            lines += ["", f"## {title}", ""]
            lines += [
                f"- [{name}]({_address(path)})" for entry in entries for name, path in entry.items()
            ]
    Path(config.site_dir, "llms.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _address(path: str) -> str:
    return "index.html" if path == "index.md" else path.removesuffix(".md") + "/index.html"
