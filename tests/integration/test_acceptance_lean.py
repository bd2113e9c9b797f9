"""The acceptance of a toolchain, run on the embedded Lean row by row."""

from __future__ import annotations

from pathlib import Path

import pytest

from aludel.acceptance.bench import Bench
from aludel.acceptance.report import accept
from aludel.settings import load_settings

pytestmark = [pytest.mark.lean, pytest.mark.long, pytest.mark.timeout(900)]


@pytest.mark.usefixtures("lean_toolchain")
def test_the_embedded_lean_passes_every_row_that_applies(tmp_path: Path) -> None:
    bench = Bench(load_settings().model_copy(update={"data_dir": tmp_path, "pool_size": 1}))
    try:
        report = accept(bench)
    finally:
        bench.close()
    told = {row.name: f"{row.status}: {row.detail}" for row in report.rows}
    assert [name for name, text in told.items() if text.startswith("failed")] == [], told
    skipped = [name for name, text in told.items() if text.startswith("skipped")]
    assert all("Mathlib" in told[name] or name == "attacks, the corpus" for name in skipped), told
    assert "a module with sorry" not in skipped
