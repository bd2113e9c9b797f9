"""The site's navigation and its links, made of pages that read as Markdown without it.

The navigation is the index, docs/README.md: its bold words are the sections, its links the
pages. A link to a file outside docs/ leads to a copy of that file in the site, as text.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
_LINK = re.compile(r"\[([^\]\n]*)\]\(([^)#\s]+)(#[^)\s]*)?\)")
_SECTION = re.compile(r"\*\*([^*]+)\*\*")


def on_config(config: Any) -> Any:
    """Make the navigation."""
    nav: list[Any] = ["README.md"]
    for line in (DOCS / "README.md").read_text("utf-8").splitlines():
        if section := _SECTION.match(line):
            nav.append({section[1]: []})
        for _, target, _ in _LINK.findall(line):
            if len(nav) > 1 and target.endswith(".md") and not target.startswith(".."):
                [pages] = nav[-1].values()
                pages.append(target)
    [last] = nav[-1].values()
    last += sorted(
        page.relative_to(DOCS).as_posix()
        for page in (DOCS / "decisions").glob("*.md")
        if page.name != "README.md"
    )
    config.nav = nav
    return config


def on_files(files: Any, *, config: Any) -> Any:
    """Add the files outside docs/ that pages link to."""
    for target in {target for page in DOCS.rglob("*.md") for target in _outside(page)}:
        files.append(File.generated(config, _copy(target), abs_src_path=str(target)))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Lead links out of docs/ to the copies; one to a folder becomes its words."""
    source = DOCS / page.file.src_uri

    def moved(link: re.Match[str]) -> str:
        target = _target(source, link[2])
        if target is None:
            return link[0]
        if target.is_dir():
            return link[1]
        up = "../" * (len(source.relative_to(DOCS).parts) - 1)
        return f"[{link[1]}]({up}{_copy(target)})"

    return _LINK.sub(moved, markdown)


def _outside(page: Path) -> list[Path]:
    found = (_target(page, link[1]) for link in _LINK.findall(page.read_text("utf-8")))
    return [target for target in found if target is not None and target.is_file()]


def _target(page: Path, link: str) -> Path | None:
    """Return what a link of a page leads to, if that exists outside docs/."""
    if "://" in link:
        return None
    target = (page.parent / link).resolve()
    outside = target.is_relative_to(ROOT) and not target.is_relative_to(DOCS)
    return target if outside and target.exists() else None


def _copy(target: Path) -> str:
    """Return the place of a copy: as text, which every browser shows."""
    return f"source/{target.relative_to(ROOT).as_posix()}.txt"
