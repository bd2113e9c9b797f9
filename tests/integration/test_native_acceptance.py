"""A native Lean, row by row: ``ALUDEL_TOOLCHAIN=lean-native pytest -m native``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from aludel.acceptance.bench import Bench
from aludel.acceptance.report import result_of
from aludel.acceptance.rows import ROWS, Row
from aludel.lean_checker.embedded import release
from aludel.settings import load_settings

CORPUS = Path(__file__).parents[1] / "attacks" / "lean"
CHOSEN = os.environ.get("ALUDEL_TOOLCHAIN", release.NAME)

pytestmark = [
    pytest.mark.native,
    pytest.mark.timeout(7_200),
    pytest.mark.skipif(
        CHOSEN == release.NAME,
        reason="needs a native Lean: install elan and a Lean, then ALUDEL_TOOLCHAIN=lean-native "
        "pytest -m native (with ALUDEL_PROJECT=FOLDER of `aludel project init` for Mathlib)",
    ),
]


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    made = Bench(load_settings(), CORPUS)
    yield made
    made.close()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_row_holds(row: Row, bench: Bench) -> None:
    result = result_of(row, bench)
    if result.status == "skipped":
        pytest.skip(result.detail)
    assert result.status == "passed", result.detail
