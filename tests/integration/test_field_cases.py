"""The cases of public reports, through every route that can carry them (`tests/field/cases.py`)."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import pytest
from fstar_support import real_checker

sys.path.insert(0, str(Path(__file__).parents[1] / "field"))

import cases

from aludel.lean_checker.prover import build_prover
from aludel.settings import load_settings

PAGE = Path(__file__).parents[2] / "docs" / "results" / "field-cases.md"


def test_the_table_has_every_case_and_none_is_wrong() -> None:
    text = PAGE.read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in text.splitlines() if line.endswith((" yes |", "** |"))]
    assert {row[0].removeprefix("| ") for row in rows} == {
        case["id"] for prover in ("lean", "fstar") for case in cases.CASES[prover]
    }
    assert {row[-1] for row in rows} == {"yes |"}


@pytest.mark.lean
@pytest.mark.long
@pytest.mark.timeout(1_800)
def test_every_case_of_lean_gives_what_it_should() -> None:
    with contextlib.closing(build_prover(load_settings())) as prover:
        rows = list(cases.lean_rows(prover))
    assert [row for row in rows if not row.right] == []


@pytest.mark.fstar
@pytest.mark.timeout(1_800)
def test_every_case_of_fstar_gives_what_it_should() -> None:
    with contextlib.closing(real_checker()) as prover:
        rows = list(cases.fstar_rows(prover))
    assert [row for row in rows if not row.right] == []
