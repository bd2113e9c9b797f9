"""The four paths: every command as it stands on its page, with the wheel and the real Lean."""

from __future__ import annotations

from pathlib import Path

import pytest
from built import ROOT, readers_environ
from console import run_page
from service_process import free_port

PATHS = sorted((ROOT / "docs" / "paths").glob("*.md"))
TEN_MINUTES = 600

pytestmark = [pytest.mark.lean, pytest.mark.long, pytest.mark.timeout(2 * TEN_MINUTES)]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_reader_comes_from_nothing_to_a_result(
    path: Path,
    wheel: Path,
    lean_toolchain: object,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = path.read_text("utf-8").replace("8321", port := str(free_port()))
    folder = tmp_path / "empty"
    folder.mkdir()
    environ = {**readers_environ(wheel, tmp_path), "ALUDEL_PORT": port}
    ran = run_page(page, folder, environ, TEN_MINUTES)
    with capsys.disabled():
        print(f"\n{path.stem}: {sum(one.seconds for one in ran):.0f} s in all")
        for one in ran:
            print(f"  {one.seconds:6.1f} s  {one.line[:80]}")
