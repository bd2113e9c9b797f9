"""mypy looks at every package, those behind the links too: an error planted in each is found."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from built import ROOT, copy_of_tree

PLANTED = '\nplanted: int = "no number"\n'


@pytest.mark.long
def test_an_error_planted_in_every_package_is_found(tmp_path: Path) -> None:
    tree = copy_of_tree(tmp_path / "tree")
    package = tree / "src" / "aludel"
    members = [package, *(link for link in package.iterdir() if link.is_symlink())]
    planted = set()
    for member in members:
        for init in sorted(member.resolve().rglob("__init__.py")):
            below = init.parent.relative_to(member.resolve())
            others = sorted(init.parent.glob("[a-z]*.py"))
            file = others[0] if others else init
            file.write_text(file.read_text("utf-8") + PLANTED, "utf-8")
            home = Path("src/aludel") if member == package else Path("src/aludel", member.name)
            planted.add((home / below / file.name).as_posix())
    assert {Path(file).parent.name for file in planted} >= {"aludel", "cli", "recipes", "attacks"}
    done = subprocess.run(
        [str(Path(sys.executable).with_name("mypy")), "--cache-dir", str(tmp_path / "cache")],
        cwd=tree, capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = re.findall(r"^(\S+?):\d+: error: Incompatible types in assignment", done.stdout, re.M)
    assert sorted(found) == sorted(planted), done.stdout + done.stderr
    assert ROOT not in package.resolve().parents
