"""The documentation as a site: built strictly, whole, and of this host alone."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MKDOCS = ROOT / ".venv" / "docs" / "bin" / "mkdocs"
LOADS = re.compile(
    r"<(?:script|link|img|iframe|source)\b[^>]*?\b(?:src|href)=\"?(?:https?:)?//[^>]*>"
)

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not MKDOCS.exists(), reason="needs mkdocs-material (make docs-tools)"),
]


def build(tree: Path, site: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [MKDOCS, "build", "--strict", "--site-dir", site],
        cwd=tree,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build(ROOT, folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_there_and_can_be_searched(site: Path) -> None:
    pages = [page.relative_to(ROOT / "docs") for page in (ROOT / "docs").rglob("*.md")]
    index = (site / "search" / "search_index.json").read_text("utf-8")
    for page in pages:
        built = page.with_name(page.name.replace("README.md", "index.md")).with_suffix(".html")
        assert (site / built).is_file(), page
        assert f'"location":"{"" if built.name == "index.html" else built}' in index, page


def test_nothing_is_loaded_from_another_host(site: Path) -> None:
    for page in site.rglob("*.html"):
        assert LOADS.findall(page.read_text("utf-8")) == [], page
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(\W?(?:https?:)?//|@import", sheet.read_text("utf-8")), sheet


def test_the_pattern_finds_what_is_loaded_and_spares_links() -> None:
    for tag in (
        '<script src="https://a.b/c.js">',
        '<link rel=x href="//a.b/c">',
        "<img src=http://a>",
    ):
        assert LOADS.search(tag), tag
    for tag in ('<a href="https://a.b">', '<link href="assets/a.css">', '<img src="a.svg">'):
        assert not LOADS.search(tag), tag


def test_public_names_have_their_docstrings(site: Path) -> None:
    for page, names in {
        "python": ("aludel.Lean.check", "aludel.Lean.mutate", "aludel.FStar.check"),
        "python-client": ("aludel.Client.verify_many", "aludel.AsyncClient.check"),
        "python-models": ("aludel.models.CheckRequest", "aludel.models.Accepted"),
        "python-errors": ("aludel.errors.AludelError", "aludel.errors.QueueFull"),
        "python-rl": ("aludel.rl.make_reward", "aludel.candidates.extract"),
    }.items():
        text = (site / "reference" / f"{page}.html").read_text("utf-8")
        assert [name for name in names if f'id="{name}"' not in text] == []
        assert ":func:" not in text and ":class:" not in text


def test_files_outside_the_folder_are_copied(site: Path) -> None:
    page = (site / "how-to" / "train-with-rewards.html").read_text("utf-8")
    assert 'href="../source/examples/rl_reward.py.txt"' in page
    copy = site / "source" / "examples" / "rl_reward.py.txt"
    assert copy.read_bytes() == (ROOT / "examples" / "rl_reward.py").read_bytes()


@pytest.mark.parametrize(
    ("link", "told"),
    [("nowhere.md", "is not found"), ("trust.md#nowhere", "does not contain an anchor")],
)
def test_a_link_that_leads_nowhere_is_an_error(link: str, told: str, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "docs").mkdir(parents=True)
    for name in ("site_hook.py", "site_docstrings.py", "trust.md"):
        shutil.copy(ROOT / "docs" / name, tree / "docs" / name)
    (tree / "src").mkdir()
    shutil.copy(ROOT / "mkdocs.yml", tree)
    text = (tree / "docs" / "trust.md").read_text("utf-8")
    (tree / "docs" / "trust.md").write_text(re.sub(r"\]\([^)]*\)", "]", text), encoding="utf-8")
    index = "# Documentation\n\n**Reference**:\n\n- [One page](trust.md)\n"
    (tree / "docs" / "README.md").write_text(index, encoding="utf-8")
    assert build(tree, tmp_path / "right").returncode == 0
    (tree / "docs" / "README.md").write_text(f"{index}\n[There]({link})\n", encoding="utf-8")
    done = build(tree, tmp_path / "wrong")
    assert done.returncode == 1 and told in done.stderr, done.stderr
