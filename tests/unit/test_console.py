"""The runner of pages sees what a page says that is not so."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from console import commands_of, matches, run_page

ROOT = Path(__file__).resolve().parents[2]
PATHS = sorted((ROOT / "docs" / "paths").glob("*.md"))
PAGE = """# Page

Save as `in/words.txt`:

```text
one
$two
```

```console
$ cat in/words.txt
one
$two
$ seconds=$(date +%s)
$ echo "took $seconds s"
took … s
$ false || echo "exit $?"
exit 1
```
"""


def _run(page: str, folder: Path) -> list[str]:
    return [ran.line for ran in run_page(page, folder, os.environ, 20)]


def test_a_page_is_run_in_one_shell_with_its_files(tmp_path: Path) -> None:
    lines = _run(PAGE, tmp_path)
    assert len(lines) == 4 and lines[0] == "cat in/words.txt"
    assert (tmp_path / "in" / "words.txt").read_text() == "one\n$two\n"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("exit 1\n", "exit 2\n"),
        ("took … s\n", "took … minutes\n"),
        ("took … s\n", ""),
        ("exit 1\n", "exit 1\nand more\n"),
        ('$ false || echo "exit $?"\nexit 1\n', "$ false\n"),
    ],
)
def test_what_is_not_so_is_seen(right: str, wrong: str, tmp_path: Path) -> None:
    assert right in PAGE
    with pytest.raises(AssertionError):
        _run(PAGE.replace(right, wrong), tmp_path)


def test_a_line_of_dots_is_any_lines() -> None:
    assert matches(["a", "…", "z"], "a\nb\nc\nz\n")
    assert matches(["a", "…", "z"], "a\nz")
    assert not matches(["a", "…", "z"], "a\nb\n")
    assert matches([], "")
    assert not matches([], "a\n")


def test_there_is_a_path_for_each_of_four_readers() -> None:
    assert len(PATHS) == 4
    readme = (ROOT / "README.md").read_text("utf-8")
    first_screen = "\n".join(readme.splitlines()[:40])
    for path in PATHS:
        assert f"docs/paths/{path.name}" in first_screen
        commands = commands_of(path.read_text("utf-8"))
        assert any(command.line.startswith("pip install") for command in commands)
        assert any(command.shown for command in commands)
