"""The example of docs/how-to/import-problems.md, as it stands there."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from console import run_page

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "how-to" / "import-problems.md"


def test_the_page_shows_what_happens(tmp_path: Path) -> None:
    section = PAGE.read_text("utf-8").partition("## Bad records")[2].partition("\n## ")[0]
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "aludel").write_text(f'#!/bin/sh\nexec {sys.executable} -m aludel "$@" 2>&1\n')
    (programs / "aludel").chmod(0o755)
    path = f"{programs}:{os.environ['PATH']}"
    environ = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT / "src"), "PYTHONUNBUFFERED": "1"}
    assert len(run_page(section, tmp_path, environ, 60)) == 2
